import { request as send } from '@sluice/http/request'
import { retryAfter } from '@sluice/http/retry-after'
import type { Answer, Request } from '../answer.ts'
import { followed, type Leg } from '../redirect.ts'

const MAX_BYTES = 4 * 1024 * 1024
const MAX_REDIRECTS = 5

/**
 * Sends a request to an address and follows its redirects. Each request has a connection of its own, as a new visitor's would.
 * @param base what the paths are joined to
 * @param userAgent so that the service's own metrics can leave these requests out
 */
export const asker =
  (base: URL, userAgent: string, cancelled: AbortSignal) =>
  async (request: Request): Promise<Answer> => {
    const begun = performance.now()
    const { method, body } = request
    const headers = { 'user-agent': userAgent, accept: '*/*', 'accept-encoding': 'identity', ...request.headers }
    let leg: Leg = { url: join(base, request.path), method, headers, body }
    let led: string | undefined
    for (let hops = 0; ; hops++) {
      const timeoutMs = Math.max(1, Math.round(request.timeoutMs - (performance.now() - begun)))
      const { answer, location } = await ask(leg, timeoutMs, cancelled)
      const tookMs = performance.now() - begun
      if (answer.kind !== 'answered') return { ...answer, tookMs }
      const final: Answer = { ...answer, tookMs, ...(led === undefined ? {} : { redirect: led }) }
      if (!request.followRedirects || location === undefined) return final
      if (hops >= MAX_REDIRECTS) return { ...final, redirect: `more than ${MAX_REDIRECTS} redirects` }
      const next = followed(leg, answer.status, location)
      if ('why' in next) return { ...final, redirect: next.why }
      led = `redirected to ${next.url.origin}${next.url.pathname}`
      leg = next
    }
  }

/** The address of a path under the base's own. */
export const join = (base: URL, path: string): URL =>
  path === '' ? base : new URL(`${base.origin}${base.pathname.replace(/\/$/, '')}${path}`)

const ask = async ({ url, method, headers, body }: Leg, timeoutMs: number, signal: AbortSignal): Promise<Asked> => {
  const result = await send({
    url,
    method,
    headers,
    timeoutMs,
    signal,
    maxBytes: MAX_BYTES,
    tls: { agent: false },
    ...(body === undefined ? {} : { body }),
  }).catch((thrown: unknown) => {
    if (signal.aborted) return CANCELLED
    throw thrown
  })
  if (result.kind === 'no-answer') {
    const kind = result.connected ? 'no-answer' : 'unreachable'
    return { answer: { kind, text: result.text, tookMs: 0 }, location: undefined }
  }
  if (result.kind === 'too-large')
    return { answer: { kind: 'no-answer', text: result.text, tookMs: 0 }, location: undefined }
  const wait = retryAfter(result.headers['retry-after'], Date.now())
  return {
    answer: { ...result, ...(wait === undefined ? {} : { retryAfterMs: wait }) },
    location: [301, 302, 303, 307, 308].includes(result.status) ? result.headers.location : undefined,
  }
}

type Asked = { readonly answer: Answer; readonly location: string | undefined }

const CANCELLED = { kind: 'no-answer', connected: true, cause: 'reset', text: 'cancelled' } as const
