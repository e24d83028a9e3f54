import type { Finding } from '@sluice/kit/report'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { refusal, warning } from './finding.ts'
import type { Deployment, PodTemplate } from './objects.ts'
import { type Amounts, type Asked, amounts, askedByContainers, askedByPod, exact, shownAmount } from './resources.ts'

/**
 * The most that a release adds to the namespace. `canary`: its largest size over all steps, pods, with a fresh baseline's, as `what` then says. `surge`: what promotion's roll-out adds beside it, pods;
 * `mustSurge`: how many of those it cannot do without. `objects`: what is created, by the names that quotas count them by.
 */
export type Demand = {
  readonly canary: number
  readonly surge: number
  readonly mustSurge: number
  readonly objects: Amounts
  /** Default `canary pods`. */
  readonly what?: string
}

/** How many pods promotion's roll-out of this Deployment adds, and how many it needs to move at all: none while it may take one away first. */
export const surgeOf = ({ spec }: Deployment): Pick<Demand, 'surge' | 'mustSurge'> => {
  const { replicas = 1, strategy } = spec
  const { maxSurge = '25%', maxUnavailable = '25%' } = (strategy?.rollingUpdate ?? {}) as {
    maxSurge?: number | string
    maxUnavailable?: number | string
  }
  const pods = (value: number | string, round: (n: number) => number): number =>
    typeof value === 'number' ? value : round((Number.parseFloat(value) * replicas) / 100)
  const surge = pods(maxSurge, Math.ceil)
  return { surge, mustSurge: pods(maxUnavailable, Math.floor) === 0 && surge > 0 ? 1 : 0 }
}

/**
 * Whether every ResourceQuota of the namespace leaves room for the release, by its status. Refused: what cannot be done at all, the canary at its largest
 * with the one pod that promotion needs. Warned of: a promotion that gets less surge than it may use. A pod that does not say what a quota counts is
 * refused by the API server, so it is here. Source: https://kubernetes.io/docs/concepts/policy/resource-quotas/
 */
export const quotaFindings = (
  quotas: readonly KubernetesObject[],
  given: {
    readonly template: PodTemplate
    readonly ranges: readonly KubernetesObject[]
    readonly demand: Demand
    readonly where: string
  },
): readonly Finding[] => {
  const { template, demand } = given
  const pod = askedByPod(template, given.ranges)
  return quotas
    .filter((quota) => covers(quota, template, pod))
    .flatMap((quota) => {
      const { hard, used } = (quota.status ?? {}) as { hard?: Amounts; used?: Amounts }
      const limits = amounts((hard ?? (quota.spec as { hard?: Amounts } | undefined)?.hard) as Amounts | undefined)
      const taken = amounts(used)
      return Object.entries(limits).flatMap(([resource, limit]) => {
        const silent = unsaid(resource, given)
        if (silent !== undefined) {
          const text = `ResourceQuota ${quota.metadata.name} counts ${resource}, and container ${silent} of ${given.where} does not say it: its pods would be refused`
          const hint = 'Set it in the Deployment, or let a LimitRange give a default.'
          return [refusal('quota', text, { where: given.where, hint })]
        }
        const room = exact(limit - (taken[resource] ?? 0))
        return found(
          { quota: quota.metadata.name, resource, limit, room, where: given.where },
          costOf(resource, pod, demand),
        )
      })
    })
}

/** `least`, `most`: what the release needs, and what it would use. `how`: the sum in words. */
type Cost = { readonly least: number; readonly most: number; readonly how: string }
type Room = {
  readonly quota: string
  readonly resource: string
  readonly limit: number
  readonly room: number
  readonly where: string
}

