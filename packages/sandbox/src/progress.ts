import { type Condition, type Deployment, type ReplicaSet, timestamp, withCondition } from './objects.ts'
import { bounds } from './rollout.ts'

/** What a Deployment's conditions are told by: its ReplicaSets, the one of its template, and their pods added up. */
export type Seen = {
  readonly current: ReplicaSet | undefined
  readonly sets: readonly ReplicaSet[]
  readonly counts: { replicas: number; updatedReplicas: number; readyReplicas: number; availableReplicas: number }
}

/**
 * The conditions of a Deployment: Available, Progressing with its deadline, ReplicaFailure.
 * @returns with `wait`: milliseconds until the deadline may pass
 */
export const conditionsOf = (
  deployment: Deployment,
  seen: Seen,
  now: number,
): { conditions: Condition[]; wait: number | undefined } => {
  const { counts } = seen
  const before = deployment.status
  const enough = counts.availableReplicas >= deployment.spec.replicas - bounds(deployment.spec).unavailable
  let conditions = withCondition(
    before?.conditions,
    enough
      ? {
          type: 'Available',
          status: 'True',
          reason: 'MinimumReplicasAvailable',
          message: 'Deployment has minimum availability.',
        }
      : {
          type: 'Available',
          status: 'False',
          reason: 'MinimumReplicasUnavailable',
          message: 'Deployment does not have minimum availability.',
        },
    now,
  )
  const failed = seen.sets
    .flatMap((set) => set.status?.conditions ?? [])
    .find((condition) => condition.type === 'ReplicaFailure' && condition.status === 'True')
  conditions = conditions.filter((condition) => condition.type !== 'ReplicaFailure' || failed !== undefined)
  if (failed !== undefined) conditions = withCondition(conditions, failed, now)
  const { condition, wait } = progress(deployment, seen, now)
  return {
    conditions: condition === undefined ? conditions : dated(conditions, condition, before?.conditions, now),
    wait,
  }
}

/** `lastUpdateTime` of Progressing moves with every step forward: the deadline counts from it. */
const dated = (
  conditions: Condition[],
  next: Condition & { moved: boolean },
  before: readonly Condition[] | undefined,
  now: number,
): Condition[] => {
  const { moved, ...condition } = next
  const earlier = before?.find((one) => one.type === 'Progressing')
  const kept =
    !moved && earlier !== undefined && earlier.reason === condition.reason && earlier.status === condition.status
  const lastUpdateTime = kept ? (earlier.lastUpdateTime ?? timestamp(now)) : timestamp(now)
  return withCondition(conditions, { ...condition, lastUpdateTime }, now)
}

const progress = (
  deployment: Deployment,
  seen: Seen,
  now: number,
): { condition: (Condition & { moved: boolean }) | undefined; wait: number | undefined } => {
  const { counts, current } = seen
  const { spec, status } = deployment
  const before = status?.conditions?.find((condition) => condition.type === 'Progressing')
  const said = (
    value: Condition['status'],
    reason: string,
    message: string,
    moved: boolean,
  ): Condition & { moved: boolean } => ({ type: 'Progressing', status: value, reason, message, moved })
  const set = current?.metadata.name ?? ''
  if (spec.paused) {
    return { condition: said('Unknown', 'DeploymentPaused', 'Deployment is paused', false), wait: undefined }
  }
  const complete =
    counts.updatedReplicas === spec.replicas &&
    counts.replicas === spec.replicas &&
    counts.availableReplicas === spec.replicas &&
    current !== undefined
  if (complete)
    return {
      condition: said('True', 'NewReplicaSetAvailable', `ReplicaSet "${set}" has successfully progressed.`, false),
      wait: undefined,
    }
  const old = (of: { replicas?: number; updatedReplicas?: number }): number =>
    (of.replicas ?? 0) - (of.updatedReplicas ?? 0)
  const moved =
    counts.updatedReplicas > (status?.updatedReplicas ?? 0) ||
    (status !== undefined && old(counts) < old(status)) ||
    counts.readyReplicas > (status?.readyReplicas ?? 0) ||
    counts.availableReplicas > (status?.availableReplicas ?? 0)
  const fresh =
    before === undefined ||
    before.reason === 'DeploymentPaused' ||
    (before.reason === 'NewReplicaSetAvailable' && status?.observedGeneration !== deployment.metadata.generation)
  // A finished rollout that loses a pod is not progressing anew: only a new template or count starts the deadline.
  if (before?.reason === 'NewReplicaSetAvailable' && !fresh && !moved) return { condition: undefined, wait: undefined }
  const limit = (spec.progressDeadlineSeconds ?? 600) * 1000
  const since = Date.parse(before?.lastUpdateTime ?? timestamp(now))
  if (!moved && !fresh && (before.reason === 'ProgressDeadlineExceeded' || now - since >= limit)) {
    return {
      condition: said('False', 'ProgressDeadlineExceeded', `ReplicaSet "${set}" has timed out progressing.`, false),
      wait: undefined,
    }
  }
  const wait = Math.max(50, (moved || fresh ? now : since) + limit - now)
  return { condition: said('True', 'ReplicaSetUpdated', `ReplicaSet "${set}" is progressing.`, moved || fresh), wait }
}
