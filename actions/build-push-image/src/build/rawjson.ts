/** A step of BuildKit as one line of `--progress rawjson` tells of it. Times are ms UTC. */
export type Vertex = {
  readonly digest: string
  readonly name: string
  readonly started: number | undefined
  readonly completed: number | undefined
  readonly cached: boolean
  readonly error: string
}
/** A part of a step, such as the layers that are pushed. */
export type Status = Pick<Vertex, 'started' | 'completed'> & {
  readonly id: string
  readonly vertex: string
  /** How far it is, of what; mostly bytes. */
  readonly current: number
  readonly total: number
}
/** What a step's command wrote, decoded no further than its bytes. */
export type Log = { readonly vertex: string; readonly data: Uint8Array }
/** What BuildKit's checks say of the Dockerfile. `file` `''` and `line` 0 where it is said of no line. */
export type Warning = { readonly text: string; readonly url: string; readonly file: string; readonly line: number }

/** One line of what buildx says. */
export type Event = {
  readonly vertexes: readonly Vertex[]
  readonly statuses: readonly Status[]
  readonly logs: readonly Log[]
  readonly warnings: readonly Warning[]
}

/** A check's warning has the whole Dockerfile with it, and one line may have several: longer ones are nobody's. */
export const LONGEST_EVENT = 16 * 1024 * 1024
const LONGEST_TEXT = 1000

/**
 * Reads one line; `undefined` for one that is no event, such as the error at the end, which is plain text.
 * Source: https://github.com/moby/buildkit/blob/master/client/graph.go (SolveStatus); bytes are base64
 */
export const eventIn = (line: string): Event | undefined => {
  if (!line.startsWith('{"') || line.length > LONGEST_EVENT) return undefined
  const read = parsed(line)
  if (read === undefined) return undefined
  return {
    vertexes: list(read.vertexes).map((one) => ({
      digest: text(one.digest),
      name: text(one.name),
      ...times(one),
      cached: one.cached === true,
      error: text(one.error),
    })),
    statuses: list(read.statuses).map((one) => ({
      id: text(one.id),
      vertex: text(one.vertex),
      current: number(one.current),
      total: number(one.total),
      ...times(one),
    })),
    logs: list(read.logs).map((one) => ({ vertex: text(one.vertex), data: Buffer.from(text(one.data), 'base64') })),
    warnings: list(read.warnings).map(warning),
  }
}

const warning = (one: Fields): Warning => {
  const line = list(one.range).map((range) => fields(range.start).line)[0]
  return {
    text: decoded(one.short).replace(/ \(line \d+\)$/, ''),
    url: text(one.url).slice(0, LONGEST_TEXT),
    file: text(fields(one.sourceInfo).filename).slice(0, LONGEST_TEXT),
    line: typeof line === 'number' && Number.isSafeInteger(line) && line > 0 ? line : 0,
  }
}

type Fields = Readonly<Record<string, unknown>>

const parsed = (line: string): Fields | undefined => {
  try {
    const read: unknown = JSON.parse(line)
    const known = ['vertexes', 'statuses', 'logs', 'warnings']
    return isFields(read) && known.some((key) => Array.isArray(read[key])) ? read : undefined
  } catch {
    return undefined
  }
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const fields = (value: unknown): Fields => (isFields(value) ? value : {})
const list = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.filter(isFields) : [])
const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const number = (value: unknown): number => (typeof value === 'number' ? value : 0)
const decoded = (value: unknown): string => Buffer.from(text(value), 'base64').toString('utf8').slice(0, LONGEST_TEXT)

const times = (one: Fields): Pick<Vertex, 'started' | 'completed'> => ({
  started: time(one.started),
  completed: time(one.completed),
})
const time = (value: unknown): number | undefined => {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}
