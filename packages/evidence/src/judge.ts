import { type Admission, admit } from './admitted.ts'
import { add, type Pair } from './count.ts'
import { difference, forgetAbsent, type Interval, isNew } from './counters.ts'
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
import { type GaugeState, gaugeReading, readGauge } from './gauge.ts'
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
  const evidence = looked(before, timed, tick, plan)
  const metrics = plan.metrics.map((metric) => report(metric, evidence))
  return {
    evidence,
    metrics,
    requests: requests(evidence),
    // What closes late says nothing of the time since.
    decision: decide(evidence, { scrape, plan, metrics, at: scrape.kind === 'buckets' ? lastEnd(evidence) : tick.at }),
  }
}

const lastEnd = ({ counters }: Evidence): number => counters.readAt ?? 0

const looked = (before: Evidence, timed: Evidence, tick: Tick, plan: JudgePlan): Evidence => {
  if (tick.scrape.kind === 'buckets') return weighBuckets(timed, { ...tick, scrape: tick.scrape }, plan)
  const read = comparable(tick.scrape)
  return read === undefined
    ? { ...timed, blind: before.blind + 1 }
    : weigh(before, timed, { ...tick, scrape: read }, plan)
}

/** Each period is a look of its own, at its own end: several may close at once, and all of them close late. None closed is no look. */
const weighBuckets = (
  timed: Evidence,
  tick: Omit<Tick, 'scrape'> & { readonly scrape: Extract<Scrape, { kind: 'buckets' }> },
  plan: JudgePlan,
): Evidence => {
  const { buckets, gauges = [] } = tick.scrape
  const ends = [...new Set([...buckets, ...gauges].map(({ to }) => to))].sort((a, b) => a - b)
  const weighed = ends.reduce((evidence, at) => {
    const ended = ({ to }: { readonly to: number }): boolean => to === at
    const scrape = { kind: 'buckets', buckets: buckets.filter(ended), gauges: gauges.filter(ended) } as const
    return weigh(evidence, evidence, { ...tick, at, scrape }, plan)
  }, timed)
  // However many periods closed, it was one look.
  return weighed.blind > timed.blind ? { ...weighed, blind: timed.blind + 1 } : weighed
}

/** Without any baseline pod the canary's requests wait for the next read: spent now, they could be compared with nothing. */
const comparable = (scrape: Scrape): Extract<Scrape, { kind: 'pods' }> | undefined =>
  scrape.kind === 'pods' && scrape.readings.some(({ side }) => side === 'baseline') ? scrape : undefined

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
  const scrape = fresh(now, tick.scrape)
  const { state, interval } = difference(now.counters, scrape, tick.at)
  const traffic = canaryRequests(interval)
  const firstMoved = now.firstMoved ?? (tick.weight > 0 && traffic > 0 ? tick.at : undefined)
  const admission = admit(interval, {
    at: tick.at,
    weight: tick.weight,
    weightBefore: before.weight,
    weightSince: now.weightSince,
    began: beganAt(tick.scrape),
    firstMoved,
    warmUp: plan.warmUp,
  })
  const metrics = Object.fromEntries(
    plan.metrics.map((metric) => [metric.name, weighMetric(metric, now, admission, scrape)]),
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

/** Buckets without those that were taken in before. */
const fresh = ({ counters }: Evidence, scrape: ReadTick['scrape']): ReadTick['scrape'] =>
  scrape.kind === 'pods'
    ? scrape
    : { ...scrape, gauges: (scrape.gauges ?? []).filter((gauge) => isNew(counters, gauge)) }

const weighMetric = (metric: MetricPlan, evidence: Evidence, admission: Admission, scrape: ReadTick['scrape']) => {
  const known = evidence.metrics[metric.name] ?? beginMetric(metric)
  if (metric.kind === 'gauge') return known.kind === 'gauge' ? weighGauge(metric, known, scrape) : known
  return known.kind === 'counted' ? weighCounted(metric, known, admission) : known
}

const weighGauge = (metric: GaugeMetric, known: GaugeEvidence, scrape: ReadTick['scrape']): GaugeEvidence => {
  const read = (side: Side): GaugeState => {
    const values = gaugeValues(metric, scrape, side)
    // A period that has not closed leaves what the last one showed.
    return values.length === 0 && scrape.kind === 'buckets'
      ? known[side]
      : readGauge(known[side], gaugeReading(values), metric)
  }
  return { kind: 'gauge', baseline: read('baseline'), canary: read('canary') }
}

const gaugeValues = ({ name }: GaugeMetric, scrape: ReadTick['scrape'], side: Side): readonly number[] =>
  scrape.kind === 'pods'
    ? scrape.readings.flatMap((pod) => (pod.side === side ? (pod.gauges[name] ?? []) : []))
    : (scrape.gauges ?? []).flatMap((gauge) => (gauge.side === side && gauge.metric === name ? [gauge.value] : []))

/** Where the periods of a look began; `undefined` for reads of pods. */
const beganAt = (scrape: ReadTick['scrape']): number | undefined =>
  scrape.kind === 'buckets' && scrape.buckets.length > 0
    ? Math.min(...scrape.buckets.map(({ from }) => from))
    : undefined

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
  const began = beganAt(tick.scrape)
  const settled = (began ?? tick.at) - evidence.weightSince >= plan.settle
  const pair = mostRequests(interval)
  // Of the interval in which the weight changed only the canary's requests are known to belong to the new weight.
  const straddles =
    began === undefined ? tick.at === evidence.weightSince && pair?.canary.n === 0 : began < evidence.weightSince
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
