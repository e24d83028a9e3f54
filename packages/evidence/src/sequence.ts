import type { Count, Pair } from './count.ts'

/**
 * A confidence sequence for the canary's share of bad answers minus the baseline's, for display: no verdict rests on it. With probability at
 * least 1 − `alpha` the difference is inside at *every* look, however often one looks and whenever one stops. Needs only the counts so far; within
 * [−1, 1], and [−1, 1] with nothing.
 *
 * Both sides may drift, together or each by itself, as in an outage: what is covered is the difference of the two sides' running means, each over the
 * side's own requests so far. Where the weight changes while the baseline drifts, the sides weigh the minutes differently, and that
 * difference is not the difference within the minutes: there, take the counts of one weight.
 *
 * The product of both sides' martingales (`shareSequence`) is one for both running means together; kept is every difference that some pair
 * of means has at which the product is below 1/`alpha`. The two logarithms are convex, so that is an interval.
 */
export const differenceSequence = (
  { baseline, canary }: Pair,
  alpha = 0.05,
): { readonly low: number; readonly high: number } => {
  if (!(baseline.n > 0 && canary.n > 0)) {
    const [b, c] = [shareSequence(baseline, alpha), shareSequence(canary, alpha)]
    return { low: c.low - b.high, high: c.high - b.low }
  }
  const [b, c] = [sideOf(baseline), sideOf(canary)]
  const limit = Math.log(1 / alpha)
  const joint = (difference: number): Curve => {
    const ends = [b.best, c.best - difference].map((p) => Math.min(1, 1 - difference, Math.max(0, -difference, p)))
    const p = lowest(Math.min(...ends), Math.max(...ends), (at) => plus(b.curve(at), c.curve(at + difference)))
    const [ofB, ofC] = [b.curve(p), c.curve(p + difference)]
    // Along the best pairs both sides have this derivative; where one is at 0 or 1 only the other one moves.
    return { ...ofC, value: ofB.value + ofC.value, slope: p > 0 && p < 1 ? -ofB.slope : ofC.slope }
  }
  // Nothing further out is kept, as neither side can be further from its best share than where the other one is at its own.
  const [furthestB, furthestC] = [endsOf(b, limit - c.least), endsOf(c, limit - b.least)]
  return {
    low: edge(furthestC.low - furthestB.high, limit, joint),
    high: edge(furthestC.high - furthestB.low, limit, joint),
  }
}

/**
 * A confidence sequence for a share of bad answers: with probability at least 1 − `alpha` the running mean (1/n) Σ θ_i of what the requests'
 * probabilities were is inside at every look. Presumes that each request is bad with a probability θ_i that its past decides; θ_i may move.
 *
 * For each log odds ratio λ the product of e^(λ x_i) / (1 + θ_i(e^λ − 1)) is a martingale that starts at 1. log(1 + θ(e^λ − 1)) is concave in θ, so
 * the running mean in place of all θ_i only makes it smaller (Jensen). A mean of such products reaches 1/alpha with probability ≤ alpha (Ville), so the means p at
 * which it has not are the sequence: an interval, as the logarithm is convex in p. Fixed λ rather than the usual Beta prior on the share, because
 * the mixture must not depend on the p that is asked about when that p moves.
 * Sources: Robbins, "Statistical methods related to the law of the iterated logarithm" (1970); Howard, Ramdas, McAuliffe, Sekhon, "Time-uniform,
 * nonparametric, nonasymptotic confidence sequences" (2021), whose discrete mixtures these are.
 */
export const shareSequence = (count: Count, alpha: number): { readonly low: number; readonly high: number } => {
  return count.n > 0 ? endsOf(sideOf(count), Math.log(1 / alpha)) : { low: 0, high: 1 }
}

/** The curve of a side that has requests, with the share at which it is lowest and its value there. */
type Side = { readonly curve: (p: number) => Curve; readonly best: number; readonly least: number }

const sideOf = (count: Count): Side => {
  const curve = (p: number): Curve => logMixture(count, p)
  const best = lowest(0, 1, curve)
  return { curve, best, least: curve(best).value }
}

const endsOf = ({ curve }: Side, limit: number): { readonly low: number; readonly high: number } => ({
  low: edge(0, limit, curve),
  high: edge(1, limit, curve),
})

/** Halvings from 8, at which one bad answer among hundreds tells, to where tens of millions of requests do. Both directions. */
const STEPS = Array.from({ length: 14 }, (_, j) => 8 / 2 ** j).flatMap((odds) => [odds, -odds])
const LOG_ODDS_RATIOS = STEPS.map((log) => ({ log, less: Math.expm1(log) }))

/** A convex function at a point, with its first two derivatives. */
type Curve = { readonly value: number; readonly slope: number; readonly bend: number }

/** The log of the martingales' mean at a running mean `p`. At the share that was seen none of them is above 1. */
const logMixture = ({ n, k }: Count, p: number): Curve => {
  const logs = LOG_ODDS_RATIOS.map(({ log, less }) => log * k - n * Math.log1p(p * less))
  const top = Math.max(...logs)
  let [sum, slopes, squares] = [0, 0, 0]
  for (const [j, { less }] of LOG_ODDS_RATIOS.entries()) {
    const part = Math.exp((logs[j] ?? 0) - top)
    const slope = less / (1 + p * less)
    sum += part
    slopes += part * slope
    squares += part * slope * slope
  }
  const [slope, square] = [slopes / sum, squares / sum]
  return {
    value: top + Math.log(sum / logs.length),
    slope: -n * slope,
    bend: n * square + n * n * Math.max(0, square - slope * slope),
  }
}

const plus = (a: Curve, b: Curve): Curve => ({
  value: a.value + b.value,
  slope: a.slope + b.slope,
  bend: a.bend + b.bend,
})

/** Where a convex function is lowest: Newton's method on its slope inside a bracket, bisection where that leaves it. */
const lowest = (from: number, to: number, curve: (at: number) => Curve): number => {
  if (curve(from).slope >= 0) return from
  if (curve(to).slope <= 0) return to
  let [low, high] = [from, to]
  let at = (low + high) / 2
  for (let i = 0; i < MOST_STEPS; i++) {
    const { slope, bend } = curve(at)
    if (slope > 0) high = at
    else low = at
    const newton = at - slope / bend
    const next = newton > low && newton < high ? newton : (low + high) / 2
    if (Math.abs(next - at) <= 1e-12 * (to - from)) return next
    at = next
  }
  return at
}

/**
 * Where a convex function comes down to the limit, on the way in from a point that is outside or the furthest that there is. Newton's method never passes
 * the root from there, so what rounding leaves is outside: never narrower than it should be.
 */
const edge = (furthest: number, limit: number, curve: (at: number) => Curve): number => {
  let at = furthest
  for (let i = 0; i < MOST_STEPS; i++) {
    const { value, slope } = curve(at)
    const step = (value - limit) / slope
    // Also at the very end, where the function may be flat.
    if (value <= limit + 1e-9) return at
    at -= step
  }
  return at
}

const MOST_STEPS = 200
