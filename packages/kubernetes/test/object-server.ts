import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import type { Cluster, KubernetesObject, PatchOperation } from '../src/cluster.ts'
import { connect } from '../src/connect.ts'

/** A real HTTP server that keeps objects by path and knows GET, lists and JSON Patch with `test`: enough to race two writers against. */
export const objectServer = async (): Promise<{
  readonly cluster: Cluster
  /** Puts an object there, or changes it as another writer would. */
  readonly put: (path: string, object: object) => void
  readonly at: (path: string) => KubernetesObject | undefined
  readonly remove: (path: string) => void
  /** Called before each patch is applied: another writer's chance. */
  readonly before: { patch?: (() => void) | undefined }
  readonly refuse: (path: string, status: number) => void
  readonly patches: readonly string[]
  readonly stop: () => void
}> => {
  const objects = new Map<string, KubernetesObject>()
  const refused = new Map<string, number>()
  const patches: string[] = []
  const before: { patch?: (() => void) | undefined } = {}
  let version = 100
  const put = (path: string, object: object): void => {
    const given = object as KubernetesObject
    const old = objects.get(path)
    const generation = isDeepStrictEqual(old?.spec, given.spec)
      ? (old?.metadata.generation ?? 1)
      : (old?.metadata.generation ?? 0) + 1
    const uid = given.metadata.uid ?? old?.metadata.uid ?? `uid-${version}`
    objects.set(path, {
      ...given,
      metadata: { ...given.metadata, uid, generation, resourceVersion: String(++version) },
    })
  }
  const status = (code: number, reason: string, message: string) => ({
    code,
    body: { kind: 'Status', code, reason, message },
  })
  const answer = (method: string, path: string, body: string): { code: number; body: unknown } => {
    const no = refused.get(path)
    if (no !== undefined) return status(no, 'Refused', `${path} is refused`)
    const object = objects.get(path)
    const inside = [...objects].filter(
      ([key]) => key.startsWith(`${path}/`) || (isAll(path) && collectionOf(key) === path),
    )
    if (method === 'GET' && object === undefined && (inside.length > 0 || LISTED.test(path)))
      return { code: 200, body: { kind: 'List', items: inside.map(([, item]) => item), metadata: {} } }
    if (object === undefined) return status(404, 'NotFound', `${path} not found`)
    if (method === 'GET') return { code: 200, body: object }
    patches.push(path)
    before.patch?.()
    const live = objects.get(path)
    if (live === undefined) return status(404, 'NotFound', `${path} not found`)
    const patched = structuredClone(live)
    for (const operation of JSON.parse(body) as PatchOperation[])
      if (!applied(patched, operation))
        return status(422, 'Invalid', 'the server rejected our request due to an error in our request')
    put(path, patched)
    return { code: 200, body: objects.get(path) }
  }
  const server = createServer(async (incoming, outgoing) => {
    let body = ''
    for await (const chunk of incoming) body += chunk
    const path = (incoming.url ?? '').split('?')[0] ?? ''
    const said = answer(incoming.method ?? '', path, body)
    outgoing.writeHead(said.code, { 'content-type': 'application/json' }).end(JSON.stringify(said.body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const kubeconfig = JSON.stringify({
    'current-context': 'x',
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x', namespace: 'shop' } }],
    clusters: [{ name: 'x', cluster: { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } }],
    users: [{ name: 'x', user: { token: 't' } }],
  })
  return {
    cluster: await connect({ kubeconfig, env: {}, clock: { now: () => 0, sleep: async () => {}, random: () => 0 } }),
    put,
    at: (path) => objects.get(path),
    remove: (path) => void objects.delete(path),
    before,
    refuse: (path, code) => void refused.set(path, code),
    patches,
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

const LISTED =
  /\/(httproutes|grpcroutes|ingresses|backendtlspolicies|destinationrules|referencegrants|horizontalpodautoscalers|deployments|replicasets|pods)$/
const isAll = (path: string): boolean => !path.includes('/namespaces/')
const collectionOf = (path: string): string => path.replace(/\/namespaces\/[^/]+/, '').replace(/\/[^/]+$/, '')

/** One operation of RFC 6902 on an object of maps and lists; false when a test fails or a path is not there. */
const applied = (document: object, operation: PatchOperation): boolean => {
  const parts = operation.path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  const last = parts.pop() ?? ''
  const parent = parts.reduce<unknown>(
    (value, part) => (value as Record<string, unknown> | undefined)?.[part],
    document,
  )
  if (typeof parent !== 'object' || parent === null) return false
  const map = parent as Record<string, unknown>
  if (operation.op === 'test') return isDeepStrictEqual(map[last], operation.value)
  if (operation.op !== 'add' && !(last in map)) return false
  if (operation.op === 'remove') delete map[last]
  else map[last] = operation.value
  return true
}
