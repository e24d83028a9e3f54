/** The first wait before a push is tried again, and the longest, ms. */
const FIRST = 2_000
const LONGEST = 60_000

/**
 * How long to wait before a try, ms: doubled each time, and half of it by chance, so that the jobs that one outage failed do not all come back at once.
 * Source: Brooker, "Exponential backoff and jitter", AWS 2015.
 * @param attempt the one that is to begin, from 2 on
 * @param random in [0, 1)
 */
export const waitBefore = (attempt: number, random: number): number =>
  Math.round(Math.min(LONGEST, FIRST * 2 ** (attempt - 2)) * (0.5 + random / 2))
