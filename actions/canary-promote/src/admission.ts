import type { Finding } from '@sluice/kit/report'
import type { Plan } from '@sluice/release/record'
import { canarySize } from '@sluice/release/sizing'
import { limitFindings } from './limits.ts'
import type { PodTemplate } from './objects.ts'
import type { Request, Snapshot } from './obstacles.ts'
import { podSecurityFindings } from './pod-security.ts'
import { type Demand, quotaFindings, surgeOf } from './quota.ts'

/**
 * What the cluster's own rules would refuse in the canary's pods, from the objects alone. LimitRange and Pod Security are left out where one of the pods
 * was rehearsed: the API server's word, with its webhooks, counts for more. Quota is always reckoned: a rehearsal is of one pod, a release has more.
 * The newest pod of stable shows what webhooks add to the template (side-cars, requests); without one the template itself is taken.
 */
export const admissionFindings = (
  snapshot: Snapshot,
  given: {
    readonly request: Request
    readonly template: PodTemplate
    /** How many PodDisruptionBudgets get a twin. */
    readonly budgets: number
    readonly rehearsed: boolean
  },
): readonly Finding[] => {
  const { deployment, sample, limitRanges: ranges = [], quotas = [], namespaceLabels, serverVersion: server } = snapshot
  const { request, rehearsed } = given
  if (deployment === undefined) return []
  const where = `Deployment ${request.namespace}/${request.deployment}`
  const template = sample === undefined ? given.template : { ...given.template, spec: sample }
  const stands = deployment.spec.replicas ?? 1
  const largest = Math.max(0, ...request.weights.map((weight) => podsFor(weight, stands, request)))
  const sets = request.baseline === 'fresh' ? 2 : 1
  const demand: Demand = {
    canary: sets * largest,
    ...surgeOf(deployment),
    objects: {
      'count/deployments.apps': sets,
      'count/replicasets.apps': sets + 1,
      ...(request.split === 'weights' ? { services: sets } : {}),
      ...(given.budgets > 0 ? { 'count/poddisruptionbudgets.policy': given.budgets } : {}),
    },
    ...(sets > 1 ? { what: 'canary and fresh baseline pods' } : {}),
  }
  return [
    ...quotaFindings(quotas, { template, ranges, demand, where }),
    ...(rehearsed ? [] : limitFindings(template, ranges, where)),
    ...(rehearsed ? [] : podSecurityFindings(template, namespaceLabels, { allow: request.allow, where, server })),
  ]
}

/** Canary pods for a weight; where the share is one of pods, the least number that reaches it. */
const podsFor = (weight: number, stands: number, request: Request): number => {
  if (request.split === 'replicas') return Math.max(1, Math.ceil((weight * stands) / (100 - weight)))
  const plan: Pick<Plan, 'headroom' | 'minCanary'> = request
  return canarySize(weight, stands, plan)
}
