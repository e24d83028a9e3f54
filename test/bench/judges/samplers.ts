import type { Random } from '../../../packages/evidence/test/random.ts'

/**
 * Arrivals of independent requests, any mean ≥ 0. Exact: inversion below 10, above it transformed rejection with squeeze, whose cost does not
 * grow with the mean. Source: Hörmann, "The transformed rejection method for generating Poisson random variables" (1993), algorithm PTRS.
 */
export const poisson = (random: Random, mean: number): number => {
  if (mean <= 0) return 0
  return mean < 10 ? byInversion(random, mean) : byRejection(random, mean)
}

const byInversion = (random: Random, mean: number): number => {
  let term = Math.exp(-mean)
  let left = random() - term
  let k = 0
  // Beyond so many terms nothing of the distribution is left in double precision.
  while (left >= 0 && k < 200) {
    k += 1
    term *= mean / k
    left -= term
  }
  return k
}

const byRejection = (random: Random, mean: number): number => {
  const log = Math.log(mean)
  const b = 0.931 + 2.53 * Math.sqrt(mean)
  const a = -0.059 + 0.02483 * b
  const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4)
  const quick = 0.9277 - 3.6224 / (b - 2)
  for (;;) {
    const u = random() - 0.5
    const v = random()
    const inside = 0.5 - Math.abs(u)
    const k = Math.floor(((2 * a) / inside + b) * u + mean + 0.43)
    if (inside >= 0.07 && v <= quick) return k
    if (k < 0 || (inside < 0.013 && v > inside)) continue
    const accepted = Math.log((v * inverseAlpha) / (a / (inside * inside) + b)) <= k * log - mean - logFactorial(k)
    if (accepted) return k
  }
}

/** ln k! for whole k ≥ 0, to 1e-10: a table, then Stirling's series. */
export const logFactorial = (k: number): number => {
  const known = FACTORIALS[k]
  if (known !== undefined) return known
  const x = k + 1
  const square = 1 / (x * x)
  return (
    (x - 0.5) * Math.log(x) - x + HALF_LOG_TAU + (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680))) / x
  )
}

const HALF_LOG_TAU = 0.5 * Math.log(2 * Math.PI)
const FACTORIALS: readonly number[] = Array.from({ length: 30 }, (_, k) =>
  Array.from({ length: k }, (_, index) => Math.log(index + 1)).reduce((sum, log) => sum + log, 0),
)

/** A standard normal value, by Marsaglia's polar method (1964). */
export const normal = (random: Random): number => {
  for (;;) {
    const x = 2 * random() - 1
    const y = 2 * random() - 1
    const square = x * x + y * y
    if (square > 0 && square < 1) return x * Math.sqrt((-2 * Math.log(square)) / square)
  }
}

/**
 * A probability from the Beta distribution with this mean (0 … 1, ends excluded) and this correlation ρ in (0, 1) between two requests that share it:
 * α = mean·(1 − ρ)/ρ, β = (1 − mean)·(1 − ρ)/ρ.
 */
export const beta = (random: Random, mean: number, rho: number): number => {
  const size = (1 - rho) / rho
  const x = gamma(random, mean * size)
  const y = gamma(random, (1 - mean) * size)
  return x + y > 0 ? x / (x + y) : 0
}

/** Marsaglia and Tsang, "A simple method for generating gamma variables" (2000); shapes below 1 by their boost. */
const gamma = (random: Random, shape: number): number => {
  if (shape < 1) return gamma(random, shape + 1) * (1 - random()) ** (1 / shape)
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = normal(random)
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(1 - random()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
  }
}
