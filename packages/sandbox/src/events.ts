import type { Api } from './api.ts'
import { generated } from './api.ts'
import { apiVersionOf, EVENTS } from './kinds.ts'
import { type Doc, timestamp } from './objects.ts'

/** Something to tell by an Event about an object. */
export type Happening = {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
  readonly component: string
}

/** Writes an Event about an object; the same one again only counts up, as the API's recorders do. */
export const tell = (api: Api, about: Doc, what: Happening, now: number): void => {
  const { namespace, name, uid, resourceVersion } = about.metadata
  const earlier = api.store
    .list(EVENTS, namespace)
    .find((event) => event.reason === what.reason && event.message === what.message && involved(event) === uid)
  if (earlier !== undefined) {
    const count = Number(earlier.count ?? 1) + 1
    api.update(EVENTS, { ...earlier, count, lastTimestamp: timestamp(now) }, { manager: what.component })
    return
  }
  api.create(
    EVENTS,
    {
      apiVersion: apiVersionOf(EVENTS),
      kind: EVENTS.kind,
      metadata: { name: generated(`${name}.`), ...(namespace === undefined ? {} : { namespace }) },
      involvedObject: { apiVersion: about.apiVersion, kind: about.kind, namespace, name, uid, resourceVersion },
      type: what.type,
      reason: what.reason,
      message: what.message,
      count: 1,
      firstTimestamp: timestamp(now),
      lastTimestamp: timestamp(now),
      source: { component: what.component },
      reportingComponent: what.component,
      reportingInstance: '',
      eventTime: null,
    },
    { manager: what.component },
  )
}

const involved = (event: Doc): string | undefined => (event.involvedObject as { uid?: string } | undefined)?.uid
