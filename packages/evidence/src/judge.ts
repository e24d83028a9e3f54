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
import { type Bounds, type GaugeLook, type GaugeState, gaugeReading, readGauge } from './gauge.ts'
import { testLimit } from './limit.ts'
import { listen, type MissingState, restartSilence, testShare } from './missing.ts'
import { compare, learnBaseline } from './ratio.ts'
import type { Part, Side, Single } from './reading.ts'
import { type Pending, waitFor } from './skew.ts'
import { look, partsOf, policyOf } from './unseen.ts'
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

/** `requests`: judged requests of the present step, the least over the counted metrics that are not passed over for want of data. */
export type Judged = {
  readonly evidence: Evidence
  readonly metrics: readonly MetricJudgement[]
  readonly requests: { readonly baseline: number; readonly canary: number }
  readonly decision: Decision
}

/** Takes one look into account and decides. Pure: the same evidence and tick always give the same answer. */
export const judge = (before: Evidence, tick: Tick, plan: JudgePlan): Judged => {
  const parts = partsOf(tick.scrape, plan.metrics)
  const timed = onTime(before, tick)
  const weighed = parts.reduce((evidence, part) => weighPart(before, evidence, { ...tick, part }, plan), timed)
  const evidence = withUnseen(weighed, parts, { plan, at: tick.at })
  const metrics = plan.metrics.map((metric) => report(metric, evidence))
  return {
    evidence,
    metrics,
    requests: requests(evidence, plan),
    decision: decide(evidence, { plan, metrics, at: heardAt(evidence, parts, { plan, at: tick.at }) }),
  }
}

/**
 * Until when the requests that are listened for are known: what closes late, or was asked for by an earlier look, says nothing of the time since.
 * `undefined` where this look did not listen: nobody knows whether the canary was silent, and the next read tells of that time too.
 */
const heardAt = (
  { counters }: Evidence,
  parts: readonly Part[],
  { plan, at }: { readonly plan: JudgePlan; readonly at: number },
): number | undefined => {
  const part = parts.find((each) => isListened(each, plan))
  if (part === undefined) return undefined
  const { scrape, metrics } = part
  if (scrape.kind === 'buckets') return Math.max(0, ...metrics.map((name) => counters.closed[`baseline/${name}`] ?? 0))
  if (!isComparable(scrape)) return undefined
  return scrape.late === true ? Math.min(at, Math.max(...scrape.readings.map(({ readAt }) => readAt))) : at
}

/** Requests are listened for in one source, that of the first metric that counts the users' own: two would hear each of them twice. */
const isListened = ({ metrics }: Part, plan: JudgePlan): boolean => {
  const [first] = ofUsers(plan)
  return first !== undefined && metrics.includes(first.name)
}

/** The metrics that count the users' own requests; where there is none, those that count ours. */
const ofUsers = ({ metrics }: JudgePlan): readonly CountedMetric[] => {
  const counted = metrics.filter((metric) => metric.kind !== 'gauge')
  const own = counted.filter(({ synthetic }) => synthetic !== true)
  return own.length === 0 ? counted : own
}

/** Looks come a little earlier or later than asked: what is not nearer than three quarters of an interval is a look of its own. */
const spacingOf = ({ interval = 0 }: JudgePlan): number => 0.75 * interval

/** Remembers of which metrics this look gave nothing. */
const withUnseen = (
  evidence: Evidence,
  parts: readonly Part[],
  { plan, at }: { readonly plan: JudgePlan; readonly at: number },
): Evidence => {
  const looking = { at, spacing: spacingOf(plan), weight: evidence.weight }
  const counted = new Set(plan.metrics.flatMap(({ kind, name }) => (kind === 'gauge' ? [] : [name])))
  const all = plan.metrics.flatMap((metric) => {
    const part = parts.find(({ metrics }) => metrics.includes(metric.name))
    const known = evidence.unseen?.[metric.name]
    const now = part === undefined ? known : look(metric, part, known, { ...looking, counted })
    return now === undefined ? [] : [{ metric, now }]
  })
  const { unseen: _, ...rest } = evidence
  const missed = all.filter(({ metric, now }) => policyOf(metric, now) !== 'ignore')
  return {
    ...rest,
    blind: Math.max(0, ...missed.map(({ now }) => now.looks)),
    ...(all.length === 0 ? {} : { unseen: Object.fromEntries(all.map(({ metric, now }) => [metric.name, now])) }),
  }
}

type PartTick = Omit<Tick, 'scrape'> & { readonly part: Part }

const weighPart = (before: Evidence, now: Evidence, tick: PartTick, plan: JudgePlan): Evidence => {
  const { scrape } = tick.part
  if (scrape.kind === 'buckets') return weighBuckets(now, { ...tick, scrape }, plan)
  return isComparable(scrape) ? weigh(before, now, { ...tick, scrape }, plan) : now
}

