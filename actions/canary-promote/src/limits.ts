import type { Finding } from '@sluice/kit/report'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { refusal } from './finding.ts'
import type { PodTemplate } from './objects.ts'
import { type Asked, amountOf, askedByContainers, askedByPod, limitItems, shownAmount } from './resources.ts'

/**
 * What the LimitRanges of a namespace would refuse in pods of this template, as the API server compares: `min` and `max` with request and limit, and a
 * missing one counts as broken; `maxLimitRequestRatio` with limit over request. Source: the admission plugin LimitRanger of Kubernetes 1.34.
 */
export const limitFindings = (
  template: PodTemplate,
  ranges: readonly KubernetesObject[],
  where: string,
): readonly Finding[] => {
  const containers = askedByContainers(template, ranges)
  const pod = askedByPod(template, ranges)
  return limitItems(ranges).flatMap(({ of, item }) => {
    const subjects =
      item.type === 'Container'
        ? containers.map((each) => ({ what: `container ${each.name}`, asked: each as Asked }))
        : item.type === 'Pod'
          ? [{ what: 'the pod', asked: pod }]
          : []
    return subjects.flatMap(({ what, asked }) =>
      [
        ...each(item.min, (resource, least) => below(resource, least, asked)),
        ...each(item.max, (resource, most) => above(resource, most, asked)),
        ...each(item.maxLimitRequestRatio, (resource, most) => tooFar(resource, most, asked)),
      ].map((text) =>
        refusal('limit-range', `LimitRange ${of} would refuse canary pods: ${what} ${text}`, {
          where,
          hint: 'Change resources of that container in the Deployment first, or the LimitRange: pods that are made anew fail for stable, too.',
        }),
      ),
    )
  })
}

type Bound = { readonly amount: number; readonly shown: string }

const each = (
  bounds: Readonly<Record<string, string | number>> | undefined,
  check: (resource: string, bound: Bound) => string | undefined,
): readonly string[] =>
  Object.entries(bounds ?? {}).flatMap(([resource, value]) => {
    const text = check(resource, { amount: amountOf(value), shown: String(value) })
    return text === undefined ? [] : [text]
  })

const below = (resource: string, least: Bound, { requests, limits }: Asked): string | undefined => {
  const [request, limit] = [requests[resource], limits[resource]]
  if (request === undefined) return `requests no ${resource}; at least ${least.shown} is asked for`
  if (request < least.amount)
    return `requests ${shownAmount(resource, request)} of ${resource}, less than ${least.shown}`
  if (limit !== undefined && limit < least.amount)
    return `limits ${resource} to ${shownAmount(resource, limit)}, less than ${least.shown}`
  return undefined
}

const above = (resource: string, most: Bound, { requests, limits }: Asked): string | undefined => {
  const [request, limit] = [requests[resource], limits[resource]]
  if (limit === undefined) return `has no limit for ${resource}; at most ${most.shown} is allowed`
  if (limit > most.amount) return `limits ${resource} to ${shownAmount(resource, limit)}, more than ${most.shown}`
  if (request !== undefined && request > most.amount)
    return `requests ${shownAmount(resource, request)} of ${resource}, more than ${most.shown}`
  return undefined
}

const tooFar = (resource: string, most: Bound, { requests, limits }: Asked): string | undefined => {
  const [request = 0, limit = 0] = [requests[resource], limits[resource]]
  if (request === 0 || limit === 0)
    return `has no ${request === 0 ? 'request' : 'limit'} for ${resource}, though limit over request must be at most ${most.shown}`
  const ratio = limit / request
  return ratio > most.amount
    ? `has a limit of ${shownAmount(resource, limit)} over a request of ${shownAmount(resource, request)} of ${resource}: ${Math.round(ratio * 100) / 100} times, more than ${most.shown}`
    : undefined
}
