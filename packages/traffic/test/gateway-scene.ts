import type { objectServer } from '../../kubernetes/test/object-server.ts'
import type { RouteChange } from '../src/router.ts'

export type Server = Awaited<ReturnType<typeof objectServer>>

export const routeAt = (name: string, namespace = 'shop'): string =>
  `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes/${name}`

export const httpRoute = (rules: readonly object[]) => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name: 'web', namespace: 'shop', uid: 'uid-web' },
  spec: { parentRefs: [{ name: 'edge' }], rules },
  status: {
    parents: [
      {
        parentRef: { name: 'edge' },
        conditions: ['Accepted', 'ResolvedRefs'].map((type) => ({ type, status: 'True', observedGeneration: 1 })),
      },
    ],
  },
})

/** Someone else writes the rules. */
export const rewrite = (server: Server, rules: readonly object[]): void => {
  const live = server.at(routeAt('web'))
  server.put(routeAt('web'), { ...live, spec: { parentRefs: [{ name: 'edge' }], rules } })
}

export const rulesIn = (server: Server): readonly Record<string, unknown>[] =>
  (server.at(routeAt('web'))?.spec as { rules: Record<string, unknown>[] } | undefined)?.rules ?? []

/** An object whole, but for what the server writes by itself. */
export const wholeOf = (server: Server, path: string): unknown => {
  const object = server.at(path)
  if (object === undefined) return undefined
  const { resourceVersion: _, generation: __, ...metadata } = object.metadata
  return { ...object, metadata }
}

/** As they come back out of the record. */
export const savedOnce = (changes: readonly RouteChange[]): readonly RouteChange[] =>
  JSON.parse(JSON.stringify(changes))
