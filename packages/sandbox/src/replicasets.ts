import { type Api, generated } from './api.ts'
import { tell } from './events.ts'
import { apiVersionOf, PODS, REPLICASETS } from './kinds.ts'
import { type Condition, type Doc, type Pod, type ReplicaSet, timestamp, withCondition } from './objects.ts'
import { isRefusal } from './refusals.ts'

/** Whether a pod's Ready condition holds. */
export const isReady = (pod: Pod): boolean =>
  pod.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false

/** Milliseconds until a pod counts as available: 0 now, undefined while it is not ready. */
const availableIn = (pod: Pod, minReadySeconds: number, now: number): number | undefined => {
  if (!isReady(pod)) return undefined
  const since = pod.status?.conditions?.find((condition) => condition.type === 'Ready')?.lastTransitionTime
  return Math.max(0, Date.parse(since ?? '') + minReadySeconds * 1000 - now)
}

/** Pods that an object owns and that still count: not being deleted, not finished. */
const activePods = (api: Api, owner: Doc): readonly Pod[] =>
  api.store
    .list<Pod>(PODS, owner.metadata.namespace)
    .filter(
      (pod) =>
        pod.metadata.ownerReferences?.some(
          (reference) => reference.controller && reference.uid === owner.metadata.uid,
        ) &&
        pod.metadata.deletionTimestamp === undefined &&
        pod.status?.phase !== 'Failed' &&
        pod.status?.phase !== 'Succeeded',
    )

const MANAGER = 'kube-controller-manager'

/** What a sync left open: `wait` ms until time alone will change the status; `refused`: a pod was, so it must be tried again. */
export type Synced = { readonly wait: number | undefined; readonly refused: boolean }

/** Brings a ReplicaSet's pods to its count and its status to what its pods show. */
export const syncReplicaSet = (api: Api, set: ReplicaSet, now: number): Synced => {
  const pods = activePods(api, set)
  let failure: string | undefined
  if (set.metadata.deletionTimestamp === undefined) {
    const missing = set.spec.replicas - pods.length
    for (let i = 0; i < missing && failure === undefined; i += 1) failure = startPod(api, set, now)
    for (const pod of leastWorthy(pods).slice(0, Math.max(0, -missing))) {
      api.remove(
        PODS,
        { namespace: pod.metadata.namespace, name: pod.metadata.name },
        { propagationPolicy: 'Background' },
      )
      tell(
        api,
        set,
        {
          type: 'Normal',
          reason: 'SuccessfulDelete',
          message: `Deleted pod: ${pod.metadata.name}`,
          component: 'replicaset-controller',
        },
        now,
      )
    }
  }
  return { wait: writeStatus(api, set, failure, now), refused: failure !== undefined }
}

const startPod = (api: Api, set: ReplicaSet, now: number): string | undefined => {
  const { template } = set.spec
  const made = api.create(
    PODS,
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: generated(`${set.metadata.name}-`),
        generateName: `${set.metadata.name}-`,
        ...(set.metadata.namespace === undefined ? {} : { namespace: set.metadata.namespace }),
        ...(template.metadata?.labels === undefined ? {} : { labels: template.metadata.labels }),
        ...(template.metadata?.annotations === undefined ? {} : { annotations: template.metadata.annotations }),
        ownerReferences: [
          {
            apiVersion: apiVersionOf(REPLICASETS),
            kind: 'ReplicaSet',
            name: set.metadata.name,
            uid: set.metadata.uid ?? '',
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      spec: template.spec,
    },
    { manager: MANAGER },
  )
  const failed = isRefusal(made) ? made.message : undefined
  if (failed !== undefined) {
    tell(
      api,
      set,
      {
        type: 'Warning',
        reason: 'FailedCreate',
        message: `Error creating: ${failed}`,
        component: 'replicaset-controller',
      },
      now,
    )
    return failed
  }
  if (!isRefusal(made)) {
    tell(
      api,
      set,
      {
        type: 'Normal',
        reason: 'SuccessfulCreate',
        message: `Created pod: ${made.metadata.name}`,
        component: 'replicaset-controller',
      },
      now,
    )
  }
  return undefined
}

const leastWorthy = (pods: readonly Pod[]): readonly Pod[] =>
  [...pods].sort(
    (a, b) =>
      Number(isReady(a)) - Number(isReady(b)) ||
      (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? '') ||
      Number(b.metadata.resourceVersion) - Number(a.metadata.resourceVersion),
  )

const writeStatus = (api: Api, seen: ReplicaSet, failure: string | undefined, now: number): number | undefined => {
  const set = api.store.get<ReplicaSet>(REPLICASETS, seen.metadata.namespace, seen.metadata.name)
  if (set === undefined || set.metadata.uid !== seen.metadata.uid) return undefined
  const pods = activePods(api, set)
  const waits = pods.map((pod) => availableIn(pod, set.spec.minReadySeconds ?? 0, now))
  const conditions = failureShown(set.status?.conditions ?? [], failure, now)
  const ready = pods.filter(isReady).length
  const available = waits.filter((wait) => wait === 0).length
  api.update(
    REPLICASETS,
    {
      ...set,
      status: {
        replicas: pods.length,
        ...(pods.length > 0 ? { fullyLabeledReplicas: pods.length } : {}),
        ...(ready > 0 ? { readyReplicas: ready } : {}),
        ...(available > 0 ? { availableReplicas: available } : {}),
        observedGeneration: set.metadata.generation ?? 1,
        ...(conditions.length > 0 ? { conditions } : {}),
      },
    },
    { manager: MANAGER, subresource: 'status' },
  )
  const coming = waits.filter((wait) => wait !== undefined && wait > 0) as number[]
  return coming.length > 0 ? Math.min(...coming) : undefined
}

/** Each refusal names another pod; the first one stays, as the real controller has it, or the status would never rest. */
const failureShown = (before: readonly Condition[], failure: string | undefined, now: number): readonly Condition[] => {
  if (failure === undefined) return before.filter(({ type }) => type !== 'ReplicaFailure')
  if (before.some(({ type }) => type === 'ReplicaFailure')) return before
  return withCondition(
    before,
    { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: failure },
    now,
  )
}

/** The time of creation as the API writes it, for ordering. */
export const createdAt = (object: Doc): string => object.metadata.creationTimestamp ?? timestamp(0)
