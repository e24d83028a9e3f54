import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { type HttpAnswer, type HttpRequest, type HttpResult, request } from '@sluice/http/request'
import { type Clock, type RetryPolicy, realClock, withRetries } from '@sluice/http/retry'
import { Fault } from '@sluice/kit/faults'
import { authorize } from './authorization.ts'
import type { Credentials } from './credentials.ts'
import { outcome, refused, unanswered } from './refusal.ts'
import { apiOf, isLoopback, type Repository } from './repository.ts'
import { type Access, isNoToken } from './token.ts'

/** How a registry is spoken to. */
export type Connection = {
  /** Asked when the registry wants credentials, and again when they or a token of theirs have ended; `undefined`: without. */
  readonly credentials: () => Promise<Credentials | undefined>
  /** Tries of each request in all. */
  readonly attempts: number
  /** By default the machine's own. */
  readonly clock?: Clock
  /** Set: waits end, and no further request is made. */
  readonly signal: AbortSignal
  /** Told in a sentence, before a request is made again: what came of the one before, and the number of the next. */
  readonly onRetry?: (text: string) => void
  /** HTTPS_PROXY, HTTP_PROXY and NO_PROXY are read, though never for this machine itself. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** One request. `url` is absolute, or begins with a slash and is below the repository's API. */
export type Ask = {
  readonly url: string
  readonly what: string
  readonly access: Access
  readonly method?: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly maxBytes?: number
}

/** `storage`: the host that answered, where a redirect led away from the registry. */
export type Reply = HttpAnswer & { readonly storage: string | undefined; readonly tries: number }

/** A repository's API: answers of any status, and the fault for one that was not awaited. */
export type Transport = {
  readonly base: string
  ask(ask: Ask): Promise<Reply>
  refusal(reply: Reply, ask: Ask): Fault
  scrubbed(text: string): string
}

const REQUEST_MS = 60_000
const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 60_000
const REDIRECTS = [301, 302, 303, 307, 308]
const HOPS = 5

/**
 * Sends requests to a repository's API, with what it wants to be shown. Every one may be repeated: what is written is named by its content.
 * Redirects are followed for what is read, without the credentials once they lead elsewhere.
 */
export const openTransport = (repository: Repository, connection: Connection): Transport => {
  const { signal, clock = realClock, onRetry } = connection
  const base = apiOf(repository)
  const pause = (ms: number): Promise<void> => endedBy(signal, clock.sleep(ms))
  const policy: RetryPolicy = { tries: connection.attempts, firstWait: FIRST_WAIT_MS, longestWait: LONGEST_WAIT_MS }
  const agentOf = agentsOf(connection.env ?? {})
  const send = (call: Omit<HttpRequest, 'timeoutMs'>): Promise<HttpResult> => {
    const headers = { 'user-agent': 'sluice', ...call.headers }
    return request({ ...call, headers, timeoutMs: REQUEST_MS, signal, tls: { agent: agentOf(new URL(call.url)) } })
  }
  const repeated = async (
    what: string,
    once: () => Promise<HttpResult>,
  ): Promise<{ result: HttpResult; tries: number }> => {
    let tries = 0
    let last: HttpResult | undefined
    const attempt = async (): Promise<HttpResult> => {
      if (signal.aborted) throw cancelled()
      tries += 1
      if (last !== undefined)
        onRetry?.(`${repository.host}, asked to ${what}: ${outcome(last)}; try ${tries} of ${connection.attempts}`)
      last = await once()
      return last
    }
    const result = await withRetries(attempt, true, policy, { ...clock, sleep: pause }).catch((thrown: unknown) => {
      throw signal.aborted ? cancelled() : thrown
    })
    return { result, tries }
  }
  const authorization = authorize({
    repository,
    credentials: connection.credentials,
    now: clock.now,
    send: (call, what) => repeated(what, () => send({ maxBytes: 1024 * 1024, ...call })),
  })

  const asOne = async (one: Ask): Promise<Reply> => {
    let storage: string | undefined
    const follow = async (url: URL, shown: string | undefined, hops = HOPS): Promise<HttpResult> => {
      storage = url.host === new URL(base).host ? undefined : url.host
      const { method = 'GET', body, maxBytes } = one
      const headers = { ...one.headers, ...(shown === undefined ? {} : { authorization: shown }) }
      const result = await send({
        url,
        method,
        headers,
        ...(body === undefined ? {} : { body }),
        ...(maxBytes === undefined ? {} : { maxBytes }),
      })
      const next = hops === 0 || !['GET', 'HEAD'].includes(method) ? undefined : nextOf(result, url)
      if (next === undefined) return result
      return follow(next, next.origin === url.origin ? shown : undefined, hops - 1)
    }
    const once = async (): Promise<HttpResult> => {
      const url = new URL(one.url.startsWith('/') ? `${base}${one.url}` : one.url)
      const used = await authorization.header(one.access)
      const result = await follow(url, used)
      // What stands elsewhere is not the registry, and is shown nothing.
      const turned = result.kind === 'answered' && isRefusal({ status: result.status, storage })
      const header = turned ? await authorization.after(result, one.access, used) : undefined
      return header === undefined ? result : follow(url, header)
    }
    try {
      const { result, tries } = await repeated(one.what, once)
      if (result.kind === 'answered') return { ...result, storage, tries }
      throw unanswered(result, { repository, what: one.what, access: one.access, tries })
    } catch (thrown) {
      throw thrown instanceof Fault ? clean(thrown, authorization.scrubbed) : thrown
    }
  }
  /**
   * Docker Hub and others hide from a token for reading that a repository is not there yet; one for writing, as a push has it, is told. It is only asked for
   * then, as not all who may read get one.
   */
  const ask = async (one: Ask): Promise<Reply> => {
    const first = await asOne(one).catch((thrown: unknown) => {
      if (isNoToken(thrown)) return thrown
      throw thrown
    })
    const turned = first instanceof Fault || isRefusal(first)
    const other =
      turned && one.access === 'pull' && authorization.scoped()
        ? await asOne({ ...one, access: 'push' }).catch(() => undefined)
        : undefined
    if (other !== undefined && !isRefusal(other)) return other
    if (first instanceof Fault) throw first
    return first
  }
  const refusal = ({ storage, ...reply }: Reply, { what, access }: Ask): Fault => {
    const elsewhere = storage === undefined ? {} : { storage }
    const asked = { repository, what, access, credentials: authorization.shown(), tries: reply.tries, ...elsewhere }
    return clean(refused(reply, asked, clock.now()), authorization.scrubbed)
  }
  return { base, ask, refusal, scrubbed: authorization.scrubbed }
}

const isRefusal = ({ status, storage }: Pick<Reply, 'status' | 'storage'>): boolean =>
  [401, 403].includes(status) && storage === undefined

const cancelled = (): Fault => new Fault('upstream', 'the job was cancelled', 'Run the job again')

/** What a server says may be what it was shown. */
const clean = (fault: Fault, scrubbed: (text: string) => string): Fault => {
  const { kind, message, hint, cause } = fault
  const text = scrubbed(message)
  return text === message ? fault : new Fault(kind, text, hint, { cause })
}

/** Where an answer leads; never from https to plain http. */
const nextOf = (result: HttpResult, from: URL): URL | undefined => {
  const to = result.kind === 'answered' && REDIRECTS.includes(result.status) ? result.headers.location : undefined
  if (to === undefined || !URL.canParse(to, from.href)) return undefined
  const next = new URL(to, from)
  if (next.protocol === 'https:') return next
  return next.protocol === 'http:' && from.protocol === 'http:' && isLoopback(next.hostname) ? next : undefined
}

/** A proxy is never asked for this machine, as with docker. */
const agentsOf = (env: Readonly<Record<string, string | undefined>>): ((url: URL) => HttpAgent | HttpsAgent) => {
  const near = new HttpAgent({ keepAlive: true })
  const far = new HttpsAgent({ keepAlive: true, proxyEnv: { ...env } })
  const nearTls = new HttpsAgent({ keepAlive: true })
  return ({ protocol, hostname }) => {
    if (protocol === 'http:') return near
    return isLoopback(hostname) ? nearTls : far
  }
}

/** Ends with the work, or when the signal is set. */
const endedBy = async (signal: AbortSignal, work: Promise<void>): Promise<void> => {
  let stop = (): void => {}
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', stop, { once: true })
  })
  await Promise.race([work, stopped])
  signal.removeEventListener('abort', stop)
}
