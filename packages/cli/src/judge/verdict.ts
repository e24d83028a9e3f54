import type { PowerStatement } from '@sluice/canary-report/report'
import { type Replayed, replay } from '@sluice/evidence/replay'
import type { Sampled } from '@sluice/evidence/sampled'
import type { Decision, MetricJudgement, Why } from '@sluice/evidence/verdict'
import type { Recorded } from './file.ts'
import { powerOf } from './power.ts'

/** What a release would have come to. */
export type JudgedVerdict = 'promoted' | 'rolled-back' | 'inconclusive'

/**
 * The answer of a judge; times are ISO 8601. `at`: when it was decided: at the interval that rejects, else at the last one. `intervals` end there.
 * `metrics` are those of the last of them. `recorded`: what the canary itself came to, of a report.
 */
export type Judgement<Interval, Metric> = {
  readonly judge: 'sluice' | 'kayenta' | 'threshold'
  readonly verdict: JudgedVerdict
  readonly reason: Why
  readonly at: string
  readonly intervals: readonly Interval[]
  readonly metrics: readonly Metric[]
  readonly recorded?: Recorded['recorded']
}

/** One interval: what was decided after it, and what it held of each metric, as a canary's report has it. */
export type JudgedInterval = {
  readonly at: string
  readonly weight: number
  readonly step: number
  readonly decision: Decision
  readonly metrics: readonly IntervalMetric[]
}

/** A sample without what its interval says of all of them. */
type IntervalMetric = WithoutInterval<Sampled>
type WithoutInterval<Each> = Each extends unknown ? Omit<Each, 'at' | 'weight' | 'step'> : never

/** The answer of this project's judge, with what the traffic could have revealed. */
export type SluiceJudgement = Judgement<JudgedInterval, MetricJudgement> & { readonly power: readonly PowerStatement[] }

/**
 * Judges a record again as canary-promote does, interval by interval, until it is rejected or over. What a canary sees beside its metrics (restarts,
 * readiness, a person who aborts) is in no record. A hold that lasts to the end, and a step with fewer requests than the plan asks for, is
 * inconclusive: the canary would have waited.
 */
export const judgeRecorded = (file: Recorded): SluiceJudgement => {
  const { series, plan, recorded } = file
  const all = replay(series, plan)
  const rejected = all.findIndex(({ decision }) => decision.kind === 'reject')
  const looks = rejected < 0 ? all : all.slice(0, rejected + 1)
  const last = looks.at(-1)
  const { verdict, reason } = outcome(looks, file)
  return {
    judge: 'sluice',
    verdict,
    reason,
    at: iso(last?.at ?? 0),
    intervals: looks.map(intervalOf),
    metrics: last?.metrics ?? [],
    power: powerOf(looks),
    ...(recorded === undefined ? {} : { recorded }),
  }
}

const outcome = (
  looks: readonly Replayed[],
  { series, minRequests, counted }: Recorded,
): { readonly verdict: JudgedVerdict; readonly reason: Why } => {
  const decision = looks.at(-1)?.decision
  if (decision?.kind === 'reject') return { verdict: 'rolled-back', reason: decision.why }
  if (decision !== undefined && decision.kind !== 'continue') return { verdict: 'inconclusive', reason: decision.why }
  const measured = new Set(series.map(({ name }) => name))
  const short = lastOfSteps(looks)
    .flatMap((look) => requestsOf(look, measured, counted?.get(look.step)))
    .find(({ baseline, canary }) => Math.min(baseline, canary) < minRequests)
  if (short !== undefined) {
    const { name, step, baseline, canary } = short
    const text = `${name === undefined ? '' : `${name}: `}step ${step + 1} is over with ${baseline} requests of the baseline and ${canary} of the canary; both need ${minRequests}`
    const next = 'Record for longer, or at a higher weight; min-requests says how many are needed'
    return { verdict: 'inconclusive', reason: { code: 'too-few-requests', text, next } }
  }
  if (!looks.some(({ weight }) => weight > 0)) {
    const text = 'no interval has a weight above 0: nothing was judged'
    const next = 'Say the canary’s share of the requests, percent, as `weight`'
    return { verdict: 'inconclusive', reason: { code: 'nothing-judged', text, next } }
  }
  const unread = looks.at(-1)?.metrics.find(({ kind, name }) => kind === 'gauge' && !isRead(looks, name))
  if (unread !== undefined && measured.has(unread.name)) {
    const text = `${unread.name}: no value of the canary in any interval with a weight above 0`
    const next = 'Record its values, or leave the metric out'
    return { verdict: 'inconclusive', reason: { code: 'no-values', text, next } }
  }
  return {
    verdict: 'promoted',
    reason: { code: 'promoted', text: `no test rejected at any of ${looks.length} looks`, next: 'nothing' },
  }
}

/** What counts towards `min-requests`: what the canary itself counted, which knows more than its intervals, else the requests of each metric. */
const requestsOf = (
  { step, metrics }: Replayed,
  measured: ReadonlySet<string>,
  counted: { readonly baseline: number; readonly canary: number } | undefined,
): readonly { readonly step: number; readonly name?: string; readonly baseline: number; readonly canary: number }[] =>
  counted !== undefined
    ? [{ step, ...counted }]
    : metrics.flatMap((metric) =>
        metric.kind === 'gauge' || !measured.has(metric.name)
          ? []
          : [{ step, name: metric.name, baseline: metric.step.baseline.n, canary: metric.step.canary.n }],
      )

const isRead = (looks: readonly Replayed[], name: string): boolean =>
  looks.some(
    ({ weight, samples }) =>
      weight > 0 && samples.some((each) => each.kind === 'gauge' && each.metric === name && each.canary !== null),
  )

const lastOfSteps = (looks: readonly Replayed[]): readonly Replayed[] => {
  const under = looks.filter(({ weight }) => weight > 0)
  return under.filter(({ step }, index) => under[index + 1]?.step !== step)
}

const intervalOf = ({ at, weight, step, decision, samples }: Replayed): JudgedInterval => ({
  at: iso(at),
  weight,
  step,
  decision,
  metrics: samples.map(({ at: _, weight: __, step: ___, ...metric }) => metric),
})

/**
 * The answer of a judge of others, which is what its last look came to.
 * @param intervals its looks, in the order of time
 */
export const answerOf = <Interval extends { readonly at: string; readonly metrics: readonly unknown[] }>(
  judge: 'kayenta' | 'threshold',
  { verdict, reason }: { readonly verdict: JudgedVerdict; readonly reason: Why },
  intervals: readonly Interval[],
  { recorded }: Recorded,
): Judgement<Interval, Interval['metrics'][number]> => {
  const last = intervals.at(-1)
  return {
    ...{ judge, verdict, reason, at: last?.at ?? iso(0), intervals, metrics: last?.metrics ?? [] },
    ...(recorded === undefined ? {} : { recorded }),
  }
}

/** ISO 8601, of ms UTC. */
export const iso = (at: number): string => new Date(at).toISOString()
