import { add, type Count, share, zero } from './count.ts'
import { addPods, type PodCounts } from './dispersion.ts'
import type { CountedEvidence, CountedMetric } from './evidence.ts'
import { NEARLY_SURE, wilson } from './interval.ts'
import { beginLimitAnew, limitEvidence } from './limit.ts'
import { beginAnew, ratioEvidence } from './ratio.ts'
import type { SampledCount } from './sampled.ts'
import type { Pending } from './skew.ts'

/**
 * Pods of the canary that are waited for, by name, since the evidence reached its limit while others were well (`first`, ms). `over`: pods were waited for once in this `step`, which is enough:
 * what the evidence says, holds.
 */
export type Outliers = {
  readonly step: number
  readonly first: number
  readonly pods: { readonly [pod: string]: Outlier }
  readonly over?: true
}

/** `since`: when it was bad, ms; `low`: how bad, the lower end of its ratio's interval; `later`: its requests from half a minute after. */
export type Outlier = { readonly since: number; readonly low: number; readonly later: Count }

/**
 * One interval, after it was judged: `began` … `at`, ms. `reached`: the evidence has its limit. `pods`: the canary's, in this interval; `lately`: with those before.
 * `edge`: what is tolerated, 0 … 1.
 */
export type Watched = {
  readonly reached: boolean
  readonly began: number
  readonly at: number
  readonly step: number
  readonly pods: PodCounts
  readonly lately: PodCounts
  readonly edge: number
}

/**
 * All pods of a canary run the release; what some of them do alone is a node's or a bad minute's doing more often. So a verdict that rests on them waits. The release is rejected where
 * one of them is as bad after half a minute, or not clearly well over the minute after (one that answers nothing has proved nothing), or none of the canary's is well any more. A pod that
 * turns bad meanwhile, beyond doubt, is waited for as well, but no longer than {@link PATIENCE} in all. When all were well, the evidence is dropped and begins anew, once a step.
 * Evidence begins anew only after it had reached the limit, so that the first crossing still bounds how often a healthy release is rejected: α holds.
 * @returns `dropped`: the evidence begins anew now; `well`: pods that were waited for and are well again
 */
export const watchOutliers = (
  before: Outliers | undefined,
  { reached, began, at, step, pods, lately, edge }: Watched,
): { readonly outliers?: Outliers; readonly dropped?: true; readonly well?: readonly string[] } => {
  const known = before?.over && before.step !== step ? undefined : before
  if (!reached || known?.over) return known === undefined ? {} : { outliers: known }
  const found = outliersOf(lately, edge)
  if (known === undefined && found === undefined) return {}
  const waited = Object.entries(known?.pods ?? {}).map(([pod, outlier]) => {
    const later = began >= outlier.since + GRACE ? add(outlier.later, pods[pod] ?? zero) : outlier.later
    return { pod, outlier: { ...outlier, later } }
  })
  const first = known?.first ?? at
  const told = (all: readonly { readonly pod: string; readonly outlier: Outlier }[]): Outliers => ({
    step,
    first,
    pods: Object.fromEntries(all.map(({ pod, outlier }) => [pod, outlier])),
  })
  const ends = waited.filter(({ outlier: { since } }) => at >= since + GRACE + QUIET && began >= since + GRACE)
  const lasts = waited.some(({ outlier }) => wilson(outlier.later, NEARLY_SURE).low > outlier.low / 2)
  const isBad = lasts || ends.some(({ outlier }) => !isAgain(outlier, edge)) || noneIsWell(lately, edge)
  // A clock that was set back would let them wait for it to catch up.
  if (isBad || at < first || at >= first + PATIENCE) return { outliers: { ...told(waited), over: true } }
  const fresh = (found ?? []).filter(
    ({ pod }) => known === undefined || (known.pods[pod] === undefined && isSurelyBad(lately[pod], edge)),
  )
  const left = [
    ...waited.filter((each) => !ends.includes(each)),
    ...fresh.map(({ pod, low }) => ({ pod, outlier: { since: at, low, later: zero } })),
  ]
  const well = ends.map(({ pod }) => pod)
  return left.length > 0 ? { outliers: told(left), well } : { outliers: { ...told(ends), over: true }, dropped: true }
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
  if (told.outliers !== undefined) {
    const names = told.outliers.pods.map((pod) => [pod, { since: at, low: 0, later: zero }] as const)
    return waited(judged, { step, first: at, pods: Object.fromEntries(names) }, told.outliers.dropped)
  }
  if (pods === undefined) return { known: judged }
  const { ratio, limit, margin } = judged
  const lately = addPods(faded(judged.lately ?? {}, Math.exp(-Math.max(0, lasted) / LATELY)), pods.canary)
  const worse = ratioEvidence(ratio).peak >= told.limit
  const { outliers, dropped, well } = watchOutliers(before, {
    ...{ began: at - lasted, at, step, lately, pods: pods.canary },
    reached: worse || limitEvidence(limit).peak >= told.limit,
    edge: worse ? share(ratio.judged.baseline) + margin : max,
  })
  // What it did before it was waited for must not make it an outlier again.
  const remembered = Object.entries(lately).filter(([pod]) => !well?.includes(pod))
  return waited({ ...judged, lately: Object.fromEntries(remembered) }, outliers, dropped)
}

