import { type Admission, admit } from './admitted.ts'
import type { Pair } from './count.ts'
import { left, weighCounted } from './counted.ts'
import { difference, forgetAbsent, type Interval, isNew, readBefore } from './counters.ts'
import {
  beginMetric,
  type CountedEvidence,
  type CountedMetric,
  type Evidence,
  evidenceLimit,
  type GaugeEvidence,
  type JudgePlan,
  type MetricPlan,
  type Tick,
} from './evidence.ts'
import { type Gauging, gaugingOf, sampledGauge, weighGauge } from './gauging.ts'
import { listen, type MissingState, testShare } from './missing.ts'
import { own } from './own.ts'
import type { Part, Side, Single } from './reading.ts'
import type { Sampled } from './sampled.ts'
import { onTime } from './timing.ts'
import { look, partsOf, policyOf } from './unseen.ts'
import { type Decision, decide, type MetricJudgement, report } from './verdict.ts'

export type {
  CountedMetric,
  Evidence,
  GaugeMetric,
  JudgePlan,
  MetricPlan,
  Precaution,
  Tick,
} from './evidence.ts'
export { beginEvidence, evidenceLimit, tests } from './evidence.ts'
export type { Scrape } from './reading.ts'
export type { Sampled } from './sampled.ts'
export type { Decision, MetricJudgement, Why } from './verdict.ts'

/**
 * `requests`: judged requests of the present step, the least over the counted metrics that are not passed over for want of data. `samples`: the intervals
 * that this look took in, in the order of time; none where nothing was read.
 */
export type Judged = {
  readonly evidence: Evidence
  readonly samples: readonly Sampled[]
  readonly metrics: readonly MetricJudgement[]
  readonly requests: { readonly baseline: number; readonly canary: number }
  readonly decision: Decision
}

