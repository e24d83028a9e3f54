/** Uniform in [0, 1): mulberry32. The same seed gives the same sequence on every machine. */
export type Random = () => number

export const seeded = (seed: number): Random => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

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
