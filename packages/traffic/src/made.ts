import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { describe, Fault } from '@sluice/kit/faults'
import type { Cluster, KubernetesObject, PatchOperation, Resource } from '@sluice/kubernetes/cluster'
import { causeOf, DEPLOYMENT, EPOCH, epochOf, type Fence, fencedPatch, OWNER } from '@sluice/kubernetes/fenced'
import { pointerOf } from '@sluice/kubernetes/json-pointer'
import type { RouteWrite } from './router.ts'

/** The label of everything that a release puts beside the user's objects. */
export const TRACK = { 'sluice.dev/track': 'canary' } as const

/** Where an object of ours stands. */
export type Place = { readonly resource: Resource; readonly name: string }

/** What an object of ours is to be: its kind, its annotations beside our marks, its `spec`. */
export type Wanted = {
  readonly apiVersion: string
  readonly kind: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly spec: unknown
}

/** The name of what stands beside an object of the user's: `NAME-canary`, at most 63 characters, what is cut told apart by a hash. */
export const beside = (name: string): string => {
  const whole = `${name}-canary`
  if (whole.length <= LONGEST) return whole
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, 8)
  return `${whole.slice(0, LONGEST - hash.length - 1).replace(/[^a-z0-9]+$/, '')}-${hash}`
}

/**
 * Whether a release made this object; with `release`, `namespace/name` of the Deployment, whether that one did. The user's own never carry both marks.
 * An object that does not say whose it is was made by an older version, which knew no other release beside.
 */
export const isMade = ({ metadata }: KubernetesObject, release?: string): boolean => {
  const { [OWNER]: owner, [EPOCH]: epoch, [DEPLOYMENT]: deployment = release } = metadata.annotations ?? {}
  return owner !== undefined && epoch !== undefined && (release === undefined || deployment === release)
}

/**
 * Makes an object of ours, or brings it to what is wanted, fenced by its epoch. An object of that name without our marks, or of another Deployment's
 * release, is refused, never taken over. It stands beside an object that releases may share, and is itself one release's alone.
 * @param owner `runId/attempt`, for the object's annotation; Throws nothing on purpose.
 */
export const make = async (
  cluster: Cluster,
  place: Place,
  wanted: Wanted,
  { owner, release, ...fence }: Fence & { readonly owner: string },
): Promise<RouteWrite> =>
  guarded(async () => {
    let found = await cluster.get(place.resource, place.name)
    if (found === undefined) {
      if (fence.owned !== undefined && !(await fence.owned())) return overtaken(place)
      const made = await cluster.create(place.resource, madeOf(place, wanted, { owner, release, epoch: fence.epoch }))
      if (made.kind === 'written') return { kind: 'written' }
      if (made.kind === 'absent') return refused(place, 'environment', 'its namespace is gone')
      // Another writer was faster: what it made is looked at like any other.
      found = await cluster.get(place.resource, place.name)
    }
    // Epochs of two Deployments cannot be compared: whose it is comes before which is the later.
    if (found !== undefined && !isMade(found, release)) return refused(place, 'environment', notOurs(found))
    const result = await fencedPatch(cluster, { ...place, uid: found?.metadata.uid }, fence, (object) =>
      isMade(object, release)
        ? { kind: 'patch', operations: differences(object, wanted, release), mark: 'keep' }
        : { kind: 'refuse', text: notOurs(object) },
    )
    if (result.kind === 'written') return { kind: 'written' }
    if (result.kind === 'absent') return refused(place, 'upstream', 'it was deleted while it was being written')
    if (result.kind === 'fenced') return refused(place, 'fenced', result.text)
    return refused(place, result.cause, result.text)
  })

/** Raises the epoch of an object of ours; one that is gone, or is not ours, is left. */
export const stampMade = async (cluster: Cluster, place: Place, { release, ...fence }: Fence): Promise<RouteWrite> =>
  guarded(async () => {
    const found = await cluster.get(place.resource, place.name)
    if (found === undefined || !isMade(found, release)) return { kind: 'written' }
    const target = { ...place, uid: found.metadata.uid }
    const result = await fencedPatch(cluster, target, fence, () => ({ kind: 'patch', operations: [], mark: 'keep' }))
    if (result.kind === 'written' || result.kind === 'absent') return { kind: 'written' }
    return result.kind === 'fenced' ? refused(place, 'fenced', result.text) : refused(place, result.cause, result.text)
  })

