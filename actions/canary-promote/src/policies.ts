import type { Finding } from '@sluice/kit/report'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { copiedLabels } from './canary.ts'
import { note, refusal, warning } from './finding.ts'
import type { Policy } from './label.ts'
import { type Labels, picks, type Selector, type Service } from './objects.ts'
import { TRACK } from './template.ts'

/** Where the pods are: their namespace and its labels, as far as they could be read. */
export type Place = { readonly namespace: string; readonly labels: Labels | undefined }

/** What the user writes into `allow` for a policy: `networkpolicy/NAME`, or `networkpolicy/NAMESPACE/NAME` for one of another namespace. */
export const policyId = ({ kind, namespace, name }: Policy): string =>
  [kind.toLowerCase(), ...(namespace === undefined ? [] : [namespace]), name].join('/')

/**
 * The selectors by which one object picks pods of this namespace, its peers' included; an object that does not look at them has none.
 * Known: NetworkPolicy (networking.k8s.io/v1), CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy (cilium.io/v2), AuthorizationPolicy,
 * RequestAuthentication and PeerAuthentication (security.istio.io), Server (policy.linkerd.io), PodMonitor (monitoring.coreos.com/v1),
 * PodDisruptionBudget (policy/v1).
 */
export const asPolicy = (object: KubernetesObject, place: Place): Policy => {
  const { name, namespace = place.namespace } = object.metadata
  return {
    kind: object.kind,
    name,
    ...(namespace === place.namespace || namespace === '' ? {} : { namespace }),
    selectors: selectorsOf(object, place),
  }
}

/** Policies that name the stable Service itself, or the labels of its kind, so that canary pods behind the twin escape them whatever label changes. */
export const escapedPolicies = (
  objects: readonly KubernetesObject[],
  stable: Service | undefined,
  place: Place,
): readonly Policy[] =>
  stable === undefined
    ? []
    : objects
        .filter((object) =>
          object.kind === 'ServiceMonitor' ? losesTwin(object, stable, place) : targetsService(object, stable, place),
        )
        .map((object) => ({ ...asPolicy(object, place), selectors: [] }))

/** Policies that would match canary pods differently: what guards traffic is refused unless allowed, what only measures is warned of. */
export const policyFindings = (
  changes: readonly Policy[],
  allow: readonly string[],
  where: string,
  beside = 'canary',
): readonly Finding[] =>
  changes.map((policy) => {
    const id = policyId(policy)
    const { kind, name, namespace } = policy
    const shown = namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`
    if (kind === 'PodMonitor' || kind === 'ServiceMonitor') {
      return warning('policy', `${shown} would not scrape ${beside} pods as it does stable ones`, {
        where: id,
        hint: 'Metrics that are read from that Prometheus would have no data of the canary: let it select by a label that both sides carry.',
      })
    }
    const text = `${shown} would match ${beside} pods differently from stable ones`
    if (!GUARDS.includes(kind)) return warning('policy', text, { where: id, ...hintOf(kind) })
    if (allow.includes(id)) return note('policy', `${text}; allowed by the plan`)
    return refusal('policy', text, {
      where,
      hint: `Let it select by a label that both sides carry, or accept it with \`allow: ["${id}"]\` in the plan.`,
    })
  })

/** Kinds whose different match opens or closes a way to the pods. */
export const GUARDS: readonly string[] = [
  'NetworkPolicy',
  'AuthorizationPolicy',
  'RequestAuthentication',
  'Server',
  'CiliumNetworkPolicy',
  'CiliumClusterwideNetworkPolicy',
]

/** Istio's own namespace: a policy there that selects by labels holds in every namespace. */
const ISTIO_ROOT = 'istio-system'

const hintOf = (kind: string): { readonly hint?: string } =>
  kind === 'PeerAuthentication'
    ? { hint: 'Canary pods would take or refuse plain text where stable ones do not; let it select by a shared label.' }
    : {}

type Spec = Readonly<Record<string, unknown>>
const specOf = (object: KubernetesObject): Spec => (object.spec ?? {}) as Spec
const listOf = <T>(value: unknown): readonly T[] => (Array.isArray(value) ? (value as readonly T[]) : [])

const selectorsOf = (object: KubernetesObject, place: Place): readonly Selector[] => {
  const own = (object.metadata.namespace ?? place.namespace) === place.namespace
  const spec = specOf(object)
  const selector = spec.selector as Selector | undefined
  switch (object.kind) {
    case 'NetworkPolicy':
      return networkSelectors(spec, own, place)
    case 'CiliumNetworkPolicy':
    case 'CiliumClusterwideNetworkPolicy':
      return [spec, ...listOf<Spec>((object as { specs?: unknown }).specs)].flatMap((each) =>
        ciliumSelectors(each, object.kind === 'CiliumNetworkPolicy' ? object.metadata.namespace : undefined, place),
      )
    case 'PodDisruptionBudget':
      return own && selector !== undefined ? [selector] : []
    case 'PodMonitor':
      return selector !== undefined && looksInto(object, place) ? [selector] : []
    // Linkerd's: a port of pods that no Server picks is open to whom the default policy lets in.
    case 'Server':
      return own && spec.podSelector !== undefined ? [spec.podSelector as Selector] : []
    case 'AuthorizationPolicy':
    case 'RequestAuthentication':
    case 'PeerAuthentication':
      return selector !== undefined && (own || object.metadata.namespace === ISTIO_ROOT) ? [selector] : []
    default:
      return []
  }
}

