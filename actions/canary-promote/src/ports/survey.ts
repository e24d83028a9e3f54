import { Fault } from '@sluice/kit/faults'
import type { Cluster, KubernetesObject, Resource } from '@sluice/kubernetes/cluster'
import { statusBehind } from '@sluice/kubernetes/refusal'
import type { Deployment, Labels, PodTemplate, Service } from '../objects.ts'
import { baselineName, canaryName, type Snapshot } from '../obstacles.ts'
import { ENFORCE } from '../pod-security.ts'
import { newestPod } from './newest-pod.ts'

/**
 * One read of what a release of this Deployment would have to live with. Policies that may not be read are named, not fatal: whoever may not list them
 * should still be able to release. Kinds that the cluster does not serve are nothing to name.
 * @throws Fault('upstream') when the Deployment or the Services cannot be read
 */
export const survey = async (cluster: Cluster, namespace: string, name: string): Promise<Snapshot> => {
  const unread: { what: string; why: string }[] = []
  let ownOnly = false
  const at = (apiVersion: string, resource: string): Resource => ({ apiVersion, resource, namespace })
  const missed = async (what: string, apiVersion: string, thrown: unknown): Promise<void> => {
    if (!(thrown instanceof Fault)) throw thrown
    if (statusBehind(thrown) === 404 || !(await isServed(cluster, apiVersion))) return
    unread.push({ what, why: thrown.message })
  }
  const optional = async (resource: Resource, kind: string): Promise<readonly KubernetesObject[]> => {
    try {
      return kinded(await cluster.list(resource), kind)
    } catch (thrown) {
      await missed(`${kind} objects`, resource.apiVersion, thrown)
      return []
    }
  }
  /** Of every namespace where that may be read: what lies in another one may reach this one. */
  const everywhere = async ({ apiVersion, resource, kind }: PolicyKind): Promise<readonly KubernetesObject[]> => {
    try {
      return kinded(await cluster.list({ apiVersion, resource }), kind)
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      if (statusBehind(thrown) === 404) return []
      const own = await optional(at(apiVersion, resource), kind)
      // Of the kinds that every cluster serves: whether others exist at all was not asked.
      if (kind === 'NetworkPolicy' || own.length > 0) ownOnly = true
      return own
    }
  }
  const labelsOf = async (): Promise<Labels | undefined> => {
    try {
      return (await cluster.get({ apiVersion: 'v1', resource: 'namespaces' }, namespace))?.metadata.labels ?? {}
    } catch (thrown) {
      await missed('the namespace', 'v1', thrown)
      return undefined
    }
  }
  const deployments = at('apps/v1', 'deployments')
  const [deployment, services, policies, budgets, hpas, scaled, limitRanges, quotas, namespaceLabels, ...taken] =
    await Promise.all([
      cluster.get<Deployment>(deployments, name),
      cluster.list<Service>(at('v1', 'services')),
      Promise.all(POLICIES.map(everywhere)),
      optional(at('policy/v1', 'poddisruptionbudgets'), 'PodDisruptionBudget'),
      optional(at('autoscaling/v2', 'horizontalpodautoscalers'), 'HorizontalPodAutoscaler'),
      optional(at('keda.sh/v1alpha1', 'scaledobjects'), 'ScaledObject'),
      optional(at('v1', 'limitranges'), 'LimitRange'),
      optional(at('v1', 'resourcequotas'), 'ResourceQuota'),
      labelsOf(),
      cluster.get<Deployment>(deployments, canaryName(name)),
      named(cluster, deployments, baselineName(name)),
    ])
  const newest = deployment && (await newestPod(cluster, namespace, deployment))
  const mounted = deployment?.spec.template.spec.volumes?.some((volume) => volume.persistentVolumeClaim !== undefined)
  return {
    deployment,
    others: deployment === undefined ? await namesakes(cluster, namespace, name) : [],
    services: kinded(services, 'Service'),
    policies: policies.flat(),
    ...(ownOnly ? { ownOnly } : {}),
    budgets,
    autoscalers: [...hpas, ...scaled],
    claims: mounted === true ? await optional(at('v1', 'persistentvolumeclaims'), 'PersistentVolumeClaim') : [],
    limitRanges,
    quotas,
    namespaceLabels,
    // Nothing else depends on it.
    serverVersion: namespaceLabels?.[ENFORCE] === undefined ? undefined : await versionOf(cluster),
    sample: newest?.spec as PodTemplate['spec'] | undefined,
    taken: taken.filter((found) => found !== undefined),
    unread,
  }
}

