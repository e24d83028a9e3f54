import type { Doc } from './objects.ts'

/** A backend of a rule; an absent weight counts as 1. */
export type BackendRef = {
  group?: string
  kind?: string
  name: string
  namespace?: string
  port?: number
  weight?: number
  filters?: Filter[]
}
/** Changes to headers. */
export type HeaderEdit = { set?: NameValue[]; add?: NameValue[]; remove?: string[] }
/** A filter of a rule or a backend. */
export type Filter = { type: string; requestHeaderModifier?: HeaderEdit; responseHeaderModifier?: HeaderEdit }
type NameValue = { name: string; value: string }
type HeaderMatch = { type?: 'Exact' | 'RegularExpression'; name: string; value: string }
/** What a request must be like for a rule; all of it. */
export type Match = {
  path?: { type?: 'Exact' | 'PathPrefix' | 'RegularExpression'; value?: string }
  headers?: HeaderMatch[]
  queryParams?: HeaderMatch[]
  method?: string
}
/** A rule of an HTTPRoute. */
export type Rule = {
  matches?: Match[]
  backendRefs?: BackendRef[]
  filters?: Filter[]
  timeouts?: { request?: string; backendRequest?: string }
}
/** The Gateway, and maybe its listener, that a route wants to be attached to. */
export type ParentRef = {
  group?: string
  kind?: string
  name: string
  namespace?: string
  sectionName?: string
  port?: number
}
/** An HTTPRoute (Gateway API v1). */
export type Route = Doc & { spec: { parentRefs?: ParentRef[]; hostnames?: string[]; rules?: Rule[] } }

/** What is looked at of a request to find its rule. */
export type Asked = {
  readonly host: string
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** One way into a rule: a hostname (absent: any) and a match. `target` is whatever the caller wants back. */
export type Entry<T> = {
  readonly hostname?: string
  readonly match: Match
  readonly created: string
  readonly target: T
}

/**
 * Entries in the order in which they are tried: exact host, longer wildcard, no host; exact path, longer prefix; a method; more headers; more
 * query parameters; the older route. https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule
 */
export const inOrder = <T>(entries: readonly Entry<T>[]): readonly Entry<T>[] =>
  [...entries].sort((a, b) => compare(rank(b), rank(a)) || a.created.localeCompare(b.created))

/** The first entry that a request meets. */
export const matching = <T>(entries: readonly Entry<T>[], asked: Asked): Entry<T> | undefined => {
  const [path = '/', query = ''] = asked.url.split('?', 2)
  return entries.find(
    (entry) =>
      meetsHost(entry.hostname, asked.host) &&
      meetsPath(entry.match.path, path) &&
      (entry.match.method === undefined || entry.match.method === asked.method) &&
      (entry.match.headers ?? []).every((header) =>
        meets(
          header,
          String(asked.headers[header.name.toLowerCase()] ?? ''),
          header.name.toLowerCase() in asked.headers,
        ),
      ) &&
      (entry.match.queryParams ?? []).every((one) => {
        const value = new URLSearchParams(query).get(one.name)
        return meets(one, value ?? '', value !== null)
      }),
  )
}

/** A duration of the Gateway API (`1h30m10s500ms`) in milliseconds; undefined for none or 0, which mean no limit. */
export const durationMs = (text: string | undefined): number | undefined => {
  const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }
  const parts = [...(text ?? '').matchAll(/(\d+)(ms|h|m|s)/g)]
  const sum = parts.reduce((all, part) => all + Number(part[1]) * (units[part[2] ?? ''] ?? 0), 0)
  return sum > 0 ? sum : undefined
}

const rank = (entry: Entry<unknown>): readonly number[] => {
  const { hostname, match } = entry
  const host = hostname === undefined ? [0, 0] : hostname.startsWith('*') ? [1, hostname.length] : [2, hostname.length]
  const path = match.path?.type === 'Exact' ? 2 : match.path?.type === 'RegularExpression' ? 0 : 1
  return [
    ...host,
    path,
    match.path?.value?.length ?? 1,
    match.method === undefined ? 0 : 1,
    match.headers?.length ?? 0,
    match.queryParams?.length ?? 0,
  ]
}

const compare = (a: readonly number[], b: readonly number[]): number => {
  for (let i = 0; i < a.length; i += 1) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

const meetsHost = (hostname: string | undefined, host: string): boolean => {
  if (hostname === undefined) return true
  const bare = host.replace(/:\d+$/, '').toLowerCase()
  return hostname.startsWith('*.')
    ? bare.endsWith(hostname.slice(1)) && bare.length > hostname.length - 1
    : bare === hostname
}

const meetsPath = (path: Match['path'], asked: string): boolean => {
  const value = path?.value ?? '/'
  if (path?.type === 'Exact') return asked === value
  if (path?.type === 'RegularExpression') return new RegExp(`^(?:${value})$`).test(asked)
  const prefix = value.endsWith('/') ? value.slice(0, -1) : value
  return asked === prefix || asked.startsWith(`${prefix}/`) || prefix === ''
}

const meets = (wanted: HeaderMatch, value: string, present: boolean): boolean =>
  present &&
  (wanted.type === 'RegularExpression' ? new RegExp(`^(?:${wanted.value})$`).test(value) : value === wanted.value)
