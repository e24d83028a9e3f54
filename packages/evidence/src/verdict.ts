import { type Evidence, evidenceLimit, type JudgePlan } from './evidence.ts'
import { type CountedJudgement, evidenceText, type MetricJudgement } from './metric.ts'
import { expectedInSilence, missingEvidence, silent } from './missing.ts'
import { own } from './own.ts'
import { comparePopulations } from './population.ts'
import { BLIND_LOOKS, policyOf, type Unseen } from './unseen.ts'

export { type MetricJudgement, report } from './metric.ts'

/** `code` is stable; `text` says what was measured, on how many requests, against what limit; `next` what to do. */
export type Why = { readonly code: string; readonly text: string; readonly next: string }

/**
 * `reject`: roll back. `hold`: an absolute limit is broken by the baseline too, going back would not mend it. `no-data`: this look saw nothing.
 * `unreliable`: no verdict can rest on the counts, and nobody may promote on them. `metric` is absent where the reason is no single metric.
 */
export type Decision =
  | { readonly kind: 'continue' }
  | {
      readonly kind: 'reject' | 'hold' | 'no-data' | 'unreliable'
      readonly metric?: string
      readonly why: Why
    }

/** `at`: until when the canary was listened to, ms; absent where this look heard neither side. */
type Seen = {
  readonly plan: JudgePlan
  readonly metrics: readonly MetricJudgement[]
  readonly at: number | undefined
}

/**
 * The decision of one look. A test that once reached its threshold rejects for good (Ville's bound covers the largest value), so a run that
 * resumes decides as one that never stopped. Rejections come first, then what cannot be trusted or seen, then holds.
 */
export const decide = (evidence: Evidence, seen: Seen): Decision =>
  seen.metrics.map((metric) => rejection(metric, evidence, seen.plan)).find((decision) => decision !== undefined) ??
  missingRequests(evidence, seen) ??
  refusedBlind(evidence, seen) ??
  unlike(evidence, seen) ??
  distrusted(evidence, seen) ??
  someAlone(evidence, seen) ??
  unseen(evidence, seen) ??
  seen.metrics.map(holding).find((decision) => decision !== undefined) ?? { kind: 'continue' }

const rejection = (metric: MetricJudgement, evidence: Evidence, plan: JudgePlan): Decision | undefined => {
  if (metric.kind === 'gauge')
    return metric.failures >= metric.allowed && !metric.bothBreak ? stop('reject', metric, 'gauge', BACK) : undefined
  if (metric.unreliable !== undefined || outliersOf(metric, evidence).length > 0) return undefined
  if (metric.logPeak >= metric.logLimit && !isUnlike(metric, evidence, plan))
    return stop('reject', metric, metric.kind === 'latency' ? 'latency' : 'errors', BACK)
  return metric.limit !== undefined && metric.limit.logPeak >= metric.logLimit
    ? stop('reject', metric, 'limit', BACK)
    : undefined
}

/** The comparison has reached its limit, and the sides' requests may be different ones. */
const isUnlike = (
  metric: MetricJudgement,
  evidence: Evidence,
  { metrics, missing, without = [] }: JudgePlan,
): boolean => {
  if (metric.kind === 'gauge' || metric.logPeak < metric.logLimit || missing === 'off') return false
  const planned = metrics.find(({ name }) => name === metric.name)
  const synthetic = planned?.kind !== 'gauge' && planned?.synthetic === true
  if (synthetic || without.includes('populations')) return false
  return comparePopulations(metric.step, askedShare(metric, evidence), metric.margin) === 'differs'
}

/** The canary's share of the step's requests that was asked for, 0 … 1. A step's first requests may have come at the weight of the one before, while its pods were made. */
const askedShare = ({ name, step }: CountedJudgement, { metrics, share, weight }: Evidence): number => {
  const known = metrics[name]
  const all = step.baseline.n + step.canary.n
  return known?.kind === 'counted' && known.asked !== undefined && all > 0 ? known.asked / all : (share ?? weight) / 100
}

/** The pods by which alone a metric's evidence has its limit, while the verdict waits for them. */
const outliersOf = ({ name }: MetricJudgement, { metrics }: Evidence): readonly string[] => {
  const known = metrics[name]
  return known?.kind === 'counted' && known.outliers?.over !== true ? Object.keys(known.outliers?.pods ?? {}) : []
}

const someAlone = (evidence: Evidence, { metrics }: Seen): Decision | undefined => {
  const metric = metrics.find((candidate) => outliersOf(candidate, evidence).length > 0)
  if (metric === undefined) return undefined
  const pods = outliersOf(metric, evidence)
  const only = pods.length === 1 ? `its pod ${pods[0]} is` : `its pods ${pods.join(', ')} are`
  const text = `${metric.name}: ${metric.text}; but only ${only} bad and the others are not, beyond chance: whether that lasts is waited for`
  return { kind: 'unreliable', metric: metric.name, why: { code: 'outlier-pods', text, next: OUTLIERS } }
}

