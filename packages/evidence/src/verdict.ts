import { type Evidence, evidenceLimit, type JudgePlan } from './evidence.ts'
import { evidenceText, type MetricJudgement } from './metric.ts'
import { expectedInSilence, missingEvidence, silent } from './missing.ts'
import type { Scrape } from './reading.ts'

export { type MetricJudgement, report } from './metric.ts'

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
