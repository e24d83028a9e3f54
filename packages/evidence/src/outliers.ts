import { add, type Count, share, zero } from './count.ts'
import { addPods, type PodCounts } from './dispersion.ts'
import type { CountedEvidence, CountedMetric } from './evidence.ts'
import { NEARLY_SURE, wilson } from './interval.ts'
import { beginLimitAnew, limitEvidence } from './limit.ts'
import { beginAnew, ratioEvidence } from './ratio.ts'
import type { SampledCount } from './sampled.ts'
import type { Pending } from './skew.ts'

/**
 * Pods of the canary that were bad, and the others well, when the evidence had reached its limit. `since`: when that was, ms; `low`: how bad the worst was then, the lower
 * end of its ratio's interval; `later`: their requests from half a minute after. `over`: they were waited for once in this `step`, which is enough: what the evidence says, holds.
 */
export type Outliers = {
  readonly pods: readonly string[]
  readonly step: number
  readonly since: number
  readonly low: number
  readonly later: Count
  readonly over?: true
}

/** One interval, after it was judged. `reached`: the evidence has its limit. `pods`: the canary's, in this interval; `lately`: with those before. `edge`: what is tolerated, 0 … 1. */
export type Watched = {
  readonly reached: boolean
  readonly at: number
  readonly step: number
  readonly pods: PodCounts
  readonly lately: PodCounts
  readonly edge: number
}

/**
 * All pods of a canary run the release; what some of them do alone is a node's or a bad minute's doing more often. So a verdict that rests on them waits: where they are as bad
 * after half a minute, or bad at all over the minute after, or no pod is well any more, the release is rejected; else its evidence is dropped and begins anew, once a step.
 * Evidence begins anew only after it had reached the limit, so that the first crossing still bounds how often a healthy release is rejected: α holds.
 * @returns `dropped`: the evidence begins anew now
 */
export const watchOutliers = (
  before: Outliers | undefined,
  { reached, at, step, pods, lately, edge }: Watched,
): { readonly outliers?: Outliers; readonly dropped?: true } => {
  const known = before?.over && before.step !== step ? undefined : before
  if (!reached || known?.over) return known === undefined ? {} : { outliers: known }
  const found = outliersOf(lately, edge)
  if (known === undefined) return found === undefined ? {} : { outliers: { ...found, step, since: at, later: zero } }
  if (noneIsWell(lately, edge)) return {}
  const lasted = at - known.since
  const answered = known.pods.map((pod) => pods[pod] ?? zero).reduce(add, zero)
  const outliers = { ...known, step, later: lasted > GRACE ? add(known.later, answered) : known.later }
  const { low } = wilson(outliers.later, NEARLY_SURE)
  if (outliers.later.n === 0 || (low <= known.low / 2 && lasted < GRACE + QUIET)) return { outliers }
  const over = { ...outliers, over: true } as const
  return low > edge ? { outliers: over } : { outliers: over, dropped: true }
}

type Waited = { readonly known: CountedEvidence; readonly outliers?: NonNullable<SampledCount['outliers']> }

/**
 * Lets a metric's verdict wait, after an interval was judged, while it rests on some of the canary's pods.
 * @param told `limit`: the log of m/α; `outliers`: what the record says, which has no pods
 */
export const waitForOutliers = (
  { max = 1 }: CountedMetric,
  known: CountedEvidence,
  { at = 0, lasted = 0, step, pods }: Pending,
  told: { readonly limit: number; readonly outliers?: SampledCount['outliers'] | undefined },
): Waited => {
  const { outliers: before, ...judged } = known
  if (told.outliers !== undefined)
    return waited(judged, { pods: told.outliers.pods, step, since: at, low: 0, later: zero }, told.outliers.dropped)
  if (pods === undefined) return { known: judged }
  const { ratio, limit, margin } = judged
  const lately = addPods(faded(judged.lately ?? {}, Math.exp(-lasted / LATELY)), pods.canary)
  const worse = ratioEvidence(ratio).peak >= told.limit
  const { outliers, dropped } = watchOutliers(before, {
    ...{ at, step, lately, pods: pods.canary },
    reached: worse || limitEvidence(limit).peak >= told.limit,
    edge: worse ? share(ratio.judged.baseline) + margin : max,
  })
  return waited({ ...judged, lately }, outliers, dropped)
}

const waited = (known: CountedEvidence, outliers: Outliers | undefined, dropped: true | undefined): Waited => {
  if (outliers === undefined) return { known }
  const { pods } = outliers
  if (dropped !== true) return { known: { ...known, outliers }, ...(outliers.over ? {} : { outliers: { pods } }) }
  const anew = { ratio: beginAnew(known.ratio), limit: beginLimitAnew(known.limit) }
  return { known: { ...known, ...anew, outliers: { ...outliers, over: true } }, outliers: { pods, dropped } }
}

/** The pods that are bad, where the others together are beyond chance better than the worst of them; a pod is well that is not beyond chance worse than what is tolerated. */
const outliersOf = (lately: PodCounts, edge: number): Pick<Outliers, 'pods' | 'low'> | undefined => {
  const all = Object.entries(lately)
  const bad = all.filter(([, count]) => !isWell(count, edge))
  const well = all.filter(([, count]) => isWell(count, edge)).map(([, count]) => count)
  const low = Math.max(0, ...bad.map(([, count]) => wilson(count).low))
  return low > wilson(well.reduce(add, zero)).high ? { pods: bad.map(([pod]) => pod), low } : undefined
}

const noneIsWell = (lately: PodCounts, edge: number): boolean =>
  Object.values(lately).every((count) => !isWell(count, edge))

const isWell = (count: Count, edge: number): boolean => wilson(count).low <= edge

const faded = (pods: PodCounts, keep: number): PodCounts =>
  Object.fromEntries(Object.entries(pods).map(([pod, { n, k }]) => [pod, { n: n * keep, k: k * keep }]))

/** What pods are compared by forgets with this, ms: another one's bad minute of before says nothing of this one's. */
const LATELY = 20_000
/** A bad minute of a pod may last so long, ms. */
const GRACE = 30_000
/** So long it must be well after that, ms. */
const QUIET = 60_000
