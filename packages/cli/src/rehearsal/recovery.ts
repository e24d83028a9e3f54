import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import type { PolicyRule } from '@sluice/sandbox/sandbox'
import type { Place, Route } from './production.ts'

/**
 * What the recovery environment's credential may do: take a release that nobody watches back, or carry its promotion through, and nothing else. No secrets,
 * no other Deployment, nothing created but what a saved release names. The role of the same rules is in canary-promote's README.
 */
export const recoveryRules = ({ namespace, deployment, service, route }: RecoveredPlace): readonly PolicyRule[] => {
  const state = `sluice-${deployment}`
  // What a release makes beside stable: the canary's, and a fresh baseline's where the plan asks for one.
  const made = (name: string): readonly string[] => [`${name}-canary`, `${name}-baseline`]
  const rule = (group: string, resource: string, verbs: readonly string[], names?: readonly string[]): PolicyRule => ({
    apiGroups: [group],
    resources: [resource],
    verbs,
    namespaces: [namespace],
    ...(names === undefined ? {} : { resourceNames: names }),
  })
  return [
    rule('apps', 'deployments', ['get', 'patch'], [deployment, ...made(deployment)]),
    rule('apps', 'deployments', ['delete'], made(deployment)),
    rule('apps', 'replicasets', ['list']),
    rule('', 'services', ['get'], [service, ...made(service)]),
    rule('', 'services', ['patch', 'delete'], made(service)),
    rule('policy', 'poddisruptionbudgets', ['get', 'patch', 'delete'], made(deployment)),
    rule('autoscaling', 'horizontalpodautoscalers', ['get', 'patch'], [deployment]),
    rule('keda.sh', 'scaledobjects', ['get', 'patch'], [deployment]),
    rule('', 'pods', ['list']),
    rule('', 'pods/proxy', ['get']),
    rule('', 'configmaps', ['get', 'update'], [state]),
    rule('coordination.k8s.io', 'leases', ['get', 'update'], [state]),
    ...(route === undefined ? [] : [rule('gateway.networking.k8s.io', 'httproutes', ['get', 'patch'], [route])]),
  ]
}

/** The objects that recovery may write. */
export type RecoveredPlace = Pick<Place, 'namespace' | 'deployment' | 'service' | 'route'>

/** The HTTPRoute among manifests that names a Service; absent when none does. */
export const routeAmong = (manifests: readonly KubernetesObject[], service: string): string | undefined =>
  manifests.find(
    (object) =>
      object.kind === 'HTTPRoute' &&
      (object as Route).spec.rules?.some(({ backendRefs = [] }) => backendRefs.some(({ name }) => name === service)),
  )?.metadata.name
