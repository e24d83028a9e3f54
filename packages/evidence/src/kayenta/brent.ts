/** Where a root lies: `low` and `high` are the ends, `within` how near to it the answer is, in the unit of the ends. */
export type Bracket = { readonly low: number; readonly high: number; readonly within: number }

/** The original's and R's bound on steps; what is found until then is the answer. */
const STEPS = 1000

/**
 * A root of `f` between two ends at which it has different signs, by Brent's method: inverse quadratic interpolation where that is safe, else
 * bisection. An end that is a root is the answer. Of a step function it finds the place of a step. Takes the same way as R's `uniroot`, so that on a
 * plateau of zeros the same point is found.
 * Source: Brent, "Algorithms for minimization without derivatives" (1973), chapter 4.
 */
export const root = (f: (at: number) => number, { low, high, within }: Bracket): number => {
  let [before, best] = [
    { at: low, value: f(low) },
    { at: high, value: f(high) },
  ]
  if (before.value === 0) return low
  if (best.value === 0) return high
  let across = before
  for (let step = 0; step <= STEPS; step += 1) {
    const last = best.at - before.at
    if (Math.abs(across.value) < Math.abs(best.value)) [before, best, across] = [best, across, best]
    const least = 2 * Number.EPSILON * Math.abs(best.at) + within / 2
    const half = (across.at - best.at) / 2
    if (Math.abs(half) <= least || best.value === 0) return best.at
    const worthwhile = Math.abs(last) >= least && Math.abs(before.value) > Math.abs(best.value)
    const guess = worthwhile ? interpolate([before, best, across], last, least) : undefined
    const wanted = guess ?? half
    const move = Math.abs(wanted) < least ? (wanted > 0 ? least : -least) : wanted
    before = best
    best = { at: best.at + move, value: f(best.at + move) }
    if (best.value > 0 === across.value > 0 && best.value !== 0) across = before
  }
  return best.at
}

type Point = { readonly at: number; readonly value: number }

/** The step from the best point that interpolation proposes; `undefined` where it leaves the bracket or hardly gets anywhere. */
const interpolate = (
  [before, best, across]: readonly [Point, Point, Point],
  last: number,
  least: number,
): number | undefined => {
  const width = across.at - best.at
  const secant = best.value / before.value
  let [p, q] = [width * secant, 1 - secant]
  if (before.at !== across.at) {
    const [u, v] = [before.value / across.value, best.value / across.value]
    p = secant * (width * u * (u - v) - (best.at - before.at) * (v - 1))
    q = (u - 1) * (v - 1) * (secant - 1)
  }
  if (p > 0) q = -q
  else p = -p
  const inside = p < 0.75 * width * q - Math.abs(least * q) / 2
  return inside && p < Math.abs((last * q) / 2) ? p / q : undefined
}
