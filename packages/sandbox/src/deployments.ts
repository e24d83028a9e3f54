import type { Api } from './api.ts'
import { tell } from './events.ts'
import { apiVersionOf, DEPLOYMENTS, PODS, REPLICASETS } from './kinds.ts'
import { type Deployment, type PodTemplate, type ReplicaSet, same } from './objects.ts'
import { conditionsOf } from './progress.ts'
import { isRefusal } from './refusals.ts'
import { createdAt } from './replicasets.ts'
import { annotate, hashOf, markRevision, REVISION, revisionOf } from './revisions.ts'
import { bounds, newSize, oldSizes, proportional, type Sizes } from './rollout.ts'

const MANAGER = 'kube-controller-manager'
const HASH = 'pod-template-hash'
const DESIRED = 'deployment.kubernetes.io/desired-replicas'
const MAXIMUM = 'deployment.kubernetes.io/max-replicas'
const KEPT_OUT = new Set(['kubectl.kubernetes.io/last-applied-configuration', REVISION, DESIRED, MAXIMUM])

/**
 * One step of a Deployment's rollout, and its status. Level-triggered: it is called whenever the Deployment or one of its ReplicaSets changed.
 * @returns milliseconds until the progress deadline, when only time will change the status
 */
export const syncDeployment = (api: Api, deployment: Deployment, now: number): number | undefined => {
  if (deployment.metadata.deletionTimestamp !== undefined) return writeStatus(api, deployment, now)
  const sets = setsOf(api, deployment)
  const current = sets.find((set) => isSameTemplate(set, deployment.spec.template))
  const old = sets.filter((set) => set !== current)
  if (deployment.spec.paused || isScaling(deployment, sets)) {
    scaleInPlace(api, deployment, sets, now)
  } else if (deployment.spec.strategy.type === 'Recreate') {
    for (const set of old) resize(api, deployment, { set, to: 0 }, now)
    const left = old.some((set) => podsLeft(api, set))
    if (!left)
      resize(
        api,
        deployment,
        { set: current ?? created(api, deployment, sets, now), to: deployment.spec.replicas },
        now,
      )
  } else roll(api, deployment, { current: current ?? created(api, deployment, sets, now), old }, now)
  if (current !== undefined) markRevision(api, deployment, current, old)
  forgetOld(api, deployment)
  return writeStatus(api, deployment, now)
}

const setsOf = (api: Api, deployment: Deployment): readonly ReplicaSet[] =>
  api.store
    .list<ReplicaSet>(REPLICASETS, deployment.metadata.namespace)
    .filter((set) =>
      set.metadata.ownerReferences?.some(
        (reference) => reference.controller && reference.uid === deployment.metadata.uid,
      ),
    )

const podsLeft = (api: Api, set: ReplicaSet): boolean =>
  api.store
    .list(PODS, set.metadata.namespace)
    .some((pod) => pod.metadata.ownerReferences?.some((reference) => reference.uid === set.metadata.uid))

const isSameTemplate = (set: ReplicaSet, template: PodTemplate): boolean => {
  const { [HASH]: _, ...labels } = set.spec.template.metadata?.labels ?? {}
  const bare = (one: PodTemplate): unknown => ({
    labels: one.metadata?.labels ?? {},
    annotations: one.metadata?.annotations ?? {},
    spec: one.spec,
  })
  return same(bare({ ...set.spec.template, metadata: { ...set.spec.template.metadata, labels } }), bare(template))
}

const sizesOf = (set: ReplicaSet | undefined): Sizes => ({
  name: set?.metadata.name ?? '',
  wanted: set?.spec.replicas ?? 0,
  available: set?.status?.availableReplicas ?? 0,
  created: set === undefined ? '' : createdAt(set),
})

const isScaling = (deployment: Deployment, sets: readonly ReplicaSet[]): boolean =>
  sets
    .filter((set) => set.spec.replicas > 0)
    .some((set) => {
      const asked = set.metadata.annotations?.[DESIRED]
      return asked !== undefined && Number(asked) !== deployment.spec.replicas
    })

const scaleInPlace = (api: Api, deployment: Deployment, sets: readonly ReplicaSet[], now: number): void => {
  const active = sets.filter((set) => set.spec.replicas > 0)
  const newest = [...sets].sort((a, b) => revisionOf(b) - revisionOf(a))[0]
  if (active.length <= 1) {
    const only = active[0] ?? newest
    if (only !== undefined) resize(api, deployment, { set: only, to: deployment.spec.replicas }, now)
    return
  }
  const sizes = proportional(deployment.spec, active.map(sizesOf))
  for (const set of active) resize(api, deployment, { set, to: sizes.get(set.metadata.name) ?? set.spec.replicas }, now)
}

const roll = (
  api: Api,
  deployment: Deployment,
  sets: { current: ReplicaSet; old: readonly ReplicaSet[] },
  now: number,
): void => {
  const { current, old } = sets
  const to = newSize(deployment.spec, sizesOf(current), old.map(sizesOf))
  if (to !== current.spec.replicas) {
    resize(api, deployment, { set: current, to }, now)
    return
  }
  resize(api, deployment, { set: current, to }, now)
  const sizes = oldSizes(deployment.spec, sizesOf(current), old.map(sizesOf))
  for (const set of old) resize(api, deployment, { set, to: sizes.get(set.metadata.name) ?? set.spec.replicas }, now)
}

