import { effectSize, noEffect } from './effect.ts'
import { hasInterval, mannWhitney, type Precision } from './mann-whitney.ts'
import type { Classified, Label, SampledMetric, Shift } from './metric.ts'
import type { Settled } from './settings.ts'
import { type Transform, transformed } from './transform.ts'

/**
 * One metric as the judge of Kayenta classifies it. High: the whole interval of the shift lies above `tolerance` times the estimate, and the effect is
 * not below what is allowed; Low the same downwards.
 * @param settings `settled` of the caller's
 * Source: docs/decisions/0015-judges-of-peers.md.
 */
export const classify = (metric: SampledMetric, settings: Settled): Classified => {
  const how = { ...TRANSFORM, ...named(metric) }
  const sides = { baseline: transformed(metric.baseline, how), canary: transformed(metric.canary, how) }
  const n = { baseline: sides.baseline.length, canary: sides.canary.length }
  const as = (label: Label, reason: string, more: Partial<Classified> = {}): Classified => ({
    name: metric.name,
    label,
    critical: false,
    effect: null,
    n,
    reason,
    ...more,
  })
  if (n.baseline === 0 || n.canary === 0) {
    if (how.nanStrategy === 'replace') return as('Pass', 'no values, which this metric counts as 0')
    if (metric.mustHaveData === true && metric.critical !== true)
      return as('NodataFailMetric', 'no data, and it must have some')
    return as('Nodata', 'no data', { critical: metric.critical === true })
  }
  if (settings.mends.samples && tooFew(n, settings))
    return as('too-few', `${n.baseline} and ${n.canary} values decide nothing`, { critical: metric.critical === true })
  const same = noEffect(metric.effectSize?.measure ?? 'meanRatio')
  if (identical(sides)) return as('Pass', 'both sides are the same', { effect: same })
  if (settings.random === undefined && needsNoise(sides, settings))
    return as('Error', 'the original adds noise to constant sides, and no `random` was given')
  const compared = compare(sides, metric, settings)
  if (compared === undefined)
    return as('Error', 'the test has no interval: a value is not finite, or all are tied', {
      critical: settings.mends.criticalErrors && metric.critical === true,
    })
  const { label, critical, test, effect } = compared
  return as(label, said(test, n), { critical, test, effect: Number.isNaN(effect) ? null : effect })
}

const TRANSFORM: Transform = { nanStrategy: 'remove', outliers: 'keep', outlierFactor: 3, reduceSensitivity: true }

type Sides = { readonly baseline: readonly number[]; readonly canary: readonly number[] }

/** A setting that is undefined is one that is not named. */
const named = ({ nanStrategy, outliers, outlierFactor, reduceSensitivity }: SampledMetric): Partial<Transform> =>
  Object.fromEntries(
    Object.entries({ nanStrategy, outliers, outlierFactor, reduceSensitivity }).filter(
      ([, value]) => value !== undefined,
    ),
  )

const tooFew = ({ baseline, canary }: Classified['n'], { least, confidence }: Settled): boolean =>
  Math.min(baseline, canary) < least || !hasInterval(canary, baseline, confidence)

/** Also where the one value of both sides stands there in different numbers. */
const identical = ({ baseline, canary }: Sides): boolean => {
  if (isConstant([...baseline, ...canary])) return true
  if (baseline.length !== canary.length) return false
  const [left, right] = [Float64Array.from(baseline).sort(), Float64Array.from(canary).sort()]
  return left.every((value, index) => value === right[index])
}

const isConstant = (values: readonly number[]): boolean => values.every((value) => value === values[0])

const areConstant = ({ baseline, canary }: Sides): boolean => isConstant(baseline) && isConstant(canary)

const needsNoise = (sides: Sides, { mends }: Settled): boolean => !mends.constants && areConstant(sides)

type Compared = Pick<Classified, 'label' | 'critical'> & { readonly test: Shift; readonly effect: number }

const compare = (given: Sides, metric: SampledMetric, settings: Settled): Compared | undefined => {
  const sides = settings.random !== undefined && needsNoise(given, settings) ? noisy(given, settings.random) : given
  const exact = settings.mends.constants && areConstant(sides)
  const test = exact ? exactly(sides) : mannWhitney(sides.canary, sides.baseline, precision(settings))
  if (test === undefined) return undefined
  const effect = effectSize(metric.effectSize?.measure ?? 'meanRatio', sides.baseline, sides.canary)
  const { low, high, estimate } = test
  return { ...labelOf({ low, high, estimate }, effect, metric, settings), test: { low, high, estimate }, effect }
}

const precision = ({ confidence, mends }: Settled): Precision =>
  mends.unit ? { confidence, relative: 1e-6 } : { confidence, within: 1e-4 }

/** The experiment's noise is drawn first, as the original does. */
const noisy = ({ baseline, canary }: Sides, random: () => number): Sides => {
  const blurred = (value: number): number => value + 1e-5 * value * gaussian(random)
  const ofCanary = canary.map(blurred)
  return { canary: ofCanary, baseline: baseline.map(blurred) }
}

/** A standard normal number by the method of Box and Muller (1958). */
const gaussian = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

const exactly = ({ baseline, canary }: Sides): Shift | undefined => {
  const shift = (canary[0] ?? Number.NaN) - (baseline[0] ?? Number.NaN)
  return Number.isFinite(shift) ? { low: shift, high: shift, estimate: shift } : undefined
}

const labelOf = (
  { low, high, estimate }: Shift,
  effect: number,
  metric: SampledMetric,
  { tolerance, mends }: Settled,
): Pick<Classified, 'label' | 'critical'> => {
  const bound = tolerance * Math.abs(estimate)
  const limits = metric.effectSize ?? {}
  const neutral = noEffect(limits.measure ?? 'meanRatio')
  const without = Number.isNaN(effect)
  const up = low > bound && metric.direction !== 'decrease'
  if (up && (without || effect >= (limits.allowedIncrease ?? neutral))) {
    const grave = without ? mends.noRatio : effect >= (limits.criticalIncrease ?? neutral)
    return { label: 'High', critical: metric.critical === true && grave }
  }
  const down = high < -bound && metric.direction !== 'increase'
  if (down && (without ? mends.noRatio : effect <= (limits.allowedDecrease ?? neutral))) {
    const grave = without ? mends.noRatio : effect <= (limits.criticalDecrease ?? neutral)
    return { label: 'Low', critical: metric.critical === true && grave }
  }
  return { label: 'Pass', critical: false }
}

const said = ({ low, high, estimate }: Shift, n: Classified['n']): string =>
  `shifted by ${short(estimate)}, between ${short(low)} and ${short(high)}, by ${n.baseline} values of the baseline and ${n.canary} of the canary`

const short = (value: number): number => Number(value.toPrecision(4))