/** Takes an object of ours away, by its UID; one that is not ours stays: the user's, or another Deployment's release's. A later epoch is refused. */
export const unmake = async (cluster: Cluster, place: Place, fence: Fence): Promise<RouteWrite> => {
  const stamped = await stampMade(cluster, place, fence)
  if (stamped.kind === 'refused') return stamped
  return guarded(async () => {
    const found = await cluster.get(place.resource, place.name)
    if (found === undefined || !isMade(found, fence.release) || found.metadata.deletionTimestamp !== undefined)
      return { kind: 'written' }
    if ((epochOf(found) ?? 0) > fence.epoch) return overtaken(place)
    const { uid } = found.metadata
    const removed = await cluster.remove(place.resource, place.name, uid === undefined ? {} : { uid })
    return removed === 'conflict' ? refused(place, 'upstream', 'it was made anew meanwhile') : { kind: 'written' }
  })
}

const LONGEST = 63

/** Why an object is not ours to write, with whose it is. */
const notOurs = (object: KubernetesObject): string => {
  if (!isMade(object)) return 'an object of this name exists that no release made'
  const { [DEPLOYMENT]: deployment, [OWNER]: owner } = object.metadata.annotations ?? {}
  return `the release of Deployment ${deployment} (run ${owner}) made it: wait until that release is over, or abort it`
}

type Whose = { readonly owner: string; readonly release: string | undefined; readonly epoch: number }

const madeOf = (place: Place, wanted: Wanted, { owner, release, epoch }: Whose): KubernetesObject => ({
  apiVersion: wanted.apiVersion,
  kind: wanted.kind,
  metadata: {
    name: place.name,
    ...(place.resource.namespace === undefined ? {} : { namespace: place.resource.namespace }),
    labels: TRACK,
    annotations: { ...wanted.annotations, ...deploymentMark(release), [OWNER]: owner, [EPOCH]: String(epoch) },
  },
  spec: wanted.spec,
})

const deploymentMark = (release: string | undefined) => (release === undefined ? {} : { [DEPLOYMENT]: release })

/** The marks stay as they are; annotations with the prefixes of those that are wanted, and the `spec`, become what is wanted. Others may note things too. */
const differences = (
  object: KubernetesObject,
  { annotations = {}, spec }: Wanted,
  release: string | undefined,
): readonly PatchOperation[] => {
  const live = object.metadata.annotations ?? {}
  const { [OWNER]: owner = '', [EPOCH]: epoch = '' } = live
  const ours = new Set(Object.keys(annotations).map(prefixOf))
  const theirs = Object.entries(live).filter(([key]) => !ours.has(prefixOf(key)))
  const all = {
    ...Object.fromEntries(theirs),
    ...annotations,
    ...deploymentMark(release),
    [OWNER]: owner,
    [EPOCH]: epoch,
  }
  return [
    ...(isDeepStrictEqual(live, all) ? [] : noted(live, all)),
    ...(isDeepStrictEqual(object.spec, spec) ? [] : [{ op: 'replace' as const, path: '/spec', value: spec }]),
  ]
}

const prefixOf = (key: string): string => key.split('/')[0] ?? ''

const noted = (
  live: Readonly<Record<string, string>>,
  all: Readonly<Record<string, string>>,
): readonly PatchOperation[] => [
  ...Object.keys(live).flatMap((key): readonly PatchOperation[] =>
    key in all ? [] : [{ op: 'remove', path: pointerOf('metadata', 'annotations', key) }],
  ),
  ...Object.entries(all).flatMap(([key, value]): readonly PatchOperation[] =>
    // The epoch is fenced by its own operations.
    live[key] === value || key === EPOCH ? [] : [{ op: 'add', path: pointerOf('metadata', 'annotations', key), value }],
  ),
]

const overtaken = (place: Place): RouteWrite => refused(place, 'fenced', 'another run owns this release now')

const refused = (
  { resource, name }: Place,
  cause: Extract<RouteWrite, { kind: 'refused' }>['cause'],
  text: string,
): RouteWrite => ({
  kind: 'refused',
  cause,
  text: `${resource.resource} ${resource.namespace === undefined ? '' : `${resource.namespace}/`}${name}: ${text}`,
})

/** What the API server refuses is a value. */
const guarded = async (act: () => Promise<RouteWrite>): Promise<RouteWrite> => {
  try {
    return await act()
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return { kind: 'refused', cause: causeOf(thrown), text: describe(thrown) }
  }
}
