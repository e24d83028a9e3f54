import type { Finding } from '@sluice/kit/report'
import type { Cluster, KubernetesObject, Resource } from '@sluice/kubernetes/cluster'
import { statusBehind } from '@sluice/kubernetes/refusal'
import type { GatewayGiven } from './gateway-api.ts'
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
  const canary = given.canaryService ?? `${given.service}-canary`
  const looks = KINDS.map(async ({ resource, kind, reaches, text, hint }) => {
    const objects = await listOfAny(cluster, resource, given.namespace)
    if (objects.kind === 'forbidden') return [unseen(kind)]
    const bound = objects.items.filter((object) => reaches(object, given.service, given.namespace))
    const twinned = objects.items.some((object) => reaches(object, canary, given.namespace))
    if (bound.length === 0 || (BINDING.includes(kind) && twinned)) return []
    return bound.map(({ metadata }) =>
      error(`${kind} ${given.namespace}/${metadata.name} ${text} ${given.service}`, hint, kind),
    )
  })
  const across = routeNamespaces.some((namespace) => namespace !== given.namespace)
  return [...(await Promise.all(looks)).flat(), ...(across ? await grants(cluster, given, canary) : [])]
}

const error = (text: string, hint: string, kind: string): Finding => ({
  id: `reached-by-${kind.toLowerCase()}`,
  level: 'error',
  text,
  hint,
})
const unseen = (kind: string): Finding => ({
  id: 'not-looked-at',
  level: 'note',
  text: `objects of kind ${kind} may not be listed with this credential and were not looked at`,
})

/** What is bound to a Service is no trouble when the canary's has one of its own. */
const BINDING = ['BackendTLSPolicy', 'DestinationRule']

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
  {
    kind: 'BackendTLSPolicy',
    resource: { apiVersion: 'gateway.networking.k8s.io/v1', resource: 'backendtlspolicies' },
    reaches: (object, service) =>
      mentions(object.spec, (key, value) => key === 'targetRefs' && listNames(value).includes(service)),
    text: 'applies to Service',
    hint: BARE,
  },
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

/** A grant that names only the stable Service admits no route of another namespace to the canary's: its share would be answered with 500. */
const grants = async (cluster: Cluster, given: GatewayGiven, canary: string): Promise<readonly Finding[]> => {
  const resource = {
    apiVersion: 'gateway.networking.k8s.io/v1beta1',
    resource: 'referencegrants',
    namespace: given.namespace,
  }
  const listed = await listIfServed(cluster, resource)
  if (listed.kind === 'forbidden') return [unseen('ReferenceGrant')]
  const admits = listed.items.some((object) =>
    mentions(object.spec, (key, value) => {
      if (key !== 'to' || !Array.isArray(value)) return false
      return value.some((to) => nameOf(to) === undefined || nameOf(to) === canary)
    }),
  )
  if (admits) return []
  return [
    error(
      `no ReferenceGrant in ${given.namespace} lets routes of other namespaces reach Service ${canary}`,
      `Add { group: "", kind: Service, name: ${canary} } to the grant's list \`to\``,
      'ReferenceGrant',
    ),
  ]
}
