import type { Kind } from './kinds.ts'
import { type Doc, type Fields, isFields, type Json } from './objects.ts'

/**
 * The object with the defaults that the API server writes into it, so that what is read back has the same fields as on a real cluster.
 * `address`: gives the next free cluster IP. Source: the defaults of each field in the Kubernetes and Gateway API references.
 */
export const withDefaults = (kind: Kind, object: Doc, address: () => string): Doc => {
  const spec = isFields(object.spec) ? object.spec : undefined
  if (kind.kind === 'Namespace') return namespace(object)
  if (kind.kind === 'Secret') return secret(object)
  if (spec === undefined) return object
  if (kind.kind === 'Deployment') return { ...object, spec: deployment(spec) }
  if (kind.kind === 'ReplicaSet') return { ...object, spec: { replicas: 1, ...spec, ...template(spec) } }
  if (kind.kind === 'Pod') return { ...object, spec: podSpec(spec) }
  if (kind.kind === 'Service') return { ...object, spec: service(spec, address) }
  if (kind.kind === 'HTTPRoute') return { ...object, spec: route(spec) }
  if (kind.kind === 'Gateway') return { ...object, spec: { ...spec, listeners: each(spec.listeners, listener) } }
  return object
}

const namespace = (object: Doc): Doc => ({
  ...object,
  metadata: {
    ...object.metadata,
    labels: { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name },
  },
  spec: object.spec ?? { finalizers: ['kubernetes'] },
  status: object.status ?? { phase: 'Active' },
})

const secret = (object: Doc): Doc => {
  const { stringData, ...rest } = object
  const encoded = isFields(stringData)
    ? Object.entries(stringData).map(([key, value]) => [key, Buffer.from(String(value)).toString('base64')])
    : []
  const data = { ...(isFields(object.data) ? object.data : {}), ...Object.fromEntries(encoded) }
  return { ...rest, type: object.type ?? 'Opaque', ...(Object.keys(data).length > 0 ? { data } : {}) }
}

const deployment = (spec: Fields): Fields => {
  const strategy: Fields = isFields(spec.strategy) ? spec.strategy : {}
  const type = strategy.type ?? 'RollingUpdate'
  const rolling = isFields(strategy.rollingUpdate) ? strategy.rollingUpdate : {}
  return {
    replicas: 1,
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    ...spec,
    ...template(spec),
    strategy:
      type === 'RollingUpdate'
        ? { type, rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%', ...rolling } }
        : { ...strategy, type },
  }
}

const template = (spec: Fields): Fields => {
  const given = spec.template
  if (!isFields(given) || !isFields(given.spec)) return {}
  return { template: { ...given, spec: podSpec(given.spec) } }
}

const podSpec = (spec: Fields): Fields => ({
  restartPolicy: 'Always',
  terminationGracePeriodSeconds: 30,
  dnsPolicy: 'ClusterFirst',
  securityContext: {},
  schedulerName: 'default-scheduler',
  ...spec,
  ...(spec.containers === undefined ? {} : { containers: each(spec.containers, container) }),
  ...(spec.initContainers === undefined ? {} : { initContainers: each(spec.initContainers, container) }),
  ...(spec.volumes === undefined ? {} : { volumes: each(spec.volumes, volume) }),
})

const container = (given: Fields): Fields => ({
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
  imagePullPolicy: 'IfNotPresent',
  resources: {},
  ...given,
  ...(given.ports === undefined ? {} : { ports: each(given.ports, (port) => ({ protocol: 'TCP', ...port })) }),
  ...(given.env === undefined ? {} : { env: each(given.env, variable) }),
  ...Object.fromEntries(
    ['readinessProbe', 'livenessProbe', 'startupProbe'].flatMap((name) => {
      const value = given[name]
      return isFields(value) ? [[name, probe(value)]] : []
    }),
  ),
})

const variable = (given: Fields): Fields => {
  const from = given.valueFrom
  if (!isFields(from) || !isFields(from.fieldRef)) return given
  return { ...given, valueFrom: { ...from, fieldRef: { apiVersion: 'v1', ...from.fieldRef } } }
}

const probe = (given: Fields): Fields => ({
  timeoutSeconds: 1,
  periodSeconds: 10,
  successThreshold: 1,
  failureThreshold: 3,
  ...given,
  ...(isFields(given.httpGet) ? { httpGet: { path: '/', scheme: 'HTTP', ...given.httpGet } } : {}),
})

const volume = (given: Fields): Fields => {
  const named = ['configMap', 'secret'].find((name) => isFields(given[name]))
  const source = named === undefined ? undefined : given[named]
  return named !== undefined && isFields(source) ? { ...given, [named]: { defaultMode: 420, ...source } } : given
}

const service = (spec: Fields, address: () => string): Fields => {
  const clusterIP = spec.type === 'ExternalName' ? undefined : (spec.clusterIP ?? address())
  return {
    type: 'ClusterIP',
    sessionAffinity: 'None',
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    internalTrafficPolicy: 'Cluster',
    ...spec,
    ...(clusterIP === undefined ? {} : { clusterIP, clusterIPs: spec.clusterIPs ?? [clusterIP] }),
    ...(spec.ports === undefined
      ? {}
      : { ports: each(spec.ports, (port) => ({ protocol: 'TCP', targetPort: port.port ?? 0, ...port })) }),
  }
}

const route = (spec: Fields): Fields => ({
  ...spec,
  ...(spec.parentRefs === undefined ? {} : { parentRefs: each(spec.parentRefs, parent) }),
  rules: each(spec.rules ?? [{}], rule),
})

const parent = (given: Fields): Fields => ({ group: 'gateway.networking.k8s.io', kind: 'Gateway', ...given })

const rule = (given: Fields): Fields => ({
  ...given,
  matches: each(given.matches ?? [{}], (match) => ({
    ...match,
    path: { type: 'PathPrefix', value: '/', ...(isFields(match.path) ? match.path : {}) },
  })),
  ...(given.backendRefs === undefined
    ? {}
    : { backendRefs: each(given.backendRefs, (ref) => ({ group: '', kind: 'Service', weight: 1, ...ref })) }),
})

const listener = (given: Fields): Fields => ({ allowedRoutes: { namespaces: { from: 'Same' } }, ...given })

const each = (list: Json | undefined, fill: (entry: Fields) => Fields): Json =>
  Array.isArray(list) ? list.map((entry) => (isFields(entry) ? fill(entry) : entry)) : (list ?? [])
