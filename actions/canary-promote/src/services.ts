import type { Finding } from '@sluice/kit/report'
import { note, refusal } from './finding.ts'
import type { Policy } from './label.ts'
import { type Labels, picks, type Service } from './objects.ts'
import { policyId } from './policies.ts'
import type { ChangedLabel } from './template.ts'

/**
 * The Services that could send requests to canary pods past the route: all that pick pods by labels, but the one behind the route and its twin. A headless one
 * counts, as its clients connect to every pod. One without a selector has the endpoints that somebody writes, and type ExternalName has none.
 * Source: https://kubernetes.io/docs/concepts/services-networking/service/
 */
export const otherServices = (services: readonly Service[], own: readonly string[]): readonly Policy[] =>
  services
    .filter(({ metadata, spec }) => !own.includes(metadata.name) && spec.type !== 'ExternalName')
    .filter(({ spec }) => Object.keys(spec.selector ?? {}).length > 0)
    .map(({ metadata, spec }) => ({
      kind: 'Service',
      name: metadata.name,
      selectors: [{ matchLabels: spec.selector ?? {} }],
    }))

/** Those of them that would pick canary pods: such a Service gives them their share of its requests whatever the weight is, so no weight takes them back. */
export const otherServiceFindings = (
  services: readonly Policy[],
  pods: {
    readonly stable: Labels
    readonly canary: Labels
    readonly label: ChangedLabel
    /** Whose labels `canary` are. Default the canary's. */
    readonly beside?: 'canary' | 'baseline'
  },
  allow: readonly string[],
  where: string,
): readonly Finding[] =>
  services.filter(picking(pods.canary)).map((service) => {
    const id = policyId(service)
    const by = service.selectors.flatMap(({ matchLabels = {} }) => Object.entries(matchLabels)).map(pair)
    const text = `Service ${service.name} would send requests to ${pods.beside ?? 'canary'} pods at every weight, 0 too: it selects them by ${by.join(', ')}`
    if (allow.includes(id)) return note('other-service', `${text}; allowed by the plan`)
    const { key, stable } = pods.label
    const way = picking(pods.stable)(service)
      ? `Add ${pair([key, stable])} to its selector, which ${pods.beside ?? 'canary'} pods carry with another value`
      : 'Let it select other pods, or remove it'
    return refusal('other-service', text, {
      where,
      hint: `${way}, or accept it with \`allow: ["${id}"]\` in the plan.`,
    })
  })

const picking =
  (labels: Labels) =>
  ({ selectors }: Policy): boolean =>
    selectors.some((each) => picks(each, labels))

const pair = ([key, value]: readonly [string, string]): string => `${key}=${value}`
