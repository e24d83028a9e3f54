/**
 * What a test begins with that is no comparison: a counted limit, and the share test. They strike grossly or not at all, and then the comparison has mostly
 * struck before: a whole part of α for each would make every comparison wait for what it hardly ever needs.
 */
export const SIDE_STAKE = 0.1

/**
 * The log of the evidence at which a test of the plan rejects: E ≥ m/α (Bonferroni, weighted by the capital that each test begins with).
 * @param stakes m, the sum of what the plan's tests begin with: 1 for each comparison, {@link SIDE_STAKE} for each other; above 0
 * @param alpha the tolerated rate of false rollbacks per release, in (0, 1)
 */
export const logThreshold = (stakes: number, alpha: number): number => Math.log(Math.max(1, stakes) / alpha)
