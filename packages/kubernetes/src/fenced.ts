import { createHash } from 'node:crypto'
import { describe, Fault } from '@sluice/kit/faults'
import type { Cluster, KubernetesObject, PatchOperation, Resource } from './cluster.ts'
import { pointerOf } from './json-pointer.ts'
import { statusBehind } from './refusal.ts'

/** The annotation that carries the fencing token of the release that may write an object. */
export const EPOCH = 'sluice.dev/epoch'
/** The annotation that says whose an object is that a release made: `runId/attempt`. */
export const OWNER = 'sluice.dev/owner'

/** The annotation that says which Deployment's release made an object: `namespace/name`. */
export const DEPLOYMENT = 'sluice.dev/deployment'

/**
 * `owned` is asked before an object without a mark of ours is written: whether the saved record still has our epoch. `release`: `namespace/name` of the
 * Deployment, for an object that releases of several Deployments may share; each then has a mark of its own. Without it the object is one release's alone.
 */
export type Fence = {
  readonly epoch: number
  readonly owned?: (() => Promise<boolean>) | undefined
  readonly release?: string | undefined
}

/** The annotation that carries the mark: epochs count per Deployment, so on a shared object they cannot be compared. A name takes 63 characters, a Deployment's is up to 253. */
export const markOf = (release?: string): string =>
  release === undefined ? EPOCH : `${EPOCH}.${createHash('sha256').update(release).digest('hex').slice(0, 10)}`

/** Whether an annotation is the mark of a release, whosever. */
export const isMark = (key: string): boolean => key === EPOCH || key.startsWith(`${EPOCH}.`)

/**
 * What one read-modify-write asks for. `mark`: leave our epoch on the object, take it off with the last write, or leave that to the operations.
 * With `keep` the object has annotations by the time the operations are done, so they may add to them.
 */
export type Change =
  | {
      readonly kind: 'patch'
      readonly operations: readonly PatchOperation[]
      readonly mark: 'keep' | 'remove' | 'as-is'
    }
  | { readonly kind: 'refuse'; readonly text: string }

/** Why a write was refused: the account's rights, the cluster's rules (quota, admission), or a server that failed. */
export type RefusalCause = 'forbidden' | 'environment' | 'upstream'
/** How a fenced write ended; `fenced` means that a later epoch owns the object. */
export type FencedResult<T> =
  | { readonly kind: 'written'; readonly object: T }
  | { readonly kind: 'fenced'; readonly text: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'refused'; readonly cause: RefusalCause; readonly text: string }

/**
 * Reads an object, lets a pure function decide, and writes by a JSON Patch that tests version, UID and epoch. A writer that was overtaken is
 * `fenced`, even when it reads again: resourceVersion alone would let it through. Races with others are decided anew, five times at most.
 * @param target `uid`: another object of the same name counts as absent
 * Throws nothing on purpose: what the API server refuses is a value.
 */
export const fencedPatch = async <T extends KubernetesObject>(
  cluster: Cluster,
  target: { readonly resource: Resource; readonly name: string; readonly uid?: string | undefined },
  fence: Fence,
  change: (object: T) => Change,
): Promise<FencedResult<T>> => {
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const object = await cluster.get<T>(target.resource, target.name)
      if (object === undefined || (target.uid && object.metadata.uid !== target.uid)) return { kind: 'absent' }
      const live = epochOf(object, fence.release)
      if (live !== undefined && live > fence.epoch) return overtaken(target.name, live, fence.epoch)
      // A mark without a release's name is of a version that knew no other: ours or another release's, only the record tells.
      const unnamed = fence.release !== undefined && epochOf(object) !== undefined
      if ((live !== fence.epoch || unnamed) && fence.owned !== undefined && !(await fence.owned()))
        return { kind: 'fenced', text: `${target.name}: another run owns this release now` }
      const decided = change(object)
      if (decided.kind === 'refuse') return { kind: 'refused', cause: 'environment', text: decided.text }
      const operations = [...marking(object, decided.mark, fence), ...decided.operations]
      if (operations.length === 0) return { kind: 'written', object }
      const written = await cluster.jsonPatch<T>(target.resource, target.name, [...tests(object, fence), ...operations])
      if (written.kind !== 'conflict') return written
    }
    return {
      kind: 'refused',
      cause: 'upstream',
      text: `${target.resource.resource} ${target.name} was changed by others ${ATTEMPTS} times while it was being written`,
    }
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return { kind: 'refused', cause: causeOf(thrown), text: describe(thrown) }
  }
}

/** The epoch that an object carries, on a shared one that of this release; `undefined` when it carries none, 0 for a mark that is no number. */
export const epochOf = ({ metadata }: KubernetesObject, release?: string): number | undefined => {
  const mark = metadata.annotations?.[markOf(release)]
  return mark === undefined ? undefined : Number(mark) || 0
}

/** What a fault of the API server means for a release: no right to, the cluster's own rules, or a failure. */
export const causeOf = (fault: Fault): RefusalCause => {
  if (fault.kind === 'input') return 'environment'
  const status = statusBehind(fault)
  return status === 401 || status === 403 ? 'forbidden' : 'upstream'
}

const ATTEMPTS = 5
const pathOf = (key: string): string => pointerOf('metadata', 'annotations', key)

const overtaken = (name: string, live: number, ours: number): { kind: 'fenced'; text: string } => ({
  kind: 'fenced',
  text: `${name} carries epoch ${live} and ours is ${ours}: a newer run owns this release`,
})

const tests = ({ metadata }: KubernetesObject, { release }: Fence): readonly PatchOperation[] => {
  const key = markOf(release)
  const live = metadata.annotations?.[key]
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
    { op: 'test', path: '/metadata/uid', value: metadata.uid },
    ...(live === undefined ? [] : [{ op: 'test' as const, path: pathOf(key), value: live }]),
  ]
}

const marking = (
  object: KubernetesObject,
  mark: 'keep' | 'remove' | 'as-is',
  { epoch, release }: Fence,
): readonly PatchOperation[] => {
  if (mark === 'as-is') return []
  const { annotations } = object.metadata
  const key = markOf(release)
  const live = annotations?.[key]
  if (mark === 'remove') return live === undefined ? [] : [{ op: 'remove', path: pathOf(key) }]
  if (live === String(epoch)) return []
  if (annotations === undefined) return [{ op: 'add', path: '/metadata/annotations', value: { [key]: String(epoch) } }]
  // A mark without a name that an older version may have left for this release ends with it. Were it another release's: a run that misses its mark
  // asks its record, and sets it anew.
  const unnamed = release === undefined ? undefined : epochOf(object)
  return [
    { op: 'add', path: pathOf(key), value: String(epoch) },
    ...(unnamed === undefined || unnamed > epoch ? [] : [{ op: 'remove' as const, path: pathOf(EPOCH) }]),
  ]
}