/** Takes one look into account and decides. Pure: the same evidence and tick always give the same answer. */
export const judge = (before: Evidence, tick: Tick, plan: JudgePlan): Judged => {
  const parts = partsOf(tick.scrape, plan.metrics)
  const timed = onTime(before, tick)
  const begun: Weighed = { evidence: timed, samples: [] }
  const weighed = parts.reduce((so, part) => also(so, weighPart(before, so.evidence, { ...tick, part }, plan)), begun)
  const evidence = withUnseen(weighed.evidence, parts, { plan, at: tick.at })
  const metrics = plan.metrics.map((metric) => report(metric, evidence))
  return {
    evidence,
    samples: weighed.samples,
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
    const known = own(evidence.unseen, metric.name)
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

/** The evidence after something was weighed, and what that was. */
type Weighed = { readonly evidence: Evidence; readonly samples: readonly Sampled[] }

const also = ({ samples }: Weighed, next: Weighed): Weighed => ({ ...next, samples: [...samples, ...next.samples] })

const weighPart = (before: Evidence, now: Evidence, tick: PartTick, plan: JudgePlan): Weighed => {
  const { scrape } = tick.part
  if (scrape.kind === 'buckets') return weighBuckets(now, { ...tick, scrape }, plan)
  return isComparable(scrape) ? weigh(before, now, { ...tick, scrape }, plan) : { evidence: now, samples: [] }
}

type Pods = Extract<Single, { kind: 'pods' }>
type Buckets = Extract<Single, { kind: 'buckets' }>

/** Each period is a look of its own, at its own end: several may close at once, and all of them close late. None closed is no look. */
const weighBuckets = (timed: Evidence, tick: PartTick & { readonly scrape: Buckets }, plan: JudgePlan): Weighed => {
  const { buckets, gauges = [] } = tick.scrape
  const ends = [...new Set([...buckets, ...gauges].map(({ to }) => to))].sort((a, b) => a - b)
  return ends.reduce(
    (so: Weighed, at) => {
      const ended = ({ to }: { readonly to: number }): boolean => to === at
      const scrape = { ...tick.scrape, buckets: buckets.filter(ended), gauges: gauges.filter(ended) }
      return also(so, weigh(so.evidence, so.evidence, { ...tick, at, scrape }, plan))
    },
    { evidence: timed, samples: [] },
  )
}

/** Without any baseline pod the canary's requests wait for the next read: spent now, they could be compared with nothing. */
const isComparable = (scrape: Single): scrape is Pods =>
  scrape.kind === 'pods' && scrape.readings.some(({ side }) => side === 'baseline')

type ReadTick = PartTick & { readonly scrape: Pods | Buckets }

const weigh = (before: Evidence, now: Evidence, tick: ReadTick, plan: JudgePlan): Weighed => {
  const cut = before.weight !== tick.weight
  const { part } = tick
  const readAt = readBefore(now.counters, part.source)
  const scrape = together(fresh(now, tick.scrape), readAt === undefined ? undefined : tick.at - readAt)
  const { state, interval } =
    scrape === undefined
      ? { state: now.counters, interval: NOTHING_YET }
      : difference(now.counters, scrape, tick.at, part.source)
  const listened = isListened(part, plan)
  // Any of them tells that the canary has traffic: the first may be of requests that are rare, or that this canary never completes.
  const heard = ofUsers(plan).some(({ name }) => (own(interval.counts, name)?.canary.n ?? 0) > 0)
  const firstMoved = now.firstMoved ?? (tick.weight > 0 && heard ? tick.at : undefined)
  const moved = firstMoved === undefined ? now : { ...now, firstMoved }
  const admission = admit(interval, {
    at: tick.at,
    weight: tick.weight,
    weightBefore: weightAt(readAt, before.weight, now, tick.at),
    weightSince: now.weightSince,
    began: beganAt(tick.scrape),
    // Our own requests are there whether users come or not.
    firstMoved: firstMoved ?? (isSynthetic(part, plan) ? (now.trafficSince ?? now.weightSince) : undefined),
    warmUp: plan.warmUp,
  })
  const gauging = gaugingOf(moved, tick, {
    warmUp: plan.warmUp,
    spacing: spacingOf(plan),
    counts: ofUsers(plan).length > 0,
  })
  const began = beganAt(tick.scrape) ?? readAt
  const looked = {
    scrape: scrape ?? tick.scrape,
    gauging,
    at: tick.at,
    lasted: began === undefined ? 0 : tick.at - began,
    plan,
  }
  const weighed = plan.metrics
    .filter(({ name }) => part.metrics.includes(name))
    .map((metric) => ({ name: metric.name, ...weighMetric(metric, now, admission, looked) }))
  const evidence: Evidence = {
    ...moved,
    counters: cut ? forgetAbsent(state, tick.scrape, part.source) : state,
    metrics: { ...now.metrics, ...Object.fromEntries(weighed.map(({ name, known }) => [name, known])) },
    ...(listened && scrape?.kind === 'buckets' && scrape.lag !== undefined ? { lag: scrape.lag } : {}),
    missing: plan.missing === 'off' || !listened ? now.missing : weighMissing(now, interval, tick, plan),
  }
  return { evidence, samples: weighed.flatMap(({ sample }) => sample ?? []) }
}

/** The weight at the read before this one. It may have changed at a look in between that read nothing, of which only is known whether it was 0 before. */
const weightAt = (
  readAt: number | undefined,
  weightBefore: number,
  { weightSince, trafficSince }: Evidence,
  at: number,
): number | undefined => {
  if (readAt === undefined || readAt >= weightSince || weightSince >= at) return weightBefore
  return trafficSince === weightSince ? 0 : undefined
}

/**
 * `undefined`: pods that were read far apart for so short an interval are counted together with the next read, as what hits both sides between two of the
 * reads would count for one of them only.
 */
const together = (scrape: ReadTick['scrape'], lasted: number | undefined): ReadTick['scrape'] | undefined => {
  // A clock that was set back, or another run's that is behind, tells no length: what waited for it to catch up would wait as long.
  if (scrape.kind !== 'pods' || lasted === undefined || lasted < 0) return scrape
  const times = scrape.readings.filter(({ counters }) => Object.keys(counters).length > 0).map(({ readAt }) => readAt)
  return times.length > 0 && Math.max(...times) - Math.min(...times) > APART * lasted ? undefined : scrape
}

const NOTHING_YET: Interval = { counts: {}, untrusted: {}, pods: {} }

/** Of the interval's length. */
const APART = 0.2

/** Buckets without those that were taken in before. */
const fresh = ({ counters }: Evidence, scrape: ReadTick['scrape']): ReadTick['scrape'] =>
  scrape.kind === 'pods'
    ? scrape
    : { ...scrape, gauges: (scrape.gauges ?? []).filter((gauge) => isNew(counters, gauge)) }

const isSynthetic = ({ metrics }: Part, plan: JudgePlan): boolean =>
  plan.metrics.every(
    (metric) => !metrics.includes(metric.name) || (metric.kind !== 'gauge' && metric.synthetic === true),
  )

/** What one metric is weighed by at a look: `at` its end, `lasted` its length, ms (0: not known). */
type Looked = {
  readonly scrape: ReadTick['scrape']
  readonly gauging: Gauging
  readonly at: number
  readonly lasted: number
  readonly plan: JudgePlan
}

type WeighedMetric = { readonly known: CountedEvidence | GaugeEvidence; readonly sample?: Sampled }

const weighMetric = (
  metric: MetricPlan,
  evidence: Evidence,
  admission: Admission,
  { scrape, gauging, at, lasted, plan }: Looked,
): WeighedMetric => {
  const known = evidence.metrics[metric.name] ?? beginMetric(metric)
  const { step, weight, share } = evidence
  if (metric.kind === 'gauge') {
    if (known.kind !== 'gauge') return { known }
    const after = weighGauge(metric, known, scrape, gauging)
    const sample = sampledGauge(metric, after, { at, weight, share, step, scrape })
    return sample === undefined ? { known: after } : { known: after, sample }
  }
  if (known.kind !== 'counted') return { known }
  const guard = scrape.kind === 'buckets' && !left('guard', plan) ? (scrape.guard ?? 0) : 0
  const looked = { ...admission, at, lasted, step, weight, ...(share === undefined ? {} : { share }) }
  return weighCounted({ metric, plan, guard, present: step, limit: evidenceLimit(evidence) }, known, looked)
}

/** Where the periods of a look began; `undefined` for reads of pods. */
const beganAt = (scrape: ReadTick['scrape']): number | undefined =>
  scrape.kind === 'buckets' && scrape.buckets.length > 0
    ? Math.min(...scrape.buckets.map(({ from }) => from))
    : undefined

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
  return plan.missing === 'share' && settled && whole ? testShare(heard, pair, tick.share ?? tick.weight) : heard
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
    const unseen = own(evidence.unseen, metric.name)
    const passedOver = unseen !== undefined && policyOf(metric, unseen) === 'ignore'
    return known?.kind === 'counted' && !passedOver ? [known.step] : []
  })
  const least = (side: Side) => (steps.length === 0 ? 0 : Math.min(...steps.map((step) => step[side].n)))
  return { baseline: least('baseline'), canary: least('canary') }
}
