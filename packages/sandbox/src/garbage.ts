import type { Api } from './api.ts'
import { NAMESPACES } from './kinds.ts'
import type { Doc, Metadata } from './objects.ts'

const MANAGER = 'kube-controller-manager'

/**
 * Brings owners and what they own in line: what lost its last owner goes, a Foreground deletion waits for the dependants that block it, an
 * Orphan deletion lets them go free, and a namespace takes everything in it with it.
 * https://kubernetes.io/docs/concepts/architecture/garbage-collection/
 */
export const collect = (api: Api): void => {
  const all = everything(api)
  const byUid = new Map(all.map((object) => [object.metadata.uid, object]))
  for (const owner of all) if (owner.metadata.deletionTimestamp !== undefined) endOwner(api, owner, all)
  for (const object of all) {
    const owners = object.metadata.ownerReferences ?? []
    if (owners.length === 0 || object.metadata.deletionTimestamp !== undefined) continue
    const left = owners.filter((reference) => byUid.has(reference.uid))
    const waiting = left.filter((reference) =>
      byUid.get(reference.uid)?.metadata.finalizers?.includes('foregroundDeletion'),
    )
    if (left.length === 0) remove(api, object, 'Background')
    else if (waiting.length === left.length) remove(api, object, 'Foreground')
  }
}

const everything = (api: Api): readonly Doc[] => api.kinds.all().flatMap((kind) => [...api.store.list(kind)])

const endOwner = (api: Api, owner: Doc, all: readonly Doc[]): void => {
  const dependants = all.filter((object) =>
    object.metadata.ownerReferences?.some((reference) => reference.uid === owner.metadata.uid),
  )
  const { finalizers = [] } = owner.metadata
  if (finalizers.includes('orphan')) {
    for (const object of dependants) {
      const { ownerReferences, ...rest } = object.metadata
      const left = (ownerReferences ?? []).filter((reference) => reference.uid !== owner.metadata.uid)
      put(api, object, left.length > 0 ? { ...rest, ownerReferences: left } : rest)
    }
    release(api, owner, 'orphan')
  } else if (finalizers.includes('foregroundDeletion')) {
    const blocking = dependants.filter((object) =>
      object.metadata.ownerReferences?.some(
        (reference) => reference.uid === owner.metadata.uid && reference.blockOwnerDeletion,
      ),
    )
    if (blocking.length === 0) release(api, owner, 'foregroundDeletion')
  }
  if (owner.kind === NAMESPACES.kind) {
    const inside = all.filter((object) => object.metadata.namespace === owner.metadata.name)
    for (const object of inside) if (object.metadata.deletionTimestamp === undefined) remove(api, object, 'Background')
    if (inside.length === 0) api.store.remove(NAMESPACES, owner)
  }
}

const remove = (api: Api, object: Doc, propagationPolicy: 'Background' | 'Foreground'): void => {
  const kind = api.kinds.ofObject(object.apiVersion, object.kind)
  if (kind !== undefined)
    api.remove(kind, { namespace: object.metadata.namespace, name: object.metadata.name }, { propagationPolicy })
}

const release = (api: Api, object: Doc, finalizer: string): void => {
  const left = (object.metadata.finalizers ?? []).filter((name) => name !== finalizer)
  const { finalizers: _, ...rest } = object.metadata
  put(api, object, left.length > 0 ? { ...rest, finalizers: left } : rest)
}

const put = (api: Api, object: Doc, metadata: Metadata): void => {
  const kind = api.kinds.ofObject(object.apiVersion, object.kind)
  if (kind !== undefined) api.update(kind, { ...object, metadata }, { manager: MANAGER })
}
