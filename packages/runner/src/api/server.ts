import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Deployment } from './deployment-state.ts'
import { type Call, type Reply, refused } from './exchange.ts'
import { type GitHubApi, type GitHubApiOptions, gitHubApi } from './github-api.ts'

/**
 * Trouble to make: `server-error`, 502 and nothing done; `lost-answer`, done and then the connection is cut; `hang`, no answer; `rate-limit`, the primary limit
 * is spent; `secondary-rate-limit`, with `retryAfter` seconds unless that is left out.
 * Source: docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
 */
export type Trouble = {
  readonly kind: 'server-error' | 'lost-answer' | 'hang' | 'rate-limit' | 'secondary-rate-limit'
  /** Calls that it befalls. Default 1. */
  readonly times?: number
  /** Only calls of this method. Default any. */
  readonly method?: 'GET' | 'POST'
  /** Seconds; for `rate-limit` until the limit is reset. */
  readonly retryAfter?: number
}

/** The local API as a server. */
export type GitHubApiServer = {
  /** For GITHUB_API_URL; loopback. */
  readonly url: string
  /** All deployments, oldest first. */
  deployments(): readonly Deployment[]
  /** Every call so far: `POST /repos/acme/shop/deployments`. */
  calls(): readonly string[]
  /** Makes trouble with the next calls. */
  trouble(trouble: Trouble): void
  /** See `Deployments`. */
  forgetStatuses(id: number): void
  close(): Promise<void>
}

/** Starts the local API on a free port of 127.0.0.1. It stands in for api.github.com in local runs and tests. */
export const startGitHubApi = async (options: GitHubApiOptions): Promise<GitHubApiServer> => {
  const calls: string[] = []
  const troubles: { trouble: Trouble; left: number }[] = []
  const server = createServer((incoming, outgoing) => {
    void receive(incoming).then((call) => {
      calls.push(`${call.method} ${call.path}`)
      const next = troubles.find(({ trouble, left }) => left > 0 && (trouble.method ?? call.method) === call.method)
      if (next === undefined) {
        send(outgoing, api.answer(call))
        return
      }
      next.left -= 1
      befall(next.trouble, { api, call, outgoing, now: (options.now ?? Date.now)() })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  const api: GitHubApi = gitHubApi(options, () => url)
  return {
    url,
    deployments: () => api.deployments.all(),
    calls: () => calls,
    trouble: (trouble) => void troubles.push({ trouble, left: trouble.times ?? 1 }),
    forgetStatuses: api.deployments.forgetStatuses,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const receive = async (incoming: IncomingMessage): Promise<Call> => {
  const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://127.0.0.1')
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  )
  return { method: incoming.method ?? 'GET', path: pathname, query: searchParams, headers, body: await text(incoming) }
}

const send = (outgoing: ServerResponse, { status, headers = {}, body }: Reply): void => {
  outgoing.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers })
  outgoing.end(JSON.stringify(body))
}

type Victim = {
  readonly api: GitHubApi
  readonly call: Call
  readonly outgoing: ServerResponse
  readonly now: number
}

const befall = ({ kind, retryAfter }: Trouble, { api, call, outgoing, now }: Victim): void => {
  if (kind === 'hang') return
  if (kind === 'lost-answer') {
    api.answer(call)
    outgoing.destroy()
  } else if (kind === 'server-error') send(outgoing, { status: 502, body: { message: 'Server Error' } })
  else if (kind === 'rate-limit') {
    const headers = {
      'x-ratelimit-limit': '1000',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': String(Math.ceil(now / 1000) + (retryAfter ?? 3600)),
    }
    send(outgoing, refused(403, 'API rate limit exceeded for installation.', LIMITS, { headers }))
  } else {
    const headers: Record<string, string> = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }
    send(outgoing, refused(403, SECONDARY, LIMITS, { headers }))
  }
}

const SECONDARY = 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.'
const LIMITS = '/using-the-rest-api/rate-limits-for-the-rest-api'
