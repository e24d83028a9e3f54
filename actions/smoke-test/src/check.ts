/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** HTTP status codes from `from` to `to`, both included. */
export type StatusRange = { readonly from: number; readonly to: number }

/** The comparisons an assertion can make; `README.md` says what each means. */
export const OPERATORS = [
  'eq',
  'ne',
  'gt',
  'ge',
  'lt',
  'le',
  'contains',
  'matches',
  'exists',
  'length',
  'type',
] as const
/** How a value found by a JSON path is compared. */
export type Operator = (typeof OPERATORS)[number]

/** One comparison of a value that was found, or of its absence, with `value`. */
export type Assertion = { readonly op: Operator; readonly value: Json }

/** One request and what its answer must be. Texts may hold `{{name}}` of values that earlier checks captured. */
export type Check = {
  readonly name: string
  readonly method: string
  /** Joined to the base address; starts with `/`, or is empty for the address itself. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Text is sent as it is, anything else as JSON. */
  readonly body?: Json
  readonly expect: Expectation
  /** Name → where its value is: a path into the JSON body, or `header:NAME`. */
  readonly capture: Readonly<Record<string, string>>
  /** `file:line` of the check, for annotations. */
  readonly where?: string
}

/** What an answer must be; what is absent is not asked. `maxMs` in ms. */
export type Expectation = {
  readonly status: readonly StatusRange[]
  readonly headers: Readonly<Record<string, Assertion>>
  readonly json: readonly (Assertion & { readonly path: string })[]
  readonly contains: readonly string[]
  readonly matches: readonly string[]
  /** The problems of a JSON body, none when it is valid. */
  readonly jsonSchema?: (body: Json) => readonly string[]
  /** Milliseconds from the request's start to the last byte of the answer. */
  readonly maxMs?: number
}

/** What a check that names nothing expects: any 2xx. */
export const ANY_SUCCESS: readonly StatusRange[] = [{ from: 200, to: 299 }]

/** A check of one path with every default. */
export const plainCheck = (path: string): Check => ({
  name: `GET ${path === '' ? '/' : path}`,
  method: 'GET',
  path,
  headers: {},
  expect: { status: ANY_SUCCESS, headers: {}, json: [], contains: [], matches: [] },
  capture: {},
})

/** Reads `200`, `'2xx'`, `'200-299'` or a list of these joined by commas; `undefined` when it is none of them. */
export const statusRanges = (text: string): readonly StatusRange[] | undefined => {
  const ranges = text.split(',').map((part) => statusRange(part.trim()))
  return ranges.every((range) => range !== undefined) ? ranges : undefined
}

/** `200-299`, `404`: how people write it. */
export const showRanges = (ranges: readonly StatusRange[]): string =>
  ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(', ')

/** Whether a text can be sent as a header's value: Latin-1 without control characters but the tab (RFC 9110, section 5.5). */
export const isHeaderValue = (text: string): boolean => /^[\t\x20-\x7e\x80-\xff]*$/.test(text)

const statusRange = (text: string): StatusRange | undefined => {
  const family = /^([1-5])xx$/i.exec(text)
  if (family !== null) return { from: Number(family[1]) * 100, to: Number(family[1]) * 100 + 99 }
  const match = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(text)
  if (match === null) return undefined
  const from = Number(match[1])
  const to = match[2] === undefined ? from : Number(match[2])
  return from <= to ? { from, to } : undefined
}
