import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import type { Cluster, KubernetesObject, PatchOperation } from '../src/cluster.ts'
import { connect } from '../src/connect.ts'

/** A real HTTP server that keeps objects by path and knows GET, lists, POST, DELETE by UID and JSON Patch with `test`: enough to race two writers against. */
export const objectServer = async (): Promise<{
  readonly cluster: Cluster
  /** Puts an object there, or changes it as another writer would. */
  readonly put: (path: string, object: object) => void
  readonly at: (path: string) => KubernetesObject | undefined
  readonly remove: (path: string) => void
  /** Called before each patch is applied: another writer's chance. */
  readonly before: { patch?: (() => void) | undefined }
  readonly refuse: (path: string, status: number) => void
  /** What a dry run of server-side apply answers; without it such a call is a bug of the test. */
  readonly applies: { answer?: ((object: KubernetesObject) => { code: number; body: unknown }) | undefined }
  readonly patches: readonly string[]
  /** `POST PATH` and `DELETE PATH` of every object that was made or taken away. */
  readonly writes: readonly string[]
  readonly stop: () => void
}> => {
  const objects = new Map<string, KubernetesObject>()
  const refused = new Map<string, number>()
  const patches: string[] = []
  const writes: string[] = []
  const applies: { answer?: ((object: KubernetesObject) => { code: number; body: unknown }) | undefined } = {}
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
  const answer = (method: string, asked: string, body: string): { code: number; body: unknown } => {
    const no = refused.get(asked)
    if (no !== undefined) return status(no, 'Refused', `${asked} is refused`)
    const path = asked.replace(/\/status$/, '')
    const object = objects.get(path)
    const inside = [...objects].filter(
      ([key]) => key.startsWith(`${path}/`) || (isAll(path) && collectionOf(key) === path),
    )
    if (method === 'GET' && object === undefined && (inside.length > 0 || LISTED.test(path)))
      return { code: 200, body: { kind: 'List', items: inside.map(([, item]) => item), metadata: {} } }
    if (method === 'POST') {
      const given = JSON.parse(body) as KubernetesObject
      const at = `${path}/${given.metadata.name}`
      writes.push(`POST ${at}`)
      const no = refused.get(`POST ${path}`)
      if (no !== undefined) return status(no, 'Refused', `POST ${path} is refused`)
      if (objects.has(at)) return status(409, 'AlreadyExists', `${at} already exists`)
      put(at, given)
      return { code: 201, body: objects.get(at) }
    }
    if (object === undefined) return status(404, 'NotFound', `${path} not found`)
    if (method === 'GET') return { code: 200, body: object }
    if (method === 'DELETE') {
      const { preconditions } = JSON.parse(body) as { preconditions?: { uid: string } }
      if (preconditions !== undefined && preconditions.uid !== object.metadata.uid)
        return status(409, 'Conflict', `${path} has another UID`)
      writes.push(`DELETE ${path}`)
      objects.delete(path)
      return { code: 200, body: { kind: 'Status', status: 'Success' } }
    }
    patches.push(asked)
    before.patch?.()
    const live = objects.get(path)
    if (live === undefined) return status(404, 'NotFound', `${path} not found`)
    const patched = structuredClone(live)
    for (const operation of JSON.parse(body) as PatchOperation[])
      if (!applied(patched, operation))
        return status(422, 'Invalid', 'the server rejected our request due to an error in our request')
    // A write to the status leaves all else as it was, and the other way round.
    put(path, asked === path ? patched : { ...live, status: (patched as { status?: unknown }).status })
    return { code: 200, body: objects.get(path) }
  }
  const server = createServer(async (incoming, outgoing) => {
    let body = ''
    for await (const chunk of incoming) body += chunk
    const path = (incoming.url ?? '').split('?')[0] ?? ''
    const isApply = incoming.headers['content-type'] === 'application/apply-patch+yaml'
    const said =
      isApply && applies.answer !== undefined
        ? applies.answer(JSON.parse(body) as KubernetesObject)
        : answer(incoming.method ?? '', path, body)
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
    applies,
    patches,
    writes,
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

const LISTED =
  /\/(httproutes|grpcroutes|ingresses|backendtlspolicies|destinationrules|referencegrants|virtualservices|ingressclasses|horizontalpodautoscalers|deployments|replicasets|pods)$/
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
  if (Array.isArray(parent) && operation.op !== 'test' && operation.op !== 'replace') {
    const at = last === '-' ? parent.length : Number(last)
    if (!(at >= 0 && at <= parent.length - (operation.op === 'remove' ? 1 : 0))) return false
    parent.splice(at, operation.op === 'remove' ? 1 : 0, ...(operation.op === 'add' ? [operation.value] : []))
    return true
  }
  const map = parent as Record<string, unknown>
  if (operation.op === 'test') return isDeepStrictEqual(map[last], operation.value)
  if (operation.op !== 'add' && !(last in map)) return false
  if (operation.op === 'remove') delete map[last]
  else map[last] = operation.value
  return true
}
