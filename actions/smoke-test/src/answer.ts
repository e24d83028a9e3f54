/** A request that is ready to be sent. */
export type Request = {
  readonly method: string
  /** Relative to the base address. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** False: a 3xx answer is the answer. */
  readonly followRedirects: boolean
  /** Of the whole request, redirects included. */
  readonly timeoutMs: number
}

/**
 * What came of a request. `unreachable`: no connection was made (name, route, port, TLS), so nothing is known about the service;
 * `no-answer`: connected, but no whole answer came before the time was up or the connection broke.
 */
export type Answer =
  | {
      readonly kind: 'answered'
      readonly status: number
      /** Names in lower case. */
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
      readonly tookMs: number
      /** How long the answer's Retry-After asks to be left alone. */
      readonly retryAfterMs?: number
      /** Where a redirect led that was followed, or why it was not. */
      readonly redirect?: string
    }
  | { readonly kind: 'unreachable' | 'no-answer'; readonly text: string; readonly tookMs: number }
