import { type Count, type Pair, share } from './count.ts'
import {
  type CountedEvidence,
  type CountedMetric,
  type Evidence,
  evidenceLimit,
  type GaugeEvidence,
  type GaugeMetric,
  type JudgePlan,
  type MetricPlan,
} from './evidence.ts'
import { breaks, type GaugeReading } from './gauge.ts'
import { bothBreak, limitEvidence } from './limit.ts'
import { expectedInSilence, missingEvidence, silent } from './missing.ts'
import { ratioEvidence } from './ratio.ts'
import type { Scrape } from './reading.ts'

/** `code` is stable; `text` says what was measured, on how many requests, against what limit; `next` what to do. */
export type Why = { readonly code: string; readonly text: string; readonly next: string }

/**
 * `reject`: roll back. `hold`: an absolute limit is broken by the baseline too, going back would not mend it. `no-data`: this look saw nothing.
 * `unreliable`: the source's counts mean nothing, no verdict can rest on them. `metric` is absent where the reason is no single metric.
 */
export type Decision =
  | { readonly kind: 'continue' }
  | {
      readonly kind: 'reject' | 'hold' | 'no-data' | 'unreliable'
      readonly metric?: string
      readonly why: Why
    }

/** What a summary shows of one metric. Evidence as natural logs (`logE` may be shown as e^logE); `logLimit` is log m/α. */
export type MetricJudgement = CountedJudgement | GaugeJudgement
export type CountedJudgement = {
  readonly name: string
  readonly kind: 'ratio' | 'latency'
  /** All judged requests of the release, and those of the present step. */
  readonly baseline: Count
  readonly canary: Count
  readonly step: Pair
  readonly margin: number
  readonly logE: number
  readonly logPeak: number
  readonly logLimit: number
  readonly limit?: {
    readonly max: number
    readonly logE: number
    readonly logPeak: number
    readonly bothBreak: boolean
  }
  readonly unreliable?: string
  readonly text: string
}
export type GaugeJudgement = {
  readonly name: string
  readonly kind: 'gauge'
  readonly baseline: GaugeReading
  readonly canary: GaugeReading
  readonly failures: number
  readonly allowed: number
  /** The baseline's last reading is outside the bounds as well. */
  readonly bothBreak: boolean
  readonly text: string
}

/** One metric as it stands, with the sentence that a person reads. */
export const report = (metric: MetricPlan, evidence: Evidence): MetricJudgement => {
  const known = evidence.metrics[metric.name]
  if (known === undefined || (known.kind === 'gauge') !== (metric.kind === 'gauge'))
    throw new Error(`evidence was begun with another plan: metric ${metric.name}`)
  return known.kind === 'gauge'
    ? reportGauge(metric as GaugeMetric, known)
    : reportCounted(metric as CountedMetric, known, evidenceLimit(evidence))
}

type Seen = {
  readonly scrape: Scrape
  readonly plan: JudgePlan
  readonly metrics: readonly MetricJudgement[]
  readonly at: number
}

/**
 * The decision of one look. A test that once reached its threshold rejects for good (Ville's bound covers the largest value), so a run that
 * resumes decides as one that never stopped. Rejections come first, then what cannot be trusted or seen, then holds.
 */
export const decide = (evidence: Evidence, seen: Seen): Decision =>
  seen.metrics.map(rejection).find((decision) => decision !== undefined) ??
  missingRequests(evidence, seen) ??
  distrusted(seen) ??
  unseen(evidence, seen.scrape) ??
  seen.metrics.map(holding).find((decision) => decision !== undefined) ?? { kind: 'continue' }

