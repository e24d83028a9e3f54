import type { Api } from './api.ts'
import { syncDeployment } from './deployments.ts'
import { collect } from './garbage.ts'
import { apiVersionOf, DEPLOYMENTS, PODS, QUOTAS, REPLICASETS } from './kinds.ts'
import type { Deployment, Doc, ReplicaSet } from './objects.ts'
import type { Queue } from './queue.ts'
import { syncQuotas } from './quotas.ts'
import { syncReplicaSet } from './replicasets.ts'

// A work queue's rate limiter: 5 ms, doubled by each refusal. Kubernetes goes up to 1000 s; here ten, as with a container's back-off.
const RETRY_FIRST_MS = 5
const RETRY_MOST_MS = 10_000

/** Runs the controllers on every change of what they watch. @returns a function that ends them */
export const startControllers = (api: Api, queue: Queue): (() => void) => {
  const deployment = (namespace: string | undefined, name: string): void => {
    const run = (): void => {
      const live = api.store.get<Deployment>(DEPLOYMENTS, namespace, name)
      const wait = live === undefined ? undefined : syncDeployment(api, live, Date.now())
      if (wait !== undefined) queue.later(`${namespace}/${name} deadline`, wait, run)
    }
    queue.add(`deployment ${namespace}/${name}`, run)
  }
  const refusals = new Map<string, number>()
  const replicaSet = (namespace: string | undefined, name: string): void => {
    const key = `${namespace}/${name}`
    const run = (): void => {
      const live = api.store.get<ReplicaSet>(REPLICASETS, namespace, name)
      const { wait, refused } = live === undefined ? NOTHING_LEFT : syncReplicaSet(api, live, Date.now())
      if (wait !== undefined) queue.later(`${key} ready`, wait, run)
      if (!refused) return void refusals.delete(key)
      const earlier = refusals.get(key) ?? 0
      refusals.set(key, earlier + 1)
      queue.later(`${key} refused`, Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** earlier), run)
    }
    queue.add(`replicaset ${namespace}/${name}`, run)
  }
  return api.store.subscribe((change) => {
    const { object, kind } = change
    if (kind === DEPLOYMENTS) deployment(object.metadata.namespace, object.metadata.name)
    if (kind === REPLICASETS) {
      replicaSet(object.metadata.namespace, object.metadata.name)
      ownerOf(object, 'Deployment', deployment)
    }
    if (kind === PODS) {
      ownerOf(object, 'ReplicaSet', replicaSet)
      // A Recreate rollout waits for pods that are on their way out, which no ReplicaSet's status counts.
      if (change.type === 'DELETED') {
        ownerOf(object, 'ReplicaSet', (namespace, name) => {
          const set = api.store.get(REPLICASETS, namespace, name)
          if (set !== undefined) ownerOf(set, 'Deployment', deployment)
        })
      }
    }
    if ((kind === PODS && change.type !== 'MODIFIED') || kind === QUOTAS) {
      const { namespace } = object.metadata
      queue.add(`quotas ${namespace}`, () => syncQuotas(api, namespace))
    }
    if (concernsOwners(change)) queue.add('garbage', () => collect(api))
  })
}

const NOTHING_LEFT = { wait: undefined, refused: false } as const

const ownerOf = (object: Doc, kind: string, found: (namespace: string | undefined, name: string) => void): void => {
  const owner = object.metadata.ownerReferences?.find(
    (reference) =>
      reference.controller && reference.kind === kind && reference.apiVersion === apiVersionOf(REPLICASETS),
  )
  if (owner !== undefined) found(object.metadata.namespace, owner.name)
}

const concernsOwners = (change: { type: string; object: Doc }): boolean =>
  change.type === 'DELETED' ||
  change.object.metadata.deletionTimestamp !== undefined ||
  (change.type === 'ADDED' && change.object.metadata.ownerReferences !== undefined)
