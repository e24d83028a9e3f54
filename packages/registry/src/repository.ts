/** A repository of images. `host` is a host name or address with its port where one is given: ghcr.io, docker.io, 127.0.0.1:5000. `path` is what follows. */
export type Repository = { readonly host: string; readonly path: string }

const DOCKER_HUB = 'docker.io'
/** Other names of Docker Hub: its index, and the host that its API answers on. */
const DOCKER_HUB_NAMES = ['index.docker.io', 'registry-1.docker.io']
const LONGEST = 255

/**
 * A repository by the name it has in `docker push`, without tag and digest. As docker reads it: without a host it is one of Docker Hub's, and a single word there is
 * one of the official images.
 * Source: github.com/distribution/reference (reference.go, normalize.go)
 * @returns `problem`: what is wrong, with the text and what to write in its place
 */
export const parseRepository = (text: string): Repository | { readonly problem: string } => {
  const name = text.trim()
  const problem = problemOf(name)
  if (problem !== undefined) return { problem: name === '' ? problem : `${shown(name)} ${problem}` }
  const [first = '', ...rest] = name.split('/')
  if (rest.length > 0 && isHost(first)) {
    const host = DOCKER_HUB_NAMES.includes(first) ? DOCKER_HUB : first
    return { host, path: pathOn(host, rest) }
  }
  return { host: DOCKER_HUB, path: pathOn(DOCKER_HUB, [first, ...rest]) }
}

/** The name as docker takes it, always with its host: ghcr.io/acme/shop, docker.io/acme/shop. */
export const shownRepository = ({ host, path }: Repository): string => `${host}/${path}`

/** The address below which a repository's API answers, without a slash at its end. Plain http for this machine only. */
export const apiOf = ({ host, path }: Repository): string => {
  const name = host === DOCKER_HUB ? 'registry-1.docker.io' : host
  return `${isLoopback(hostNameOf(host)) ? 'http' : 'https'}://${name}/v2/${path}`
}

/** Whether a host name without its port is this machine itself: localhost, 127.0.0.0/8, ::1. */
export const isLoopback = (hostName: string): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|\[::1\]|::1)$/.test(hostName.toLowerCase())

const hostNameOf = (host: string): string => host.replace(/:\d+$/, '')

const pathOn = (host: string, parts: readonly string[]): string =>
  host === DOCKER_HUB && parts.length === 1 ? `library/${parts[0]}` : parts.join('/')

/** The first part is a host where it cannot be a name on Docker Hub. */
const isHost = (part: string): boolean => /[.:[]/.test(part) || part === 'localhost'

const HOST = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:]+\])(?::(\d{1,5}))?$/
const PART = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/

const problemOf = (name: string): string | undefined => {
  if (name === '') return 'the name of a repository is empty; write one such as ghcr.io/acme/shop'
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(name)?.[0]
  if (scheme !== undefined) return `begins with ${scheme}; leave it out: ${shown(name.slice(scheme.length))}`
  if (/\s/.test(name)) return 'has blanks in it; give one repository for each entry'
  const at = name.indexOf('@')
  if (at >= 0)
    return `has something after an @; give the repository alone, without digest or user: ${withoutTag(name.slice(0, at))}`
  return problemOfTag(name) ?? problemOfParts(name)
}

const problemOfTag = (name: string): string | undefined => {
  const [first = '', ...rest] = name.split('/')
  if (rest.length === 0 && /^(localhost(:|$)|\[|[^:]*\.)/.test(first))
    return `is a host and no repository on it; write one such as ${first.replace(/:$/, '')}/acme/shop`
  const bare = withoutTag(name)
  return bare === name ? undefined : `has a tag; give the repository alone, ${bare}, and the tag among the tags`
}

/** A colon after the last slash starts a tag; one before it belongs to the port. */
const withoutTag = (name: string): string => {
  const colon = name.indexOf(':', name.lastIndexOf('/') + 1)
  return colon < 0 ? name : name.slice(0, colon)
}

const problemOfParts = (name: string): string | undefined => {
  if (/[A-Z]/.test(name)) return `has upper case letters, which registries refuse; write ${name.toLowerCase()}`
  const parts = name.split('/')
  if (parts.includes('')) return 'has an empty part: a slash at an end, or two in a row'
  const [first = '', ...rest] = parts
  const host = isHost(first) ? first : undefined
  if (host !== undefined && !isHostName(host)) return `begins with ${shown(host)}, which is no host`
  const path = host === undefined ? parts : rest
  const bad = path.find((part) => !PART.test(part))
  if (bad !== undefined)
    return `has the part ${shown(bad)}; a part is lower case letters and digits, with single . _ and - between them`
  if (name.length > LONGEST) return `is longer than ${LONGEST} characters`
  return path.length > 2 && (host === undefined || [DOCKER_HUB, ...DOCKER_HUB_NAMES].includes(host))
    ? `would be on Docker Hub, where a name is owner/name; begin with the host of the registry that is meant`
    : undefined
}

const isHostName = (host: string): boolean => {
  const match = HOST.exec(host)
  if (match === null) return false
  const port = match[1] === undefined ? 1 : Number(match[1])
  return port >= 1 && port <= 65_535
}

const shown = (text: string): string =>
  text.length > 120 ? `${JSON.stringify(text.slice(0, 117))}…` : JSON.stringify(text)
