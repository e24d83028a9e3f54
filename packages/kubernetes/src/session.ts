import http from 'node:http'
import https from 'node:https'
import { type HttpAnswer, type HttpResult, type NoAnswer, request } from '@sluice/http/request'
import { type Clock, withRetries } from '@sluice/http/retry'
import { Fault } from '@sluice/kit/faults'
import type { LoadedConfig } from './kubeconfig.ts'
import { type Identity, statusOf } from './refusal.ts'
import { within } from './within.ts'

/** One call to the API server, before anything is known of its answer. `path` begins with a slash and may hold a query. */
export type Call = {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMs: number
  readonly maxBytes?: number
  /** Doing it twice is the same as once: reads, and writes conditional on what they replace. */
  readonly repeatable: boolean
  /** The answer is a pod's or service's own: a 429 of theirs is the answer, a 401 not about our credential. */
  readonly proxied?: boolean
}

/** An authenticated way to one API server. */
export type Session = {
  readonly server: string
  readonly namespace: string
  /** Of the credential that the session was opened with; see `LoadedConfig`. */
  readonly credentialEnd: number | undefined
  readonly identity: () => Identity
  /** Any answer that came, retried where that is safe; after a 401 once more with a credential read anew. */
  readonly send: (call: Call) => Promise<HttpResult>
  /** As `send`, for calls that need an answer. @throws Fault('upstream') when there is none. */
  readonly ask: (call: Call) => Promise<HttpAnswer>
}

/** Idle connections are dropped before load balancers on the way do it silently (60 s for many). */
const KEPT = { keepAlive: true, maxSockets: 16, timeout: 30_000 }

/** A plugin that waits for somebody to type waits for ever on a runner, ms. */
const LOGIN = 60_000

const POLICY = { tries: 4, firstWait: 250, longestWait: 10_000 }

/**
 * Opens a session; sends nothing.
 * @param load reads the kubeconfig, again each time it is called
 * @throws Fault('input') for a kubeconfig that cannot be used
 */
export const openSession = (load: () => LoadedConfig, clock: Clock): Session => {
  let current = credentials(load())
  const attempt = async (call: Call): Promise<HttpResult> => {
    const tls = await current.options()
    const { method, path, headers, body, timeoutMs, maxBytes } = call
    return request({
      url: `${current.loaded.server}${path}`,
      method,
      timeoutMs,
      tls,
      headers: { accept: 'application/json', 'user-agent': 'sluice', ...headers },
      ...(body === undefined ? {} : { body }),
      ...(maxBytes === undefined ? {} : { maxBytes }),
    })
  }
  const send = async (call: Call): Promise<HttpResult> => {
    const once = call.proxied === true ? await attempt(call) : undefined
    const final = once !== undefined && (once.kind !== 'no-answer' || once.connected)
    const first = final ? once : await withRetries(() => attempt(call), call.repeatable, POLICY, clock)
    if (first.kind !== 'answered' || first.status !== 401) return first
    if (call.proxied && statusOf(first.body) === undefined) return first
    // Tokens die during holds: files are read again and the exec plugin is run again, once.
    current = credentials(load())
    return attempt(call)
  }
  return {
    server: current.loaded.server,
    namespace: current.loaded.namespace,
    credentialEnd: current.loaded.credentialEnd,
    identity: () => {
      const { server, user, origin } = current.loaded
      return { server, user, origin, token: current.token() }
    },
    send,
    ask: async (call) => {
      const result = await send(call)
      if (result.kind === 'answered') return result
      if (result.kind === 'too-large') throw new Fault('upstream', `${current.loaded.server}: ${result.text}`)
      throw unreachable(current.loaded.server, result)
    },
  }
}

/** The fault for a server that gave no answer: the cause by its name, and what usually is behind it. */
export const unreachable = (server: string, { cause, connected, text }: NoAnswer): Fault => {
  const how = connected && cause === 'timeout' ? 'does not answer' : 'cannot be reached'
  return new Fault('upstream', `The API server ${server} ${how} (${cause}): ${text}`, HINTS[cause])
}

const PRIVATE = 'A private cluster answers only inside its network: use a runner there, or check the firewall'
const HINTS: Readonly<Record<NoAnswer['cause'], string>> = {
  refused: 'Check the address and port in the kubeconfig, and that the cluster runs',
  dns: `Check the host name in the kubeconfig. ${PRIVATE}`,
  timeout: PRIVATE,
  tls: "The certificate does not fit: check the kubeconfig's certificate-authority-data and that the address is this cluster's",
  reset: 'A proxy or firewall on the way may have closed the connection',
  network: PRIVATE,
}

type Credentials = {
  readonly loaded: LoadedConfig
  readonly options: () => Promise<https.RequestOptions>
  readonly token: () => string | undefined
}

const credentials = (loaded: LoadedConfig): Credentials => {
  let token: string | undefined
  let agent: http.Agent | undefined
  let made = ''
  const options = async (): Promise<https.RequestOptions> => {
    const applied: https.RequestOptions = { headers: {} }
    try {
      await within(
        LOGIN,
        loaded.config.applyToHTTPSOptions(applied),
        () => new Error(`no answer within ${LOGIN / 1000} s`),
      )
    } catch (error) {
      throw credentialFault(error, loaded)
    }
    const headers: Record<string, string> = {}
    for (const [name, value] of Object.entries(applied.headers ?? {}))
      headers[name.toLowerCase()] = String(value).trim()
    token = headers.authorization?.replace(/^Bearer /, '')
    if (loaded.proxied) return { ...applied, headers }
    const { ca, cert, key, rejectUnauthorized, servername, auth } = applied
    const certificates = {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(servername === undefined ? {} : { servername }),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    }
    // One agent, so that connections are kept; a new one when the exec plugin hands out another certificate.
    const fingerprint = JSON.stringify(certificates)
    if (agent === undefined || fingerprint !== made) {
      made = fingerprint
      agent = loaded.server.startsWith('https:') ? new https.Agent({ ...certificates, ...KEPT }) : new http.Agent(KEPT)
    }
    return { agent, headers, ...(auth === undefined || auth === null ? {} : { auth }) }
  }
  return { loaded, options, token: () => token }
}

const credentialFault = (error: unknown, { config, origin, user }: LoadedConfig): Fault => {
  const text = (error instanceof Error ? error.message : String(error)).trim()
  const exec: unknown = config.getCurrentUser()?.exec?.command
  if (typeof exec === 'string') {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    return absent
      ? new Fault(
          'input',
          `${origin}: user "${user}" logs in with "${exec}", which is not installed`,
          `Install ${exec} on the runner first`,
        )
      : new Fault(
          'upstream',
          `${origin}: "${exec}" gave no credential for user "${user}": ${lastLine(text)}`,
          'Log in to the cloud before this step',
        )
  }
  return new Fault('input', `${origin}: the credential of user "${user}" cannot be read: ${lastLine(text)}`)
}

const lastLine = (text: string): string => {
  const line = text.split('\n').at(-1) ?? ''
  return line.length > 300 ? `${line.slice(0, 297)}…` : line
}
