import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import type { Look } from './ports.ts'

type Status = {
  readonly observedGeneration?: number
  readonly replicas?: number
  readonly updatedReplicas?: number
  readonly availableReplicas?: number
  readonly conditions?: readonly {
    readonly type: string
    readonly status: string
    readonly reason?: string
    readonly message?: string
    readonly lastUpdateTime?: string
  }[]
}

/**
 * How far a Deployment's rollout is. Done means: seen by the controller, every pod of the new template, every one available, no old pod left.
 * Source: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status
 * @param knownDeadline the end of an earlier rollout's progress deadline, which is not this one's
 */
export const lookOf = (deployment: KubernetesObject | undefined, knownDeadline?: string): Look => {
  if (deployment === undefined) return { kind: 'failed', text: 'the Deployment is gone' }
  const spec = (deployment.spec ?? {}) as { replicas?: number; paused?: boolean; progressDeadlineSeconds?: number }
  const status = (deployment.status ?? {}) as Status
  if (spec.paused) return { kind: 'failed', text: 'the Deployment is paused (spec.paused), so it rolls nothing out' }
  if ((status.observedGeneration ?? 0) < (deployment.metadata.generation ?? 0)) {
    return { kind: 'waiting', text: 'waiting for the Deployment controller' }
  }
  const wanted = spec.replicas ?? 1
  const updated = status.updatedReplicas ?? 0
  const available = status.availableReplicas ?? 0
  const total = status.replicas ?? 0
  const counts = `${Math.min(available, updated)} of ${wanted} new pods available`
  const deadlineAt = deadlineOf(deployment)
  if (deadlineAt !== undefined && deadlineAt !== knownDeadline) {
    const seconds = spec.progressDeadlineSeconds ?? 600
    return {
      kind: 'failed',
      text: `no progress for ${seconds} s (progressDeadlineSeconds), ${updated} of ${wanted} new pods there`,
      deadlineAt,
    }
  }
  if (updated < wanted) return { kind: 'waiting', text: `${updated} of ${wanted} new pods created so far` }
  if (total > updated)
    return { kind: 'waiting', text: `${total - updated} old ${total - updated === 1 ? 'pod' : 'pods'} still there` }
  if (available < updated) return { kind: 'waiting', text: counts }
  return { kind: 'done', text: `${available} of ${wanted} pods available` }
}

/** When Kubernetes wrote that a rollout's progress deadline had ended; undefined when it has not. */
export const deadlineOf = (deployment: KubernetesObject | undefined): string | undefined => {
  const ended = ((deployment?.status ?? {}) as Status).conditions?.find(
    ({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded',
  )
  return ended === undefined ? undefined : (ended.lastUpdateTime ?? '')
}
