import { nearest } from '@sluice/kit/nearest'
import { type ErrorCode, LineCounter, parseDocument } from 'yaml'
import type { Exception, Kind } from '../found.ts'
import { dayOf } from './dates.ts'
import { compileGlob } from './glob.ts'
import { idProblem } from './id.ts'
import type { Exceptions } from './ignore-file.ts'
import { parsePurl } from './purl.ts'
import { described, unknownWord } from './quote.ts'

type Path = readonly (string | number)[]
/** Notes a problem at a place in the document. */
type Note = (path: Path, sentence: string) => undefined

const LISTS = new Map<string, Kind>([
  ['vulnerabilities', 'vulnerability'],
  ['misconfigurations', 'misconfiguration'],
  ['secrets', 'secret'],
  ['licenses', 'license'],
])
const KEYS = ['id', 'paths', 'purls', 'expired_at', 'statement']

/**
 * Reads a `.trivyignore.yaml`: lists of entries by kind of finding. A file that is no YAML has no exceptions, only problems.
 * @param where the file's name, for places
 */
export const readIgnoreYaml = (text: string, where: string): Exceptions => {
  const counter = new LineCounter()
  const document = parseDocument(text.replace(/^\ufeff/, ''), {
    lineCounter: counter,
    prettyErrors: false,
    logLevel: 'error',
    merge: true,
  })
  const line = (offset: number): number => Math.max(1, counter.linePos(offset).line)
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ pos, code }) => `${where}:${line(pos[0])}: ${WRONG[code] ?? 'is no YAML'}`)
    return { exceptions: [], problems: [...new Set(problems)] }
  }
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 100 })
  } catch {
    return { exceptions: [], problems: [`${where}:1: its aliases cannot be resolved, or become too much`] }
  }
  const lineOf = (path: Path): number => line(offsetOf(document, path))
  const problems: { readonly line: number; readonly text: string }[] = []
  const note: Note = (path, sentence) => {
    problems.push({ line: lineOf(path), text: sentence })
  }
  const exceptions = readLists(value, note).map(
    ({ path, entry }): Exception => ({ ...entry, source: 'trivyignore.yaml', where: `${where}:${lineOf(path)}` }),
  )
  problems.sort((a, b) => a.line - b.line)
  return { exceptions, problems: problems.map((problem) => `${where}:${problem.line}: ${problem.text}`) }
}

/** What is wrong with a file that is no YAML. The reader's own words repeat what stands there. */
const WRONG: Readonly<Partial<Record<ErrorCode, string>>> = {
  BAD_ALIAS: 'an alias has no anchor before it',
  BAD_INDENT: 'is indented too little or too much, or has a bracket that is not closed',
  DUPLICATE_KEY: 'a key stands twice in one map',
  MISSING_CHAR: 'a bracket, quote or comma is missing',
  MULTILINE_IMPLICIT_KEY: 'a key has no colon, or is longer than a line',
  MULTIPLE_DOCS: 'has more than one document',
  TAB_AS_INDENT: 'is indented by a tab',
}

type Placed = { readonly path: Path; readonly entry: Omit<Exception, 'source' | 'where'> }

const readLists = (value: unknown, note: Note): readonly Placed[] => {
  if (value === null || value === undefined) return []
  const names = [...LISTS.keys()]
  if (!isMap(value)) {
    note([], `is ${described(value)}, not a map with ${names.join(', ')}`)
    return []
  }
  return Object.entries(value).flatMap(([name, list]) => {
    const kind = LISTS.get(name)
    if (kind === undefined) note([name], unknownWord('key', name, names))
    else if (Array.isArray(list)) {
      return list.flatMap((item: unknown, index): readonly Placed[] => {
        const path = [name, index]
        const entry = readEntry(item, kind, (inner, sentence) => note([...path, ...inner], sentence))
        return entry === undefined ? [] : [{ path, entry }]
      })
    } else if (list !== null) note([name], `${name} is ${described(list)}, not a list`)
    return []
  })
}

