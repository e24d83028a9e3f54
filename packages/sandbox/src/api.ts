import { randomUUID } from 'node:crypto'
import { type Applied, applied, updated } from './apply.ts'
import { withDefaults } from './defaults.ts'
import { apiVersionOf, DEFINITIONS, type Kind, type Kinds, NAMESPACES, PODS, qualified } from './kinds.ts'
import { type Doc, isFields, type Json, type Pod, same, timestamp } from './objects.ts'
import { content, desired, exceptStatus, initialStatus, keptMetadata, onlyStatus, withoutTimes } from './parts.ts'
import { jsonPatched, mergePatched, strategicPatched } from './patch.ts'
import { overQuota } from './quotas.ts'
import { alreadyExists, badRequest, conflict, isRefusal, notFound, type Refusal, refuse } from './refusals.ts'
import type { Store } from './store.ts'
import { wrongWith } from './validate.ts'

/** A patch of one of the four content types that the API takes. */
export type Patch =
  | { readonly type: 'json' | 'merge' | 'strategic'; readonly body: Json }
  | { readonly type: 'apply'; readonly body: Json; readonly force: boolean }

/** Who writes, to what part of the object, and whether for real. */
export type WriteOptions = { readonly manager: string; readonly subresource?: string; readonly dryRun?: boolean }

/** As in a DELETE's body: a UID that must match, and what becomes of the dependents. */
export type DeleteOptions = {
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan'
  readonly gracePeriodSeconds?: number
  readonly dryRun?: boolean
}

/** The writes of the API server: what a request and the controllers have in common. Every refusal is a value. */
export type Api = {
  readonly store: Store
  readonly kinds: Kinds
  create(kind: Kind, object: Doc, options: WriteOptions): Doc | Refusal
  update(kind: Kind, object: Doc, options: WriteOptions): Doc | Refusal
  patch(
    kind: Kind,
    at: { namespace: string | undefined; name: string },
    patch: Patch,
    options: WriteOptions,
  ): Doc | Refusal
  remove(kind: Kind, at: { namespace: string | undefined; name: string }, options: DeleteOptions): Doc | Refusal
}

