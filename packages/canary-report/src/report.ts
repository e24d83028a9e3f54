import type { JudgePlan } from '@sluice/evidence/evidence'
import type { Series } from '@sluice/evidence/series'
import type { Unseen } from '@sluice/evidence/unseen'
import type { MetricJudgement } from '@sluice/evidence/verdict'
import type { Report } from '@sluice/kit/report'
import type { Verdict } from '@sluice/release/record'

/**
 * What one step counted, for summary and page. Times are ISO 8601. `mirror`: the percent of requests that were copied; absent: none. `synthetic`: how many of
 * its requests the release sent itself; absent: none.
 */
export type Step = {
  readonly step: number
  readonly weight: number
  readonly mirror?: number
  readonly since: string
  readonly until: string
  readonly baseline: number
  readonly canary: number
  readonly synthetic?: { readonly baseline: number; readonly canary: number }
}

/** `increase`: the smallest that would have been (or will be) revealed with 95 % probability, absolute 0 … 1; absent when not even a total failure is. */
export type PowerStatement = { readonly metric: string; readonly increase?: number; readonly text: string }

/**
 * What was seen of the cluster, kept whenever it changed. `asked`, `written`: the canary's weight, percent, as the release wants it and as it read back.
 * `observed`: its share of the counted requests of this interval, percent. `restarts`: of all of the canary's containers, since they were made.
 */
export type Look = {
  readonly at: string
  readonly phase: string
  readonly step: number
  readonly asked: number
  readonly written: number
  readonly observed?: number
  readonly stable: { readonly available: number; readonly desired: number }
  readonly canary?: { readonly ready: number; readonly desired: number; readonly restarts: number }
}

/** What the report of a canary says beyond the envelope. Times are ISO 8601, seconds have one decimal. Schema: actions/canary-promote/report.schema.json. */
export type Details = {
  readonly mode: string
  readonly namespace: string
  readonly deployment: string
  readonly phase: string
  readonly epoch: number
  readonly previousImage?: { readonly repository: string; readonly digest: string }
  /** The canary's weight as read back last, whole percent; absent when nothing was read. */
  readonly weight?: number
  /** From the verdict to the last canary request seen, and from the verdict to the weight read back as 0. */
  readonly rollbackSeconds?: number
  readonly zeroWeightSeconds?: number
  readonly steps: readonly Step[]
  /** Each with what it was read from, and what came instead of a reading where the last looks gave none. */
  readonly metrics: readonly (MetricJudgement & { readonly provider?: string; readonly unseen?: Omit<Unseen, 'at'> })[]
  /** What the plan could see, as said at the start; what the release's own traffic would have revealed, as said at its end. */
  readonly planned?: readonly PowerStatement[]
  readonly power: readonly PowerStatement[]
  /**
   * What this process read, interval by interval, with the plan it was judged by; of a release that was taken over only from then on. `minRequests`: what a step
   * needed on both sides; absent in reports of before it was kept.
   */
  readonly series?: readonly Series[]
  readonly judge?: JudgePlan & { readonly minRequests?: number }
  readonly looks?: readonly Look[]
  readonly timeline: readonly { readonly at: string; readonly text: string }[]
  readonly history: readonly { readonly image: string; readonly verdict: Verdict; readonly at: string }[]
}

/** The report file of a canary. */
export type CanaryReport = Report<Verdict, Details>

/** The report file of a run that came to no outcome: bad input, a service that failed, a bug. */
export type Ending = Report<'error', null>