const readEntry = (item: unknown, kind: Kind, say: Note): Placed['entry'] | undefined => {
  if (!isMap(item)) return say([], `an entry is ${described(item)}, not a map with ${KEYS.join(', ')}`)
  let problems = 0
  const note: Note = (path, sentence) => {
    problems++
    say(path, sentence)
  }
  const given = new Map(Object.entries(item))
  for (const key of given.keys()) if (!KEYS.includes(key)) note([key], unknownWord('key', key, KEYS))
  const id = given.get('id')
  const misspelt = [...given.keys()].some((key) => nearest(key, KEYS) === 'id')
  if (id === undefined && !misspelt) note([], 'an entry has no id: it would excuse whatever is found')
  else if (id !== undefined && typeof id !== 'string')
    note(['id'], `id is ${described(id)}, not a text; put it in quotes`)
  const bad = typeof id === 'string' ? idProblem(id) : undefined
  if (bad !== undefined) note(['id'], `an entry ${bad}`)
  const paths = texts(given, 'paths', note)
  for (const [index, path] of (paths ?? []).entries()) {
    const glob = compileGlob(path)
    if (typeof glob === 'string') note(['paths', index], `a path ${glob}`)
  }
  const purls = texts(given, 'purls', note)
  if (purls !== undefined && kind !== 'vulnerability') note(['purls'], 'purls are compared for vulnerabilities only')
  for (const [index, purl] of (purls ?? []).entries())
    if (parsePurl(purl) === undefined) note(['purls', index], 'one of its purls is no package URL')
  const expires = expiry(given.get('expired_at'), note)
  const reason = reasonOf(given.get('statement'), note)
  if (problems > 0 || typeof id !== 'string') return undefined
  return {
    id,
    kinds: [kind],
    ...(paths !== undefined && { paths }),
    ...(purls !== undefined && { purls }),
    ...(reason !== undefined && { reason }),
    ...(expires !== undefined && { expires }),
  }
}

const texts = (given: ReadonlyMap<string, unknown>, key: string, note: Note): readonly string[] | undefined => {
  if (!given.has(key)) return undefined
  const value = given.get(key)
  if (!Array.isArray(value)) return note([key], `${key} is ${described(value)}, not a list`)
  if (value.length === 0) return note([key], `${key} is an empty list; leave it out if the entry holds everywhere`)
  const read = value.filter((each): each is string => typeof each === 'string' && each.trim() !== '')
  for (const [index, each] of (value as readonly unknown[]).entries())
    if (typeof each !== 'string' || each.trim() === '') note([key, index], `${key} has ${described(each)}, not a text`)
  return read
}

const expiry = (value: unknown, note: Note): string | undefined => {
  if (value === undefined) return undefined
  const day = typeof value === 'string' ? dayOf(value.trim()) : undefined
  return day ?? note(['expired_at'], 'expired_at is no day; write YYYY-MM-DD')
}

const reasonOf = (value: unknown, note: Note): string | undefined => {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') return note(['statement'], `statement is ${described(value)}, not a text`)
  const reason = value.trim().replace(/\s+/g, ' ')
  return reason === '' ? undefined : reason
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Where a path's key begins, else the value, else the nearest thing around it. */
const offsetOf = (document: ReturnType<typeof parseDocument>, path: Path): number => {
  for (let length = path.length; length > 0; length--) {
    const around = document.getIn(path.slice(0, length - 1), true) as unknown
    const pair = itemsOf(length === 1 ? document.contents : around).find(
      (item) => isPair(item) && isNode(item.key) && item.key.value === path[length - 1],
    )
    const start = startOf(isPair(pair) ? pair.key : document.getIn(path.slice(0, length), true))
    if (start !== undefined) return start
  }
  return startOf(document.contents) ?? 0
}

const isPair = (item: unknown): item is { readonly key: unknown } =>
  typeof item === 'object' && item !== null && 'key' in item
const isNode = (item: unknown): item is { readonly value: unknown } =>
  typeof item === 'object' && item !== null && 'value' in item
const itemsOf = (node: unknown): readonly unknown[] =>
  typeof node === 'object' && node !== null && 'items' in node && Array.isArray(node.items) ? node.items : []
const startOf = (node: unknown): number | undefined =>
  typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
    ? Number(node.range[0])
    : undefined