const waited = (known: CountedEvidence, outliers: Outliers | undefined, dropped: true | undefined): Waited => {
  if (outliers === undefined) return { known }
  const pods = Object.keys(outliers.pods)
  if (dropped !== true) return { known: { ...known, outliers }, ...(outliers.over ? {} : { outliers: { pods } }) }
  const anew = { ratio: beginAnew(known.ratio), limit: beginLimitAnew(known.limit) }
  return { known: { ...known, ...anew, outliers: { ...outliers, over: true } }, outliers: { pods, dropped } }
}

/** The pods that are bad, where the others together are beyond chance better than the worst of them; a pod is well that is not beyond chance worse than what is tolerated. */
const outliersOf = (
  lately: PodCounts,
  edge: number,
): readonly { readonly pod: string; readonly low: number }[] | undefined => {
  const all = Object.entries(lately)
  const bad = all.flatMap(([pod, count]) => (isWell(count, edge) ? [] : [{ pod, low: wilson(count).low }]))
  const well = all.filter(([, count]) => isWell(count, edge)).map(([, count]) => count)
  return Math.max(0, ...bad.map(({ low }) => low)) > wilson(well.reduce(add, zero)).high ? bad : undefined
}

const noneIsWell = (lately: PodCounts, edge: number): boolean =>
  Object.values(lately).every((count) => !isWell(count, edge))

/** Clearly better than when it was bad, and not beyond chance worse than what is tolerated. */
const isAgain = ({ low, later }: Outlier, edge: number): boolean =>
  wilson(later).high < low && wilson(later, NEARLY_SURE).low <= edge

/** Many pods are looked at while others are waited for: chance alone would make one of them an outlier. */
const isSurelyBad = (count: Count = zero, edge: number): boolean => wilson(count, NEARLY_SURE).low > edge

const isWell = (count: Count, edge: number): boolean => wilson(count).low <= edge

/** A pod that is gone is forgotten: it is neither well nor bad. */
const faded = (pods: PodCounts, keep: number): PodCounts =>
  Object.fromEntries(
    Object.entries(pods).flatMap(([pod, { n, k }]) => (n * keep < 1 ? [] : [[pod, { n: n * keep, k: k * keep }]])),
  )

/** What pods are compared by forgets with this, ms: another one's bad minute of before says nothing of this one's. */
const LATELY = 20_000
/** A bad minute of a pod may last so long, ms. */
const GRACE = 30_000
/** So long it must be well after that, ms. */
const QUIET = 60_000
/** So long is waited in all, ms: pods that turn bad one after the other are the release's. */
const PATIENCE = 3 * (GRACE + QUIET)
