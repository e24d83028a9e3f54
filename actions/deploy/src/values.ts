import { isMap, isScalar, LineCounter, parseDocument } from 'yaml'
import type { Value } from './template.ts'

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * Reads the `values` input: `NAME=value` lines, or a YAML map of names to texts, numbers and booleans. In lines only whole numbers, `true`
 * and `false` get a type (`1.10`, `1e5` and `007` stay text, as versions and commits should); in a map YAML decides, with the same care.
 * @returns the values, or every problem; values themselves are never in a problem, since they may be secrets
 */
export const readValues = (
  text: string,
): { readonly values: ReadonlyMap<string, Value> } | { readonly problems: readonly string[] } => {
  const entries = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.trim().startsWith('#'))
  if (entries.length === 0) return { values: new Map() }
  return /^\s*[A-Za-z_][A-Za-z0-9_]*\s*=/.test(entries[0] ?? '') ? fromLines(text) : fromMap(text)
}

const fromLines = (text: string) => {
  const values = new Map<string, Value>()
  const problems: string[] = []
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.trim().startsWith('#')) continue
    const cut = line.indexOf('=')
    const name = line.slice(0, Math.max(0, cut)).trim()
    if (cut < 0) problems.push(`values:${index + 1}: is not NAME=value`)
    else if (!NAME.test(name))
      problems.push(`values:${index + 1}: ${JSON.stringify(name)} is not a name (letters, digits, _)`)
    else if (values.has(name)) problems.push(`values:${index + 1}: names ${name} twice`)
    else values.set(name, typed(line.slice(cut + 1).trim()))
  }
  return problems.length > 0 ? { problems } : { values }
}

const typed = (text: string): Value => {
  if (text === 'true') return true
  if (text === 'false') return false
  return /^(0|-?[1-9]\d{0,14})$/.test(text) ? Number(text) : text
}

const fromMap = (text: string) => {
  const counter = new LineCounter()
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false })
  const at = (offset: number): string => {
    const { line, col } = counter.linePos(offset)
    return `values:${line}:${col}`
  }
  if (document.errors.length > 0) {
    return { problems: document.errors.map((error) => `${at(error.pos[0])}: ${error.message}`) }
  }
  if (!isMap(document.contents)) return { problems: ['values:1:1: must be NAME=value lines or a YAML map'] }
  const values = new Map<string, Value>()
  const problems: string[] = []
  for (const { key, value } of document.contents.items) {
    const offset = isScalar(key) ? (key.range?.[0] ?? 0) : 0
    const name = isScalar(key) ? String(key.value) : ''
    if (!NAME.test(name)) problems.push(`${at(offset)}: ${JSON.stringify(name)} is not a name (letters, digits, _)`)
    else if (!isScalar(value) || !isValue(value.value)) {
      problems.push(`${at(offset)}: ${name} must be a text, a number or a boolean`)
    } else values.set(name, asWritten(value.value, value.source))
  }
  return problems.length > 0 ? { problems } : { values }
}

/** A number that would come out as another text than was written stays text: `1.10` is a version, `0123` and `1e5` are commits. */
const asWritten = (value: Value, source: string | undefined): Value =>
  typeof value === 'number' && source !== undefined && String(value) !== source ? source : value

const isValue = (value: unknown): value is Value => ['string', 'number', 'boolean'].includes(typeof value)
