import type { DeleteOptions, Patch } from './api.ts'
import { type Call, type ResourceCall, readBody, type ServerWorld } from './calls.ts'
import { apiVersionOf, type Kind, PODS } from './kinds.ts'
import { type Doc, isFields, type Json } from './objects.ts'
import { type Attempt, allows, forbidden } from './rbac.ts'
import { listOf, selected } from './reads.ts'
import { badRequest, isRefusal, notFound, type Refusal, refuse } from './refusals.ts'
import { isTrue } from './requests.ts'
import { scaled, scaleOf } from './scale.ts'

/** Does what a get, create, update, patch or delete asks, and gives the object or the refusal to answer with. */
export const act = async (world: ServerWorld, call: Call, asked: ResourceCall): Promise<unknown> => {
  const { api } = world
  const { resource, namespace, subresource, name } = asked
  const at = { namespace, name: name ?? '' }
  if (call.verb === 'get') return api.store.get(resource, namespace, at.name) ?? notFound(resource, at.name)
  const body = await readBody(call.request)
  if (isRefusal(body)) return body
  const options = writeOptions(call, subresource)
  if (isRefusal(options)) return options
  if (call.verb === 'delete') return removed(world, asked, deleteOptions(body, call.query))
  if (call.verb === 'deletecollection') {
    const items = selected(world, call, asked)
    if (isRefusal(items)) return items
    for (const item of items)
      api.remove(
        resource,
        { namespace: item.metadata.namespace, name: item.metadata.name },
        deleteOptions(body, call.query),
      )
    return listOf(world, resource, items)
  }
  if (call.verb === 'patch') return patch(world, call, asked, { body, options })
  const object = asObject(resource, namespace, body)
  if (isRefusal(object)) return object
  if (call.verb === 'create') return api.create(resource, object, options)
  if (object.metadata.name !== at.name) {
    return badRequest(
      `the name of the object (${object.metadata.name}) does not match the name on the URL (${at.name})`,
    )
  }
  // A Lease is one of the few kinds that a PUT may create.
  if (resource.kind === 'Lease' && api.store.get(resource, namespace, at.name) === undefined) {
    const made = api.create(resource, object, options)
    if (!isRefusal(made)) call.response.statusCode = 201
    return made
  }
  return api.update(resource, object, options)
}

const writeOptions = (
  call: Call,
  subresource: string | undefined,
): { manager: string; subresource?: string; dryRun: boolean } | Refusal => {
  const dryRun = call.query.get('dryRun')
  if (dryRun !== null && dryRun !== 'All' && dryRun !== '') {
    return refuse(
      422,
      'Invalid',
      `CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: "${dryRun}": supported values: "All"`,
    )
  }
  const agent = (call.request.headers['user-agent'] ?? 'unknown').split('/')[0] ?? 'unknown'
  const manager = call.query.get('fieldManager') ?? agent
  return { manager, dryRun: dryRun === 'All', ...(subresource === undefined ? {} : { subresource }) }
}

const patch = (
  world: ServerWorld,
  call: Call,
  asked: ResourceCall,
  given: { body: Json; options: { manager: string; dryRun: boolean } },
): unknown => {
  const { api } = world
  const at = { namespace: asked.namespace, name: asked.name ?? '' }
  const type = (call.request.headers['content-type'] ?? '').split(';')[0]?.trim()
  const patches: Readonly<Record<string, Patch>> = {
    'application/json-patch+json': { type: 'json', body: given.body },
    'application/merge-patch+json': { type: 'merge', body: given.body },
    'application/strategic-merge-patch+json': { type: 'strategic', body: given.body },
    'application/apply-patch+yaml': { type: 'apply', body: given.body, force: isTrue(call.query.get('force')) },
  }
  const chosen = patches[type ?? '']
  if (chosen === undefined) {
    return refuse(
      415,
      'UnsupportedMediaType',
      'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml, application/apply-patch+cbor',
    )
  }
  if (chosen.type === 'apply') {
    if (call.query.get('fieldManager') === null) {
      return refuse(
        422,
        'Invalid',
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
        {
          group: 'meta.k8s.io',
          kind: 'PatchOptions',
          causes: [
            {
              reason: 'FieldValueRequired',
              message: 'Required value: is required for apply patch',
              field: 'fieldManager',
            },
          ],
        },
      )
    }
    const isNew = api.store.get(asked.resource, at.namespace, at.name) === undefined
    if (isNew) {
      const attempt: Attempt = {
        verb: 'create',
        group: asked.resource.group,
        resource: asked.resource.resource,
        namespace: asked.namespace,
        name: at.name,
      }
      if (!allows(call.user.rules, attempt)) return forbidden(call.user, attempt)
      const made = api.patch(asked.resource, at, chosen, given.options)
      if (!isRefusal(made)) call.response.statusCode = 201
      return made
    }
  }
  return api.patch(asked.resource, at, chosen, given.options)
}

