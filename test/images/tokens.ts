import { sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { succeed } from '../cluster/shell.ts'

/** Who may have a token. */
export type Account = { readonly username: string; readonly password: string }

/** A server of tokens as Docker Hub and most others have one: facts from the distribution project's token specification. */
export type TokenServer = {
  readonly realm: string
  /** The certificate whose key signs, as the registry is told. */
  readonly certificate: string
  /** The next tokens have expired before they are given, though the answer says that they are good for an hour. */
  expired(times: number): void
  /** A token to read and write a repository with, without asking. */
  tokenFor(repository: string): string
  /** How many tokens were given so far. */
  given(): number
  /** How often somebody was turned away. */
  refused(): number
  close(): Promise<void>
}

/** The name by which registry and token server know each other. */
export const SERVICE = 'registry.test'
/** Who signs. */
export const ISSUER = 'tokens.test'
/** The registry lets a token pass for a minute after its end. */
const LONG_AGO_S = 600

/** @param folder takes the key and its certificate */
export const startTokenServer = async (folder: string, { username, password }: Account): Promise<TokenServer> => {
  const [key, certificate] = [join(folder, 'tokens.key'), join(folder, 'tokens.crt')]
  const subject = ['-nodes', '-days', '2', '-subj', `/CN=${ISSUER}`, '-keyout', key, '-out', certificate]
  succeed('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...subject])
  const pem = readFileSync(certificate, 'utf8')
  const header = encoded({ typ: 'JWT', alg: 'RS256', x5c: [pem.replace(/-----[A-Z ]+-----|\s/g, '')] })
  const privateKey = readFileSync(key)
  let [bad, given, refused] = [0, 0, 0]

  const token = (scopes: readonly string[]): string => {
    const now = Math.floor(Date.now() / 1000) - (bad > 0 ? LONG_AGO_S : 0)
    if (bad > 0) bad--
    given++
    const claims = { iss: ISSUER, sub: username, aud: SERVICE, jti: `${given}`, nbf: now - 10, iat: now }
    const body = `${header}.${encoded({ ...claims, exp: now + 300, access: scopes.map(access) })}`
    return `${body}.${sign('sha256', Buffer.from(body), privateKey).toString('base64url')}`
  }

  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  const server = createServer((incoming, response) => {
    const url = new URL(incoming.url ?? '/', 'http://tokens')
    const known = incoming.headers.authorization === expected
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    incoming.resume()
    // OAuth is the other way to ask; who is told that there is none asks in this one.
    if (incoming.method !== 'GET') return answer(405, {})
    if (!known) {
      refused++
      return answer(401, { errors: [{ code: 'UNAUTHORIZED', message: 'wrong name or password' }] })
    }
    const scopes = url.searchParams.getAll('scope').flatMap((scope) => scope.split(' '))
    answer(200, { token: token(scopes.filter((scope) => scope !== '')), expires_in: 3600 })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    certificate,
    expired: (times) => {
      bad = times
    },
    tokenFor: (repository) => token([`repository:${repository}:pull,push`]),
    given: () => given,
    refused: () => refused,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** `repository:team/shop:pull,push` as a claim. */
const access = (scope: string): unknown => {
  const [, type, name, actions] = scope.match(/^([^:]+):(.+):([^:]*)$/) ?? []
  return { type, name, actions: actions?.split(',') }
}
