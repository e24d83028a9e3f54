import { wilson } from '@sluice/evidence/interval'

/** Five numbers of a sample, by linear interpolation between order statistics (type 7). */
export type Five = {
  readonly n: number
  readonly median: number
  readonly q1: number
  readonly q3: number
  readonly least: number
  readonly most: number
}

/** The spread of a sample; `undefined` of none. */
export const five = (values: readonly number[]): Five | undefined => {
  if (values.length === 0) return undefined
  const sorted = values.toSorted((a, b) => a - b)
  const at = (p: number): number => {
    const place = (sorted.length - 1) * p
    const [low, high] = [sorted[Math.floor(place)] ?? Number.NaN, sorted[Math.ceil(place)] ?? Number.NaN]
    return low + (high - low) * (place - Math.floor(place))
  }
  return { n: sorted.length, median: at(0.5), q1: at(0.25), q3: at(0.75), least: at(0), most: at(1) }
}

/** `1 of 15 (1 to 30 %)`: a share with Wilson's 95 % interval; `–` of none. */
export const shareText = (k: number, n: number): string => {
  if (n === 0) return '–'
  const { low, high } = wilson({ n, k })
  return `${k} of ${n} (${percent(low)} to ${percent(high)} %)`
}

/** Per cent with as many digits as say something. */
const percent = (share: number): string => {
  const value = share * 100
  return value === 0 || value >= 10 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toPrecision(1)
}