type Pods = Extract<Single, { kind: 'pods' }>
type Buckets = Extract<Single, { kind: 'buckets' }>

/** Each period is a look of its own, at its own end: several may close at once, and all of them close late. None closed is no look. */
const weighBuckets = (timed: Evidence, tick: PartTick & { readonly scrape: Buckets }, plan: JudgePlan): Evidence => {
  const { buckets, gauges = [] } = tick.scrape
  const ends = [...new Set([...buckets, ...gauges].map(({ to }) => to))].sort((a, b) => a - b)
  return ends.reduce((evidence, at) => {
    const ended = ({ to }: { readonly to: number }): boolean => to === at
    const scrape = { ...tick.scrape, buckets: buckets.filter(ended), gauges: gauges.filter(ended) }
    return weigh(evidence, evidence, { ...tick, at, scrape }, plan)
  }, timed)
}

/** Without any baseline pod the canary's requests wait for the next read: spent now, they could be compared with nothing. */
const isComparable = (scrape: Single): scrape is Pods =>
  scrape.kind === 'pods' && scrape.readings.some(({ side }) => side === 'baseline')

/** Notes a new weight and a new step before anything is counted. */
const onTime = (evidence: Evidence, { at, weight, step, starting }: Tick): Evidence => ({
  ...evidence,
  weight,
  step,
  ...(weight > 0 ? { trafficSince: trafficSince(evidence, at) } : {}),
  ...(starting === 'pods' ? { making: nowMaking(evidence.making, step, at) } : {}),
  ...(weight === evidence.weight ? {} : { weightSince: at, missing: restartSilence(evidence.missing, at) }),
  ...(step === evidence.step ? {} : { metrics: mapCounted(evidence.metrics, (m) => ({ ...m, step: noRequests })) }),
})

const trafficSince = ({ weight, weightSince, trafficSince: known }: Evidence, at: number): number =>
  weight === 0 ? at : (known ?? weightSince)

type Making = NonNullable<Evidence['making']>

const nowMaking = (before: Making = [], step: number, at: number): Making => {
  const known = before.find((each) => each.step === step)
  const others = before.filter((each) => each !== known)
  return [...others, { step, from: known?.from ?? at, until: at }].slice(-MAKING_KEPT)
}

/** Of so many steps: of what closes late, the last hour is more than enough. */
const MAKING_KEPT = 20

type ReadTick = PartTick & { readonly scrape: Pods | Buckets }

const weigh = (before: Evidence, now: Evidence, tick: ReadTick, plan: JudgePlan): Evidence => {
  const cut = before.weight !== tick.weight
  const scrape = fresh(now, tick.scrape)
  const { part } = tick
  const { state, interval } = difference(now.counters, scrape, tick.at, part.source)
  const listened = isListened(part, plan)
  // Any of them tells that the canary has traffic: the first may be of requests that are rare, or that this canary never completes.
  const heard = ofUsers(plan).some(({ name }) => (interval.counts[name]?.canary.n ?? 0) > 0)
  const firstMoved = now.firstMoved ?? (tick.weight > 0 && heard ? tick.at : undefined)
  const moved = firstMoved === undefined ? now : { ...now, firstMoved }
  const admission = admit(interval, {
    at: tick.at,
    weight: tick.weight,
    weightBefore: before.weight,
    weightSince: now.weightSince,
    began: beganAt(tick.scrape),
    // Our own requests are there whether users come or not.
    firstMoved: firstMoved ?? (isSynthetic(part, plan) ? (now.trafficSince ?? now.weightSince) : undefined),
    warmUp: plan.warmUp,
  })
  const gauging = gaugingOf(moved, tick, plan)
  const weighed = plan.metrics
    .filter(({ name }) => part.metrics.includes(name))
    .map((metric) => [metric.name, weighMetric(metric, now, admission, { scrape, gauging })] as const)
  return {
    ...moved,
    counters: cut ? forgetAbsent(state, tick.scrape, part.source) : state,
    metrics: { ...now.metrics, ...Object.fromEntries(weighed) },
    ...(listened && scrape.kind === 'buckets' && scrape.lag !== undefined ? { lag: scrape.lag } : {}),
    missing: plan.missing === 'off' || !listened ? now.missing : weighMissing(now, interval, tick, plan),
  }
}

/** Buckets without those that were taken in before. */
const fresh = ({ counters }: Evidence, scrape: ReadTick['scrape']): ReadTick['scrape'] =>
  scrape.kind === 'pods'
    ? scrape
    : { ...scrape, gauges: (scrape.gauges ?? []).filter((gauge) => isNew(counters, gauge)) }

const isSynthetic = ({ metrics }: Part, plan: JudgePlan): boolean =>
  plan.metrics.every(
    (metric) => !metrics.includes(metric.name) || (metric.kind !== 'gauge' && metric.synthetic === true),
  )

/** How the canary's gauges are read at a look. `idle`: no request of it is known yet. */
type Gauging = GaugeLook & { readonly idle: boolean }

