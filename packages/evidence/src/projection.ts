/** Probabilities of a bad answer on both sides. */
export type Point = { readonly baseline: number; readonly canary: number }

/**
 * The point of the null hypothesis {canary ≤ baseline + margin} that is nearest to `alternative` in Kullback-Leibler divergence when the
 * baseline answers `nb` and the canary `nc` requests. Bounds: 0 < both probabilities < 1, margin ≥ 0. `undefined` when the alternative lies in the
 * null hypothesis or a side has no requests: such an interval says nothing.
 *
 * With this point as denominator the likelihood ratio is an E-variable for *every* point θ of the null hypothesis: its log expectation is
 * n_b·log(1 + (θ_b − θ°_b)A_b) + n_c·log(1 + (θ_c − θ°_c)A_c), A = (q − θ°)/(θ°(1 − θ°)), which is concave in θ, 0 at θ°, and falls from there because
 * θ° minimises a convex function over a convex set. Requests with unequal probabilities only make it smaller (Jensen).
 * Source: Turner, Ly, Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for optional stopping" (2024).
 */
export const nearestNull = (alternative: Point, margin: number, nb: number, nc: number): Point | undefined => {
  const { baseline: qb, canary: qc } = alternative
  if (!(nb > 0 && nc > 0) || qc - margin <= qb * (1 + 1e-12)) return undefined
  const weight = nc / (nb + nc)
  // Along the boundary the divergence's derivative rises all the way: negative at the baseline's end, positive at the canary's.
  const slope = (theta: number) => {
    const other = theta + margin
    const [away, towards] = [(1 - qb) / (1 - theta), qb / theta]
    const [awayC, towardsC] = [(1 - qc) / (1 - other), qc / other]
    return {
      value: (1 - weight) * (away - towards) + weight * (awayC - towardsC),
      rise: (1 - weight) * (away / (1 - theta) + towards / theta) + weight * (awayC / (1 - other) + towardsC / other),
    }
  }
  // Where both sides' quadratic approximations meet: Newton needs a few steps from there, however unequal the sides are.
  const [stiff, stiffC] = [(1 - weight) / (qb * (1 - qb)), weight / (qc * (1 - qc))]
  const guess = qb + ((qc - margin - qb) * stiffC) / (stiff + stiffC)
  const theta = root(slope, { from: qb, to: qc - margin, guess })
  return { baseline: theta, canary: theta + margin }
}

/** The log of the likelihood ratio of `k` bad in `n` requests at probability `q` against `p`. */
export const logRatio = (n: number, k: number, q: number, p: number): number =>
  k * Math.log(q / p) + (n - k) * Math.log1p((p - q) / (1 - p))

type Slope = (theta: number) => { readonly value: number; readonly rise: number }

/** Newton's method inside a bracket that always holds the root; bisection where Newton leaves it. */
const root = (
  slope: Slope,
  { from, to, guess }: { readonly from: number; readonly to: number; readonly guess: number },
): number => {
  let [low, high] = [from, to]
  let theta = guess > from && guess < to ? guess : (from + to) / 2
  for (let i = 0; i < 200; i++) {
    const { value, rise } = slope(theta)
    if (value > 0) high = theta
    else low = theta
    const newton = theta - value / rise
    const inside = newton > low && newton < high
    const next = inside ? newton : (low + high) / 2
    // Newton doubles the digits: after a step this small the next would change nothing.
    if ((inside && Math.abs(next - theta) <= 1e-7 * theta) || next <= low || next >= high) return next
    theta = next
  }
  return theta
}