type PolicyKind = { readonly apiVersion: string; readonly resource: string; readonly kind: string }
const POLICIES: readonly PolicyKind[] = [
  { apiVersion: 'networking.k8s.io/v1', resource: 'networkpolicies', kind: 'NetworkPolicy' },
  { apiVersion: 'security.istio.io/v1', resource: 'authorizationpolicies', kind: 'AuthorizationPolicy' },
  { apiVersion: 'security.istio.io/v1', resource: 'requestauthentications', kind: 'RequestAuthentication' },
  { apiVersion: 'security.istio.io/v1', resource: 'peerauthentications', kind: 'PeerAuthentication' },
  // Of its versions the one that every release of the last years serves.
  { apiVersion: 'policy.linkerd.io/v1beta2', resource: 'servers', kind: 'Server' },
  { apiVersion: 'cilium.io/v2', resource: 'ciliumnetworkpolicies', kind: 'CiliumNetworkPolicy' },
  { apiVersion: 'cilium.io/v2', resource: 'ciliumclusterwidenetworkpolicies', kind: 'CiliumClusterwideNetworkPolicy' },
  { apiVersion: 'monitoring.coreos.com/v1', resource: 'podmonitors', kind: 'PodMonitor' },
  { apiVersion: 'monitoring.coreos.com/v1', resource: 'servicemonitors', kind: 'ServiceMonitor' },
]

/** Rights are asked for before existence: a kind that nobody serves is refused, too. Everybody may read which groups there are. */
const isServed = async (cluster: Cluster, apiVersion: string): Promise<boolean> => {
  if (!apiVersion.includes('.')) return true
  try {
    await cluster.list({ apiVersion, resource: '' })
    return true
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return statusBehind(thrown) !== 404
  }
}

/** Everybody may ask, unless an administrator took that away or a proxy stands before it. */
const versionOf = async (cluster: Cluster): Promise<string | undefined> => {
  try {
    return await cluster.version()
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined
    throw thrown
  }
}

/** A name that few releases need: one that may not be read keeps nobody from releasing, and the dry run of what needs it says that it is taken. */
const named = async (cluster: Cluster, resource: Resource, name: string): Promise<Deployment | undefined> => {
  try {
    return await cluster.get<Deployment>(resource, name)
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined
    throw thrown
  }
}

/** Other workloads of that name, as far as they may be read. */
const namesakes = async (cluster: Cluster, namespace: string, name: string): Promise<readonly KubernetesObject[]> => {
  const kinds = [
    { apiVersion: 'apps/v1', resource: 'statefulsets', kind: 'StatefulSet' },
    { apiVersion: 'apps/v1', resource: 'daemonsets', kind: 'DaemonSet' },
    { apiVersion: 'argoproj.io/v1alpha1', resource: 'rollouts', kind: 'Rollout' },
  ]
  const found = await Promise.all(
    kinds.map(({ apiVersion, resource, kind }) =>
      cluster
        .get({ apiVersion, resource, namespace }, name)
        .then((object) => (object === undefined ? [] : [{ ...object, kind }]))
        .catch((thrown: unknown) => {
          if (thrown instanceof Fault) return []
          throw thrown
        }),
    ),
  )
  return found.flat()
}

/** Items of a list do not name their kind. */
const kinded = <T extends KubernetesObject>(objects: readonly T[], kind: string): readonly T[] =>
  objects.map((object) => ({ ...object, kind }))
