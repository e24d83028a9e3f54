import { type EffectMeasure, effectSize, noEffect } from './effect.ts'
import { hasInterval, type MannWhitney, mannWhitney, type Precision } from './mann-whitney.ts'
import type { Settled } from './settings.ts'
import { type Transform, transformed } from './transform.ts'

/** `too-few` is ours, the others are the original's. */
export type Label = 'Pass' | 'High' | 'Low' | 'Nodata' | 'NodataFailMetric' | 'Error' | 'too-few'

/** How much of a change is none yet, by the measure. Whatever is not named is `noEffect`. */
export type EffectLimits = {
  readonly measure?: EffectMeasure | undefined
  /** High only from here on. */
  readonly allowedIncrease?: number | undefined
  /** Low only down from here. */
  readonly allowedDecrease?: number | undefined
  /** A critical metric fails the canary only from here on. */
  readonly criticalIncrease?: number | undefined
  readonly criticalDecrease?: number | undefined
}

/** A metric: a value per interval and side, null or NaN where there was none; the sides may differ in length. */
export type SampledMetric = Partial<Transform> & {
  readonly name: string
  /** The groups whose scores it counts in; one of all such metrics where it names none. */
  readonly groups?: readonly string[] | undefined
  readonly baseline: readonly (number | null)[]
  readonly canary: readonly (number | null)[]
  /** Which changes are a fault. `either` by default. */
  readonly direction?: 'increase' | 'decrease' | 'either' | undefined
  /** Anything but Pass fails the canary. */
  readonly critical?: boolean | undefined
  /** Judged and shown, and counts nowhere. */
  readonly muted?: boolean | undefined
  /** A side without data counts against the group, unless the metric is critical. */
  readonly mustHaveData?: boolean | undefined
  readonly effectSize?: EffectLimits | undefined
}

/**
 * What became of a metric. `critical`: this label alone decides over the canary. `effect`: by the metric's measure, null where it says nothing or nothing
 * was compared. `test`: absent where none was made. `n`: the values of each side that were compared.
 */
export type Classified = {
  readonly name: string
  readonly label: Label
  readonly critical: boolean
  readonly effect: number | null
  readonly n: { readonly baseline: number; readonly canary: number }
  readonly test?: Shift
  readonly reason: string
}

/** The canary's shift against the baseline and its interval, in the metric's unit. */
export type Shift = Pick<MannWhitney, 'low' | 'high' | 'estimate'>

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
    if (metric.mustHaveData === true && metric.critical !== true) return as('NodataFailMetric', 'no data, and it must have some')
    return as('Nodata', 'no data', { critical: metric.critical === true })
  }
  if (settings.mends.samples && tooFew(n, settings))
    return as('too-few', `${n.baseline} and ${n.canary} values decide nothing`, { critical: metric.critical === true })
  const same = noEffect(metric.effectSize?.measure ?? 'meanRatio')
  if (identical(sides)) return as('Pass', 'both sides are the same', { effect: same })
  const compared = compare(sides, metric, settings)
  if (compared === undefined)
    return as('Error', 'the test has no interval: a value is not finite, or all are tied', {
      critical: settings.mends.criticalErrors && metric.critical === true,
    })
  const { label, critical, test, effect } = compared
  return as(label, reasonOf(label, critical), { critical, test, effect: Number.isNaN(effect) ? null : effect })
}

const TRANSFORM: Transform = { nanStrategy: 'remove', outliers: 'keep', outlierFactor: 3, reduceSensitivity: true }

type Sides = { readonly baseline: readonly number[]; readonly canary: readonly number[] }

/** A setting that is undefined is one that is not named. */
const named = ({ nanStrategy, outliers, outlierFactor, reduceSensitivity }: SampledMetric): Partial<Transform> =>
  Object.fromEntries(
    Object.entries({ nanStrategy, outliers, outlierFactor, reduceSensitivity }).filter(([, value]) => value !== undefined),
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

type Compared = Pick<Classified, 'label' | 'critical'> & { readonly test: Shift; readonly effect: number }

const compare = (given: Sides, metric: SampledMetric, settings: Settled): Compared | undefined => {
  const constant = isConstant(given.baseline) && isConstant(given.canary)
  const sides = constant && !settings.mends.constants ? noisy(given, settings.random) : given
  const test = constant && settings.mends.constants ? exactly(given) : mannWhitney(sides.canary, sides.baseline, precision(settings))
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

const reasonOf = (label: Label, critical: boolean): string =>
  label === 'Pass' ? 'no difference that counts' : `${label}${critical ? ', and the metric is critical' : ''}`