const found = ({ quota, resource, limit, room, where }: Room, cost: Cost | undefined): readonly Finding[] => {
  if (cost === undefined || cost.most <= room) return []
  const shown = (amount: number) => shownAmount(resource, amount)
  const left = `ResourceQuota ${quota} leaves ${shown(Math.max(0, room))} of ${shown(limit)} ${resource}`
  const more = { where, measured: room, unit: resource }
  const enough = exact(limit - room + cost.most)
  if (cost.least > room) {
    return [
      refusal('quota', `${left}; the release needs ${shown(cost.least)}: ${cost.how}`, {
        ...more,
        limit: cost.least,
        hint: `Raise it to ${shown(enough)}, release in smaller steps, or lower what a pod requests.`,
      }),
    ]
  }
  return [
    warning(
      'quota',
      `${left}; with all of its surge promotion would use ${shown(cost.most)}: ${cost.how}. It will be slower`,
      {
        ...more,
        limit: cost.most,
        hint: `Raise it to ${shown(enough)}.`,
      },
    ),
  ]
}

const costOf = (
  resource: string,
  pod: Asked,
  { canary, surge, mustSurge, objects, what = 'canary pods' }: Demand,
): Cost | undefined => {
  const object = objects[resource.replace(/^count\/(services|configmaps)$/, '$1')] ?? objects[resource]
  if (object !== undefined) return { least: object, most: object, how: `${object} more` }
  const one = amountOfPod(resource, pod)
  if (one === undefined || one === 0) return undefined
  const times = one === 1 && PODS.includes(resource) ? '' : ` of ${shownAmount(resource, one)} each`
  const how = `${canary} ${what} and ${surge} of promotion's surge${times}`
  return { least: exact((canary + mustSurge) * one), most: exact((canary + surge) * one), how }
}

const PODS = ['pods', 'count/pods']
const amountOfPod = (resource: string, { requests, limits }: Asked): number | undefined => {
  if (PODS.includes(resource)) return 1
  if (resource.startsWith('limits.')) return limits[resource.slice('limits.'.length)]
  const name = resource.startsWith('requests.') ? resource.slice('requests.'.length) : resource
  return resource.startsWith('requests.') || COMPUTE.includes(resource) || name.startsWith('hugepages-')
    ? requests[name]
    : undefined
}
/** Counted by request when a quota names them bare. */
const COMPUTE = ['cpu', 'memory', 'ephemeral-storage']

/** The first container that does not say how much of a counted compute resource it wants. */
const unsaid = (
  resource: string,
  { template, ranges }: { readonly template: PodTemplate; readonly ranges: readonly KubernetesObject[] },
): string | undefined => {
  const name = resource.replace(/^(requests|limits)\./, '')
  const pod = (template.spec.resources ?? {}) as { requests?: Amounts; limits?: Amounts }
  if (!['cpu', 'memory'].includes(name) || name in { ...pod.requests, ...pod.limits }) return undefined
  const of = resource.startsWith('limits.') ? 'limits' : 'requests'
  return askedByContainers(template, ranges).find((each) => each[of][name] === undefined)?.name
}

type Scope = { readonly scopeName?: string; readonly operator?: string; readonly values?: readonly string[] }

/** Whether a quota counts pods of this template; one with a scope that is not known here is taken not to. */
const covers = (quota: KubernetesObject, template: PodTemplate, pod: Asked): boolean => {
  const { scopes = [], scopeSelector } = (quota.spec ?? {}) as {
    scopes?: readonly string[]
    scopeSelector?: { matchExpressions?: readonly Scope[] }
  }
  const all = [
    ...scopes.map((scopeName): Scope => ({ scopeName, operator: 'Exists' })),
    ...(scopeSelector?.matchExpressions ?? []),
  ]
  return all.every((scope) => inScope(scope, template, pod))
}

const inScope = ({ scopeName, operator, values = [] }: Scope, { spec }: PodTemplate, pod: Asked): boolean => {
  const effortless = [pod.requests, pod.limits].every(({ cpu = 0, memory = 0 }) => cpu === 0 && memory === 0)
  switch (scopeName) {
    case 'NotTerminating':
      return spec.activeDeadlineSeconds === undefined
    case 'Terminating':
      return spec.activeDeadlineSeconds !== undefined
    case 'BestEffort':
      return effortless
    case 'NotBestEffort':
      return !effortless
    case 'PriorityClass': {
      const name = typeof spec.priorityClassName === 'string' ? spec.priorityClassName : ''
      if (operator === 'In') return values.includes(name)
      if (operator === 'NotIn') return !values.includes(name)
      return (name !== '') === (operator === 'Exists')
    }
    default:
      return false
  }
}
