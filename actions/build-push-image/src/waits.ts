/** The first wait before a push is tried again, and the longest, ms. Who asks too often is told to wait for longer than who is down. */
const FIRST = { usual: 2_000, 'rate-limit': 10_000 } as const
const LONGEST = 60_000

/**
 * How long to wait before a try, ms: doubled each time, and half of it by chance, so that the jobs that one outage failed do not all come back at once.
 * Source: Brooker, "Exponential backoff and jitter", AWS 2015.
 * @param attempt the one that is to begin, from 2 on
 * @param random in [0, 1)
 * @param kind what the try before failed by
 */
export const waitBefore = (attempt: number, random: number, kind?: string): number =>
  Math.round(Math.min(LONGEST, FIRST[kind === 'rate-limit' ? kind : 'usual'] * 2 ** (attempt - 2)) * (0.5 + random / 2))
