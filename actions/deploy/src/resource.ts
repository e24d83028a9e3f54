import type { Resource } from '@sluice/kubernetes/cluster'
import type { ManifestObject } from './manifest.ts'

/** An object's address at the API server. */
export type Target = Resource & { readonly kind: string; readonly name: string }

/**
 * Where an object of a kind lives. Plurals follow the convention of the API (`ingresses`, `policies`); the kinds without a namespace are
 * listed, and a kind that is not is taken to have one, as nearly all custom resources do.
 * Source: Kubernetes API conventions, "Types (Kinds)"; https://kubernetes.io/docs/reference/kubernetes-api/
 */
export const targetOf = ({ apiVersion, kind, metadata }: ManifestObject, namespace: string): Target => ({
  apiVersion,
  kind,
  name: metadata.name,
  resource: pluralOf(kind),
  ...(CLUSTER_SCOPED.has(kind) ? {} : { namespace: metadata.namespace ?? namespace }),
})

/** The order in which objects are applied: what others need comes first, what sends traffic last. Lower is earlier. */
export const rankOf = (kind: string): number => {
  const rank = ORDER.findIndex((kinds) => kinds.includes(kind))
  return rank < 0 ? ORDER.length : rank
}

/** `Deployment/shop in namespace web` */
export const nameOf = ({ kind, name, namespace }: Target): string =>
  namespace === undefined ? `${kind}/${name}` : `${kind}/${name} in namespace ${namespace}`

const pluralOf = (kind: string): string => {
  const lower = kind.toLowerCase()
  if (lower === 'endpoints') return lower
  if (/(s|x|z|ch|sh)$/.test(lower)) return `${lower}es`
  return /[^aeiou]y$/.test(lower) ? `${lower.slice(0, -1)}ies` : `${lower}s`
}

const CLUSTER_SCOPED: ReadonlySet<string> = new Set([
  'Namespace',
  'Node',
  'PersistentVolume',
  'StorageClass',
  'VolumeAttributesClass',
  'CSIDriver',
  'ClusterRole',
  'ClusterRoleBinding',
  'PriorityClass',
  'RuntimeClass',
  'IngressClass',
  'GatewayClass',
  'CustomResourceDefinition',
  'APIService',
  'MutatingWebhookConfiguration',
  'ValidatingWebhookConfiguration',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionPolicyBinding',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'ClusterIssuer',
  'ClusterSecretStore',
  'ClusterPolicy',
])

const ORDER: readonly (readonly string[])[] = [
  [
    'Namespace',
    'CustomResourceDefinition',
    'PriorityClass',
    'StorageClass',
    'RuntimeClass',
    'IngressClass',
    'GatewayClass',
  ],
  ['ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding', 'ResourceQuota', 'LimitRange'],
  ['Secret', 'ConfigMap', 'PersistentVolume', 'PersistentVolumeClaim'],
  ['Service', 'Endpoints', 'NetworkPolicy', 'PodDisruptionBudget'],
  ['Pod', 'ReplicaSet', 'Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob'],
  ['HorizontalPodAutoscaler', 'Ingress', 'Gateway', 'HTTPRoute', 'GRPCRoute'],
]
