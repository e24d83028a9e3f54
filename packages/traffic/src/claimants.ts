import type { Finding } from '@sluice/kit/report'
import type { Cluster, KubernetesObject, Resource } from '@sluice/kubernetes/cluster'
import { statusBehind } from '@sluice/kubernetes/refusal'
import type { GatewayGiven } from './gateway-api.ts'
import { grantFindings, isService, type Target } from './grants.ts'
import { isHost } from './istio-hosts.ts'

/**
 * Other objects that reach the stable Service past the routes, or bind a policy to it that the canary's Service would not have.
 * A kind that the cluster does not serve is passed over; one that may not be read is a note.
 * @param routeNamespaces where the selected routes live: a route elsewhere needs a ReferenceGrant that also admits the canary
 */
export const claimants = async (
  cluster: Cluster,
  given: GatewayGiven,
  routeNamespaces: readonly string[],
): Promise<readonly Finding[]> => {
  const made = [given.canaryService ?? `${given.service}-canary`, given.baselineService ?? []].flat()
  const looks = await Promise.all(
    KINDS.map(async ({ resource, kind, reaches, text, hint }) => {
      const objects = await listOfAny(cluster, resource, given.namespace)
      if (objects.kind === 'forbidden') return { unseen: [kind], found: [] }
      const bound = objects.items.filter((object) => reaches(object, given.service, given.namespace))
      const twinned = made.every((own) => objects.items.some((object) => reaches(object, own, given.namespace)))
      // What is bound to a Service is no trouble when the canary's, and a fresh baseline's, have one of their own.
      if (hint === BARE && twinned) return { unseen: [], found: [] }
      const found = bound.map(({ metadata }) =>
        error(`${kind} ${given.namespace}/${metadata.name} ${text} ${given.service}`, hint, kind),
      )
      return { unseen: [], found }
    }),
  )
  const foreign = [...new Set(routeNamespaces)].filter((namespace) => namespace !== given.namespace)
  const granted =
    foreign.length === 0 ? { unseen: [], found: [] } : await grants(cluster, given.namespace, made, foreign)
  const all = [...looks, granted]
  return [...all.flatMap(({ found }) => found), ...unseen(all.flatMap((look) => look.unseen))]
}

type Looked = { readonly unseen: readonly string[]; readonly found: readonly Finding[] }

const error = (text: string, hint: string, kind: string): Finding => ({
  id: `reached-by-${kind.toLowerCase()}`,
  level: 'error',
  text,
  hint,
})

const unseen = (kinds: readonly string[]): readonly Finding[] => {
  if (kinds.length === 0) return []
  const text = `objects of kind ${kinds.join(', ')} may not be listed with this credential and were not looked at`
  return [{ id: 'not-looked-at', level: 'note', text }]
}

/** The objects in the first of a kind's versions that has any. */
const listOfAny = async (
  cluster: Cluster,
  { versions = [], ...resource }: Look['resource'],
  namespace: string,
): Promise<Listed> => {
  const found = await listIfServed(cluster, { ...resource, namespace })
  const [next, ...rest] = versions
  if (next === undefined || found.kind === 'forbidden' || found.items.length > 0) return found
  return listOfAny(cluster, { ...resource, apiVersion: next, versions: rest }, namespace)
}

type Listed = { readonly kind: 'read'; readonly items: readonly KubernetesObject[] } | { readonly kind: 'forbidden' }

const listIfServed = async (cluster: Cluster, resource: Resource): Promise<Listed> => {
  try {
    return { kind: 'read', items: await cluster.list(resource) }
  } catch (thrown) {
    const status = statusBehind(thrown)
    if (status === 404 || status === 501 || status === 405) return { kind: 'read', items: [] }
    if (status === 403) return { kind: 'forbidden' }
    throw thrown
  }
}

type Look = {
  readonly kind: string
  /** `versions`: older ones, for clusters that serve only those. */
  readonly resource: Resource & { readonly versions?: readonly string[] }
  readonly reaches: (object: KubernetesObject, service: string, namespace: string) => boolean
  readonly text: string
  readonly hint: string
}