/** The API's semantics over a store: validation, defaults, ownership, conflicts. What a real server refuses comes back as a `Refusal`. */
export const createApi = (store: Store, kinds: Kinds, now: () => number): Api => {
  let addresses = 0
  const address = (): string => {
    addresses += 1
    return `10.96.${addresses >> 8}.${addresses & 255}`
  }

  const create: Api['create'] = (kind, given, options) => {
    const name =
      given.metadata.name ?? (given.metadata.generateName === undefined ? '' : generated(given.metadata.generateName))
    const object = { ...given, metadata: { ...given.metadata, name } }
    if (name === '') {
      return refuse(
        422,
        'Invalid',
        `${kind.kind} "" is invalid: metadata.name: Required value: name or generateName is required`,
        {
          kind: kind.kind,
          causes: [
            {
              reason: 'FieldValueRequired',
              field: 'metadata.name',
              message: 'Required value: name or generateName is required',
            },
          ],
        },
      )
    }
    if (object.metadata.resourceVersion !== undefined && object.metadata.resourceVersion !== '') {
      return refuse(500, '', 'resourceVersion should not be set on objects to be created')
    }
    const { namespace } = object.metadata
    if (kind.namespaced) {
      const home = store.get(NAMESPACES, undefined, namespace ?? '')
      if (home === undefined) return notFound(NAMESPACES, namespace ?? '')
      if (home.metadata.deletionTimestamp !== undefined) {
        return refuse(
          403,
          'Forbidden',
          `${qualified(kind)} "${name}" is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`,
        )
      }
    }
    if (store.get(kind, namespace, name) !== undefined) return alreadyExists(kind, name)
    const { status, ...bare } = object
    const filled = withDefaults(kind, kind.status ? { ...bare, ...initialStatus(kind) } : object, address)
    const wrong = wrongWith(kind, filled)
    if (wrong !== undefined) return wrong
    const over = kind === PODS ? overQuota(store, namespace) : undefined
    if (over !== undefined) {
      const details = { name, kind: kind.resource }
      return refuse(403, 'Forbidden', `${qualified(kind)} "${name}" is forbidden: ${over}`, details)
    }
    const { managedFields, deletionTimestamp: _, ...metadata } = filled.metadata
    const made: Doc = {
      ...filled,
      metadata: {
        ...metadata,
        uid: randomUUID(),
        creationTimestamp: timestamp(now()),
        ...(kind.generation ? { generation: 1 } : {}),
        managedFields: managedFields ?? updated(kind, undefined, given, { ...options, now: now() }),
      },
    }
    if (options.dryRun) return made
    const stored = store.put(kind, made)
    if (kind === DEFINITIONS) kinds.define(stored)
    return stored
  }

  const update: Api['update'] = (kind, object, options) => {
    const { namespace, name, uid, resourceVersion } = object.metadata
    const before = store.get(kind, namespace, name)
    if (before === undefined) return notFound(kind, name)
    if (uid !== undefined && uid !== before.metadata.uid) {
      return conflict(
        kind,
        name,
        `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid}`,
      )
    }
    if (
      resourceVersion !== undefined &&
      resourceVersion !== '' &&
      resourceVersion !== before.metadata.resourceVersion
    ) {
      return conflict(kind, name)
    }
    return replace(kind, before, object, { ...options, owners: undefined })
  }

  /** The one way by which a stored object changes; `owners`: managedFields already computed by server-side apply. */
  const replace = (
    kind: Kind,
    before: Doc,
    wanted: Doc,
    options: WriteOptions & { owners: Doc['metadata']['managedFields'] },
  ): Doc | Refusal => {
    const part =
      options.subresource === 'status'
        ? onlyStatus(before, wanted)
        : kind.status
          ? exceptStatus(before, wanted)
          : wanted
    const filled = withDefaults(kind, part, address)
    const object: Doc = { ...filled, metadata: keptMetadata(before, filled) }
    const wrong = wrongWith(kind, object, before)
    if (wrong !== undefined) return wrong
    const unchanged = same(content(before), content(object))
    const managedFields = options.owners ?? updated(kind, before, object, { ...options, now: now() })
    if (
      unchanged &&
      (options.owners === undefined || same(withoutTimes(before.metadata.managedFields), withoutTimes(managedFields)))
    )
      return before
    const bumped = kind.generation && !same(desired(before), desired(object))
    const generation =
      before.metadata.generation === undefined ? {} : { generation: before.metadata.generation + (bumped ? 1 : 0) }
    const next: Doc = { ...object, metadata: { ...object.metadata, ...generation, managedFields } }
    if (options.dryRun) return next
    if (
      next.metadata.deletionTimestamp !== undefined &&
      (next.metadata.finalizers ?? []).length === 0 &&
      // A pod stays until the kubelet has ended it, which is what no grace left says.
      (kind !== PODS || next.metadata.deletionGracePeriodSeconds === 0) &&
      kind !== NAMESPACES
    ) {
      return store.remove(kind, next)
    }
    const stored = store.put(kind, next)
    if (kind === DEFINITIONS) kinds.define(stored)
    return stored
  }

  const patch: Api['patch'] = (kind, at, given, options) => {
    const before = store.get(kind, at.namespace, at.name)
    if (given.type === 'apply') return apply(kind, at, given, { options, before })
    if (before === undefined) return notFound(kind, at.name)
    if (given.type === 'strategic' && kind.custom) {
      return refuse(
        415,
        'UnsupportedMediaType',
        'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
      )
    }
    const patched =
      given.type === 'json'
        ? jsonPatched(before, given.body)
        : given.type === 'merge'
          ? (mergePatched(before, given.body) as unknown as Doc)
          : (strategicPatched(kind, before, given.body) as unknown as Doc)
    if (isRefusal(patched)) return patched
    if (!isFields(patched.metadata as unknown)) return badRequest('metadata must be an object')
    if (patched.metadata.name !== at.name) {
      return badRequest(
        `the name of the object (${patched.metadata.name}) does not match the name on the URL (${at.name})`,
      )
    }
    return update(kind, patched, options)
  }

  const apply = (
    kind: Kind,
    at: { namespace: string | undefined; name: string },
    given: Extract<Patch, { type: 'apply' }>,
    { options, before }: { options: WriteOptions; before: Doc | undefined },
  ): Doc | Refusal => {
    if (!isFields(given.body)) return badRequest('error decoding YAML: expected an object')
    const body = given.body as unknown as Doc
    if (body.apiVersion !== apiVersionOf(kind) || body.kind !== kind.kind) {
      return badRequest(
        `the object provided is unrecognized: ${body.apiVersion}, Kind=${body.kind} sent to ${apiVersionOf(kind)}, Kind=${kind.kind}`,
      )
    }
    const metadata = {
      ...(body.metadata ?? {}),
      name: body.metadata?.name ?? at.name,
      ...(at.namespace === undefined ? {} : { namespace: at.namespace }),
    }
    if (metadata.name !== at.name)
      return badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${at.name})`)
    if (metadata.managedFields !== undefined && metadata.managedFields.length > 0)
      return badRequest('metadata.managedFields must be nil')
    const wanted = { ...body, metadata }
    const by: Applied = { ...options, force: given.force, now: now() }
    if (before === undefined) {
      if (options.subresource !== undefined) return notFound(kind, at.name)
      const empty: Doc = { apiVersion: wanted.apiVersion, kind: wanted.kind, metadata: { name: at.name } }
      const made = applied(kind, empty, wanted, by)
      return isRefusal(made) ? made : create(kind, made, options)
    }
    const { uid, resourceVersion } = wanted.metadata
    if (uid !== undefined && uid !== before.metadata.uid) {
      return conflict(
        kind,
        at.name,
        `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid}`,
      )
    }
    if (resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion)
      return conflict(kind, at.name)
    const merged = applied(kind, before, wanted, by)
    return isRefusal(merged)
      ? merged
      : replace(kind, before, merged, { ...options, owners: merged.metadata.managedFields })
  }

  const remove: Api['remove'] = (kind, at, options) => {
    const before = store.get(kind, at.namespace, at.name)
    if (before === undefined) return notFound(kind, at.name)
    const { uid, resourceVersion } = options.preconditions ?? {}
    if (uid !== undefined && uid !== before.metadata.uid) {
      return conflict(
        kind,
        at.name,
        `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid}`,
      )
    }
    if (resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion) {
      return conflict(
        kind,
        at.name,
        `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${before.metadata.resourceVersion}`,
      )
    }
    if (options.dryRun) return before
    const finalizers = new Set(before.metadata.finalizers ?? [])
    if (options.propagationPolicy === 'Foreground') finalizers.add('foregroundDeletion')
    if (options.propagationPolicy === 'Orphan') finalizers.add('orphan')
    const grace =
      kind === PODS ? (options.gracePeriodSeconds ?? (before as Pod).spec.terminationGracePeriodSeconds ?? 30) : 0
    const waits = finalizers.size > 0 || (kind === PODS && grace > 0) || kind === NAMESPACES
    if (!waits) {
      if (kind === DEFINITIONS) kinds.forget(before)
      return store.remove(kind, before)
    }
    const again = before.metadata.deletionTimestamp !== undefined
    const shortened = grace < (before.metadata.deletionGracePeriodSeconds ?? grace)
    if (again && !shortened && same([...finalizers], before.metadata.finalizers ?? [])) return before
    return store.put(kind, {
      ...before,
      metadata: {
        ...before.metadata,
        deletionTimestamp: again && !shortened ? before.metadata.deletionTimestamp : timestamp(now() + grace * 1000),
        deletionGracePeriodSeconds: grace,
        ...(finalizers.size > 0 ? { finalizers: [...finalizers] } : {}),
        ...(kind.generation && !again ? { generation: (before.metadata.generation ?? 1) + 1 } : {}),
      },
    } as Doc)
  }

  return { store, kinds, create, update, patch, remove }
}

const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'

/** A name as `generateName` makes it: five characters without vowels, so that no word appears. */
export const generated = (prefix: string): string =>
  prefix + Array.from({ length: 5 }, () => ALPHABET[Math.floor(Math.random() * ALPHABET.length)]).join('')
