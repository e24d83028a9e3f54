/** A request that is ready to be sent. */
export type Request = {
  readonly method: string
  /** Relative to the base address. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** False: a 3xx answer is the answer. */
  readonly followRedirects: boolean
  readonly timeoutMs: number
}

/**
 * What came of a request. `unreachable`: no connection was made (name, route, port, TLS), so nothing is known about the service;
 * `no-answer`: connected, but no whole answer came before the time was up or the connection broke.
 * `retryAfterMs`: what the answer's Retry-After asks for.
 */
export type Answer =
  | {
      readonly kind: 'answered'
      readonly status: number
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
      readonly tookMs: number
      /** Set when the body was longer than what is read of it. */
      readonly cut?: boolean
      /** Where a redirect led that was followed, or why it was not. */
      readonly redirect?: string
    }
  | { readonly kind: 'unreachable' | 'no-answer'; readonly text: string; readonly tookMs: number }

/**
 * How long an answer asks to be left alone, in ms (RFC 9110, 10.2.3: seconds or an HTTP date); 0 when it does not ask.
 * @param now ms UTC, for a date
 */
export const retryAfterMs = (answer: Answer, now: number): number => {
  const value = answer.kind === 'answered' ? answer.headers['retry-after']?.trim() : undefined
  if (value === undefined || value === '') return 0
  if (/^\d+$/.test(value)) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? 0 : Math.max(0, date - now)
}
