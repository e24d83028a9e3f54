import type { Reason, ReleaseRecord } from '@sluice/release/record'

/** The last write that was refused, since when every look had a refusal, and since when the state has not moved. On the monotonic clock, ms. */
export type Standstill = {
  readonly since: number
  /** The canary's Service was seen to lead to stable's pods. */
  readonly diverted?: boolean
  /** Stable was seen without a pod that can serve, and the canary with traffic and pods. */
  readonly alone?: boolean
  readonly refusal?: { readonly text: string; readonly since: number }
}

/**
 * On the way down nothing else bounds a write that is refused for good (a right that was taken away, a webhook, a finalizer): the state machine asks
 * again at every look. A run gives up after twice `ready-within` of refusals (what is only overdue has its turn after once), or after four times that without any
 * progress, and leaves the record as it is,
 * so that what is left can be cleared away once the cause is gone.
 * @returns why to stop; `undefined` while there is still something to wait for
 */
export const standstill = (
  record: ReleaseRecord,
  { since, diverted, alone, refusal }: Standstill,
  at: number,
): Reason | undefined => {
  const { phase } = record.state
  if (phase !== 'lowering' && phase !== 'draining' && phase !== 'cleaning') return undefined
  const { readyWithin, drain } = record.plan
  const kept = alone === true ? ALONE : ''
  if (refusal !== undefined && at - refusal.since >= 2 * readyWithin) {
    return {
      code: 'refused',
      text: `the way back stands still at ${phase}: the cluster has refused the same write for ${seconds(at - refusal.since)}: ${refusal.text}${diverted === true ? DIVERTED : ''}${kept}`,
      next: NEXT,
    }
  }
  if (at - since < 4 * readyWithin + drain) return undefined
  return {
    code: 'standstill',
    text: `nothing has moved for ${seconds(at - since)} while ${phase}${kept}`,
    next: `See which pods or objects are stuck. ${NEXT}`,
  }
}

const DIVERTED =
  ". The route still names the canary; its Service leads to stable's pods, so the previous template answers everything"
const ALONE =
  '. Stable has no pod that can serve, so the canary, which is all that answers, keeps its traffic until stable is back. If the service is to go for good, delete the Deployment of the canary: the release then has an end'
const NEXT = 'The release is saved in the cluster: mend the cause, then run mode reap, which clears away what is left.'
const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`
