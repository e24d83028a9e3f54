import type { Random } from '../src/random.ts'

export { type Random, seeded } from '../src/random.ts'

/** Bad answers among n independent requests. Exact: counts the gaps between successes, which are geometric. */
export const binomial = (random: Random, n: number, p: number): number => {
  if (p <= 0) return 0
  if (p > 0.5) return n - binomial(random, n, 1 - p)
  const log = Math.log1p(-p)
  let at = 0
  for (let k = 0; ; k++) {
    at += Math.floor(Math.log(1 - random()) / log) + 1
    if (at > n) return k
  }
}

/** Arrivals of independent requests, mean up to about 700. */
export const poisson = (random: Random, mean: number): number => {
  let [k, term] = [0, Math.exp(-mean)]
  let sum = term
  const drawn = random()
  while (drawn > sum && k < 10_000) {
    k += 1
    term *= mean / k
    sum += term
    if (k > mean && term < 1e-17) break
  }
  return k
}
