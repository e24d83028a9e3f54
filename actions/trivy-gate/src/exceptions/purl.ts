/** A package URL taken apart, every part percent-decoded. `name` has its namespace before it; `version` and `subpath` are absent where none is given. */
export type Purl = {
  readonly type: string
  readonly name: string
  readonly version?: string
  readonly qualifiers: ReadonlyMap<string, string>
  readonly subpath?: string
}

/** The types whose names are the same in capitals and small letters, by their registries. */
const CASELESS = new Set('alpm apk bitbucket bitnami composer deb github golang hex oci pypi'.split(' '))

/** Takes a package URL apart; `undefined` for what is none. Source: the Package URL specification (ECMA-427), with npm scopes also taken unencoded, as people write them. */
export const parsePurl = (text: string): Purl | undefined => {
  try {
    return parts(text.trim())
  } catch (thrown) {
    // A percent sign that begins no character.
    if (thrown instanceof URIError) return undefined
    throw thrown
  }
}

const parts = (text: string): Purl | undefined => {
  const match = /^pkg:\/*([a-z][a-z0-9.+-]*)\/+([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/is.exec(text)
  if (match === null) return undefined
  const type = (match[1] ?? '').toLowerCase()
  const path = (match[2] ?? '').replace(/\/+$/, '')
  const at = path.lastIndexOf('@')
  // An @ that begins a segment is a scope's, since a version follows a name and has no slash.
  const versioned = at > 0 && path[at - 1] !== '/' && !path.slice(at).includes('/')
  const name = named(type, versioned ? path.slice(0, at) : path)
  const version = versioned ? decodeURIComponent(path.slice(at + 1)) : ''
  const subpath = decoded(match[4] ?? '').filter((each) => each !== '.' && each !== '..')
  if (name === undefined) return undefined
  return {
    type,
    name,
    ...(version !== '' && { version }),
    qualifiers: qualifiersOf(match[3] ?? ''),
    ...(subpath.length > 0 && { subpath: subpath.join('/') }),
  }
}

const decoded = (path: string): readonly string[] =>
  path
    .split('/')
    .filter((segment) => segment !== '')
    .map(decodeURIComponent)

/** A slash that was percent-encoded is part of a name and separates nothing, so that it stays told apart. */
const named = (type: string, path: string): string | undefined => {
  const segments = decoded(path).map((segment) => segment.replaceAll('/', '%2F'))
  if (segments.length === 0) return undefined
  const name = segments.join('/')
  const folded = CASELESS.has(type) ? name.toLowerCase() : name
  return type === 'pypi' ? folded.replace(/[-_.]+/g, '-') : folded
}

const qualifiersOf = (text: string): ReadonlyMap<string, string> => {
  const pairs = text.split('&').map((pair): readonly [string, string] => {
    const equals = pair.indexOf('=')
    if (equals < 0) return ['', '']
    return [pair.slice(0, equals).toLowerCase(), decodeURIComponent(pair.slice(equals + 1))]
  })
  return new Map(pairs.filter(([key, value]) => key !== '' && value !== ''))
}

/** Whether a package is among those that a package URL speaks of: same type and name, and the version, each qualifier and the subpath only if the package URL gives them. */
export const covers = (general: Purl, one: Purl): boolean =>
  general.type === one.type &&
  general.name === one.name &&
  (general.version === undefined || general.version === one.version) &&
  (general.subpath === undefined || general.subpath === one.subpath) &&
  [...general.qualifiers].every(([key, value]) => one.qualifiers.get(key) === value)
