import type { HttpRequest, HttpResult } from '@sluice/http/request'
import { Fault } from '@sluice/kit/faults'
import type { Challenge } from './challenge.ts'
import { type Credentials, IDENTITY_TOKEN } from './credentials.ts'
import { type Asked, refused, unanswered } from './refusal.ts'
import { isLoopback, type Repository } from './repository.ts'

/** What a request needs to be allowed to do: read, or read and write. */
export type Access = 'pull' | 'push'

/** How a token is asked for. `send` tries a request as often as others are, and tells how often it did. */
export type Means = {
  readonly repository: Repository
  readonly now: () => number
  readonly send: (call: Omit<HttpRequest, 'timeoutMs'>, what: string) => Promise<{ result: HttpResult; tries: number }>
}

/** Behind the fault for a token that was refused. */
type NoToken = { readonly status: number }

/** Whether a fault is that of a token that these credentials do not get. */
export const isNoToken = (thrown: unknown): thrown is Fault => {
  const cause = thrown instanceof Fault ? thrown.cause : undefined
  return typeof cause === 'object' && cause !== null && 'status' in cause && [401, 403].includes(Number(cause.status))
}

/** Until a token says otherwise, ms. Source: distribution.github.io/distribution/spec/auth/token (expires_in) */
const TOKEN_MS = 60_000
const CLIENT = 'sluice'

/** Credentials as a header has them. */
export const basic = ({ username, password }: Credentials): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

type Bearer = Extract<Challenge, { kind: 'bearer' }>
type Wanted = { readonly means: Means; readonly access: Access; readonly credentials: Credentials | undefined }

/**
 * A token for what a challenge asks, and how long it holds, ms: by the password, the identity token, or for nobody.
 * @throws Fault('upstream') where there is none; `isNoToken` tells when it was refused
 */
export const tokenFor = async (
  challenge: Bearer,
  wanted: Wanted,
): Promise<{ readonly token: string; readonly ms: number }> => {
  const { means, access, credentials } = wanted
  const { repository } = means
  const realm = realmOf(challenge.realm, repository)
  const what = `give a token to ${access} ${repository.path}`
  const call = credentials?.username === IDENTITY_TOKEN ? posted : got
  const scopes = scopesFor(challenge.scopes, access, repository)
  const { result, tries } = await means.send(call(realm, { challenge, scopes, credentials }), what)
  const asked: Asked = { repository, what, access, credentials: credentials !== undefined, tries }
  if (result.kind !== 'answered') throw unanswered(result, asked)
  // A token's server is never a repository that is missing.
  if (result.status !== 200) {
    const { kind, message, hint } = refused(
      result,
      { ...asked, access: result.status === 404 ? 'pull' : access },
      means.now(),
    )
    throw new Fault(kind, message, hint, { cause: { status: result.status } satisfies NoToken })
  }
  const { token, access_token: other, expires_in: seconds } = fieldsIn(result.body)
  const found = [token, other].find((one): one is string => typeof one === 'string' && /^[\x21-\x7e]+$/.test(one))
  if (found !== undefined) {
    const ms = typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : TOKEN_MS
    return { token: found, ms }
  }
  throw new Fault(
    'upstream',
    `${realm.host} answered with no token when asked to ${what} of ${repository.host}`,
    `Look at what answers for ${realm.host}, such as a proxy`,
  )
}

/** Those that are asked for, where they are enough: who reads in order to write is asked for less. */
const scopesFor = (asked: readonly string[], access: Access, { path }: Repository): readonly string[] => {
  const enough = access === 'pull' ? asked.length > 0 : asked.some((scope) => /[:,](push|\*)(,|$)/.test(scope))
  return enough ? asked : [`repository:${path}:${access === 'push' ? 'pull,push' : 'pull'}`]
}

type Details = {
  readonly challenge: Bearer
  readonly scopes: readonly string[]
  readonly credentials: Credentials | undefined
}

const got = (realm: URL, { challenge, scopes, credentials }: Details): Omit<HttpRequest, 'timeoutMs'> => {
  const url = new URL(realm)
  if (challenge.service !== undefined) url.searchParams.set('service', challenge.service)
  for (const scope of scopes) url.searchParams.append('scope', scope)
  if (credentials === undefined) return { url }
  url.searchParams.set('client_id', CLIENT)
  return { url, headers: { authorization: basic(credentials) } }
}

/** An identity token is a refresh token, and is only taken in a body. */
const posted = (url: URL, { challenge, scopes, credentials }: Details): Omit<HttpRequest, 'timeoutMs'> => ({
  url,
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams({
    grant_type: 'refresh_token',
    service: challenge.service ?? '',
    scope: scopes.join(' '),
    client_id: CLIENT,
    refresh_token: credentials?.password ?? '',
  }).toString(),
})

/** Credentials go to where a registry says, but never in the clear, and to this machine only for a registry on it. */
const realmOf = (text: string, { host }: Repository): URL => {
  const realm = URL.canParse(text) ? new URL(text) : undefined
  const local = isLoopback(host.replace(/:\d+$/, ''))
  if (realm?.protocol === 'https:') return realm
  if (realm?.protocol === 'http:' && local && isLoopback(realm.hostname)) return realm
  const shown = realm === undefined ? JSON.stringify(text.slice(0, 100)) : realm.origin
  const what = `${host} wants its credentials shown to ${shown}, which is not https`
  throw new Fault('upstream', what, `Let the realm of the registry's authentication be an address of https`)
}

const fieldsIn = (body: string): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
  } catch {
    return {}
  }
}
