/**
 * Φ, the standard normal distribution function, to about 15 digits in the middle and relative to its own size in the lower tail.
 * Sources: Marsaglia, "Evaluating the normal distribution" (2004), for the middle; Laplace's continued fraction for the tails.
 */
export const normalCdf = (z: number): number => {
  if (z > TAIL) return 1 - normalCdf(-z)
  if (z < -TAIL) return density(z) * millsRatio(-z)
  let [sum, term] = [z, z]
  for (let i = 3; Math.abs(term) > Math.abs(sum) * 1e-17; i += 2) {
    term *= (z * z) / i
    sum += term
  }
  return 0.5 + density(z) * sum
}

/** Φ⁻¹: the z with Φ(z) = p, 0 ≤ p ≤ 1; infinite at the ends. By Halley's method on Φ. */
export const normalQuantile = (p: number): number => {
  if (p > 0.5) return -normalQuantile(1 - p)
  if (!(p > 0)) return p === 0 ? Number.NEGATIVE_INFINITY : Number.NaN
  const t = Math.sqrt(-2 * Math.log(p))
  let z = -(t - Math.log(2 * Math.PI * (t * t + 0.5)) / (2 * t + 1))
  for (let i = 0; i < 20; i++) {
    const step = (normalCdf(z) - p) / density(z)
    const next = z - step / (1 + (step * z) / 2)
    if (Math.abs(next - z) <= 1e-15 * Math.abs(z)) return next
    z = next
  }
  return z
}

const TAIL = 3

const density = (z: number): number => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)

/** (1 − Φ(z)) / φ(z), z ≥ 3. */
const millsRatio = (z: number): number => {
  let fraction = z
  for (let i = 100; i > 0; i--) fraction = z + i / fraction
  return 1 / fraction
}
