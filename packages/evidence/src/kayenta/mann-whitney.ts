import { upperQuantile, upperTail } from '../normal.ts'
import { root } from './brent.ts'

/**
 * What the test says of two samples. `w`: Wilcoxon's rank sum of the first sample less its least value, 0 … nm. `sigma`: its standard deviation with
 * ties corrected. `p`: two-sided. `low` … `high`: the confidence interval of the shift, first minus second, in the unit of the samples; an end
 * that the samples are too small to give is the least or largest difference. `estimate`: the shift itself (Hodges and Lehmann).
 */
export type MannWhitney = {
  readonly w: number
  readonly sigma: number
  readonly p: number
  readonly low: number
  readonly high: number
  readonly estimate: number
}

/**
 * `confidence` of the interval, 0 … 1. `within`: how near the ends and the estimate are to the true ones, in the unit of the samples. `relative`:
 * the same as a part of the span of all differences instead, so that the answer does not depend on the unit.
 */
export type Precision =
  | { readonly confidence: number; readonly within: number }
  | { readonly confidence: number; readonly relative: number }

/**
 * The asymptotic two-sample Wilcoxon test with continuity correction and tie-corrected variance, as R's `wilcox.test(exact = FALSE, correct = TRUE,
 * conf.int = TRUE)`; the interval's ends are the shifts at which the standardized statistic is the normal quantile. Only the estimate differs from R's:
 * it is found with the continuity correction too, as the judge of Kayenta does.
 * `undefined` where there is no interval: a side is empty, a value or the span of the differences is not finite, or all observations are tied.
 * Sorts once; each step towards an end is a merge, O(n + m).
 * Source: Hollander and Wolfe, "Nonparametric statistical methods" (1999), chapter 4; docs/decisions/0015-judges-of-peers.md.
 */
export const mannWhitney = (
  first: readonly number[],
  second: readonly number[],
  precision: Precision,
): MannWhitney | undefined => {
  const [x, y] = [Float64Array.from(first).sort(), Float64Array.from(second).sort()]
  const [low, high] = [(x[0] ?? Number.NaN) - (y.at(-1) ?? Number.NaN), (x.at(-1) ?? Number.NaN) - (y[0] ?? Number.NaN)]
  if (!Number.isFinite(low) || !Number.isFinite(high)) return undefined
  const z = (shift: number): number => standardized(statistic(x, y, shift))
  const [atLow, atHigh] = [z(low), z(high)]
  if (Number.isNaN(atLow) || Number.isNaN(atHigh)) return undefined
  const within = 'relative' in precision ? precision.relative * (high - low) : precision.within
  const end = (quantile: number): number => {
    if (atLow - quantile <= 0) return low
    if (atHigh - quantile >= 0) return high
    return root((shift) => z(shift) - quantile, { low, high, within })
  }
  const quantile = upperQuantile((1 - precision.confidence) / 2)
  const unshifted = statistic(x, y, 0)
  const p = 2 * upperTail(Math.abs(standardized(unshifted)))
  const { centred, sigma } = unshifted
  const w = centred + (x.length * y.length) / 2
  return {
    w,
    sigma,
    p: Math.min(1, p),
    low: end(quantile),
    high: end(-quantile),
    estimate: root(z, { low, high, within }),
  }
}

/**
 * Whether samples of these sizes can give both ends of an interval at this confidence. If not, even samples that do not overlap have the least and the
 * largest difference for ends, which are no confidence bounds: 4 and 4 at 98 %.
 */
export const hasInterval = (n: number, m: number, confidence: number): boolean =>
  standardized({ centred: (n * m - 1) / 2, sigma: deviation(n, m, 6) }) > upperQuantile((1 - confidence) / 2)

/** The rank sum less its mean, and its standard deviation. */
type Statistic = { readonly centred: number; readonly sigma: number }

/** Of `x - shift` against `y`, both sorted. Ties are those of the shifted numbers as they are, as where ranks are taken. */
const statistic = (x: Float64Array, y: Float64Array, shift: number): Statistic => {
  const [n, m] = [x.length, y.length]
  let [i, j, above, ties] = [0, 0, 0, 0]
  while (i < n || j < m) {
    const [left, right] = [(x[i] ?? Number.POSITIVE_INFINITY) - shift, y[j] ?? Number.POSITIVE_INFINITY]
    const value = Math.min(left, right)
    const [fromX, fromY] = [i, j]
    while (i < n && (x[i] as number) - shift === value) i += 1
    while (j < m && y[j] === value) j += 1
    above += (i - fromX) * (fromY + (j - fromY) / 2)
    const tied = i - fromX + j - fromY
    ties += tied * tied * tied - tied
  }
  return { centred: above - (n * m) / 2, sigma: deviation(n, m, ties) }
}

/** @param ties the sum of t³ - t over groups of t tied values */
const deviation = (n: number, m: number, ties: number): number =>
  Math.sqrt(((n * m) / 12) * (n + m + 1 - ties / ((n + m) * (n + m - 1))))

/** NaN where all are tied. */
const standardized = ({ centred, sigma }: Statistic): number =>
  sigma > 0 ? (centred - Math.sign(centred) / 2) / sigma : Number.NaN
