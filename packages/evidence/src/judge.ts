import { type Admission, admit } from './admitted.ts'
import { add, type Pair } from './count.ts'
import { difference, forgetAbsent, type Interval } from './counters.ts'
import {
  beginMetric,
  type CountedEvidence,
  type CountedMetric,
  type Evidence,
  type GaugeEvidence,
  type GaugeMetric,
  type JudgePlan,
  type MetricPlan,
  marginOf,
  noRequests,
  type Tick,
} from './evidence.ts'
import { gaugeReading, readGauge } from './gauge.ts'
import { testLimit } from './limit.ts'
import { listen, type MissingState, restartSilence, testShare } from './missing.ts'
import { compare, learnBaseline } from './ratio.ts'
import type { Scrape, Side } from './reading.ts'
import { type Decision, decide, type MetricJudgement, report } from './verdict.ts'

export type {
  CountedMetric,
  Evidence,
  GaugeMetric,
  JudgePlan,
  MetricPlan,
  Tick,
} from './evidence.ts'
export { beginEvidence, evidenceLimit, tests } from './evidence.ts'
export type { Scrape } from './reading.ts'
export type { Decision, MetricJudgement, Why } from './verdict.ts'

/** `requests`: judged requests of the present step, the least over the counted metrics. */
export type Judged = {
  readonly evidence: Evidence
  readonly metrics: readonly MetricJudgement[]
  readonly requests: { readonly baseline: number; readonly canary: number }
  readonly decision: Decision
}

/** Takes one look into account and decides. Pure: the same evidence and tick always give the same answer. */
export const judge = (before: Evidence, tick: Tick, plan: JudgePlan): Judged => {
  const { scrape } = tick
  const timed = onTime(before, tick)
  const read = comparable(scrape)
  const evidence =
    read === undefined ? { ...timed, blind: before.blind + 1 } : weigh(before, timed, { ...tick, scrape: read }, plan)
  const metrics = plan.metrics.map((metric) => report(metric, evidence))
  return {
    evidence,
    metrics,
    requests: requests(evidence),
    decision: decide(evidence, { scrape, plan, metrics, at: tick.at }),
  }
}

/** Without any baseline pod the canary's requests wait for the next read: spent now, they could be compared with nothing. */
const comparable = (scrape: Scrape): ReadTick['scrape'] | undefined => {
  if (scrape.kind === 'buckets') return scrape
  return scrape.kind === 'pods' && scrape.readings.some(({ side }) => side === 'baseline') ? scrape : undefined
}

/** Notes a new weight and a new step before anything is counted. */
const onTime = (evidence: Evidence, { at, weight, step }: Tick): Evidence => ({
  ...evidence,
  weight,
  step,
  ...(weight === evidence.weight ? {} : { weightSince: at, missing: restartSilence(evidence.missing, at) }),
  ...(step === evidence.step ? {} : { metrics: mapCounted(evidence.metrics, (m) => ({ ...m, step: noRequests })) }),
})

type ReadTick = Omit<Tick, 'scrape'> & { readonly scrape: Extract<Scrape, { kind: 'pods' | 'buckets' }> }

const weigh = (before: Evidence, now: Evidence, tick: ReadTick, plan: JudgePlan): Evidence => {
  const cut = before.weight !== tick.weight
  const { state, interval } = difference(now.counters, tick.scrape, tick.at)
  const traffic = canaryRequests(interval)
  const firstMoved = now.firstMoved ?? (tick.weight > 0 && traffic > 0 ? tick.at : undefined)
  const admission = admit(interval, {
    at: tick.at,
    weight: tick.weight,
    weightBefore: before.weight,
    firstMoved,
    warmUp: plan.warmUp,
  })
  const metrics = Object.fromEntries(
    plan.metrics.map((metric) => [metric.name, weighMetric(metric, now, admission, tick.scrape)]),
  )
  return {
    ...now,
    counters: cut ? forgetAbsent(state, tick.scrape) : state,
    ...(firstMoved === undefined ? {} : { firstMoved }),
    metrics,
    missing: plan.missing === 'off' ? now.missing : weighMissing(now, interval, tick, plan),
    blind:
      Object.keys(interval.counts).length === 0 && plan.metrics.some(({ kind }) => kind !== 'gauge')
        ? before.blind + 1
        : 0,
  }
}

