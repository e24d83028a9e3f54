import type { Judged, JudgePlan } from '@sluice/evidence/judge'
import { policyOf } from '@sluice/evidence/unseen'
import type { Reason } from '@sluice/release/record'

/** Requests of a step on each side. */
export type Requests = { readonly baseline: number; readonly canary: number }

/** What a step counted: `all` is what `min-requests` is asked of, `own` what of it the probe sent; absent where the plan has no probe. */
export type StepRequests = { readonly all: Requests; readonly own?: Requests }

/**
 * The judged requests of the present step. The users' are the least over the metrics that count them, and so are ours; the two are counted together, as
 * each is judged by itself and both were answered. A metric whose `no-data` is ignored, and that gave nothing, is passed over.
 */
export const requestsOf = ({ metrics, evidence }: Judged, plan: JudgePlan): StepRequests => {
  const steps = plan.metrics.flatMap((metric) => {
    const unseen = evidence.unseen?.[metric.name]
    const seen = metrics.find(({ name }) => name === metric.name)
    if (metric.kind === 'gauge' || seen === undefined || seen.kind === 'gauge') return []
    const passedOver = unseen !== undefined && policyOf(metric, unseen) === 'ignore'
    return passedOver ? [] : [{ own: metric.synthetic === true, step: seen.step }]
  })
  const least = (own: boolean): Requests => {
    const counted = steps.filter((each) => each.own === own)
    const of = (side: keyof Requests) =>
      counted.length === 0 ? 0 : Math.min(...counted.map(({ step }) => step[side].n))
    return { baseline: of('baseline'), canary: of('canary') }
  }
  const [users, own] = [least(false), least(true)]
  return {
    all: { baseline: users.baseline + own.baseline, canary: users.canary + own.canary },
    ...(steps.some((each) => each.own) ? { own } : {}),
  }
}

/** What a step still lacks, in the words of a verdict; `undefined` where both sides counted so many. */
export const shortOf = ({ all, own }: StepRequests, least: number): Reason | undefined => {
  if (all.baseline >= least && all.canary >= least) return undefined
  const round = ({ baseline, canary }: Requests): string =>
    `${Math.round(canary)} canary and ${Math.round(baseline)} baseline requests`
  const ours = own === undefined ? '' : `, ${Math.round(own.canary)} and ${Math.round(own.baseline)} of them our own`
  return {
    code: 'too-few-requests',
    text: `this step counted ${round(all)}${ours}, where min-requests asks for ${least} on each side`,
    next: 'Hold longer, raise the weight, lower min-requests, or add a metric of provider probe, which sends requests of its own',
  }
}
