/** Uniform in [0, 1), 53 bits. */
export type Random = () => number

/** sfc32 (Doty-Humphrey, PractRand). The same seed gives the same sequence on every machine. */
export const seeded = (seed: number): Random => {
  let [a, b, c, counter] = [0, seed | 0, seed ^ 0x9e3779b9, 1]
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return sum >>> 0
  }
  for (let i = 0; i < 15; i++) next()
  return () => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992
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
