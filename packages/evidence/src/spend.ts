/**
 * The log of the evidence at which one of `tests` tests rejects: E ≥ m/α (Bonferroni over the plan's tests).
 * @param tests m, every comparative, counted-absolute and missing-request test of the plan; ≥ 1
 * @param alpha the tolerated rate of false rollbacks per release, in (0, 1)
 */
export const logThreshold = (tests: number, alpha: number): number => Math.log(Math.max(1, tests) / alpha)
