import type { Count } from './count.ts'

/**
 * What became of an interval. `judged`: both sides count. `learned`: only the baseline's estimate learned from it (weight 0, a change of weight, a warm-up).
 * `skewed`: not judged, since the baseline's ratio was moving around it and the sides are read apart.
 */
export type Use = 'judged' | 'learned' | 'skewed'

/**
 * One interval of a metric as it was judged. `at`: its end, ISO 8601. `weight`: the canary's share that was in force, percent. `share`: that of what both sides
 * count, percent, where it is not the weight: one half beside a baseline of its own weight. `margin`: the tolerated increase, 0 … 1. `dispersion`: by what each side's counts were divided (1: independent requests). `logE`, `limitLogE`: the log of the evidence after it, of
 * the comparison and of the absolute limit. `outliers`: the pods of the canary by which alone it had its limit; `dropped`: they were well again and the evidence began anew. `idle`: the baseline's requests waited for the canary's next one. What was not measured is absent, and is found anew when the series is judged again.
 */
export type Sample = {
  readonly at: string
  readonly weight: number
  readonly share?: number
  readonly step: number
  readonly use?: Use
  readonly margin?: number
  readonly dispersion?: { readonly baseline: number; readonly canary: number }
  readonly outliers?: { readonly pods: readonly string[]; readonly dropped?: true }
  readonly idle?: true
  readonly logE?: number
  readonly limitLogE?: number
}

/** A counted metric, interval by interval: `samples`, `baseline` and `canary` have the same length. `query`: what it was read by. */
export type CountedSeries = {
  readonly name: string
  readonly kind: 'ratio' | 'latency'
  readonly provider?: string
  readonly query?: string
  readonly margin?: number
  readonly max?: number
  /** Of a latency metric: slower than so many ms is bad. */
  readonly threshold?: number
  readonly samples: readonly Sample[]
  readonly baseline: readonly Count[]
  readonly canary: readonly Count[]
}

/** A gauge, look by look: the mean over a side's pods in the gauge's own unit, null where there was no value. */
export type GaugeSeries = {
  readonly name: string
  readonly kind: 'gauge'
  readonly provider?: string
  readonly query?: string
  readonly max?: number
  readonly min?: number
  readonly failures?: number
  readonly samples: readonly Sample[]
  readonly baseline: readonly (number | null)[]
  readonly canary: readonly (number | null)[]
}

/** What a canary measured of one metric, in the order of time: kept in its report, drawn by its page, judged again by `sluice judge`. */
export type Series = CountedSeries | GaugeSeries
