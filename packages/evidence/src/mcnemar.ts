/**
 * The same cases answered by both sides, by outcome: bad on `both`, on the `baseline` only, on the `canary` only, on `neither`.
 * Whole numbers ≥ 0.
 */
export type PairedCounts = {
  readonly both: number
  readonly baseline: number
  readonly canary: number
  readonly neither: number
}

/** P-values of the exact test. `worse`: for a canary that is worse than the baseline; `different`: in either direction. */
export type McNemar = { readonly worse: number; readonly different: number }

/**
 * McNemar's exact test of paired answers: given the discordant pairs, those that are bad on the canary only are Binomial(n, ½) when both sides
 * are as good. `worse` is P(as many or more), `different` twice the smaller tail, at most 1. Without a discordant pair both are 1; anything
 * but whole numbers ≥ 0 gives NaN. Exact for one look at a fixed number of independent cases: it is not made for looking often.
 * Sources: McNemar, "Note on the sampling error of the difference between correlated proportions or percentages" (1947); the exact form is
 * the sign test.
 */
export const mcnemar = ({ baseline, canary }: Pick<PairedCounts, 'baseline' | 'canary'>): McNemar => {
  if (![baseline, canary].every((count) => Number.isSafeInteger(count) && count >= 0))
    return { worse: Number.NaN, different: Number.NaN }
  const n = baseline + canary
  const worse = canary > baseline ? tail(n, baseline) : canary === 0 ? 1 : 1 - tail(n, canary - 1)
  return { worse, different: Math.min(1, 2 * tail(n, Math.min(baseline, canary))) }
}

/** P(X ≤ k) of X ~ Binomial(n, ½). Where k is past the middle, by what is left: no long sum, and no digit is lost. */
const tail = (n: number, k: number): number => {
  if (k >= n) return 1
  if (2 * k >= n) return 1 - tail(n, n - k - 1)
  let [sum, term] = [1, 1]
  for (let i = k; i > 0 && term > sum * 1e-17; i--) {
    term *= i / (n - i + 1)
    sum += term
  }
  return Math.exp(logProbability(n, k) + Math.log(sum))
}

/**
 * log P(X = k), 0 ≤ k < n/2. By the deviance and what Stirling's formula leaves, as log-factorials of large numbers would cancel each other.
 * Source: Loader, "Fast and accurate computation of binomial probabilities" (2000).
 */
const logProbability = (n: number, k: number): number => {
  if (k === 0) return -n * Math.LN2
  const apart = (n - 2 * k) / n
  const deviance = (n / 2) * (Math.log1p(-apart * apart) + 2 * apart * Math.atanh(apart))
  const left = stirlingError(n) - stirlingError(k) - stirlingError(n - k)
  return left - deviance + Math.log(n / (2 * Math.PI * k * (n - k))) / 2
}

/** log n! minus Stirling's formula, n ≥ 1. */
const stirlingError = (n: number): number => {
  if (n < 16) {
    let factorial = 1
    for (let i = 2; i <= n; i++) factorial *= i
    return Math.log(factorial) - (n + 0.5) * Math.log(n) + n - Math.log(2 * Math.PI) / 2
  }
  const square = n * n
  return (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * square)) / square) / square) / n
}
