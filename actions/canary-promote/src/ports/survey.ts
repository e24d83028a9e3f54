import { describe, Fault } from '@sluice/kit/faults'
import type { Cluster, KubernetesObject, Resource } from '@sluice/kubernetes/cluster'
import type { Deployment, Service } from '../objects.ts'
import { canaryName, type Snapshot } from '../obstacles.ts'

/**
 * One read of what a release of this Deployment would have to live with. Policies that may not be read are named, not fatal: whoever may not list them
 * should still be able to release.
 * @throws Fault('upstream') when the Deployment or the Services cannot be read
 */
export const survey = async (cluster: Cluster, namespace: string, name: string): Promise<Snapshot> => {
  const unread: { what: string; why: string }[] = []
  const optional = async (resource: Resource, what: string): Promise<readonly KubernetesObject[]> => {
    try {
      return await cluster.list(resource)
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      unread.push({ what, why: describe(thrown) })
      return []
    }
  }
  const at = (apiVersion: string, resource: string): Resource => ({ apiVersion, resource, namespace })
  const [deployment, services, networkPolicies, budgets, autoscalers] = await Promise.all([
    cluster.get<Deployment>(at('apps/v1', 'deployments'), name),
    cluster.list<Service>(at('v1', 'services')),
    optional(at('networking.k8s.io/v1', 'networkpolicies'), 'NetworkPolicies'),
    optional(at('policy/v1', 'poddisruptionbudgets'), 'PodDisruptionBudgets'),
    optional(at('autoscaling/v2', 'horizontalpodautoscalers'), 'HorizontalPodAutoscalers'),
  ])
  const mounted = deployment?.spec.template.spec.volumes?.some((volume) => volume.persistentVolumeClaim !== undefined)
  const claims = mounted === true ? await optional(at('v1', 'persistentvolumeclaims'), 'PersistentVolumeClaims') : []
  const taken = await cluster.get<Deployment>(at('apps/v1', 'deployments'), canaryName(name))
  return {
    deployment,
    services: kinded(services, 'Service'),
    networkPolicies: kinded(networkPolicies, 'NetworkPolicy'),
    budgets: kinded(budgets, 'PodDisruptionBudget'),
    autoscalers: kinded(autoscalers, 'HorizontalPodAutoscaler'),
    claims,
    taken: taken === undefined ? [] : [taken],
    unread,
  }
}

/** Items of a list do not name their kind. */
const kinded = <T extends KubernetesObject>(objects: readonly T[], kind: string): readonly T[] =>
  objects.map((object) => ({ ...object, kind }))