const unlike = (evidence: Evidence, { plan, metrics }: Seen): Decision | undefined => {
  const metric = metrics.find((candidate) => isUnlike(candidate, evidence, plan))
  if (metric === undefined || metric.kind === 'gauge') return undefined
  const { baseline, canary } = metric.step
  const share = ((100 * canary.n) / (baseline.n + canary.n)).toFixed(1)
  const asked = Math.round(1000 * askedShare(metric, evidence)) / 10
  const text = `${metric.name}: ${metric.text}; but the canary counted only ${share} % of this step's requests where ${asked} % were to be expected, so that its baseline answers others, too, which may be the difference`
  return { kind: 'unreliable', metric: metric.name, why: { code: 'populations-differ', text, next: SPLIT_ONLY } }
}

const holding = (metric: MetricJudgement): Decision | undefined => {
  const both =
    metric.kind === 'gauge' ? metric.failures >= metric.allowed && metric.bothBreak : metric.limit?.bothBreak === true
  return both
    ? stop('hold', metric, 'baseline-breaks-limit', 'Look for a shared cause: going back would not mend it')
    : undefined
}

const missingRequests = (evidence: Evidence, { plan, at }: Seen): Decision | undefined => {
  if (plan.missing === 'off') return undefined
  const { missing, weight, share = weight } = evidence
  const logLimit = evidenceLimit(evidence)
  if (at !== undefined && silent(missing, share, { logLimit, at, settle: plan.settle + (evidence.lag ?? 0) })) {
    const expected = Math.round(expectedInSilence(missing, share))
    const seconds = Math.round((at - missing.silent.since) / 1000)
    const text = `The canary counted no request for ${seconds} s at weight ${weight} %, while the baseline counted ${Math.round(missing.silent.baseline)}: about ${expected} were expected`
    return { kind: 'reject', why: { code: 'no-requests', text, next: 'See whether its pods answer, hang or crash' } }
  }
  if (plan.missing !== 'share' || missingEvidence(missing).peak < logLimit) return undefined
  const text = `The canary counted far fewer requests than its weight of ${weight} % asks for (evidence ${evidenceText(missingEvidence(missing).peak, logLimit)})`
  return {
    kind: 'reject',
    why: { code: 'missing-requests', text, next: 'See whether its pods refuse or drop connections' },
  }
}

/** The metrics without data, with what holds for each. */
const missed = (evidence: Evidence, { plan }: Seen) =>
  plan.metrics.flatMap((metric) => {
    const now = own(evidence.unseen, metric.name)
    return now === undefined ? [] : [{ metric: metric.name, now, policy: policyOf(metric, now) }]
  })

const refusedBlind = (evidence: Evidence, seen: Seen): Decision | undefined => {
  const found = missed(evidence, seen).find(({ now, policy }) => policy === 'fail' && now.looks >= BLIND_LOOKS)
  if (found === undefined) return undefined
  const text = `${found.metric}: ${found.now.text} (${found.now.kind}, ${found.now.looks} looks in a row)`
  const next = 'The plan says no-data: fail for it. See whether the metric source answers'
  return { kind: 'reject', metric: found.metric, why: { code: 'no-data', text, next } }
}

const distrusted = (evidence: Evidence, seen: Seen): Decision | undefined => {
  const { metrics } = seen
  const meaningless = missed(evidence, seen).find(
    ({ now, policy }) => policy === 'wait' && (now.kind === 'several-series' || now.kind === 'unreliable'),
  )
  if (meaningless !== undefined) {
    const { now } = meaningless
    const next = now.kind === 'several-series' ? ONE_SERIES : ONE_PROCESS
    return { kind: 'unreliable', why: { code: 'unreliable', text: now.text, next } }
  }
  const metric = metrics.find((candidate) => candidate.kind !== 'gauge' && candidate.unreliable !== undefined)
  return metric === undefined ? undefined : stop('unreliable', metric, 'unreliable', ONE_PROCESS)
}

const unseen = (evidence: Evidence, seen: Seen): Decision | undefined => {
  const blind = missed(evidence, seen).filter(({ policy }) => policy !== 'ignore')
  const longest = blind.reduce<(typeof blind)[number] | undefined>(
    (most, each) => (most !== undefined && most.now.looks >= each.now.looks ? most : each),
    undefined,
  )
  if (longest === undefined) return undefined
  return { kind: 'no-data', why: { code: 'no-data', text: longest.now.text, next: nextFor(longest.now) } }
}

const nextFor = ({ kind }: Unseen): string =>
  kind === 'nan'
    ? 'See why the series is no number'
    : kind === 'empty'
      ? 'See whether the metric source has the series, and whether the query names it'
      : 'See whether the metric source answers'

const stop = (
  kind: 'reject' | 'hold' | 'unreliable',
  metric: MetricJudgement,
  code: string,
  next: string,
): Decision => ({ kind, metric: metric.name, why: { code, text: `${metric.name}: ${metric.text}`, next } })

const BACK = 'Compare the two versions on this metric'
const SPLIT_ONLY = 'Count only the requests of the split rules, or compare with `baseline: fresh`'
const OUTLIERS = 'See what these pods and their nodes do: the canary goes back if it lasts, or reaches all of its pods'
const ONE_SERIES = 'Let the query give one series a side: name it by its labels, or sum'
const ONE_PROCESS = 'Export one series per pod, for Python servers with PROMETHEUS_MULTIPROC_DIR'
