import { Fault } from '@sluice/kit/faults'
import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import { explain, type Seen, type Suspect } from '../explanation.ts'
import type { DeploymentName, Explanation, Ports } from '../ports.ts'
import { lookOf } from '../rollout.ts'

const LAST_LINES = 15
const REVISION = 'deployment.kubernetes.io/revision'

/** Reads a Deployment's rollout, and when it hangs everything around it that says why. */
export const rolloutOf = (cluster: Cluster): Ports['rollout'] => ({
  look: async ({ namespace, name, knownDeadline }) =>
    lookOf(await cluster.get<KubernetesObject>(deployments(namespace), name), knownDeadline),
  explain: async (deployment) => {
    const seen = await around(cluster, deployment)
    if (seen === undefined) return []
    const found: Explanation[] = []
    for (const { explanation, suspect } of explain(seen)) {
      const log = suspect === undefined ? [] : await lastLines(cluster, deployment.namespace, suspect)
      found.push(log.length === 0 ? explanation : { ...explanation, log })
    }
    return found
  },
})

const deployments = (namespace: string) => ({ apiVersion: 'apps/v1', resource: 'deployments', namespace })

const around = async (cluster: Cluster, { namespace, name }: DeploymentName): Promise<Seen | undefined> => {
  const deployment = await cluster.get<KubernetesObject>(deployments(namespace), name)
  if (deployment === undefined) return undefined
  const [replicaSets, pods, events] = await Promise.all([
    orNone(cluster.list<KubernetesObject>({ apiVersion: 'apps/v1', resource: 'replicasets', namespace })),
    orNone(cluster.list<KubernetesObject>({ apiVersion: 'v1', resource: 'pods', namespace })),
    orNone(cluster.list<KubernetesObject>({ apiVersion: 'v1', resource: 'events', namespace })),
  ])
  const revision = deployment.metadata.annotations?.[REVISION]
  const replicaSet = replicaSets.find(
    (each) => isOwned(each, deployment) && each.metadata.annotations?.[REVISION] === revision,
  )
  return {
    deployment,
    ...(replicaSet === undefined ? {} : { replicaSet }),
    pods: replicaSet === undefined ? [] : pods.filter((pod) => isOwned(pod, replicaSet)),
    events,
  }
}

/** An account that may not read all of it still learns from the rest. */
const orNone = async <T>(reading: Promise<readonly T[]>): Promise<readonly T[]> => {
  try {
    return await reading
  } catch (thrown) {
    if (thrown instanceof Fault) return []
    throw thrown
  }
}

const isOwned = (object: KubernetesObject, owner: KubernetesObject): boolean =>
  (object.metadata.ownerReferences ?? []).some(
    ({ uid, controller }) => controller === true && uid === owner.metadata.uid,
  )

const lastLines = async (
  cluster: Cluster,
  namespace: string,
  { pod, container, previous }: Suspect,
): Promise<readonly string[]> => {
  const text = await orNone(
    cluster
      .logs(namespace, pod, { container, tailLines: LAST_LINES, previous })
      .then((log) => (log === '' ? [] : [log])),
  )
  return (text[0] ?? '')
    .split(/\r?\n/)
    .filter((line) => line !== '')
    .map((line) => (line.length > 300 ? `${line.slice(0, 299)}…` : line))
}
