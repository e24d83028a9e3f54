import type { Finding } from '@sluice/kit/report'
import type { ReleaseRecord, Step } from '@sluice/release/record'
import { expectedIn, type Rate } from './expected.ts'
import { note, warning } from './finding.ts'
import { lasting, requestRate, stepShare } from './phrases.ts'
import { settingsOf } from './plan.ts'
import { providerOf } from './providers.ts'

/**
 * The steps that will not count `min-requests` on both sides within their hold, at the rates that were measured: a note where holding on makes up for it,
 * a warning where `max-hold` ends first, with what to change. Requests of our own count as well.
 */
export const shortageFindings = (record: ReleaseRecord, rates: readonly Rate[]): readonly Finding[] =>
  record.plan.steps.flatMap((step, index) => {
    // A step passes by the metric that counts least.
    const worst = rates.reduce<Rate | undefined>(
      (least, rate) => (least === undefined || rate.perSecond < least.perSecond ? rate : least),
      undefined,
    )
    return worst === undefined ? [] : shortageOf(record, worst, { step, index })
  })

const shortageOf = (
  record: ReleaseRecord,
  rate: Rate,
  { step, index }: { readonly step: Step; readonly index: number },
): readonly Finding[] => {
  const { minRequests, maxHold, onInconclusive } = record.plan
  const takes = timeFor(record, rate, step)
  if (takes <= step.hold) return []
  const where = `step ${index + 1} (${stepShare(step)} for ${lasting(step.hold)})`
  const least = `at ${requestRate(rate.perSecond)} ${where} counts about ${Math.round(leastIn(record, rate, step, step.hold))} requests on one side`
  if (takes <= step.hold + maxHold)
    return [
      note(
        'held-for-requests',
        `${least} where min-requests asks for ${minRequests}: it will be held for about ${lasting(takes)}`,
      ),
    ]
  const all = Math.round(leastIn(record, rate, step, step.hold + maxHold))
  const text = `${least}, and ${all} with max-hold, where min-requests asks for ${minRequests}: on-inconclusive will decide (${onInconclusive})`
  return [warning('min-requests-unreachable', text, { hint: hintFor(record, rate, { step, takes }) })]
}

/** How long a step must be watched until both sides have counted enough, ms; endless where nobody comes. */
const timeFor = (record: ReleaseRecord, rate: Rate, step: Step): number =>
  (1000 * record.plan.minRequests) / leastIn(record, rate, step, 1000)

const leastIn = (record: ReleaseRecord, rate: Rate, step: Step, ms: number): number => {
  const { baseline, canary } = expectedIn(record, rate, step, ms)
  return Math.min(baseline, canary) + ownIn(record, ms)
}

/** What the probe adds on each side: its number at every look, or as many as are missing. */
const ownIn = (record: ReleaseRecord, ms: number): number => {
  const settings = settingsOf(record)
  const sends = settings.metrics.some((metric) => metric.kind !== 'gauge' && providerOf(metric, settings) === 'probe')
  return sends ? (Math.min(MOST, settings.probe?.requests ?? MOST) * ms) / record.plan.interval : 0
}

/** Requests of ours at one look, on each side. */
const MOST = 100

const hintFor = (
  record: ReleaseRecord,
  rate: Rate,
  { step, takes }: { readonly step: Step; readonly takes: number },
): string => {
  const { minRequests } = record.plan
  const perPercent = expectedIn(record, rate, { ...step, weight: 1, mirror: 0 }, step.hold).canary
  const weight = Math.ceil(minRequests / perPercent)
  return [
    Number.isFinite(takes) ? `Hold for ${lasting(Math.ceil(takes / 60_000) * 60_000)} or more` : '',
    (step.mirror ?? 0) === 0 && weight < 100 ? `raise the weight to ${weight}` : '',
    `lower min-requests`,
    'or add a metric of provider probe, whose requests count as well',
  ]
    .filter((part) => part !== '')
    .join(', ')
}
