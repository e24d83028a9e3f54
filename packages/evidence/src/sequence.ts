import type { Count, Pair } from './count.ts'

/**
 * A confidence sequence for the canary's share of bad answers minus the baseline's, for display: no verdict rests on it. With probability at
 * least 1 − `alpha` the difference is inside at *every* look, however often one looks and whenever one stops. Needs only the counts so far; within
 * [−1, 1], and [−1, 1] with nothing.
 *
 * Each side has its own sequence at `alpha`/2 and may drift by itself, as in an outage: what is covered is the difference of the two sides' running
 * means, each over the side's own requests so far. Where the weight changes while the baseline drifts, the sides weigh the minutes differently,
 * and that difference is not the difference within the minutes: there, take the counts of one weight.
 */
export const differenceSequence = (
  { baseline, canary }: Pair,
  alpha = 0.05,
): { readonly low: number; readonly high: number } => {
  const [b, c] = [shareSequence(baseline, alpha / 2), shareSequence(canary, alpha / 2)]
  return { low: c.low - b.high, high: c.high - b.low }
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
export const shareSequence = ({ n, k }: Count, alpha: number): { readonly low: number; readonly high: number } => {
  if (!(n > 0)) return { low: 0, high: 1 }
  const limit = Math.log(1 / alpha)
  const kept = (p: number): boolean => logMixture(n, k, p) < limit
  // At the share itself no likelihood ratio is above 1, so it is always inside.
  return { low: kept(0) ? 0 : edge(0, k / n, kept), high: kept(1) ? 1 : edge(1, k / n, kept) }
}

/** Halvings from 8, at which one bad answer among hundreds tells, to where tens of millions of requests do. Both directions. */
const STEPS = Array.from({ length: 14 }, (_, j) => 8 / 2 ** j).flatMap((odds) => [odds, -odds])
const LOG_ODDS_RATIOS = STEPS.map((log) => ({ log, less: Math.expm1(log) }))

const logMixture = (n: number, k: number, p: number): number => {
  const logs = LOG_ODDS_RATIOS.map(({ log, less }) => log * k - n * Math.log1p(p * less))
  const top = Math.max(...logs)
  return top + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - top), 0) / logs.length)
}

/** The end of what is kept, between a point outside and one inside; the outer one, so that rounding never narrows. */
const edge = (outside: number, inside: number, kept: (p: number) => boolean): number => {
  let [out, into] = [outside, inside]
  for (let i = 0; i < 34; i++) {
    const middle = (out + into) / 2
    if (kept(middle)) into = middle
    else out = middle
  }
  return out
}
