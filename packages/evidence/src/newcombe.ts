import { type Count, type Pair, share } from './count.ts'
import { wilson } from './interval.ts'
import type { PairedCounts } from './mcnemar.ts'

/**
 * Newcombe's hybrid score interval (his method 10) for the canary's share of bad answers minus the baseline's, two independent samples, for one look.
 * Bounds: within [−1, 1]; a side without answers is taken as unknown, so that nothing at all gives [−1, 1].
 * @param z the normal quantile: 1.96 for 95 %
 * Source: Newcombe, "Interval estimation for the difference between independent proportions: comparison of eleven methods",
 * Statistics in Medicine 17 (1998), 873–890.
 */
export const newcombe = ({ baseline, canary }: Pair, z?: number): { readonly low: number; readonly high: number } => {
  const [b, c] = [sideOf(baseline, z), sideOf(canary, z)]
  if (!(baseline.n > 0 && canary.n > 0)) return { low: c.low - b.high, high: c.high - b.low }
  return {
    low: Math.max(-1, c.share - b.share - Math.hypot(c.share - c.low, b.high - b.share)),
    high: Math.min(1, c.share - b.share + Math.hypot(c.high - c.share, b.share - b.low)),
  }
}

/**
 * The same difference where both sides answered the same cases: Newcombe's method 10 for paired shares. The sides' correlation φ, corrected
 * for continuity, makes it narrower than the interval of independent samples. Bounds: within [−1, 1]; no case gives [−1, 1].
 * @param z the normal quantile: 1.96 for 95 %
 * Source: Newcombe, "Improved confidence intervals for the difference between binomial proportions based on paired data",
 * Statistics in Medicine 17 (1998), 2635–2650.
 */
export const newcombePaired = (counts: PairedCounts, z?: number): { readonly low: number; readonly high: number } => {
  const n = counts.both + counts.baseline + counts.canary + counts.neither
  if (!(n > 0)) return { low: -1, high: 1 }
  const b = sideOf({ n, k: counts.both + counts.baseline }, z)
  const c = sideOf({ n, k: counts.both + counts.canary }, z)
  const middle = (counts.canary - counts.baseline) / n
  const phi = correlation(counts)
  return {
    low: Math.max(-1, middle - together(c.share - c.low, b.high - b.share, phi)),
    high: Math.min(1, middle + together(c.high - c.share, b.share - b.low, phi)),
  }
}

const sideOf = (count: Count, z?: number) => ({ share: share(count), ...wilson(count, z) })

/** The length of two sides' distances with correlation φ; rounding may leave it a hair below 0. */
const together = (one: number, other: number, phi: number): number =>
  Math.sqrt(Math.max(0, one * one - 2 * phi * one * other + other * other))

/** φ of the 2 × 2 table. Half of n is taken off a positive numerator, down to 0: without that, pairs that always agree would leave no width. */
const correlation = ({ both, baseline, canary, neither }: PairedCounts): number => {
  const margins = [both + baseline, canary + neither, both + canary, baseline + neither]
  if (margins.includes(0)) return 0
  const n = both + baseline + canary + neither
  const agreement = both * neither - baseline * canary
  const corrected = agreement > 0 ? Math.max(0, agreement - n / 2) : agreement
  return margins.reduce((phi, margin) => phi / Math.sqrt(margin), corrected)
}
