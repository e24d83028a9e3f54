import { Fault } from '@sluice/kit/faults'
import type { Cluster } from '@sluice/kubernetes/cluster'
import type { Deployment, Pod } from '../objects.ts'

/**
 * The newest running pod of the Deployment that a ReplicaSet owns: the template, and what webhooks and defaults have added. None where there is none yet,
 * and where pods may not be listed.
 */
export const newestPod = async (
  cluster: Cluster,
  namespace: string,
  { spec }: Deployment,
): Promise<Pod | undefined> => {
  try {
    const labels = spec.selector.matchLabels ?? {}
    const pods = await cluster.list<Pod>({ apiVersion: 'v1', resource: 'pods', namespace }, { labels })
    const running = pods.filter(
      ({ metadata, status }) =>
        status?.phase === 'Running' &&
        metadata.deletionTimestamp === undefined &&
        (metadata.ownerReferences ?? []).some(({ kind, name }) => kind === 'ReplicaSet' && name !== ''),
    )
    const [newest] = running.sort((a, b) =>
      (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''),
    )
    return newest
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined
    throw thrown
  }
}
