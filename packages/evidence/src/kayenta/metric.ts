import type { EffectMeasure } from './effect.ts'
import type { MannWhitney } from './mann-whitney.ts'
import type { Transform } from './transform.ts'

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
export type SampledMetric = { readonly [Key in keyof Transform]?: Transform[Key] | undefined } & {
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
