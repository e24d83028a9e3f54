import { type Count, type Pair, share } from './count.ts'
import {
  type CountedEvidence,
  type CountedMetric,
  type Evidence,
  evidenceLimit,
  type GaugeEvidence,
  type GaugeMetric,
  type MetricPlan,
} from './evidence.ts'
import { breaks, type GaugeReading } from './gauge.ts'
import { bothBreak, limitEvidence } from './limit.ts'
import { ratioEvidence } from './ratio.ts'

/** What a summary shows of one metric. Evidence as natural logs (`logE` may be shown as e^logE); `logLimit` is log m/α. */
export type MetricJudgement = CountedJudgement | GaugeJudgement

/** What a counted metric shows at a look. */
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
  /** By what the sides' counts were divided last, as the baseline's own past is more uneven than chance; 1: independent requests. Absent: nothing was judged. */
  readonly dispersion?: { readonly baseline: number; readonly canary: number }
  readonly text: string
}

/** What a gauge shows at a look. */
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
    ...(known.divisors === undefined ? {} : { dispersion: known.divisors }),
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
  return `${sides} in this step, tolerated +${percent(known.margin)} (evidence ${evidenceText(peak, logLimit)}${burstText(known)})`
}

/** From so much on a verdict takes clearly longer than its requests would let expect. */
const BURSTY = 5

const burstText = ({ divisors }: CountedEvidence): string =>
  divisors === undefined || divisors.canary <= BURSTY
    ? ''
    : `; bursty: its counts weigh ${number(divisors.canary)} times less, as the baseline's own past is so uneven, and verdicts are slow`

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

/** The evidence and its limit as people read them: e^logE, powers of ten where it is large. */
export const evidenceText = (logE: number, logLimit: number): string =>
  `${magnitude(logE)}, limit ${magnitude(logLimit)}`

const magnitude = (log: number): string => (log > 20 ? `10^${(log / Math.LN10).toFixed(0)}` : number(Math.exp(log)))

const percent = (part: number): string => `${(part * 100).toFixed(part < 0.0995 ? 2 : 1)} %`

const number = (value: number): string => String(Number(value.toPrecision(4)))
