import type { Pair } from './count.ts'
import { spend } from './counted.ts'
import {
  beginEvidence,
  beginMetric,
  type CountedEvidence,
  type CountedMetric,
  type Evidence,
  evidenceLimit,
  type GaugeEvidence,
  type GaugeMetric,
  type JudgePlan,
} from './evidence.ts'
import { type GaugeState, gaugeReading, readGauge } from './gauge.ts'
import { listen, type MissingState } from './missing.ts'
import type { Side } from './reading.ts'
import type { Sampled } from './sampled.ts'
import type { Sample, Series, Use } from './series.ts'
import { onTime } from './timing.ts'
import { type Decision, decide, type MetricJudgement, report } from './verdict.ts'

/** One look of a replay: its time, ms UTC, the weight and step that were in force, and what is decided. */
export type Replayed = {
  readonly at: number
  readonly weight: number
  readonly step: number
  readonly samples: readonly Sampled[]
  readonly metrics: readonly MetricJudgement[]
  readonly decision: Decision
  readonly evidence: Evidence
}

/**
 * Judges recorded series again, interval by interval, as a canary would have: samples of several metrics that end at the same moment are one look. What the record
 * says of an interval holds (`use`, `margin`, `dispersion`), so that the record of a canary gives its own evidence back; what it does not say is found
 * anew: every interval at a weight above 0 is judged, after the plan's warm-up. Pods are not recorded: dispersion is then that of the baseline's totals.
 * @param series each with as many counts of both sides as samples, in the order of time; counted metrics and gauges of the same names in `plan`
 */
export const replay = (series: readonly Series[], plan: JudgePlan): readonly Replayed[] => {
  let evidence = beginEvidence(plan)
  return looksOf(series, plan).map((look) => {
    const looked = takeIn(evidence, look, plan)
    evidence = looked.evidence
    return looked
  })
}

/** One sample of one metric. `lasted`: since its last one, ms; 0 of the first. */
type Entry = { readonly sample: Sample; readonly use: Use; readonly lasted: number } & (
  | { readonly kind: 'counted'; readonly metric: CountedMetric; readonly pair: Pair }
  | { readonly kind: 'gauge'; readonly metric: GaugeMetric; readonly values: Values }
)
type Values = { readonly baseline: number | null; readonly canary: number | null }
type Looked = { readonly at: number; readonly entries: readonly Entry[] }

/** A canary may look twice in a millisecond, as when a step ends: what a metric showed at the same time again is a look of its own. */
const looksOf = (series: readonly Series[], plan: JudgePlan): readonly Looked[] => {
  const looks = new Map<string, { readonly at: number; readonly turn: number; readonly entries: Entry[] }>()
  for (const one of series) {
    let [before, turn] = [Number.NaN, 0]
    for (const entry of entriesOf(one, plan)) {
      const at = Date.parse(entry.sample.at)
      turn = at === before ? turn + 1 : 0
      before = at
      const known = looks.get(`${at}/${turn}`)
      if (known === undefined) looks.set(`${at}/${turn}`, { at, turn, entries: [entry] })
      else known.entries.push(entry)
    }
  }
  return [...looks.values()].sort((a, b) => a.at - b.at || a.turn - b.turn)
}

const entriesOf = (one: Series, plan: JudgePlan): readonly Entry[] => {
  const metric = plan.metrics.find(({ name }) => name === one.name)
  const warm = warmAfter(one, plan)
  return one.samples.flatMap((sample, index, all): readonly Entry[] => {
    const before = all[index - 1]
    const lasted = before === undefined ? 0 : Date.parse(sample.at) - Date.parse(before.at)
    const use = sample.use ?? (sample.weight > 0 && Date.parse(sample.at) > warm ? 'judged' : 'learned')
    if (one.kind === 'gauge') {
      if (metric?.kind !== 'gauge') return []
      const values = { baseline: one.baseline[index] ?? null, canary: one.canary[index] ?? null }
      return [{ kind: 'gauge', sample, use, lasted, metric, values }]
    }
    const [baseline, canary] = [one.baseline[index], one.canary[index]]
    if (metric === undefined || metric.kind === 'gauge' || baseline === undefined || canary === undefined) return []
    return [{ kind: 'counted', sample, use, lasted, metric, pair: { baseline, canary } }]
  })
}

/** The warm-up of what does not say how it was used begins with the first request of the canary, for a gauge with its first weight. */
const warmAfter = (one: Series, { warmUp }: JudgePlan): number => {
  if (warmUp === 0) return Number.NEGATIVE_INFINITY
  const counts = one.kind === 'gauge' ? undefined : one.canary
  const first = one.samples.find(
    ({ weight }, index) => weight > 0 && (counts === undefined || (counts[index]?.n ?? 0) > 0),
  )
  return first === undefined ? Number.POSITIVE_INFINITY : Date.parse(first.at) + warmUp
}

const takeIn = (evidence: Evidence, { at, entries }: Looked, plan: JudgePlan): Replayed => {
  const { weight, share, step } = entries[0]?.sample ?? evidence
  const timed = onTime(evidence, { at, weight, share, step })
  const taken = entries.map((entry) => ({ name: entry.metric.name, ...weighEntry(entry, timed, { at, plan }) }))
  const known = { ...timed.metrics, ...Object.fromEntries(taken.map(({ name, after }) => [name, after])) }
  const after = { ...timed, metrics: known, missing: heard(timed, { at, entries }, plan) }
  const metrics = plan.metrics.map((metric) => report(metric, after))
  const samples = taken.flatMap(({ sample }) => sample ?? [])
  return { at, weight, step, samples, metrics, decision: decide(after, { plan, metrics, at }), evidence: after }
}

const weighEntry = (
  entry: Entry,
  evidence: Evidence,
  { at, plan }: { readonly at: number; readonly plan: JudgePlan },
): { readonly after: CountedEvidence | GaugeEvidence; readonly sample?: Sampled } => {
  const { metric, sample, use, lasted } = entry
  const { weight, step } = sample
  const shared = sample.share === undefined ? {} : { share: sample.share }
  const known = evidence.metrics[metric.name] ?? beginMetric(metric)
  if (entry.kind === 'counted') {
    if (known.kind !== 'counted') return { after: known }
    const due = { pair: entry.pair, use, step, weight, at, lasted, ...shared }
    const weighed = spend(
      { metric: entry.metric, plan, guard: 0, present: evidence.step, limit: evidenceLimit(evidence) },
      known,
      due,
      sample,
    )
    return { after: weighed.known, ...(weighed.sample === undefined ? {} : { sample: weighed.sample }) }
  }
  if (known.kind !== 'gauge') return { after: known }
  const read = (side: Side, judged: boolean): GaugeState => {
    const value = entry.values[side]
    return readGauge(known[side], gaugeReading(value === null ? [] : [value]), entry.metric, { at, spacing: 0, judged })
  }
  return {
    after: { kind: 'gauge', baseline: read('baseline', true), canary: read('canary', use === 'judged') },
    sample: { metric: metric.name, kind: 'gauge', at, weight, step, ...shared, ...entry.values },
  }
}

/** Whether the canary counts requests at all is heard in the first metric of the users' own. */
const heard = (evidence: Evidence, { at, entries }: Looked, { metrics, missing }: JudgePlan): MissingState => {
  const first = metrics.find((metric) => metric.kind !== 'gauge' && metric.synthetic !== true)
  const own = entries.find((entry) => entry.kind === 'counted' && entry.metric.name === first?.name)
  return missing === 'off' || own?.kind !== 'counted' || evidence.weight === 0
    ? evidence.missing
    : listen(evidence.missing, own.pair, at)
}
