/**
 * P(Z > z) of the standard normal distribution, 0 … 1, to about 14 digits also where it is tiny: the smaller tail is the one that is computed.
 * Source: Abramowitz and Stegun, "Handbook of mathematical functions" (1964), 26.2.11 (series) and 26.2.14 (continued fraction).
 */
export const upperTail = (z: number): number => {
  if (Number.isNaN(z)) return Number.NaN
  if (z < 0) return 1 - upperTail(-z)
  return z < 3 ? 0.5 - byNear(z) : byFar(z)
}

/**
 * The z that is passed with probability `tail`. Newton's steps on `upperTail` from Hastings' approximation, to about 14 digits.
 * @param tail 0 … 1; 0 gives Infinity, 1 -Infinity
 * Source: Abramowitz and Stegun 26.2.23.
 */
export const upperQuantile = (tail: number): number => {
  if (tail > 0.5) return -upperQuantile(1 - tail)
  if (tail <= 0) return tail === 0 ? Number.POSITIVE_INFINITY : Number.NaN
  const t = Math.sqrt(-2 * Math.log(tail))
  const top = 2.515517 + t * (0.802853 + t * 0.010328)
  let z = t - top / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
  for (let step = 0; step < 4; step += 1) z += (upperTail(z) - tail) / density(z)
  return z
}

const density = (z: number): number => Math.exp(-(z * z) / 2) / Math.sqrt(2 * Math.PI)

const byNear = (z: number): number => {
  let [sum, term] = [z, z]
  for (let odd = 3; Math.abs(term) > 1e-17 * sum; odd += 2) {
    term *= (z * z) / odd
    sum += term
  }
  return density(z) * sum
}

const byFar = (z: number): number => {
  let below = z
  for (let k = 120; k > 0; k -= 1) below = z + k / below
  return density(z) / below
}