type Peer = { readonly podSelector?: Selector; readonly namespaceSelector?: Selector }

const networkSelectors = (spec: Spec, own: boolean, place: Place): readonly Selector[] => {
  const peers = [
    ...listOf<{ from?: readonly Peer[] }>(spec.ingress).flatMap(({ from = [] }) => from),
    ...listOf<{ to?: readonly Peer[] }>(spec.egress).flatMap(({ to = [] }) => to),
  ]
  const reaching = peers.flatMap(({ podSelector, namespaceSelector }) =>
    podSelector !== undefined && (namespaceSelector === undefined ? own : mayReach(namespaceSelector, place))
      ? [podSelector]
      : [],
  )
  return own && spec.podSelector !== undefined ? [spec.podSelector as Selector, ...reaching] : reaching
}

/** Every namespace carries its own name as a label; where the others could not be read they are taken to match. */
const mayReach = ({ matchLabels = {}, matchExpressions = [] }: Selector, { namespace, labels }: Place): boolean => {
  const name = 'kubernetes.io/metadata.name'
  if (labels !== undefined) return picks({ matchLabels, matchExpressions }, { [name]: namespace, ...labels })
  return picks(
    {
      matchLabels: name in matchLabels ? { [name]: matchLabels[name] ?? '' } : {},
      matchExpressions: matchExpressions.filter(({ key }) => key === name),
    },
    { [name]: namespace },
  )
}

const ciliumSelectors = (spec: Spec, namespace: string | undefined, place: Place): readonly Selector[] => {
  const peers = [
    ...[...listOf<Spec>(spec.ingress), ...listOf<Spec>(spec.ingressDeny)].flatMap((rule) =>
      listOf<Selector>(rule.fromEndpoints),
    ),
    ...[...listOf<Spec>(spec.egress), ...listOf<Spec>(spec.egressDeny)].flatMap((rule) =>
      listOf<Selector>(rule.toEndpoints),
    ),
  ]
  const subject = spec.endpointSelector === undefined ? [] : [spec.endpointSelector as Selector]
  return [...subject, ...peers].flatMap((selector) => {
    const plain = withoutSource(selector)
    const { [CILIUM_NAMESPACE]: named, ...matchLabels } = plain.matchLabels ?? {}
    const about = (plain.matchExpressions ?? []).filter(({ key }) => key === CILIUM_NAMESPACE)
    const home = named ?? (about.length === 0 ? namespace : undefined)
    if (home !== undefined && home !== place.namespace) return []
    if (!picks({ matchExpressions: about }, { [CILIUM_NAMESPACE]: place.namespace })) return []
    const matchExpressions = (plain.matchExpressions ?? []).filter(({ key }) => !key.startsWith('io.'))
    return [{ matchLabels: dropped(matchLabels), matchExpressions }]
  })
}

const CILIUM_NAMESPACE = 'io.kubernetes.pod.namespace'
/** Cilium names a label with its source: `k8s:app`, `any:app`. */
const withoutSource = ({ matchLabels = {}, matchExpressions = [] }: Selector): Selector => ({
  matchLabels: Object.fromEntries(Object.entries(matchLabels).map(([key, value]) => [bare(key), value])),
  matchExpressions: matchExpressions.map((each) => ({ ...each, key: bare(each.key) })),
})
const bare = (key: string): string => key.replace(/^(k8s|any)[:.]/, '')
/** What Cilium adds by itself (service account, cluster) is the same on both sides. */
const dropped = (labels: Labels): Labels =>
  Object.fromEntries(Object.entries(labels).filter(([key]) => !key.startsWith('io.')))

/** A monitor looks into its own namespace, or into those that it names. */
const looksInto = (object: KubernetesObject, { namespace }: Place): boolean => {
  const { any, matchNames } = (specOf(object).namespaceSelector ?? {}) as { any?: boolean; matchNames?: string[] }
  return any === true || (matchNames ?? [object.metadata.namespace ?? namespace]).includes(namespace)
}

const losesTwin = (monitor: KubernetesObject, stable: Service, place: Place): boolean => {
  const selector = specOf(monitor).selector as Selector | undefined
  const labels = stable.metadata.labels ?? {}
  return looksInto(monitor, place) && picks(selector, labels) && !picks(selector, { ...copiedLabels(labels), ...TRACK })
}

const targetsService = (object: KubernetesObject, { metadata }: Service, place: Place): boolean => {
  if ((object.metadata.namespace ?? place.namespace) !== place.namespace) return false
  const { targetRef, targetRefs } = specOf(object) as { targetRef?: Target; targetRefs?: readonly Target[] }
  return [...(targetRef === undefined ? [] : [targetRef]), ...(targetRefs ?? [])].some(
    ({ kind, name }) => kind === 'Service' && name === metadata.name,
  )
}
type Target = { readonly kind?: string; readonly name?: string }
