import type { ReleaseRecord } from '@sluice/release/record'
import { type StepSeen, watchOf } from './judgement.ts'
import { settingsOf } from './plan.ts'
import { providerOf } from './providers.ts'

/**
 * How many requests of our own the probe sends to each side at the look that begins now. `probe.requests` where the plan has it; else its share of what
 * the step still lacks of `min-requests`, spread over the rest of the hold: nothing while the users' own will do, and none once the need is met. At most
 * 100, and none where nothing is judged: a canary that is drained must fall silent.
 * @param at ms UTC
 */
export const ownRequests = (record: ReleaseRecord, at: number): number => {
  const { state, plan } = record
  const settings = settingsOf(record)
  const fixed = settings.probe?.requests
  switch (state.phase) {
    case 'preparing':
    case 'raising':
      return fixed ?? 0
    case 'analysing':
    case 'holding': {
      if (fixed !== undefined) return fixed
      const hold = plan.steps[state.step]?.hold ?? 0
      const looks = Math.max(1, Math.floor((hold - (at - state.since)) / plan.interval))
      const seen = watchOf(record).steps.find(({ step }) => step === state.step)
      const counted = settings.metrics.some(
        (metric) => metric.kind !== 'gauge' && providerOf(metric, settings) !== 'probe',
      )
      const missing = missingOf(seen, { looks, interval: plan.interval, least: plan.minRequests, counted })
      return Math.min(MOST, Math.ceil(missing / looks))
    }
    default:
      return 0
  }
}

const MOST = 100

type Need = { readonly looks: number; readonly interval: number; readonly least: number; readonly counted: boolean }

/** What neither has been counted nor will come from the users until the hold is over, on the side that lacks more. `counted`: users' requests are. */
const missingOf = (seen: StepSeen | undefined, { looks, interval, least, counted }: Need): number => {
  const watched = seen === undefined ? 0 : seen.until - seen.since
  // Two looks tell at what pace the users' come; before that nothing is sent, unless there is hardly time left.
  if (counted && looks > 2 && watched < interval) return 0
  const lacking = (side: 'baseline' | 'canary'): number => {
    const all = seen?.[side] ?? 0
    const users = all - (seen?.synthetic?.[side] ?? 0)
    const coming = watched > 0 ? (users / watched) * looks * interval : 0
    return least - all - coming
  }
  return Math.max(0, lacking('baseline'), lacking('canary'))
}
