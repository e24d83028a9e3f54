/**
 * The tolerated increase when the plan names none: the largest of 0.1 points, 20 % of the baseline's ratio, and twice the spread of a canary's mean if its pods
 * were ordinary ones of the baseline's, which is never taken for more than the baseline's ratio: a pod that was broken for a minute must not excuse a canary
 * that is. Absolute, 0 … 1. With margin 0 every healthy release would be rejected at high traffic, as no two sets of pods are
 * equal to the last digit.
 * @param spread `podSpread`: the standard deviation between the baseline's pods; `canaries`: how many pods the canary has (0: not known, no such term)
 */
export const defaultMargin = (
  baselineRatio: number,
  { spread, canaries }: { readonly spread: number; readonly canaries: number } = { spread: 0, canaries: 0 },
): number =>
  Math.max(0.001, 0.2 * baselineRatio, canaries > 0 ? Math.min(baselineRatio, (2 * spread) / Math.sqrt(canaries)) : 0)
