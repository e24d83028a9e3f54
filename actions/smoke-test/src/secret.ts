/** Shorter texts are not masked: they would take half a report with them, and are no secrets. */
const SHORTEST = 4

const HARMLESS =
  /^(accept|accept-(encoding|language|charset)|cache-control|connection|content-(type|length|language)|host|user-agent|origin|referer)$/i
const SENSITIVE =
  /^(authorization|proxy-authorization|cookie|set-cookie)$|token|secret|passw|api[-_]?key|auth(?!or(?!iz))|session|credential|signature/i

/** Whether a header that a checks file names carries a secret, judged by its name. */
export const isSensitive = (name: string): boolean => SENSITIVE.test(name)

/** Whether a header from the `headers` input is taken for a secret: all but those that never are. */
export const isSecretInput = (name: string): boolean => !HARMLESS.test(name)

/** Values in a path's query whose names say that they are secrets, as they are written there. */
export const secretsInPath = (path: string): readonly string[] =>
  [...path.matchAll(/[?&]([^=&#]+)=([^&#]+)/g)].flatMap(([, name = '', value = '']) =>
    isSensitive(name) && !value.includes('{{') ? [value] : [],
  )

/** Values of a request's body whose keys say that they are secrets: of JSON, or of a form. */
export const secretsInBody = (body: string): readonly string[] => {
  try {
    return secretsIn(JSON.parse(body))
  } catch {
    return secretsInPath(`?${body}`)
  }
}

const secretsIn = (value: unknown): readonly string[] => {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) =>
    isSensitive(key) && (typeof item === 'string' || typeof item === 'number') ? [String(item)] : secretsIn(item),
  )
}

/** A secret with the forms in which it may come back: without its scheme, decoded from Basic, URL-encoded, inside JSON. */
export const formsOf = (secret: string): readonly string[] => {
  const [, scheme = '', token = ''] = /^(\S+)\s+(\S.*)$/.exec(secret) ?? []
  const basic = /^basic$/i.test(scheme) ? Buffer.from(token, 'base64').toString() : ''
  const password = basic.includes(':') ? basic.slice(basic.indexOf(':') + 1) : ''
  const plain = [secret, token, basic, password].filter((text) => text.trim().length >= SHORTEST)
  const all = plain.flatMap((text) => [text, encodeURIComponent(text), JSON.stringify(text).slice(1, -1)])
  return [...new Set(all)].sort((a, b) => b.length - a.length)
}

/** What only ever holds words of ours. */
const OURS: ReadonlySet<string> = new Set(['verdict', 'code', 'result', 'end'])

/**
 * Writes `***` for every form of every secret in every text of a value. Keys are left alone: they come from the checks file; and so are our own
 * words: a header's value may be `pass`.
 */
export const mask = <T>(value: T, forms: readonly string[]): T => {
  if (forms.length === 0) return value
  const walk = (each: unknown): unknown => {
    if (typeof each === 'string') return forms.reduce((text, form) => text.replaceAll(form, '***'), each)
    if (Array.isArray(each)) return each.map(walk)
    if (typeof each !== 'object' || each === null) return each
    return Object.fromEntries(Object.entries(each).map(([key, item]) => [key, OURS.has(key) ? item : walk(item)]))
  }
  return walk(value) as T
}
