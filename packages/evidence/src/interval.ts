import { type Count, share } from './count.ts'

/** The two-sided normal quantile of 99.9 %: for checks that nothing of α is kept for. */
export const NEARLY_SURE = 3.2905267314919255

/**
 * Wilson's score interval for a share, for display; no verdict rests on it. An empty count gives [0, 1].
 * @param z the normal quantile: 1.96 for 95 %
 * Source: Wilson, "Probable inference, the law of succession, and statistical inference" (1927).
 */
export const wilson = (count: Count, z = 1.959963984540054): { readonly low: number; readonly high: number } => {
  const { n, k } = count
  if (!(n > 0)) return { low: 0, high: 1 }
  const p = share(count)
  const middle = (p + (z * z) / (2 * n)) / (1 + (z * z) / n)
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))
  // At the ends the formula is exact and only rounding leaves the unit interval.
  return { low: k <= 0 ? 0 : Math.max(0, middle - half), high: k >= n ? 1 : Math.min(1, middle + half) }
}
