/** What a registry wants to be shown. `scopes` is empty where it names none. */
export type Challenge =
  | { readonly kind: 'basic' }
  | {
      readonly kind: 'bearer'
      readonly realm: string
      readonly service: string | undefined
      readonly scopes: readonly string[]
    }

/**
 * The first Bearer challenge of a WWW-Authenticate header, or else Basic; `undefined` for none of the two. Several may stand in one header.
 * Source: RFC 9110, section 11.6.1; distribution.github.io/distribution/spec/auth/token
 */
export const challengeIn = (header: string | undefined): Challenge | undefined => {
  const all = challengesIn(header ?? '')
  for (const { scheme, params } of all) {
    const realm = params.get('realm')
    if (scheme !== 'bearer' || realm === undefined || realm === '') continue
    const scopes = (params.get('scope') ?? '').split(' ').filter((scope) => scope !== '')
    return { kind: 'bearer', realm, service: params.get('service'), scopes }
  }
  return all.some(({ scheme }) => scheme === 'basic') ? { kind: 'basic' } : undefined
}

type Raw = { readonly scheme: string; readonly params: Map<string, string> }

/** A name with `=` after it is a parameter of the challenge before; one without begins the next. */
const challengesIn = (header: string): readonly Raw[] => {
  const found: Raw[] = []
  for (const [, name = '', quoted, plain] of header.matchAll(TOKEN)) {
    const value = quoted?.replace(/\\(.)/g, '$1') ?? plain
    if (value === undefined) found.push({ scheme: name.toLowerCase(), params: new Map() })
    else found.at(-1)?.params.set(name.toLowerCase(), value)
  }
  return found
}

const TOKEN = /([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+)))?/g
