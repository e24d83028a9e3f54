import { type Pair, share } from './count.ts'
import { NEARLY_SURE, wilson } from './interval.ts'

/**
 * Whether a difference between the sides may come from their requests being different ones. Stable also answers what no route splits (callers in the cluster,
 * other rules); when the canary counts clearly less than its share, the requests that stable has beyond it may all have been good ones.
 * `same`: the share is as asked for. `holds`: it is not, and the canary is worse than its baseline even then (99.9 % intervals). `differs`: it is not, and
 * the difference proves nothing. A check of one look, not a part of the always-valid test: it can only keep a comparison from rejecting.
 * @param step the requests of both sides
 * @param expected the canary's share of them that was asked for, 0 … 1: over several weights the mean, by requests
 */
export const comparePopulations = (step: Pair, expected: number, margin: number): 'same' | 'holds' | 'differs' => {
  const { baseline, canary } = step
  const all = baseline.n + canary.n
  if (!(expected > 0 && expected < 1) || all <= 0 || wilson({ n: all, k: canary.n }, NEARLY_SURE).high >= expected)
    return 'same'
  const split = Math.min(baseline.n, (canary.n * (1 - expected)) / expected)
  const worst = { n: split, k: Math.min(baseline.k, split) }
  const tolerated = margin * (share(baseline) > 0 ? Math.max(1, share(worst) / share(baseline)) : 1)
  return wilson(canary, NEARLY_SURE).low > wilson(worst, NEARLY_SURE).high + tolerated ? 'holds' : 'differs'
}
