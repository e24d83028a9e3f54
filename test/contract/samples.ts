/** A kind, where it is served, and the least object of it that a server takes. */
export type Sample = {
  readonly kind: string
  readonly apiVersion: string
  readonly resource: string
  /** Counts changes of its spec in `metadata.generation`. */
  readonly generation: boolean
  readonly fields: Readonly<Record<string, unknown>>
  /** Needs the Gateway API's definitions to be installed. */
  readonly gatewayApi?: boolean
}

const podSpec = { containers: [{ name: 'main', image: `registry.example/none@sha256:${'0'.repeat(64)}` }] }
const template = { metadata: { labels: { app: 'sample' } }, spec: podSpec }
const selector = { matchLabels: { app: 'sample' } }

/** Every namespaced kind that the contract covers. */
export const SAMPLES: readonly Sample[] = [
  { kind: 'ConfigMap', apiVersion: 'v1', resource: 'configmaps', generation: false, fields: { data: { a: '1' } } },
  { kind: 'Secret', apiVersion: 'v1', resource: 'secrets', generation: false, fields: { stringData: { a: '1' } } },
  {
    kind: 'Service',
    apiVersion: 'v1',
    resource: 'services',
    generation: false,
    fields: { spec: { ports: [{ port: 80 }] } },
  },
  {
    kind: 'ResourceQuota',
    apiVersion: 'v1',
    resource: 'resourcequotas',
    generation: false,
    fields: { spec: { hard: { pods: '10' } } },
  },
  {
    kind: 'LimitRange',
    apiVersion: 'v1',
    resource: 'limitranges',
    generation: false,
    fields: { spec: { limits: [{ type: 'Container', default: { memory: '1Gi' } }] } },
  },
  {
    kind: 'Deployment',
    apiVersion: 'apps/v1',
    resource: 'deployments',
    generation: true,
    fields: { spec: { replicas: 0, selector, template } },
  },
  {
    kind: 'ReplicaSet',
    apiVersion: 'apps/v1',
    resource: 'replicasets',
    generation: true,
    fields: { spec: { replicas: 0, selector, template } },
  },
  {
    kind: 'Lease',
    apiVersion: 'coordination.k8s.io/v1',
    resource: 'leases',
    generation: false,
    fields: { spec: { holderIdentity: 'a', leaseDurationSeconds: 60 } },
  },
  {
    kind: 'NetworkPolicy',
    apiVersion: 'networking.k8s.io/v1',
    resource: 'networkpolicies',
    generation: true,
    fields: { spec: { podSelector: selector } },
  },
  {
    kind: 'Ingress',
    apiVersion: 'networking.k8s.io/v1',
    resource: 'ingresses',
    generation: true,
    fields: { spec: { defaultBackend: { service: { name: 'a', port: { number: 80 } } } } },
  },
  {
    kind: 'PodDisruptionBudget',
    apiVersion: 'policy/v1',
    resource: 'poddisruptionbudgets',
    generation: true,
    fields: { spec: { minAvailable: 1, selector } },
  },
  {
    kind: 'HorizontalPodAutoscaler',
    apiVersion: 'autoscaling/v2',
    resource: 'horizontalpodautoscalers',
    generation: false,
    fields: { spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'sample' } } },
  },
  {
    kind: 'Gateway',
    apiVersion: 'gateway.networking.k8s.io/v1',
    resource: 'gateways',
    generation: true,
    gatewayApi: true,
    fields: { spec: { gatewayClassName: 'sandbox', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] } },
  },
  {
    kind: 'HTTPRoute',
    apiVersion: 'gateway.networking.k8s.io/v1',
    resource: 'httproutes',
    generation: true,
    gatewayApi: true,
    fields: { spec: { parentRefs: [{ name: 'none' }], rules: [{ backendRefs: [{ name: 'a', port: 80 }] }] } },
  },
]

/** The path of a kind's objects in a namespace. */
export const pathOf = (apiVersion: string, resource: string, namespace: string): string =>
  `${apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`}/namespaces/${namespace}/${resource}`
