import { createHash } from 'node:crypto'
import type { Api } from './api.ts'
import { DEPLOYMENTS, REPLICASETS } from './kinds.ts'
import { type Deployment, isFields, type PodTemplate, type ReplicaSet } from './objects.ts'

const MANAGER = 'kube-controller-manager'

/** The annotation that numbers the templates of a Deployment. */
export const REVISION = 'deployment.kubernetes.io/revision'

/** The number of a ReplicaSet's template; 0 when it has none. */
export const revisionOf = (set: ReplicaSet): number => Number(set.metadata.annotations?.[REVISION] ?? 0)

/** A template that returns (a rollback) is the newest revision again, in the ReplicaSet that it had. */
export const markRevision = (
  api: Api,
  deployment: Deployment,
  current: ReplicaSet,
  old: readonly ReplicaSet[],
): void => {
  const highest = Math.max(0, ...old.map(revisionOf))
  const revision = revisionOf(current) > highest ? revisionOf(current) : highest + 1
  const set = api.store.get<ReplicaSet>(REPLICASETS, current.metadata.namespace, current.metadata.name)
  if (set !== undefined && revisionOf(set) !== revision) {
    const annotations = { ...set.metadata.annotations, [REVISION]: String(revision) }
    api.update(REPLICASETS, { ...set, metadata: { ...set.metadata, annotations } }, { manager: MANAGER })
  }
  annotate(api, deployment, revision)
}

/** Writes the Deployment's own revision. */
export const annotate = (api: Api, deployment: Deployment, revision: number): void => {
  const live = api.store.get<Deployment>(DEPLOYMENTS, deployment.metadata.namespace, deployment.metadata.name)
  if (live === undefined || live.metadata.annotations?.[REVISION] === String(revision)) return
  const annotations = { ...live.metadata.annotations, [REVISION]: String(revision) }
  api.update(DEPLOYMENTS, { ...live, metadata: { ...live.metadata, annotations } }, { manager: MANAGER })
}

const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'

/** The hash of a pod template that names its ReplicaSet; `collisions`: how many other templates have had the same name. */
export const hashOf = (template: PodTemplate, collisions: number): string => {
  const digest = createHash('sha256')
    .update(JSON.stringify(ordered(template)))
    .update(String(collisions))
    .digest()
  return Array.from(digest.subarray(0, 10), (byte) => ALPHABET[byte % ALPHABET.length]).join('')
}

const ordered = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(ordered)
  if (!isFields(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, ordered(value[key])]),
  )
}