const rejection = (metric: MetricJudgement): Decision | undefined => {
  if (metric.kind === 'gauge')
    return metric.failures >= metric.allowed && !metric.bothBreak ? stop('reject', metric, 'gauge', BACK) : undefined
  if (metric.unreliable !== undefined) return undefined
  if (metric.logPeak >= metric.logLimit)
    return stop('reject', metric, metric.kind === 'latency' ? 'latency' : 'errors', BACK)
  return metric.limit !== undefined && metric.limit.logPeak >= metric.logLimit
    ? stop('reject', metric, 'limit', BACK)
    : undefined
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
  const { missing, weight } = evidence
  const logLimit = evidenceLimit(evidence)
  if (silent(missing, weight, { logLimit, at, settle: plan.settle })) {
    const expected = Math.round(expectedInSilence(missing, weight))
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

const distrusted = ({ metrics, scrape }: Seen): Decision | undefined => {
  if (scrape.kind === 'several-series' || scrape.kind === 'unreliable')
    return { kind: 'unreliable', why: { code: 'unreliable', text: scrape.text, next: ONE_PROCESS } }
  const metric = metrics.find((candidate) => candidate.kind !== 'gauge' && candidate.unreliable !== undefined)
  return metric === undefined ? undefined : stop('unreliable', metric, 'unreliable', ONE_PROCESS)
}

const unseen = (evidence: Evidence, scrape: Scrape): Decision | undefined => {
  if (evidence.blind === 0) return undefined
  const text = unseenText(scrape)
  return { kind: 'no-data', why: { code: 'no-data', text, next: 'See whether the metric source answers' } }
}

const unseenText = (scrape: Scrape): string => {
  if ('text' in scrape) return scrape.text
  const missing = scrape.kind === 'pods' && scrape.missing.length > 0 ? `; not read: ${scrape.missing.join(', ')}` : ''
  return scrape.kind === 'pods' && !scrape.readings.some(({ side }) => side === 'baseline')
    ? `No baseline pod could be read${missing}`
    : `No counter was read${missing}`
}

const stop = (
  kind: 'reject' | 'hold' | 'unreliable',
  metric: MetricJudgement,
  code: string,
  next: string,
): Decision => ({ kind, metric: metric.name, why: { code, text: `${metric.name}: ${metric.text}`, next } })

const BACK = 'Compare the two versions on this metric'
const ONE_PROCESS = 'Export one series per pod, for Python servers with PROMETHEUS_MULTIPROC_DIR'

const reportCounted = (metric: CountedMetric, known: CountedEvidence, logLimit: number): CountedJudgement => {
  const { now, peak } = ratioEvidence(known.ratio)
  const limited = limitEvidence(known.limit)
  const limit =
    metric.max === undefined
      ? undefined
      : { max: metric.max, logE: limited.now, logPeak: limited.peak, bothBreak: bothBreak(known.limit, metric.max) }
  const { baseline, canary } = known.ratio.judged
  return {
    name: metric.name,
    kind: metric.kind,
    baseline,
    canary,
    step: known.step,
    margin: known.margin,
    logE: now,
    logPeak: peak,
    logLimit,
    ...(limit === undefined ? {} : { limit }),
    ...(known.unreliable === undefined ? {} : { unreliable: known.unreliable }),
    text: countedText({ known, peak, logLimit, limit }),
  }
}

const countedText = (shown: {
  readonly known: CountedEvidence
  readonly peak: number
  readonly logLimit: number
  readonly limit: CountedJudgement['limit']
}): string => {
  const { known, peak, logLimit, limit } = shown
  if (known.unreliable !== undefined) return known.unreliable
  const sides = `canary ${countText(known.step.canary)}, baseline ${countText(known.step.baseline)}`
  if (limit?.bothBreak) return `${recentText(known, limit.max)}; ${sides} in this step`
  if (limit !== undefined && limit.logPeak >= logLimit && peak < logLimit)
    return `${sides} in this step, limit ${percent(limit.max)} (evidence ${evidenceText(limit.logPeak, logLimit)})`
  return `${sides} in this step, tolerated +${percent(known.margin)} (evidence ${evidenceText(peak, logLimit)})`
}

const recentText = ({ limit }: CountedEvidence, max: number): string =>
  `both sides are above the limit of ${percent(max)}: lately canary ${percent(share(limit.recent.canary))}, baseline ${percent(share(limit.recent.baseline))}`

const reportGauge = (metric: GaugeMetric, known: GaugeEvidence): GaugeJudgement => {
  const allowed = Math.max(3, metric.failures ?? 3)
  const bothBreak = breaks(known.baseline.last, metric)
  const bounds = [
    metric.min === undefined ? [] : [`at least ${number(metric.min)}`],
    metric.max === undefined ? [] : [`at most ${number(metric.max)}`],
  ].flat()
  const text = `canary ${gaugeText(known.canary.last)}, baseline ${gaugeText(known.baseline.last)}, asked: ${bounds.join(' and ')}; ${known.canary.failures} of ${allowed} reads in a row outside`
  return {
    name: metric.name,
    kind: 'gauge',
    baseline: known.baseline.last,
    canary: known.canary.last,
    failures: known.canary.failures,
    allowed,
    bothBreak,
    text,
  }
}

const gaugeText = (reading: GaugeReading): string => {
  if (reading.kind === 'value') return number(reading.value)
  return reading.kind === 'nan' ? 'not a number' : 'no value'
}

const countText = (count: Count): string =>
  count.n === 0 ? 'no requests' : `${number(count.k)} of ${number(count.n)} (${percent(share(count))})`

const evidenceText = (logE: number, logLimit: number): string => `${magnitude(logE)}, limit ${magnitude(logLimit)}`

const magnitude = (log: number): string => (log > 20 ? `10^${(log / Math.LN10).toFixed(0)}` : number(Math.exp(log)))

const percent = (part: number): string => `${(part * 100).toFixed(part < 0.0995 ? 2 : 1)} %`

const number = (value: number): string => String(Number(value.toPrecision(4)))
