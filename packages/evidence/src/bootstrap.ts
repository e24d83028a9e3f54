import { upperQuantile, upperTail } from './normal.ts'
import { percentile } from './percentile.ts'
import type { Random } from './random.ts'

/** How the interval is found. `random` decides all of it: with the same seeded source the answer is the same to the last bit. */
export type BootstrapOptions = {
  readonly random: Random
  /** How often the sample is drawn anew, ≥ 1. Default 2,000. */
  readonly resamples?: number
  /** In (0, 1). Default 0.95. */
  readonly level?: number
  /** Default `percentile`. */
  readonly interval?: 'percentile' | 'bca'
}

/** The statistic of the sample itself, and the interval: NaN where the statistic of the sample, or of one drawn from it, is NaN. */
export type Bootstrapped = { readonly estimate: number; readonly low: number; readonly high: number }

/** One case that both sides were given, with the score of each. */
export type ScoredPair = { readonly baseline: number; readonly canary: number }

/** The strata of a sample: groups whose sizes were fixed beforehand, such as the categories of a set of questions. */
export type Strata<T> = readonly (readonly T[])[]

/**
 * The bootstrap interval of any statistic of a sample in strata: each stratum is drawn anew from itself, with its size. One stratum of pairs is the
 * paired bootstrap; one of pairs for each category is the stratified one; two strata of values are two independent samples.
 * Approximate, for one look: with fewer than about 20 cases a stratum it covers less than it says, and one case has no width at all.
 * Source: Efron, Tibshirani, "An Introduction to the Bootstrap" (1993), chapters 13 (percentile) and 14 (BCa).
 */
export const bootstrap = <T>(
  strata: Strata<T>,
  statistic: (strata: Strata<T>) => number,
  { random, resamples = 2000, level = 0.95, interval = 'percentile' }: BootstrapOptions,
): Bootstrapped => {
  const estimate = statistic(strata)
  const drawn = Array.from({ length: resamples }, () => statistic(strata.map((stratum) => drawnAnew(stratum, random))))
  if ([estimate, ...drawn].some(Number.isNaN)) return { estimate, low: Number.NaN, high: Number.NaN }
  drawn.sort((a, b) => a - b)
  const ends = [(1 - level) / 2, (1 + level) / 2] as const
  const moved = interval === 'bca' ? correction(estimate, drawn, jackknife(strata, statistic)) : (end: number) => end
  const [low, high] = [percentile(drawn, 100 * moved(ends[0])), percentile(drawn, 100 * moved(ends[1]))]
  return { estimate, low, high }
}

/** The mean of canary minus baseline over all pairs of all strata; NaN of none. */
export const meanDifference = (strata: Strata<ScoredPair>): number => {
  const pairs = strata.flat()
  return pairs.reduce((sum, { baseline, canary }) => sum + (canary - baseline), 0) / pairs.length
}

// An index below the length is one of the stratum's own.
const drawnAnew = <T>(stratum: readonly T[], random: Random): readonly T[] =>
  stratum.map(() => stratum[Math.floor(random() * stratum.length)] as T)

/** BCa: which share of what was drawn stands for an end, corrected for bias and for how the statistic's spread changes with its value. */
const correction = (estimate: number, sorted: readonly number[], acceleration: number): ((end: number) => number) => {
  const half = 0.5 / sorted.length
  const below = sorted.reduce((sum, value) => sum + (value < estimate ? 1 : value === estimate ? 0.5 : 0), 0)
  // All on one side would put the ends at infinity.
  const bias = -upperQuantile(Math.min(1 - half, Math.max(half, below / sorted.length)))
  return (end) => {
    const z = bias - upperQuantile(end)
    return upperTail(-bias - z / (1 - acceleration * z))
  }
}

/** The acceleration, from how much each case moves the statistic. A stratum of one case has none to leave out. */
const jackknife = <T>(strata: Strata<T>, statistic: (strata: Strata<T>) => number): number => {
  let [cubes, squares] = [0, 0]
  for (const [at, stratum] of strata.entries()) {
    if (stratum.length < 2) continue
    const without = stratum.map((_, left) => statistic(strata.with(at, stratum.toSpliced(left, 1))))
    const mean = without.reduce((sum, value) => sum + value, 0) / without.length
    for (const value of without) {
      const moved = ((stratum.length - 1) * (mean - value)) / stratum.length
      cubes += moved ** 3
      squares += moved ** 2
    }
  }
  return squares === 0 ? 0 : cubes / (6 * squares ** 1.5)
}