const weighMetric = (metric: MetricPlan, evidence: Evidence, admission: Admission, scrape: Scrape) => {
  const known = evidence.metrics[metric.name] ?? beginMetric(metric)
  if (metric.kind === 'gauge') return known.kind === 'gauge' ? weighGauge(metric, known, scrape) : known
  return known.kind === 'counted' ? weighCounted(metric, known, admission) : known
}

const weighGauge = (metric: GaugeMetric, known: GaugeEvidence, scrape: Scrape): GaugeEvidence => {
  const reading = (side: Side) =>
    gaugeReading(
      scrape.kind !== 'pods'
        ? []
        : scrape.readings.flatMap((pod) => (pod.side === side ? (pod.gauges[metric.name] ?? []) : [])),
    )
  return {
    kind: 'gauge',
    baseline: readGauge(known.baseline, reading('baseline'), metric),
    canary: readGauge(known.canary, reading('canary'), metric),
  }
}

const weighCounted = (metric: CountedMetric, known: CountedEvidence, { use, interval }: Admission): CountedEvidence => {
  const untrusted = interval.untrusted[metric.name]
  if (untrusted !== undefined) return { ...known, unreliable: known.unreliable ?? untrusted }
  const pair = interval.counts[metric.name]
  if (pair === undefined) return known
  const margin = marginOf(metric, known.ratio)
  if (use === 'learned') return { ...known, margin, ratio: learnBaseline(known.ratio, pair.baseline) }
  return {
    ...known,
    margin,
    ratio: compare(known.ratio, pair, margin),
    limit: metric.max === undefined ? known.limit : testLimit(known.limit, pair, metric.max),
    step: { baseline: add(known.step.baseline, pair.baseline), canary: add(known.step.canary, pair.canary) },
  }
}

const weighMissing = (evidence: Evidence, interval: Interval, tick: ReadTick, plan: JudgePlan): MissingState => {
  const settled = tick.at - evidence.weightSince >= plan.settle
  const pair = mostRequests(interval)
  // Of the interval in which the weight changed only the canary's requests are known to belong to the new weight.
  const straddles = tick.at === evidence.weightSince && pair?.canary.n === 0
  if (tick.weight === 0 || pair === undefined || straddles) return evidence.missing
  const heard = listen(evidence.missing, pair, tick.at)
  const whole = tick.scrape.kind === 'buckets' || tick.scrape.missing.length === 0
  return plan.missing === 'share' && settled && whole ? testShare(heard, pair, tick.weight) : heard
}

const canaryRequests = (interval: Interval): number => mostRequests(interval)?.canary.n ?? 0

/** Metrics may count different subsets; the one that counts most is nearest to all requests. */
const mostRequests = (interval: Interval): Pair | undefined =>
  Object.values(interval.counts).reduce<Pair | undefined>(
    (most, pair) =>
      most !== undefined && most.baseline.n + most.canary.n >= pair.baseline.n + pair.canary.n ? most : pair,
    undefined,
  )

const requests = (evidence: Evidence) => {
  const steps = Object.values(evidence.metrics).flatMap((metric) => (metric.kind === 'counted' ? [metric.step] : []))
  const least = (side: Side) => (steps.length === 0 ? 0 : Math.min(...steps.map((step) => step[side].n)))
  return { baseline: least('baseline'), canary: least('canary') }
}

const mapCounted = (
  metrics: Evidence['metrics'],
  change: (metric: CountedEvidence) => CountedEvidence,
): Evidence['metrics'] =>
  Object.fromEntries(
    Object.entries(metrics).map(([name, metric]) => [name, metric.kind === 'counted' ? change(metric) : metric]),
  )
