import { apiVersionOf, type Kind } from './kinds.ts'
import type { Doc } from './objects.ts'

/** One change of an object, as watches are told of it. */
export type Change = {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly kind: Kind
  readonly object: Doc
  readonly previous?: Doc
  readonly version: number
}

/**
 * All objects in memory, with one version counter for the whole cluster as etcd has it.
 * Objects are never changed in place, so whoever holds one may keep it.
 */
export type Store = {
  version(): number
  get<T extends Doc = Doc>(kind: Kind, namespace: string | undefined, name: string): T | undefined
  list<T extends Doc = Doc>(kind: Kind, namespace?: string): readonly T[]
  /** Stores the object under the next resourceVersion and returns it as stored. */
  put(kind: Kind, object: Doc): Doc
  remove(kind: Kind, object: Doc): Doc
  /** Changes after a version, oldest first; `gone` when that version is no longer remembered. */
  since(version: number): readonly Change[] | 'gone'
  subscribe(listener: (change: Change) => void): () => void
}

/** @param remembered how many changes a watch may reach back */
export const createStore = (remembered = 5_000): Store => {
  const tables = new Map<string, Map<string, Doc>>()
  const listeners = new Set<(change: Change) => void>()
  let history: Change[] = []
  let forgotten = 0
  let version = 1
  const table = (kind: Kind): Map<string, Doc> => {
    const name = `${apiVersionOf(kind)}/${kind.resource}`
    const found = tables.get(name) ?? new Map<string, Doc>()
    tables.set(name, found)
    return found
  }
  const tell = (change: Change): void => {
    history.push(change)
    if (history.length > remembered * 2) {
      const cut = history.length - remembered
      forgotten = history[cut - 1]?.version ?? forgotten
      history = history.slice(cut)
    }
    for (const listener of [...listeners]) listener(change)
  }
  return {
    version: () => version,
    get: <T extends Doc>(kind: Kind, namespace: string | undefined, name: string) =>
      table(kind).get(place(kind, namespace, name)) as T | undefined,
    list: <T extends Doc>(kind: Kind, namespace?: string) => {
      const all = [...table(kind).values()] as T[]
      return namespace === undefined ? all : all.filter((object) => object.metadata.namespace === namespace)
    },
    put: (kind, object) => {
      const key = place(kind, object.metadata.namespace, object.metadata.name)
      const previous = table(kind).get(key)
      version += 1
      const stored: Doc = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } }
      table(kind).set(key, stored)
      const change = { kind, object: stored, version }
      tell(previous === undefined ? { type: 'ADDED', ...change } : { type: 'MODIFIED', ...change, previous })
      return stored
    },
    remove: (kind, object) => {
      table(kind).delete(place(kind, object.metadata.namespace, object.metadata.name))
      version += 1
      const last: Doc = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } }
      tell({ type: 'DELETED', kind, object: last, previous: object, version })
      return last
    },
    since: (after) => (after < forgotten ? 'gone' : history.filter((change) => change.version > after)),
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

const place = (kind: Kind, namespace: string | undefined, name: string): string =>
  kind.namespaced ? `${namespace ?? ''}/${name}` : name
