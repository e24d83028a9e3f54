import type { Finding } from '@sluice/kit/report'
import type { KubernetesObject, Resource } from '@sluice/kubernetes/cluster'
import { type IstioSides, isHost, renamed } from './istio-hosts.ts'
import { beside, isMade, type Place, type Wanted } from './made.ts'
import type { RouteChange } from './router.ts'

type Subset = {
  readonly name?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}
/** The parts of a DestinationRule that are read. Source: networking.istio.io/v1. */
export type DestinationRule = KubernetesObject & {
  readonly spec?: { readonly host: string; readonly subsets?: readonly Subset[]; readonly [field: string]: unknown }
}

/** The one label by which the canary's pods differ from stable's. */
export type ChangedLabel = { readonly key: string; readonly stable: string; readonly canary: string }

/** Whether a rule is for this Service and a user's own. */
export const isFor = (rule: DestinationRule, service: string, { namespace }: IstioSides): boolean =>
  rule.spec !== undefined && isHost(rule.spec.host, service, namespace, rule.metadata.namespace ?? '')

/**
 * The subsets of the stable Service that are another Deployment's pods: a rule asks for another value of a label that this Deployment's have. The canary
 * does not replace those, and a twin of the subset would pick no pod, which is answered with 503. A label that the template does not have tells
 * nothing, as pods get more (sidecar injectors name revisions), and neither does a subset of which no rule is known.
 * @param pods the labels of the Deployment's pods, as its template has them
 */
export const subsetsElsewhere = (
  rules: readonly DestinationRule[],
  sides: IstioSides,
  pods: Readonly<Record<string, string>>,
): readonly string[] =>
  subsetLabels(rules, sides).flatMap(({ subset, key, value }) =>
    pods[key] !== undefined && pods[key] !== value ? [subset] : [],
  )

/**
 * The subsets of the stable Service that pick pods by where they run, each with the label that says so. Istio itself puts these labels on endpoints;
 * where no canary pod runs in that place, the twin of the subset picks none. Source: Multi-cluster Traffic Management of the Istio docs.
 */
export const subsetsByPlace = (rules: readonly DestinationRule[], sides: IstioSides): ReadonlyMap<string, string> =>
  new Map(
    subsetLabels(rules, sides).flatMap(({ subset, key }) =>
      PLACES.some((prefix) => key.startsWith(prefix)) ? [[subset, key] as const] : [],
    ),
  )

/** The labels of pods that say in which cluster, network, region or zone they run begin with one of these. */
const PLACES = ['topology.istio.io/', 'topology.kubernetes.io/']

const subsetLabels = (rules: readonly DestinationRule[], sides: IstioSides) =>
  rules
    .flatMap((rule) => (isFor(rule, sides.stable, sides) ? (rule.spec?.subsets ?? []) : []))
    .flatMap(({ name: subset = '', labels = {} }) =>
      Object.entries(labels).map(([key, value]) => ({ subset, key, value })),
    )

/** A rule that a twin is made of is not changed itself: nothing is to be given back. */
export const twinChange = ({ apiVersion, metadata }: DestinationRule): RouteChange => ({
  ref: {
    apiVersion,
    kind: 'DestinationRule',
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
  },
  before: [],
})

/** Where the twin of a change's rule stands: in the same namespace, which decides for whom it holds. */
export const twinPlace = ({ ref }: Pick<RouteChange, 'ref'>): Place => ({
  resource: rulesIn(ref.apiVersion, ref.namespace),
  name: beside(ref.name),
})

/**
 * The same rule for the canary's Service: policy and subsets are copied, and where a subset asks for stable's value of the changed label, the twin asks
 * for the canary's. Without it the canary would be called with other limits, other TLS, and with subsets that nobody defines (503).
 */
export const twinOf = (rule: DestinationRule, { canary }: IstioSides, label: ChangedLabel | undefined): Wanted => {
  const { host = '', subsets, ...rest } = rule.spec ?? {}
  return {
    apiVersion: rule.apiVersion,
    kind: 'DestinationRule',
    spec: {
      ...rest,
      host: renamed(host, canary),
      ...(subsets === undefined ? {} : { subsets: subsets.map((subset) => relabelled(subset, label)) }),
    },
  }
}

/** The plural of DestinationRule in a namespace. */
export const rulesIn = (apiVersion: string, namespace?: string): Resource => ({
  apiVersion,
  resource: 'destinationrules',
  ...(namespace === undefined ? {} : { namespace }),
})

/** The rules that need a twin, and what stands in the way of one. @param rules all that can be read */
export const twinsNeeded = (
  rules: readonly DestinationRule[],
  sides: IstioSides,
): { readonly needed: readonly DestinationRule[]; readonly findings: readonly Finding[] } => {
  const users = rules.filter((rule) => !isMade(rule))
  const own = users.filter((rule) => isFor(rule, sides.canary, sides)).map(({ metadata }) => metadata.namespace)
  // Who keeps a rule for the canary's Service has decided what is to hold for it.
  const needed = users.filter((rule) => isFor(rule, sides.stable, sides) && !own.includes(rule.metadata.namespace))
  const findings = needed.flatMap(({ metadata }): readonly Finding[] => {
    const { name, namespace } = metadata
    const taken = users.some((each) => each.metadata.namespace === namespace && each.metadata.name === beside(name))
    if (!taken) return []
    return [
      {
        id: 'twin-name',
        level: 'error',
        text: `DestinationRule ${namespace}/${beside(name)} exists, and the twin of ${name} for Service ${sides.canary} would have its name`,
        hint: `Rename it, or make it the rule for ${sides.canary}`,
      },
    ]
  })
  return { needed, findings }
}

const relabelled = (subset: Subset, label: ChangedLabel | undefined): Subset =>
  label !== undefined && subset.labels?.[label.key] === label.stable
    ? { ...subset, labels: { ...subset.labels, [label.key]: label.canary } }
    : subset