const resize = (api: Api, deployment: Deployment, change: { set: ReplicaSet; to: number }, now: number): void => {
  const set = api.store.get<ReplicaSet>(REPLICASETS, change.set.metadata.namespace, change.set.metadata.name)
  if (set === undefined) return
  const most = deployment.spec.replicas + bounds(deployment.spec).surge
  const annotations = {
    ...set.metadata.annotations,
    [DESIRED]: String(deployment.spec.replicas),
    [MAXIMUM]: String(most),
  }
  api.update(
    REPLICASETS,
    { ...set, metadata: { ...set.metadata, annotations }, spec: { ...set.spec, replicas: change.to } },
    { manager: MANAGER },
  )
  if (set.spec.replicas !== change.to) {
    const way = change.to > set.spec.replicas ? 'up' : 'down'
    const message = `Scaled ${way} replica set ${set.metadata.name} from ${set.spec.replicas} to ${change.to}`
    tell(
      api,
      deployment,
      { type: 'Normal', reason: 'ScalingReplicaSet', message, component: 'deployment-controller' },
      now,
    )
  }
}

const created = (api: Api, deployment: Deployment, sets: readonly ReplicaSet[], now: number): ReplicaSet => {
  const { template } = deployment.spec
  const hash = hashOf(
    template,
    sets.length === 0 ? 0 : sets.filter((set) => set.metadata.name.endsWith(hashOf(template, 0))).length,
  )
  const labels = { ...template.metadata?.labels, [HASH]: hash }
  const inherited = Object.entries(deployment.metadata.annotations ?? {}).filter(([name]) => !KEPT_OUT.has(name))
  const revision = 1 + Math.max(0, ...sets.map(revisionOf))
  const { surge } = bounds(deployment.spec)
  const taken = sets.reduce((sum, set) => sum + set.spec.replicas, 0)
  const to =
    deployment.spec.strategy.type === 'Recreate'
      ? deployment.spec.replicas
      : Math.max(0, Math.min(deployment.spec.replicas, deployment.spec.replicas + surge - taken))
  const made = api.create(
    REPLICASETS,
    {
      apiVersion: apiVersionOf(REPLICASETS),
      kind: 'ReplicaSet',
      metadata: {
        name: `${deployment.metadata.name}-${hash}`,
        ...(deployment.metadata.namespace === undefined ? {} : { namespace: deployment.metadata.namespace }),
        labels,
        annotations: {
          ...Object.fromEntries(inherited),
          [REVISION]: String(revision),
          [DESIRED]: String(deployment.spec.replicas),
          [MAXIMUM]: String(deployment.spec.replicas + surge),
        },
        ownerReferences: [
          {
            apiVersion: apiVersionOf(DEPLOYMENTS),
            kind: 'Deployment',
            name: deployment.metadata.name,
            uid: deployment.metadata.uid ?? '',
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      spec: {
        replicas: to,
        ...(deployment.spec.minReadySeconds === undefined ? {} : { minReadySeconds: deployment.spec.minReadySeconds }),
        selector: {
          ...deployment.spec.selector,
          matchLabels: { ...deployment.spec.selector.matchLabels, [HASH]: hash },
        },
        template: { ...template, metadata: { ...template.metadata, labels } },
      },
    },
    { manager: MANAGER },
  )
  if (isRefusal(made)) throw new Error(`ReplicaSet of ${deployment.metadata.name}: ${made.message}`)
  const message = `Scaled up replica set ${made.metadata.name} from 0 to ${to}`
  tell(
    api,
    deployment,
    { type: 'Normal', reason: 'ScalingReplicaSet', message, component: 'deployment-controller' },
    now,
  )
  annotate(api, deployment, revision)
  return made as ReplicaSet
}

const forgetOld = (api: Api, deployment: Deployment): void => {
  const empty = setsOf(api, deployment)
    .filter(
      (set) =>
        !isSameTemplate(set, deployment.spec.template) && set.spec.replicas === 0 && (set.status?.replicas ?? 0) === 0,
    )
    .sort((a, b) => revisionOf(a) - revisionOf(b))
  const surplus = Math.max(0, empty.length - (deployment.spec.revisionHistoryLimit ?? 10))
  for (const set of empty.slice(0, surplus)) {
    api.remove(
      REPLICASETS,
      { namespace: set.metadata.namespace, name: set.metadata.name },
      { propagationPolicy: 'Background' },
    )
  }
}

const writeStatus = (api: Api, seen: Deployment, now: number): number | undefined => {
  const deployment = api.store.get<Deployment>(DEPLOYMENTS, seen.metadata.namespace, seen.metadata.name)
  if (deployment === undefined || deployment.metadata.uid !== seen.metadata.uid) return undefined
  const sets = setsOf(api, deployment)
  const current = sets.find((set) => isSameTemplate(set, deployment.spec.template))
  const sum = (of: (set: ReplicaSet) => number | undefined): number =>
    sets.reduce((all, set) => all + (of(set) ?? 0), 0)
  const counts = {
    replicas: sum((set) => set.status?.replicas),
    updatedReplicas: current?.status?.replicas ?? 0,
    readyReplicas: sum((set) => set.status?.readyReplicas),
    availableReplicas: sum((set) => set.status?.availableReplicas),
    unavailableReplicas: 0,
  }
  const wanted = sum((set) => set.spec.replicas)
  counts.unavailableReplicas = Math.max(0, wanted - counts.availableReplicas)
  const { conditions, wait } = conditionsOf(deployment, { current, sets, counts }, now)
  const shown = Object.fromEntries(Object.entries(counts).filter(([, value]) => value > 0))
  api.update(
    DEPLOYMENTS,
    { ...deployment, status: { observedGeneration: deployment.metadata.generation ?? 1, ...shown, conditions } },
    { manager: MANAGER, subresource: 'status' },
  )
  return wait
}
