import { percentile } from '../percentile.ts'

/** What becomes of a side's values before they are compared. */
export type Transform = {
  /** `remove`: values that are missing are left out. `replace`: they count as 0. */
  readonly nanStrategy: 'remove' | 'replace'
  readonly outliers: 'keep' | 'remove'
  /** How many interquartile ranges beyond the quartiles a value may lie, above 0. */
  readonly outlierFactor: number
  /** The fences lie at the 1st and 99th percentile at the nearest. */
  readonly reduceSensitivity: boolean
}

/** A side as it is compared: missing values first, then outliers, whose fences are of what is left. */
export const transformed = (values: readonly (number | null)[], how: Transform): readonly number[] => {
  const numbers = values.map((value) => value ?? Number.NaN)
  const present =
    how.nanStrategy === 'replace'
      ? numbers.map((value) => (Number.isNaN(value) ? 0 : value))
      : numbers.filter((value) => !Number.isNaN(value))
  return how.outliers === 'remove' ? withoutOutliers(present, how) : present
}

/** Tukey's fences; a value on a fence stays. */
const withoutOutliers = (values: readonly number[], how: Transform): readonly number[] => {
  const sorted = [...values].sort((a, b) => a - b)
  const [first, third] = [percentile(sorted, 25), percentile(sorted, 75)]
  const beyond = how.outlierFactor * (third - first)
  const low = how.reduceSensitivity ? Math.min(percentile(sorted, 1), first - beyond) : first - beyond
  const high = how.reduceSensitivity ? Math.max(percentile(sorted, 99), third + beyond) : third + beyond
  return values.filter((value) => !(value < low || value > high))
}
