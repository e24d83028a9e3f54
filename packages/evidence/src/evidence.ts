import { type Count, type Pair, zero } from './count.ts'
import { beginCounters, type CounterState } from './counters.ts'
import { beginDispersion, type DispersionState, type PodCounts, podSpread } from './dispersion.ts'
import { beginGauge, type GaugeState } from './gauge.ts'
import type { Idle } from './idle.ts'
import { beginLimit, type LimitState } from './limit.ts'
import { defaultMargin } from './margin.ts'
import { beginMissing, type MissingState } from './missing.ts'
import type { Outliers } from './outliers.ts'
import { own } from './own.ts'
import { baselineRatio, beginRatio, type RatioState } from './ratio.ts'
import type { Scrape } from './reading.ts'
import type { Pending } from './skew.ts'
import { logThreshold, SIDE_STAKE } from './spend.ts'
import type { NoDataPolicy, Unseen } from './unseen.ts'

/**
 * A counted metric: failures of requests (`ratio`) or requests slower than a threshold (`latency`); both are bad of total.
 * `margin`: tolerated increase, absolute 0 … 1, default from the baseline's own ratio. `max`: absolute limit of the share, 0 … 1.
 */
export type CountedMetric = {
  readonly name: string
  readonly kind: 'ratio' | 'latency'
  readonly margin?: number
  readonly max?: number
  readonly noData?: NoDataPolicy
  /** Of our own requests: they say nothing of how many of the users' arrive. */
  readonly synthetic?: boolean
}
/** `failures`: reads in a row outside the bounds before it rejects, at least 3 (the default). */
export type GaugeMetric = {
  readonly name: string
  readonly kind: 'gauge'
  readonly max?: number
  readonly min?: number
  readonly failures?: number
  readonly noData?: NoDataPolicy
}

/** One metric of a plan. */
export type MetricPlan = CountedMetric | GaugeMetric

/**
 * What is judged, fixed at the start of a release. Times in ms.
 * `alpha`: tolerated rate of false rollbacks. `warmUp`: how long after its first request the canary is not judged. `settle`: how long after a
 * change of weight routers may still be propagating it. `missing`: `share` rolls back on a share of requests far below the weight, and is only
 * right when both counters see just the split requests; `silence` only when the canary counts none at all; `off` never. `interval`: between two
 * looks of a step that is watched; a gauge's failures and looks without data that come closer count once. Absent: each counts. `without`: precautions that are
 * left out, to see what they are worth; never in a release.
 */
export type JudgePlan = {
  readonly metrics: readonly MetricPlan[]
  readonly alpha: number
  readonly warmUp: number
  readonly settle: number
  readonly missing: 'share' | 'silence' | 'off'
  readonly interval?: number
  readonly without?: readonly Precaution[]
}

/**
 * What keeps the comparison right where its assumptions are not met. `tempering`: counts weigh less where the baseline's own past varies more than chance.
 * `guard`: intervals around a jump are not judged where the sides are read apart. `pod-spread`: the tolerated increase knows how unlike pods are.
 * `populations`: where stable answers requests that the route does not split, only what holds against the worst of them rejects.
 * `outlier-pods`: what some of the canary's pods do alone rejects only when it lasts.
 */
export type Precaution = 'tempering' | 'guard' | 'pod-spread' | 'populations' | 'outlier-pods'

/** Everything the judge remembers. Plain JSON of constant size: saved with every state write, it resumes bit for bit. */
export type Evidence = {
  readonly version: 1
  /** m: what the plan's comparisons, counted limits and missing-share test begin with, together. Fixed at the start. */
  readonly tests: number
  readonly alpha: number
  readonly counters: CounterState
  readonly weight: number
  /** The canary's share of what both sides count, where it is not the weight, whole percent. */
  readonly share?: number
  readonly step: number
  /** When the present weight was first seen, ms. */
  readonly weightSince: number
  /** When the weight last rose from 0, ms; absent before, and in what was saved before it was kept. */
  readonly trafficSince?: number
  /** When pods were made for the last steps that needed more, ms: sources that close late show that time later. Absent: none. */
  readonly making?: readonly { readonly step: number; readonly from: number; readonly until: number }[]
  /** When the canary first counted a request, ms. */
  readonly firstMoved?: number
  readonly metrics: { readonly [name: string]: CountedEvidence | GaugeEvidence }
  readonly missing: MissingState
  /** Looks in a row that gave nothing of a metric that may not be missed: the most over them. */
  readonly blind: number
  /** By metric: what came instead of a reading; a metric that was read is not there. */
  readonly unseen?: { readonly [metric: string]: Unseen }
  /** How late a request may show where requests are listened for, ms. */
  readonly lag?: number
}

