import type { Sampled } from '@sluice/evidence/judge'
import type { ReleaseRecord, Step } from '@sluice/release/record'
import { settingsOf } from './plan.ts'
import { providerOf } from './providers.ts'
import type { Recording } from './recording.ts'

/**
 * What a metric counts of all users' requests: `requests` in `seconds`, and so many a second. `seen`: the part of stable's requests that its source reads,
 * above 0 … 1.
 */
export type Rate = {
  readonly metric: string
  readonly perSecond: number
  readonly requests: number
  readonly seconds: number
  readonly seen: number
}

/** The rates that a recording shows, of each metric that counts the users' requests in at least two intervals; ours are left out. */
export const ratesOf = (record: ReleaseRecord, { taken }: Recording): readonly Rate[] => {
  const settings = settingsOf(record)
  return settings.metrics.flatMap((metric) => {
    const provider = providerOf(metric, settings)
    if (metric.kind === 'gauge' || provider === 'probe') return []
    const rate = rateOf(record, taken[metric.name] ?? [])
    const inPart = provider === 'pods' && record.plan.baseline !== 'fresh'
    const seen = inPart ? Math.min(1, READ_PODS / Math.max(1, record.stableReplicas)) : 1
    return rate === undefined ? [] : [{ metric: metric.name, ...rate, seen }]
  })
}

/** Requests that both sides of a step are expected to count in so many ms. */
export const expectedIn = (
  { plan }: Pick<ReleaseRecord, 'plan'>,
  { perSecond, seen }: Pick<Rate, 'perSecond' | 'seen'>,
  { weight, mirror = 0 }: Step,
  ms: number,
): { readonly baseline: number; readonly canary: number } => {
  const all = (perSecond * ms) / 1000
  const canary = ((all / seen) * (mirror > 0 ? mirror : weight)) / 100
  // A fresh baseline has the canary's weight.
  if (plan.baseline === 'fresh') return { baseline: canary, canary }
  return { baseline: (all * (100 - weight)) / 100, canary }
}

/** Of stable's pods the source reads the twenty oldest (packages/metrics/src/pods.ts), and all of the canary's. */
const READ_PODS = 20

/** The first interval is left out: nobody knows when it began. A fresh baseline shows the users' requests only under a weight. */
const rateOf = (
  { plan, stableReplicas }: ReleaseRecord,
  samples: readonly Sampled[],
): Omit<Rate, 'metric' | 'seen'> | undefined => {
  const fresh = plan.baseline === 'fresh'
  const counted = samples.flatMap((each) => (each.kind === 'counted' && (!fresh || each.weight > 0) ? [each] : []))
  const [first, ...more] = counted
  const last = more.at(-1)
  if (first === undefined || last === undefined || last.at <= first.at || stableReplicas === 0) return undefined
  const seconds = (last.at - first.at) / 1000
  // Copies are the same requests once more.
  const copied = (plan.steps[0]?.mirror ?? 0) > 0
  const requests = more.reduce((sum, { baseline, canary, weight }) => {
    if (fresh) return sum + (100 * canary.n) / weight
    return sum + baseline.n + (copied ? 0 : canary.n)
  }, 0)
  return { requests, seconds, perSecond: requests / seconds }
}
