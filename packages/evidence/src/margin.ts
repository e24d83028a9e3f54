/**
 * The tolerated increase when the plan names none: 20 % of the baseline's ratio, at least 0.1 points. Absolute, 0 … 1.
 * With margin 0 every healthy release would be rejected at high traffic, as no two sets of pods are equal to the last digit.
 * The spread between the baseline's own pods belongs here too once it is measured: the largest of the terms decides.
 */
export const defaultMargin = (baselineRatio: number): number => Math.max(0.001, 0.2 * baselineRatio)
