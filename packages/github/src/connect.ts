import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { Octokit } from '@octokit/core'
import { type HttpAnswer, type HttpResult, type NoAnswer, request } from '@sluice/http/request'
import { type Clock, type RetryPolicy, realClock, withRetries } from '@sluice/http/retry'
import { Fault } from '@sluice/kit/faults'
import { limited } from './limits.ts'
import { keepCancelled, keepUnanswered } from './refusal.ts'

/** How to reach one repository. */
export type Connection = {
  readonly token: string
  /** `owner/name`. */
  readonly repository: string
  /** GITHUB_API_URL (default https://api.github.com), HTTPS_PROXY, HTTP_PROXY and NO_PROXY are read. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** For all calls together, repetitions and waits included, from now on; ms. */
  readonly timeoutMs: number
  /** Who asks, for GitHub's User-Agent. */
  readonly userAgent: string
  /** Set: waits end, and no further call is made. */
  readonly cancelled?: AbortSignal
}

/** One repository behind GitHub's REST API. `request` is octokit's: it throws for every status of 400 and above, see `refusal`. */
export type GitHub = {
  readonly owner: string
  readonly repo: string
  readonly request: Octokit['request']
  /** Waits, ms, but not beyond the time that all calls together have. */
  readonly pause: (ms: number) => Promise<void>
}

const API_VERSION = '2022-11-28'
/** GitHub itself gives up after 10 s (docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#timeouts). */
const ONE_CALL_MS = 15_000
const POLICY: RetryPolicy = { tries: 4, firstWait: 1000, longestWait: 20_000 }

/**
 * A way to a repository's REST API: octokit's routes and types over requests of our own, which are bounded as a whole, know why no answer came,
 * and go through the proxy of the environment. 5xx, 429 and both kinds of rate limit are tried 4 times in all, while they ask for at most
 * 20 s. A call that might be done twice to bad effect is only repeated when it was certainly not done. See docs/decisions/0010-github-api.md.
 * @throws Fault('input') for an API address that would send the token in the clear, or a repository that is not `owner/name`
 */
export const connect = (connection: Connection, clock: Clock = realClock): GitHub => {
  const [owner = '', repo = '', ...rest] = connection.repository.split('/')
  if (owner === '' || repo === '' || rest.length > 0) {
    throw new Fault('input', `The repository must be owner/name, not ${JSON.stringify(connection.repository)}`)
  }
  const base = apiUrl(connection.env.GITHUB_API_URL)
  const ends = clock.now() + connection.timeoutMs
  const left = (): number => Math.max(0, ends - clock.now())
  const pause = (ms: number): Promise<void> =>
    Promise.race([clock.sleep(Math.min(ms, left())), abortOf(connection.cancelled)])
  const octokit = new Octokit({
    auth: connection.token,
    baseUrl: base.href.replace(/\/$/, ''),
    userAgent: connection.userAgent,
    request: { fetch: bounded(connection, base, { ...clock, sleep: pause }, left) },
    // octokit warns on the console about what we already say ourselves.
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
  })
  octokit.hook.before('request', (options) => {
    options.headers['x-github-api-version'] = API_VERSION
  })
  return { owner, repo, request: octokit.request, pause }
}

const ignore = (): void => {}

/** Resolves when the signal is set; never without one. */
const abortOf = (signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) resolve()
    else signal?.addEventListener('abort', () => resolve(), { once: true })
  })

const apiUrl = (given: string | undefined): URL => {
  const text = given || 'https://api.github.com'
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined) throw new Fault('input', `GITHUB_API_URL is not an address: ${JSON.stringify(text)}`)
  const safe = url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname))
  if (safe) return url
  throw new Fault('input', `GITHUB_API_URL is ${url.origin}: it would get the token in the clear`, 'Use https')
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

type Fetch = (
  url: string,
  options: { readonly method?: string; readonly headers?: Readonly<Record<string, string>>; readonly body?: string },
) => Promise<Response>

/** The fetch that octokit is given. What is no answer of GitHub's is thrown as a fault that `refusal` finds again. */
const bounded = (connection: Connection, base: URL, clock: Clock, left: () => number): Fetch => {
  const { cancelled } = connection
  const proxyEnv = { ...connection.env }
  const agent =
    base.protocol === 'https:'
      ? new HttpsAgent({ keepAlive: true, proxyEnv })
      : new HttpAgent({ keepAlive: true, proxyEnv })
  const send: Send = async (url, call) => {
    let last: HttpResult | undefined
    const attempt = async (): Promise<HttpResult> => {
      const timeoutMs = Math.min(ONE_CALL_MS, left())
      // What came before the time was up says more than that it is.
      if (timeoutMs === 0) return isTimeout(last) ? outOfTime(base, connection.timeoutMs) : last
      const signal = cancelled === undefined ? {} : { signal: cancelled }
      last = limited(await request({ url, ...call, timeoutMs, tls: { agent }, ...signal }), clock.now())
      return last
    }
    return withRetries(attempt, repeatable(call.method, url), POLICY, clock).catch((thrown: unknown) => {
      throw cancelled?.aborted ? keepCancelled() : thrown
    })
  }
  return async (url, { method = 'GET', headers = {}, body }) => {
    const call = { method, headers, ...(body === undefined ? {} : { body }) }
    const result = await following(send, url, call)
    if (result.kind !== 'answered') throw keepUnanswered(result, base.host)
    const { status } = result
    const empty = status === 204 || status === 304
    if (!empty && status < 400 && !isJson(result)) throw keepUnanswered(foreign(result, base), base.host)
    return new Response(empty ? null : result.body, { status, headers: result.headers })
  }
}

type Send = (
  url: string,
  call: {
    readonly method: string
    readonly headers: Readonly<Record<string, string>>
    readonly body?: string
  },
) => Promise<HttpResult>

/**
 * Sends, and follows what a renamed repository answers with, by the same method, on the same host, which alone may see the token.
 * Source: docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
 */
const following = async (send: Send, url: string, call: Parameters<Send>[1], hops = 3): Promise<HttpResult> => {
  const result = await send(url, call)
  const to = result.kind === 'answered' && REDIRECTS.includes(result.status) ? result.headers.location : undefined
  if (to === undefined || hops === 0 || !URL.canParse(to, url)) return result
  const next = new URL(to, url)
  return next.origin === new URL(url).origin ? following(send, next.href, call, hops - 1) : result
}

const REDIRECTS = [301, 302, 307, 308]

const isJson = ({ status, headers }: HttpAnswer): boolean =>
  status < 300 && /\bjson\b/i.test(headers['content-type'] ?? '')

/** A proxy's page, or a redirect that leads elsewhere: the request may have come to GitHub or not. */
const foreign = ({ status, headers }: HttpAnswer, base: URL): NoAnswer => ({
  kind: 'no-answer',
  cause: 'network',
  connected: true,
  text: `${base.host} answered ${status} with ${headers['content-type'] ?? 'no content type'}, which is none of GitHub's API: something stands in between`,
})

/** A status that is written twice says the same twice. A deployment that is created twice is two deployments. */
const repeatable = (method: string, url: string): boolean => method === 'GET' || url.endsWith('/statuses')

const isTimeout = (result: HttpResult | undefined): result is undefined | NoAnswer =>
  result === undefined || (result.kind === 'no-answer' && result.cause === 'timeout')

const outOfTime = (base: URL, timeoutMs: number): HttpResult => ({
  kind: 'no-answer',
  cause: 'timeout',
  connected: false,
  text: `${base.host} did not answer within the ${timeoutMs / 1000} s for all calls`,
})