/**
 * A gauge of the canary is judged where it may have traffic: not at weight 0, not of pods that are being made, and not while it warms up. Where its
 * requests cannot be heard, its warm-up is taken to begin with its first weight. A period may close long after the weight that it was of has changed:
 * the canary had traffic under that one, too.
 */
const gaugingOf = (evidence: Evidence, { at, weight, starting, scrape }: ReadTick, plan: JudgePlan): Gauging => {
  const { weightSince, trafficSince: since = weightSince, firstMoved } = evidence
  const warm = plan.warmUp === 0 || at > (firstMoved ?? since) + plan.warmUp
  const started = scrape.kind === 'pods' ? starting === undefined : !showsMaking(evidence, scrape, at)
  return {
    at,
    spacing: spacingOf(plan),
    judged: weight > 0 && started && at >= since && warm,
    idle: firstMoved === undefined && ofUsers(plan).length > 0,
  }
}

/** Whether the periods that ended then are also of pods that were being made. */
const showsMaking = ({ making = [] }: Evidence, { gauges = [] }: Buckets, at: number): boolean => {
  const began = Math.min(at, ...gauges.map(({ from }) => from))
  return making.some(({ from, until }) => at >= from && began < until)
}

const weighMetric = (
  metric: MetricPlan,
  evidence: Evidence,
  admission: Admission,
  { scrape, gauging }: { readonly scrape: ReadTick['scrape']; readonly gauging: Gauging },
) => {
  const known = evidence.metrics[metric.name] ?? beginMetric(metric)
  if (metric.kind === 'gauge') return known.kind === 'gauge' ? weighGauge(metric, known, scrape, gauging) : known
  if (known.kind !== 'counted') return known
  const guard = scrape.kind === 'buckets' ? (scrape.guard ?? 0) : 0
  return weighCounted(metric, known, admission, { guard, step: evidence.step })
}

const weighGauge = (
  metric: GaugeMetric,
  known: GaugeEvidence,
  scrape: ReadTick['scrape'],
  { idle, ...look }: Gauging,
): GaugeEvidence => {
  const read = (side: Side, bounds: Bounds, looked: GaugeLook): GaugeState => {
    const values = gaugeValues(metric, scrape, side)
    // A period that has not closed leaves what the last one showed.
    return values.length === 0 && scrape.kind === 'buckets'
      ? known[side]
      : readGauge(known[side], gaugeReading(values), bounds, looked)
  }
  return {
    kind: 'gauge',
    baseline: read('baseline', metric, { ...look, judged: true }),
    // What has done nothing yet may be below any minimum.
    canary: read('canary', idle ? { max: metric.max } : metric, look),
  }
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

const weighCounted = (
  metric: CountedMetric,
  known: CountedEvidence,
  { use, interval }: Admission,
  { guard, step }: { readonly guard: number; readonly step: number },
): CountedEvidence => {
  const untrusted = interval.untrusted[metric.name]
  if (untrusted !== undefined) return { ...known, unreliable: known.unreliable ?? untrusted }
  const pair = interval.counts[metric.name]
  if (pair === undefined) return known
  if (guard === 0) return spend(metric, known, { pair, use, step }, step)
  const { waiting, due } = waitFor(known.waiting ?? [], { pair, use, step }, guard)
  const after = { ...known, waiting }
  return due === undefined ? after : spend(metric, after, due, step)
}

/** Takes an interval in. One that closed in an earlier step is evidence, but no request of the present one. */
const spend = (
  metric: CountedMetric,
  known: CountedEvidence,
  { pair, use, step }: Pending,
  present: number,
): CountedEvidence => {
  const margin = marginOf(metric, known.ratio)
  if (use === 'learned') return { ...known, margin, ratio: learnBaseline(known.ratio, pair.baseline) }
  return {
    ...known,
    margin,
    ratio: compare(known.ratio, pair, margin),
    limit: metric.max === undefined ? known.limit : testLimit(known.limit, pair, metric.max),
    ...(step === present
      ? { step: { baseline: add(known.step.baseline, pair.baseline), canary: add(known.step.canary, pair.canary) } }
      : {}),
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

/** Metrics may count different subsets; the one that counts most is nearest to all requests. */
const mostRequests = (interval: Interval): Pair | undefined =>
  Object.values(interval.counts).reduce<Pair | undefined>(
    (most, pair) =>
      most !== undefined && most.baseline.n + most.canary.n >= pair.baseline.n + pair.canary.n ? most : pair,
    undefined,
  )

const requests = (evidence: Evidence, plan: JudgePlan) => {
  const steps = plan.metrics.flatMap((metric) => {
    const known = evidence.metrics[metric.name]
    const unseen = evidence.unseen?.[metric.name]
    const passedOver = unseen !== undefined && policyOf(metric, unseen) === 'ignore'
    return known?.kind === 'counted' && !passedOver ? [known.step] : []
  })
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
