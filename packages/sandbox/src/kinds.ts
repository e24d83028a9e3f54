import type { Doc } from './objects.ts'

/** One served resource. `status`: has a status subresource; `generation`: counts changes of everything but metadata and status. */
export type Kind = {
  readonly group: string
  readonly version: string
  /** The plural in the path. */
  readonly resource: string
  readonly kind: string
  readonly namespaced: boolean
  readonly status: boolean
  readonly generation: boolean
  readonly scale: boolean
  /** Registered by a definition, or of a project that ships one: no strategic merge, unknown fields kept. */
  readonly custom: boolean
}

type Traits = Partial<Pick<Kind, 'namespaced' | 'status' | 'generation' | 'scale' | 'custom'>>

const kind = (apiVersion: string, resource: string, name: string, traits: Traits = {}): Kind => {
  const slash = apiVersion.indexOf('/')
  return {
    group: slash < 0 ? '' : apiVersion.slice(0, slash),
    version: apiVersion.slice(slash + 1),
    resource,
    kind: name,
    namespaced: true,
    status: false,
    generation: false,
    scale: false,
    custom: false,
    ...traits,
  }
}

/** v1 Namespace */
export const NAMESPACES = kind('v1', 'namespaces', 'Namespace', { namespaced: false, status: true })
/** v1 ConfigMap */
export const CONFIGMAPS = kind('v1', 'configmaps', 'ConfigMap')
/** v1 Secret */
export const SECRETS = kind('v1', 'secrets', 'Secret')
/** v1 Service */
export const SERVICES = kind('v1', 'services', 'Service', { status: true })
/** v1 Pod */
export const PODS = kind('v1', 'pods', 'Pod', { status: true })
/** v1 Event */
export const EVENTS = kind('v1', 'events', 'Event')
/** v1 ResourceQuota */
export const QUOTAS = kind('v1', 'resourcequotas', 'ResourceQuota', { status: true })
/** apps/v1 Deployment */
export const DEPLOYMENTS = kind('apps/v1', 'deployments', 'Deployment', { status: true, generation: true, scale: true })
/** apps/v1 ReplicaSet */
export const REPLICASETS = kind('apps/v1', 'replicasets', 'ReplicaSet', { status: true, generation: true, scale: true })
const GATEWAY_API = 'gateway.networking.k8s.io/v1'
const CUSTOM: Traits = { status: true, generation: true, custom: true }
/** Gateway API v1 Gateway */
export const GATEWAYS = kind(GATEWAY_API, 'gateways', 'Gateway', CUSTOM)
/** Gateway API v1 HTTPRoute */
export const ROUTES = kind(GATEWAY_API, 'httproutes', 'HTTPRoute', CUSTOM)
/** CustomResourceDefinition: creating one registers its kind. */
export const DEFINITIONS = kind('apiextensions.k8s.io/v1', 'customresourcedefinitions', 'CustomResourceDefinition', {
  namespaced: false,
  status: true,
  generation: true,
})

const SPEC_ONLY: Traits = { generation: true }
const BUILT_IN: readonly Kind[] = [
  NAMESPACES,
  CONFIGMAPS,
  SECRETS,
  SERVICES,
  PODS,
  EVENTS,
  QUOTAS,
  kind('v1', 'limitranges', 'LimitRange'),
  kind('v1', 'serviceaccounts', 'ServiceAccount'),
  DEPLOYMENTS,
  REPLICASETS,
  kind('coordination.k8s.io/v1', 'leases', 'Lease'),
  kind('networking.k8s.io/v1', 'networkpolicies', 'NetworkPolicy', SPEC_ONLY),
  kind('networking.k8s.io/v1', 'ingresses', 'Ingress', { generation: true, status: true }),
  kind('policy/v1', 'poddisruptionbudgets', 'PodDisruptionBudget', { generation: true, status: true }),
  kind('autoscaling/v2', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler', { status: true }),
  GATEWAYS,
  ROUTES,
  kind(GATEWAY_API, 'gatewayclasses', 'GatewayClass', { ...CUSTOM, namespaced: false }),
  kind('gateway.networking.k8s.io/v1beta1', 'referencegrants', 'ReferenceGrant', { generation: true, custom: true }),
  DEFINITIONS,
]

/** `apps/v1` of a kind. */
export const apiVersionOf = (entry: Kind): string =>
  entry.group === '' ? entry.version : `${entry.group}/${entry.version}`

/** `deployments.apps`, or `pods` for the core group: how messages name a resource. */
export const qualified = (entry: Kind): string =>
  entry.group === '' ? entry.resource : `${entry.resource}.${entry.group}`

/** The served resources: the built-in table, and what definitions have added. */
export type Kinds = {
  all(): readonly Kind[]
  find(group: string, version: string, resource: string): Kind | undefined
  ofObject(apiVersion: string, name: string): Kind | undefined
  /** Serves the resources of a CustomResourceDefinition from now on. */
  define(definition: Doc): void
  forget(definition: Doc): void
}

/** The table of kinds: the built-in ones, and those that definitions add. */
export const createKinds = (): Kinds => {
  const entries = new Map(BUILT_IN.map((entry) => [keyOf(entry.group, entry.version, entry.resource), entry]))
  return {
    all: () => [...entries.values()],
    find: (group, version, resource) => entries.get(keyOf(group, version, resource)),
    ofObject: (apiVersion, name) =>
      [...entries.values()].find((entry) => entry.kind === name && apiVersionOf(entry) === apiVersion),
    define: (definition) => {
      for (const entry of defined(definition)) entries.set(keyOf(entry.group, entry.version, entry.resource), entry)
    },
    forget: (definition) => {
      for (const entry of defined(definition)) entries.delete(keyOf(entry.group, entry.version, entry.resource))
    },
  }
}

const keyOf = (group: string, version: string, resource: string): string => `${group}/${version}/${resource}`

type Definition = {
  group?: string
  scope?: string
  names?: { plural?: string; kind?: string }
  versions?: { name?: string; served?: boolean; subresources?: { status?: unknown; scale?: unknown } }[]
}

const defined = (definition: Doc): readonly Kind[] => {
  const spec = (definition.spec ?? {}) as Definition
  return (spec.versions ?? [])
    .filter((version) => version.served !== false)
    .map((version) => ({
      group: spec.group ?? '',
      version: version.name ?? 'v1',
      resource: spec.names?.plural ?? '',
      kind: spec.names?.kind ?? '',
      namespaced: spec.scope !== 'Cluster',
      status: version.subresources?.status !== undefined,
      generation: true,
      scale: false,
      custom: true,
    }))
}
