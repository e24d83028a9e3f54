/** What became of each p-value, in the order they were given in. */
export type FalseDiscovery = { readonly adjusted: readonly number[]; readonly rejected: readonly boolean[] }

/**
 * Benjamini and Hochberg's step-up procedure: of the hypotheses it rejects, at most the share `rate` is expected to be true. `adjusted` is the
 * smallest rate at which a hypothesis would be rejected; equal p-values get equal ones. NaN is a test that could not be made: it stays NaN,
 * is never rejected, and does not count among the tests. Presumes p-values in [0, 1] that are independent or positively dependent.
 * @param rate in (0, 1)
 * Source: Benjamini, Hochberg, "Controlling the false discovery rate: a practical and powerful approach to multiple testing" (1995).
 */
export const benjaminiHochberg = (pValues: readonly number[], rate: number): FalseDiscovery => {
  const made = pValues
    .map((p, index) => ({ p, index }))
    .filter(({ p }) => !Number.isNaN(p))
    .sort((a, b) => b.p - a.p)
  const adjusted = pValues.map(() => Number.NaN)
  let least = 1
  made.forEach(({ p, index }, passed) => {
    least = Math.min(least, p * (made.length / (made.length - passed)))
    adjusted[index] = least
  })
  return { adjusted, rejected: adjusted.map((value) => value <= rate) }
}
