import type { Finding } from '@sluice/kit/report'
import type { Cluster, KubernetesObject, PatchOperation, Resource } from '@sluice/kubernetes/cluster'
import { type Change, type FencedResult, fencedPatch, isMark, markOf } from '@sluice/kubernetes/fenced'
import { pointerOf } from '@sluice/kubernetes/json-pointer'
import { statusBehind } from '@sluice/kubernetes/refusal'
import type { RouteChange, RouteReading, RouteWrite } from './router.ts'

/** Whether the saved record still has this epoch; asked before an object without a mark is written. */
export type Owned = ((epoch: number) => Promise<boolean>) | undefined

/** One fenced read-modify-write of the object that a change names; `plural` as in the API's path. */
export const writeObject = <T extends KubernetesObject>(
  cluster: Cluster,
  { ref, plural }: { readonly ref: RouteChange['ref']; readonly plural: string },
  { epoch, owned, release }: { readonly epoch: number; readonly owned: Owned; readonly release: string | undefined },
  decide: (object: T) => Change,
): Promise<FencedResult<T>> =>
  fencedPatch<T>(
    cluster,
    { resource: resourceOf(ref, plural), name: ref.name, uid: ref.uid },
    { epoch, owned: owned && (() => owned(epoch)), release },
    decide,
  )

/** The objects of the changes as they are now, each with its change; one that is gone, or was made anew, sends nothing to anybody. */
export const liveObjects = async <T extends KubernetesObject>(
  cluster: Cluster,
  changes: readonly RouteChange[],
  plural: string,
): Promise<readonly { readonly object: T; readonly change: RouteChange }[]> => {
  const found = await Promise.all(
    changes.map(async (change) => {
      const object = await cluster.get<T>(resourceOf(change.ref, plural), change.ref.name)
      return object === undefined || object.metadata.uid !== change.ref.uid ? [] : [{ object, change }]
    }),
  )
  return found.flat()
}

/** One after another: the first refusal ends it. */
export const inTurn = async <T>(items: readonly T[], act: (item: T) => Promise<RouteWrite>): Promise<RouteWrite> => {
  for (const item of items) {
    const result = await act(item)
    if (result.kind === 'refused') return result
  }
  return { kind: 'written' }
}

/** How a fenced write of this object ended, in a router's words. */
export const writeOutcome = (
  result: FencedResult<KubernetesObject>,
  { kind, namespace, name }: Pick<RouteChange['ref'], 'kind' | 'namespace' | 'name'>,
): RouteWrite => {
  const where = `${kind} ${namespace}/${name}`
  if (result.kind === 'written') return { kind: 'written' }
  if (result.kind === 'fenced') return { kind: 'refused', cause: 'fenced', text: `${where}: ${result.text}` }
  if (result.kind === 'absent')
    return refusedWrite(`${where} was deleted, or made anew, while the release was going on`)
  return { kind: 'refused', cause: result.cause, text: `${where}: ${result.text}` }
}

/** A refusal that the state of the cluster is the cause of. */
export const refusedWrite = (text: string): RouteWrite => ({ kind: 'refused', cause: 'environment', text })

/**
 * Where the release's mark is among the values to give back: as its own annotation, or as all of them when there were none. Marks of other releases are
 * none of the user's: they go with theirs.
 */
export const markBefore = ({ metadata }: KubernetesObject, release?: string): RouteChange['before'][number] => {
  const keys = Object.keys(metadata.annotations ?? {})
  const bare = metadata.annotations === undefined || (keys.length > 0 && keys.every(isMark))
  return { path: bare ? '/metadata/annotations' : pointerOf('metadata', 'annotations', markOf(release)) }
}

/** Takes the release's mark off; an object that came without annotations, and got none from others, has none again. */
export const withoutMark = (
  { metadata }: KubernetesObject,
  { before }: RouteChange,
  release?: string,
): { readonly operations: readonly PatchOperation[]; readonly mark: 'as-is' | 'remove' } => {
  const { annotations } = metadata
  const bare =
    before.some(({ path, value }) => path === '/metadata/annotations' && value === undefined) &&
    Object.keys(annotations ?? {}).every((key) => key === markOf(release))
  if (!bare) return { operations: [], mark: 'remove' }
  return {
    operations: annotations === undefined ? [] : [{ op: 'remove', path: '/metadata/annotations' }],
    mark: 'as-is',
  }
}

/** One reading of several lists. Those that disagree give a number between them that is no whole percent, so that it is never taken for a weight that was asked. */
export const agreed = (weights: readonly number[], marked: boolean): RouteReading => {
  const [most, least] = [Math.max(0, ...weights), Math.min(100, ...weights)]
  if (weights.length === 0 || most - least < 1e-9) return { written: nearlyWhole(most), marked }
  const text = `the lists disagree: ${weights.map((weight) => `${weight} %`).join(', ')}`
  return { written: Math.ceil(most) - 0.5, marked, text }
}

/** What a listing found: `absent` where the cluster does not serve the kind, `forbidden` where it may not be listed. */
export type Listed<T> =
  | { readonly kind: 'read'; readonly items: readonly T[]; readonly note?: Finding }
  | { readonly kind: 'absent' | 'forbidden' }

/** The objects of every namespace that may be read; of the release's alone, with a note, where the rest may not be listed. */
export const listEverywhere = async <T extends KubernetesObject>(
  cluster: Cluster,
  { apiVersion, resource }: Resource,
  namespace: string,
): Promise<Listed<T>> => {
  const all = await listed<T>(cluster, { apiVersion, resource })
  if (all.kind !== 'forbidden') return all
  const near = await listed<T>(cluster, { apiVersion, resource, namespace })
  if (near.kind !== 'read') return near
  const text = `${resource} of namespaces other than ${namespace} may not be listed with this credential and were not looked at`
  return { ...near, note: { id: 'not-looked-at', level: 'note', text } }
}

const listed = async <T extends KubernetesObject>(cluster: Cluster, resource: Resource): Promise<Listed<T>> => {
  try {
    return { kind: 'read', items: await cluster.list<T>(resource) }
  } catch (thrown) {
    const status = statusBehind(thrown)
    if (status === 404 || status === 405 || status === 501) return { kind: 'absent' }
    if (status === 403) return { kind: 'forbidden' }
    throw thrown
  }
}

const resourceOf = ({ apiVersion, namespace }: RouteChange['ref'], resource: string): Resource => ({
  apiVersion,
  resource,
  namespace,
})

/** A sum of fractions such as 7 / 99 · 99 is off by less than this. */
const nearlyWhole = (percent: number): number =>
  Math.abs(percent - Math.round(percent)) < 1e-9 ? Math.round(percent) : percent
