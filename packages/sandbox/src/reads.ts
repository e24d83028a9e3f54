import { type Call, type ResourceCall, type ServerWorld, STREAMED } from './calls.ts'
import { apiVersionOf, type Kind } from './kinds.ts'
import type { Doc } from './objects.ts'
import { isRefusal, type Refusal } from './refusals.ts'
import { isTrue } from './requests.ts'
import { fieldTest, labelTest } from './selectors.ts'
import type { Watches } from './watches.ts'

/** The objects that a request's selectors pick. */
export const selected = (world: ServerWorld, call: Call, asked: ResourceCall): readonly Doc[] | Refusal => {
  const labels = labelTest(call.query.get('labelSelector') ?? '')
  if (isRefusal(labels)) return labels
  const fields = fieldTest(call.query.get('fieldSelector') ?? '')
  if (isRefusal(fields)) return fields
  return world.api.store.list(asked.resource, asked.namespace).filter((object) => labels(object) && fields(object))
}

/** Objects as the List that the API answers. */
export const listOf = (world: ServerWorld, resource: Kind, items: readonly Doc[]): unknown => ({
  kind: `${resource.kind}List`,
  apiVersion: apiVersionOf(resource),
  metadata: { resourceVersion: String(world.api.store.version()) },
  items: [...items].sort((a, b) =>
    `${a.metadata.namespace}/${a.metadata.name}`.localeCompare(`${b.metadata.namespace}/${b.metadata.name}`),
  ),
})

/** Answers a list. */
export const list = (world: ServerWorld, call: Call, asked: ResourceCall): unknown => {
  const items = selected(world, call, asked)
  return isRefusal(items) ? items : listOf(world, asked.resource, items)
}

/** Starts a watch, which answers for as long as it lives. */
export const watch = (watches: Watches, call: Call, asked: ResourceCall): unknown => {
  const labels = labelTest(call.query.get('labelSelector') ?? '')
  const fields = fieldTest(call.query.get('fieldSelector') ?? '')
  if (isRefusal(labels)) return labels
  if (isRefusal(fields)) return fields
  const name = asked.name
  watches.start(call.response, {
    kind: asked.resource,
    namespace: asked.namespace,
    from: call.query.get('resourceVersion') ?? '',
    bookmarks: isTrue(call.query.get('allowWatchBookmarks')),
    initialEvents: isTrue(call.query.get('sendInitialEvents')),
    timeoutMs: Number(call.query.get('timeoutSeconds') ?? 1_800) * 1000,
    test: (object) => labels(object) && fields(object) && (name === undefined || object.metadata.name === name),
  })
  return STREAMED
}
