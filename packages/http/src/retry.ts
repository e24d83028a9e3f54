import type { HttpResult } from './request.ts'
import { retryAfter } from './retry-after.ts'

/** Time and chance as arguments: `now` ms UTC, `random` in [0, 1). */
export type Clock = {
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<void>
  readonly random: () => number
}

/** The machine's own clock and chance. */
export const realClock: Clock = {
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  random: () => Math.random(),
}

/** Tries in all, the first wait and the longest wait in ms. A server that asks for a longer wait is not asked again. */
export type RetryPolicy = { readonly tries: number; readonly firstWait: number; readonly longestWait: number }

/**
 * Repeats a call while its result is one that time may mend: no answer, 429, 502, 503, 504, and 500.
 * Waits as `Retry-After` says, else exponentially with equal jitter (Brooker, "Exponential backoff and jitter", AWS 2015).
 * @param repeatable whether doing the call twice is the same as once; if not, only what never reached the server
 *   (no connection) or was turned away before it was done (429) is repeated
 * @returns the last result, good or bad
 */
export const withRetries = async (
  attempt: () => Promise<HttpResult>,
  repeatable: boolean,
  policy: RetryPolicy,
  clock: Clock = realClock,
): Promise<HttpResult> => {
  for (let done = 1; ; done++) {
    const result = await attempt()
    if (done >= policy.tries || !mayMend(result, repeatable)) return result
    const asked = result.kind === 'answered' ? retryAfter(result.headers['retry-after'], clock.now()) : undefined
    if (asked !== undefined && asked > policy.longestWait) return result
    await clock.sleep(asked ?? backoff(done, policy, clock.random()))
  }
}

/** The wait after the given number of failed tries: half to all of firstWait·2^(tries−1), at most the longest. */
export const backoff = (failed: number, { firstWait, longestWait }: RetryPolicy, random: number): number =>
  Math.round(Math.min(longestWait, firstWait * 2 ** (failed - 1)) * (0.5 + random / 2))

const mayMend = (result: HttpResult, repeatable: boolean): boolean => {
  if (result.kind === 'too-large') return false
  if (result.kind === 'no-answer') {
    // A bad certificate stays bad.
    if (result.cause === 'tls') return false
    return repeatable || !result.connected
  }
  if (result.status === 429) return true
  return repeatable && [500, 502, 503, 504].includes(result.status)
}
