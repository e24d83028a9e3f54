import { wilson } from './interval.ts'

/** Requests that both sides counted. */
export type Counted = { readonly baseline: number; readonly canary: number }

/** The two-sided normal quantile of 99.999 %. */
const Z = 4.417173413469024
/** Less than so much off, relative to what was asked for, is never called different: routers round and connections stick. */
const TOLERATED = 0.2

/**
 * Whether the share of the requests that the canary counted is the one that was asked for: a weight that reads back proves only a write. `more` or
 * `less`: outside the 99.999 % interval of a binomial share, and at least a fifth off. With few requests the interval is wide and nothing differs.
 * @param expected 0 … 1
 */
export const compareShare = ({ baseline, canary }: Counted, expected: number): 'as-asked' | 'more' | 'less' => {
  const n = baseline + canary
  if (n <= 0 || expected <= 0 || expected >= 1) return 'as-asked'
  const share = canary / n
  const { low, high } = wilson({ n, k: canary }, Z)
  if (low > expected && share >= expected * (1 + TOLERATED)) return 'more'
  return high < expected && share <= expected * (1 - TOLERATED) ? 'less' : 'as-asked'
}

/** The canary's share of all requests that are counted, 0 … 1, when `percent` of stable's requests are copied to it. */
export const shareOfCopies = (percent: number): number => percent / (100 + percent)
