import { nearest, unknownName } from '@sluice/kit/nearest'
import { LineCounter, parseDocument } from 'yaml'
import type { Exception, Kind } from '../found.ts'
import { dayOf, shown } from './dates.ts'
import { compileGlob } from './glob.ts'
import { idProblem } from './id.ts'
import type { Exceptions } from './ignore-file.ts'
import { parsePurl } from './purl.ts'

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
    const problems = document.errors.map(({ pos, message }) => `${where}:${line(pos[0])}: ${message}`)
    return { exceptions: [], problems: [...new Set(problems)] }
  }
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 100 })
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown)
    return { exceptions: [], problems: [`${where}:1: its aliases cannot be resolved: ${why}`] }
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
    if (kind === undefined) note([name], unknownName('key', name, names))
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
  for (const key of given.keys()) if (!KEYS.includes(key)) note([key], unknownName('key', key, KEYS))
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
    if (typeof glob === 'string') note(['paths', index], `the path "${shown(path)}" ${glob}`)
  }
  const purls = texts(given, 'purls', note)
  if (purls !== undefined && kind !== 'vulnerability') note(['purls'], 'purls are compared for vulnerabilities only')
  for (const [index, purl] of (purls ?? []).entries())
    if (parsePurl(purl) === undefined) note(['purls', index], `"${shown(purl)}" is no package URL`)
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
  return day ?? note(['expired_at'], `expired_at is ${described(value)}, no day; write YYYY-MM-DD`)
}

const reasonOf = (value: unknown, note: Note): string | undefined => {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') return note(['statement'], `statement is ${described(value)}, not a text`)
  const reason = value.trim().replace(/\s+/g, ' ')
  return reason === '' ? undefined : reason
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Never walks into a value: an alias can make one part of itself. */
const described = (value: unknown): string => {
  if (value === null || value === undefined) return 'empty'
  if (typeof value === 'string') return value.trim() === '' ? 'an empty text' : `"${shown(value)}"`
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'a map'
  return String(value)
}

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