/** The evidence of a metric that counts requests. */
export type CountedEvidence = {
  readonly kind: 'counted'
  readonly ratio: RatioState
  readonly limit: LimitState
  /** Judged requests of the present step. */
  readonly step: Pair
  /** How many of them the canary was to answer, at the weights that they came at. Absent in what was saved before it was kept. */
  readonly asked?: number
  readonly margin: number
  /** Absent in what was saved before it was kept. */
  readonly dispersion?: DispersionState
  /** By what the sides' counts were divided last. Absent: nothing was judged. */
  readonly divisors?: { readonly baseline: number; readonly canary: number }
  /** The canary's judged requests of the last half minute or so, by pod. Absent: its source has no pods, or it was saved before they were kept. */
  readonly lately?: PodCounts
  /** The pods by which alone the evidence has reached its limit. Absent: none. */
  readonly outliers?: Outliers
  /** The baseline's requests that wait for one of the canary's. Absent: none. */
  readonly idle?: Idle
  /** Intervals that wait for their neighbours, of a source that reads the sides apart. */
  readonly waiting?: readonly Pending[]
  /** Why its counts cannot be trusted; stays. */
  readonly unreliable?: string
}

/** The evidence of a metric that is read as a value. */
export type GaugeEvidence = { readonly kind: 'gauge'; readonly baseline: GaugeState; readonly canary: GaugeState }

/**
 * One look: when, what was read, and the weight (whole percent) and step that were in force when it was read. `starting`: the step is not watched yet, as
 * `pods` of the canary are still being made, and what its gauges show is also of them; or all are there and the `weight` is on its way. `share`: the canary's
 * expected share of what both sides count, where it is not the weight: one half beside a baseline of its own weight.
 */
export type Tick = {
  readonly at: number
  readonly scrape: Scrape
  readonly weight: number
  readonly share?: number | undefined
  readonly step: number
  readonly starting?: 'pods' | 'weight' | undefined
}

/**
 * Starts the evidence of a release at E = 1.
 * @param history by metric: what the baseline counted before the canary began (it is learned from, not judged)
 */
export const beginEvidence = (plan: JudgePlan, history: { readonly [metric: string]: Count } = {}): Evidence => ({
  version: 1,
  tests: tests(plan),
  alpha: plan.alpha,
  counters: beginCounters(),
  weight: 0,
  step: 0,
  weightSince: 0,
  metrics: Object.fromEntries(
    plan.metrics.map((metric) => [metric.name, beginMetric(metric, own(history, metric.name))]),
  ),
  missing: beginMissing(0),
  blind: 0,
})

/**
 * m of E ≥ m/α: what the plan's tests begin with, together. Gauges and silence are no tests: they stand outside the statement about false rollbacks.
 */
export const tests = (plan: JudgePlan): number => {
  const counted = plan.metrics.filter((metric) => metric.kind !== 'gauge')
  const beside = counted.filter(({ max }) => max !== undefined).length + (plan.missing === 'share' ? 1 : 0)
  return counted.length + beside * SIDE_STAKE
}

/** The log of m/α, as fixed at the start. */
export const evidenceLimit = (evidence: Evidence): number => logThreshold(evidence.tests, evidence.alpha)

/** A metric's evidence before anything was counted. */
export const beginMetric = (metric: MetricPlan, history: Count = zero): CountedEvidence | GaugeEvidence => {
  if (metric.kind === 'gauge') return { kind: 'gauge', baseline: beginGauge(), canary: beginGauge() }
  const ratio = beginRatio(history)
  const dispersion = beginDispersion()
  const margin = marginOf(metric, { ratio, dispersion }, 0)
  return { kind: 'counted', ratio, limit: beginLimit(), step: noRequests, asked: 0, margin, dispersion }
}

/**
 * The margin in force: the plan's, else the default for what the baseline's past shows.
 * @param canaries pods of the canary; 0 where they are not known
 */
export const marginOf = (
  metric: CountedMetric,
  { ratio, dispersion }: { readonly ratio: RatioState; readonly dispersion: DispersionState },
  canaries: number,
): number => metric.margin ?? defaultMargin(baselineRatio(ratio), { spread: podSpread(dispersion), canaries })

/** No requests on either side. */
export const noRequests: Pair = { baseline: zero, canary: zero }