const PAST =
  'What comes this way would stay on stable and mix other traffic into the baseline; send it through the route'
const BARE = 'The canary would be called without it; make one for the canary Service too, with the same settings'

/** Whether an object of Istio's says a host that is the Service. */
const names: Look['reaches'] = (object, service, namespace) =>
  mentions(object.spec, (key, value) => key === 'host' && isHost(String(value), service, namespace, namespace))

/**
 * A policy that is attached to Services, by one `targetRef` or by several.
 * Source: policy attachment of the Gateway API (GEP-713), and the policies of the GKE Gateway API reference.
 */
const policy = (kind: string, resource: Look['resource']): Look => ({
  kind,
  resource,
  reaches: ({ spec }, service) => {
    const { targetRef, targetRefs } = (spec ?? {}) as {
      readonly targetRef?: Target
      readonly targetRefs?: readonly Target[]
    }
    return [...(targetRefs ?? []), ...(targetRef === undefined ? [] : [targetRef])].some(
      (target) => isService(target) && target.name === service,
    )
  },
  text: 'applies to Service',
  hint: BARE,
})

const KINDS: readonly Look[] = [
  {
    kind: 'Ingress',
    resource: { apiVersion: 'networking.k8s.io/v1', resource: 'ingresses' },
    reaches: (object, service) => mentions(object.spec, (key, value) => key === 'service' && nameOf(value) === service),
    text: 'also reaches Service',
    hint: PAST,
  },
  {
    kind: 'GRPCRoute',
    resource: { apiVersion: 'gateway.networking.k8s.io/v1', resource: 'grpcroutes' },
    reaches: (object, service) =>
      mentions(object.spec, (key, value) => key === 'backendRefs' && listNames(value).includes(service)),
    text: 'also reaches Service',
    hint: PAST,
  },
  policy('BackendTLSPolicy', {
    apiVersion: 'gateway.networking.k8s.io/v1',
    versions: ['gateway.networking.k8s.io/v1alpha3', 'gateway.networking.k8s.io/v1alpha2'],
    resource: 'backendtlspolicies',
  }),
  policy('HealthCheckPolicy', { apiVersion: 'networking.gke.io/v1', resource: 'healthcheckpolicies' }),
  policy('GCPBackendPolicy', { apiVersion: 'networking.gke.io/v1', resource: 'gcpbackendpolicies' }),
  {
    kind: 'DestinationRule',
    resource: {
      apiVersion: 'networking.istio.io/v1',
      versions: ['networking.istio.io/v1beta1'],
      resource: 'destinationrules',
    },
    reaches: names,
    text: 'applies to Service',
    hint: BARE,
  },
  {
    kind: 'VirtualService',
    resource: {
      apiVersion: 'networking.istio.io/v1',
      versions: ['networking.istio.io/v1beta1'],
      resource: 'virtualservices',
    },
    reaches: names,
    text: 'also reaches Service',
    hint: 'What comes this way would stay on stable and mix other traffic into the baseline; use router: istio, or take it out',
  },
]

const nameOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'name' in value ? value.name : undefined
const listNames = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value.map(nameOf) : [])

const mentions = (value: unknown, found: (key: string, value: unknown) => boolean): boolean => {
  if (Array.isArray(value)) return value.some((item) => mentions(item, found))
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(([key, inner]) => found(key, inner) || mentions(inner, found))
}

const grants = async (
  cluster: Cluster,
  namespace: string,
  made: readonly string[],
  foreign: readonly string[],
): Promise<Looked> => {
  const group = 'gateway.networking.k8s.io'
  const resource = { apiVersion: `${group}/v1beta1`, versions: [`${group}/v1`], resource: 'referencegrants' }
  const listed = await listOfAny(cluster, resource, namespace)
  if (listed.kind === 'forbidden') return { unseen: ['ReferenceGrant'], found: [] }
  return {
    unseen: [],
    found: made.flatMap((canary) => grantFindings(listed.items, { namespace, canary, foreign })),
  }
}
