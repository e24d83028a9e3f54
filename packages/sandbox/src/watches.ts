import type { ServerResponse } from 'node:http'
import { apiVersionOf, type Kind } from './kinds.ts'
import type { Doc } from './objects.ts'
import { refuse } from './refusals.ts'
import type { Change, Store } from './store.ts'

/** What a watch is told: changes of a kind and a selection, from a resourceVersion on. */
export type Watch = {
  readonly kind: Kind
  readonly namespace: string | undefined
  /** resourceVersion to go on from; empty or `0`: what there is first. */
  readonly from: string
  readonly bookmarks: boolean
  readonly initialEvents: boolean
  readonly timeoutMs: number
  readonly test: (object: Doc) => boolean
}

/** The open watches. */
export type Watches = { start(response: ServerResponse, watch: Watch): void; drop(): void }

const BOOKMARK_MS = 60_000

/** Streams of changes, one JSON object a line. https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes */
export const createWatches = (store: Store): Watches => {
  const open = new Set<ServerResponse>()
  const start: Watches['start'] = (response, watch) => {
    const write = (type: string, object: unknown): void => {
      response.write(`${JSON.stringify({ type, object })}\n`)
    }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    const concerns = (change: Change): boolean =>
      change.kind === watch.kind &&
      (watch.namespace === undefined || change.object.metadata.namespace === watch.namespace)
    const pass = (change: Change): void => {
      if (!concerns(change)) return
      const is = watch.test(change.object)
      const was = change.previous !== undefined && watch.test(change.previous)
      // An object that begins or ceases to meet the selector is added to or deleted from what the watcher sees.
      if (change.type === 'DELETED') {
        if (is || was) write('DELETED', change.object)
      } else if (is)
        write(
          was || (change.type === 'MODIFIED' && change.previous === undefined) ? 'MODIFIED' : 'ADDED',
          change.object,
        )
      else if (was) write('DELETED', change.object)
    }
    const bookmark = (annotations?: Record<string, string>): void =>
      write('BOOKMARK', {
        kind: watch.kind.kind,
        apiVersion: apiVersionOf(watch.kind),
        metadata: {
          resourceVersion: String(store.version()),
          creationTimestamp: null,
          ...(annotations === undefined ? {} : { annotations }),
        },
      })
    if (watch.from === '' || watch.from === '0') {
      for (const object of store.list(watch.kind, watch.namespace)) if (watch.test(object)) write('ADDED', object)
      if (watch.initialEvents) bookmark({ 'k8s.io/initial-events-end': 'true' })
    } else {
      const missed = store.since(Number(watch.from))
      if (missed === 'gone') {
        write('ERROR', refuse(410, 'Expired', `too old resource version: ${watch.from} (${store.version()})`))
        response.end()
        return
      }
      for (const change of missed) pass(change)
    }
    const unsubscribe = store.subscribe(pass)
    const timer = setInterval(() => watch.bookmarks && bookmark(), BOOKMARK_MS)
    const limit = setTimeout(() => response.end(), watch.timeoutMs)
    open.add(response)
    response.once('close', () => {
      unsubscribe()
      clearInterval(timer)
      clearTimeout(limit)
      open.delete(response)
    })
  }
  return {
    start,
    drop: () => {
      for (const response of open) response.destroy()
    },
  }
}