const removed = (world: ServerWorld, asked: ResourceCall, options: DeleteOptions): unknown => {
  const { resource } = asked
  const at = { namespace: asked.namespace, name: asked.name ?? '' }
  const result = world.api.remove(resource, at, options)
  if (isRefusal(result)) return result
  const left = world.api.store.get(resource, at.namespace, at.name)
  if (left !== undefined && left.metadata.uid === result.metadata.uid) return result
  if (resource === PODS) return result
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: at.name,
      ...(resource.group === '' ? {} : { group: resource.group }),
      kind: resource.resource,
      uid: result.metadata.uid,
    },
  }
}

const deleteOptions = (body: Json, query: URLSearchParams): DeleteOptions => {
  const given = isFields(body) ? body : {}
  const grace = given.gracePeriodSeconds ?? query.get('gracePeriodSeconds')
  const policy = given.propagationPolicy ?? query.get('propagationPolicy') ?? 'Background'
  const dry = Array.isArray(given.dryRun) ? given.dryRun.includes('All') : query.get('dryRun') === 'All'
  return {
    ...(isFields(given.preconditions) ? { preconditions: given.preconditions as { uid?: string } } : {}),
    propagationPolicy: policy as 'Foreground' | 'Background' | 'Orphan',
    ...(grace === null || grace === undefined ? {} : { gracePeriodSeconds: Number(grace) }),
    dryRun: dry,
  }
}

const asObject = (kind: Kind, namespace: string | undefined, body: Json): Doc | Refusal => {
  if (!isFields(body)) return badRequest(`the object provided is unrecognized (must be of type ${kind.kind})`)
  const object = { apiVersion: apiVersionOf(kind), kind: kind.kind, ...body } as unknown as Doc
  if (object.apiVersion !== apiVersionOf(kind) || object.kind !== kind.kind) {
    return badRequest(
      `${object.kind} in version "${object.apiVersion}" cannot be handled as a ${kind.kind}: the API version in the data (${object.apiVersion}) does not match the expected API version (${apiVersionOf(kind)})`,
    )
  }
  const metadata = isFields(body.metadata) ? object.metadata : ({} as Doc['metadata'])
  if (kind.namespaced && metadata.namespace !== undefined && metadata.namespace !== namespace) {
    return badRequest(`the namespace of the provided object does not match the namespace sent on the request`)
  }
  return { ...object, metadata: { ...metadata, ...(kind.namespaced && namespace !== undefined ? { namespace } : {}) } }
}

/** Reads or writes the Scale of a workload. */
export const scale = async (world: ServerWorld, call: Call, asked: ResourceCall): Promise<unknown> => {
  const { api } = world
  const at = { namespace: asked.namespace, name: asked.name ?? '' }
  const object = api.store.get(asked.resource, at.namespace, at.name)
  if (object === undefined) return notFound(asked.resource, at.name)
  if (call.verb === 'get') return scaleOf(object)
  const body = await readBody(call.request)
  if (isRefusal(body)) return body
  const type = (call.request.headers['content-type'] ?? '').split(';')[0]?.trim()
  const next = scaled(asked.resource, object, { verb: call.verb, type: type ?? '', body })
  if (isRefusal(next)) return next
  const options = writeOptions(call, 'scale')
  if (isRefusal(options)) return options
  const written = api.update(asked.resource, next, options)
  return isRefusal(written) ? written : scaleOf(written)
}
