import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Fault } from '@sluice/kit/faults'
import { afterEach, describe, expect, test } from 'vitest'
import type { Cluster } from '../src/cluster.ts'
import { connect } from '../src/connect.ts'

type Seen = {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}
type Answer = { readonly status: number; readonly body?: unknown; readonly headers?: Record<string, string> }

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** A real HTTP server that answers with what it is told, one answer after another (the last one again and again), and keeps what it saw. */
const apiServer = async (...answers: readonly (Answer | ((seen: Seen) => Answer))[]) => {
  const seen: Seen[] = []
  const server = createServer(async (incoming, outgoing) => {
    let body = ''
    for await (const chunk of incoming) body += chunk
    const call = { method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers, body }
    seen.push(call)
    const chosen = answers[Math.min(seen.length, answers.length) - 1] ?? { status: 500 }
    const answer = typeof chosen === 'function' ? chosen(call) : chosen
    outgoing.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
    outgoing.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const kubeconfigFor = (server: string, token = 'key-1'): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'ci', namespace: 'shop' } }],
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'ci', user: { token } }],
  })

const waits: number[] = []
const clock = {
  now: () => Date.parse('2026-11-21T12:00:00Z'),
  sleep: async (ms: number) => {
    waits.push(ms)
  },
  random: () => 1,
}
const clusterAt = (server: string, token?: string): Promise<Cluster> =>
  connect({ kubeconfig: kubeconfigFor(server, token), env: {}, clock })

const deployments = { apiVersion: 'apps/v1', resource: 'deployments', namespace: 'shop' }
const status = (code: number, reason: string, message: string, details = {}) => ({
  status: code,
  body: { apiVersion: 'v1', kind: 'Status', status: 'Failure', code, reason, message, details },
})

describe('reading', () => {
  test('asks with the bearer token at the path of the kind', async () => {
    const { seen, url } = await apiServer({ status: 200, body: { kind: 'Deployment', metadata: { name: 'shop' } } })
    const cluster = await clusterAt(url)
    expect(await cluster.get(deployments, 'shop')).toEqual({ kind: 'Deployment', metadata: { name: 'shop' } })
    expect(seen[0]?.url).toBe('/apis/apps/v1/namespaces/shop/deployments/shop')
    expect(seen[0]?.headers.authorization).toBe('Bearer key-1')
    expect(cluster.namespace).toBe('shop')
  })

  test('gives undefined for what is not there', async () => {
    const { url } = await apiServer(status(404, 'NotFound', 'deployments.apps "shop" not found'))
    expect(await (await clusterAt(url)).get(deployments, 'shop')).toBeUndefined()
  })

  test('asks which version the server is, and goes without where it does not say', async () => {
    const { seen, url } = await apiServer(
      { status: 200, body: { gitVersion: 'v1.33.5' } },
      status(403, 'Forbidden', 'no'),
    )
    const cluster = await clusterAt(url)
    expect(await cluster.version()).toBe('v1.33.5')
    expect(seen[0]?.url).toBe('/version')
    expect(await cluster.version()).toBeUndefined()
  })

  test('follows a list through its pages and names the kind of each item', async () => {
    const item = (name: string) => ({ metadata: { name } })
    const { seen, url } = await apiServer(
      { status: 200, body: { kind: 'PodList', metadata: { continue: 'more' }, items: [item('a')] } },
      { status: 200, body: { kind: 'PodList', metadata: {}, items: [item('b')] } },
    )
    const pods = await (await clusterAt(url)).list(
      { apiVersion: 'v1', resource: 'pods', namespace: 'shop' },
      { labels: { app: 'shop', tier: 'web' } },
    )
    expect(pods.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(['Pod a', 'Pod b'])
    expect(new URL(`${url}${seen[1]?.url}`).searchParams.get('labelSelector')).toBe('app=shop,tier=web')
    expect(new URL(`${url}${seen[1]?.url}`).searchParams.get('continue')).toBe('more')
  })

  test('starts a list again when its snapshot has expired', async () => {
    const { url } = await apiServer(
      { status: 200, body: { kind: 'PodList', metadata: { continue: 'old' }, items: [{ metadata: { name: 'a' } }] } },
      status(410, 'Expired', 'the continue token is too old'),
      {
        status: 200,
        body: { kind: 'PodList', metadata: {}, items: [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }] },
      },
    )
    expect(await (await clusterAt(url)).list({ apiVersion: 'v1', resource: 'pods', namespace: 'shop' })).toHaveLength(2)
  })

  test('asks again after 503 as the server says, and gives up with what it said', async () => {
    waits.length = 0
    const down = { ...status(503, 'ServiceUnavailable', 'etcd has no leader'), headers: { 'retry-after': '2' } }
    const { seen, url } = await apiServer(down)
    await expect((await clusterAt(url)).get(deployments, 'shop')).rejects.toThrow('etcd has no leader')
    expect(seen).toHaveLength(4)
    expect(waits).toEqual([2000, 2000, 2000])
  })

  test('gives an empty log for a container that has not started', async () => {
    const { url } = await apiServer(status(400, 'BadRequest', 'container "web" is waiting to start'))
    expect(await (await clusterAt(url)).logs('shop', 'shop-1', { tailLines: 5 })).toBe('')
  })
})

describe('writing', () => {
  const shop = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'shop', resourceVersion: '7' } }

  test('tells a lost race as conflict and a missing object as absent', async () => {
    const { url } = await apiServer(
      status(409, 'Conflict', 'the object has been modified'),
      status(404, 'NotFound', 'deployments.apps "shop" not found'),
      status(409, 'AlreadyExists', 'deployments.apps "shop" already exists'),
    )
    const cluster = await clusterAt(url)
    expect(await cluster.update(deployments, shop)).toEqual({ kind: 'conflict', text: 'the object has been modified' })
    expect(await cluster.mergePatch(deployments, 'shop', {})).toEqual({ kind: 'absent' })
    expect(await cluster.create(deployments, shop)).toMatchObject({ kind: 'conflict' })
  })

  test('tells a failed test of a JSON Patch as conflict, but an invalid object as input', async () => {
    const live = { status: 200, body: { kind: 'Deployment', metadata: { name: 'shop', resourceVersion: '8' } } }
    const { url } = await apiServer(
      status(422, 'Invalid', 'the server rejected our request due to an error in our request'),
      live,
      status(422, 'Invalid', 'Deployment "shop" is invalid', {
        causes: [
          { field: 'spec.replicas', message: 'must be greater than or equal to 0' },
          { field: 'spec.selector', message: 'field is immutable' },
        ],
      }),
      { status: 200, body: { kind: 'Deployment', metadata: { name: 'shop', resourceVersion: '7' } } },
    )
    const cluster = await clusterAt(url)
    const patch = [{ op: 'test', path: '/metadata/resourceVersion', value: '7' }] as const
    expect(await cluster.jsonPatch(deployments, 'shop', patch)).toMatchObject({ kind: 'conflict' })
    const fault = await cluster.jsonPatch(deployments, 'shop', patch).catch((thrown: unknown) => thrown)
    expect(fault).toBeInstanceOf(Fault)
    expect(fault).toMatchObject({ kind: 'input' })
    expect(String(fault)).toMatch(/spec\.replicas: must be greater[\s\S]*spec\.selector: field is immutable/)
  })

  test.each([
    ['an update on a version', (cluster: Cluster) => cluster.update(deployments, shop), 4],
    [
      'a patch that tests the version',
      (cluster: Cluster) =>
        cluster.jsonPatch(deployments, 'shop', [{ op: 'test', path: '/metadata/resourceVersion', value: '7' }]),
      4,
    ],
    ['an apply', (cluster: Cluster) => cluster.apply(deployments, shop, { fieldManager: 'sluice' }), 4],
    ['a removal by UID', (cluster: Cluster) => cluster.remove(deployments, 'shop', { uid: 'u' }), 4],
    ['not: a create', (cluster: Cluster) => cluster.create(deployments, shop), 1],
    ['not: a patch on any version', (cluster: Cluster) => cluster.mergePatch(deployments, 'shop', { spec: {} }), 1],
    ['not: a removal of whatever has the name', (cluster: Cluster) => cluster.remove(deployments, 'shop'), 1],
  ])('is repeated after a failure of the server: %s', async (_, write, times) => {
    const { seen, url } = await apiServer(status(500, 'InternalError', 'boom'))
    await expect(write(await clusterAt(url))).rejects.toThrow('boom')
    expect(seen).toHaveLength(times)
  })

  test('sends what each kind of write needs', async () => {
    const { seen, url } = await apiServer({ status: 200, body: shop })
    const cluster = await clusterAt(url)
    await cluster.apply(deployments, shop, { fieldManager: 'sluice', force: true, dryRun: true })
    await cluster.remove(deployments, 'shop', { uid: 'u-1', propagation: 'Foreground' })
    await cluster.create({ ...deployments, resource: 'deployments' }, shop, { dryRun: true })
    await cluster.mergePatch({ ...deployments, resource: 'deployments/scale' }, 'shop', { spec: { replicas: 2 } })
    expect(seen.map(({ method, url: path }) => `${method} ${path}`)).toEqual([
      'PATCH /apis/apps/v1/namespaces/shop/deployments/shop?fieldManager=sluice&force=true&dryRun=All',
      'DELETE /apis/apps/v1/namespaces/shop/deployments/shop',
      'POST /apis/apps/v1/namespaces/shop/deployments?dryRun=All',
      'PATCH /apis/apps/v1/namespaces/shop/deployments/shop/scale',
    ])
    expect(seen[0]?.headers['content-type']).toBe('application/apply-patch+yaml')
    expect(JSON.parse(seen[1]?.body ?? '')).toMatchObject({
      preconditions: { uid: 'u-1' },
      propagationPolicy: 'Foreground',
    })
  })
})

describe('a refusal', () => {
  test('of 403 names verb, resource and namespace, and prints the rule that would allow it', async () => {
    const { url } = await apiServer(
      status(403, 'Forbidden', 'deployments.apps "shop" is forbidden: User "ci" cannot patch'),
    )
    const fault = await (await clusterAt(url)).mergePatch(deployments, 'shop', {}).catch((thrown: unknown) => thrown)
    expect(fault).toMatchObject({ kind: 'upstream' })
    expect((fault as Fault).message).toContain('Not allowed to patch deployments shop in namespace shop')
    expect((fault as Fault).hint).toContain(
      [
        '  - apiGroups: ["apps"]',
        '    resources: ["deployments"]',
        '    resourceNames: ["shop"]',
        '    verbs: ["patch"]',
      ].join('\n'),
    )
  })

  test.each([
    ['a quota', 'pods "shop" is forbidden: exceeded quota: team, requested: pods=1, used: pods=3, limited: pods=3'],
    ['Pod Security', 'pods "shop" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true'],
    ['a webhook', 'admission webhook "images.example.com" denied the request: only signed images'],
  ])('of 403 by %s is said in its own words, without a rule that would not help', async (_, said) => {
    const { url } = await apiServer(status(403, 'Forbidden', said))
    const fault = await (await clusterAt(url)).mergePatch(deployments, 'shop', {}).catch((thrown: unknown) => thrown)
    expect((fault as Fault).message).toContain(
      `The API server refused to patch deployments shop in namespace shop: ${said}`,
    )
    expect((fault as Fault).hint).toBeUndefined()
  })

  test('of 401 names whose credential it was and when it ended, and never the token', async () => {
    const claims = Buffer.from(JSON.stringify({ exp: Date.parse('2026-11-21T11:00:00Z') / 1000 })).toString('base64url')
    const token = `head.${claims}.signature`
    const { seen, url } = await apiServer(status(401, 'Unauthorized', 'Unauthorized'))
    const fault = await (await clusterAt(url, token)).get(deployments, 'shop').catch((thrown: unknown) => thrown)
    expect((fault as Fault).message).toMatch(
      /user "ci" from the given kubeconfig \(401\): its token ended at 2026-11-21T11:00/,
    )
    expect(JSON.stringify(fault) + String(fault)).not.toContain('signature')
    expect(seen).toHaveLength(2)
  })

  test('by a server that is no API server says so', async () => {
    const { url } = await apiServer({ status: 502, body: '<!doctype html><p>Bad gateway' })
    await expect((await clusterAt(url)).get(deployments, 'shop')).rejects.toThrow('an HTML page, not an API server')
  })

  test('by nobody names the host and the cause', async () => {
    const { url } = await apiServer({ status: 200 })
    for (const close of closing.splice(0)) close()
    await expect((await clusterAt(url)).get(deployments, 'shop')).rejects.toThrow(
      `The API server ${url} cannot be reached (refused)`,
    )
  })
})

describe('a pod behind the API server', () => {
  const pod = { kind: 'pods', namespace: 'shop', name: 'shop-1', port: 8080 } as const
  const asking = { path: '/metrics?a=b', timeoutMs: 300, maxBytes: 1000 }

  test('answers with its own status, also with a refusal of its own', async () => {
    const { seen, url } = await apiServer({ status: 403, body: 'go away' })
    const answer = await (await clusterAt(url)).proxy(pod, {
      ...asking,
      method: 'POST',
      body: 'x',
      headers: { 'x-a': '1' },
    })
    expect(answer).toMatchObject({ kind: 'answered', status: 403, body: 'go away' })
    expect(seen[0]).toMatchObject({
      method: 'POST',
      url: '/api/v1/namespaces/shop/pods/shop-1:8080/proxy/metrics?a=b',
      body: 'x',
    })
  })

  test.each([
    ['forbidden', status(403, 'Forbidden', 'pods "shop-1" is forbidden: User "ci" cannot get resource "pods/proxy"')],
    [
      'unreachable',
      status(
        503,
        'ServiceUnavailable',
        'error trying to reach service: dial tcp 10.0.0.1:8080: connect: connection refused',
      ),
    ],
    [
      'timed-out',
      status(503, 'ServiceUnavailable', 'error trying to reach service: dial tcp 10.0.0.1:8080: i/o timeout'),
    ],
    ['unreachable', status(404, 'NotFound', 'pods "shop-1" not found')],
    ['too-large', { status: 200, body: 'x'.repeat(2000) }],
  ])('is %s', async (kind, answer) => {
    const { url } = await apiServer(answer)
    expect(await (await clusterAt(url)).proxy(pod, asking)).toMatchObject({ kind })
  })

  test.each([
    [429, { 'retry-after': '1' }],
    [401, {}],
    [503, {}],
  ])('is asked once, whatever it answers: %i', async (code, headers) => {
    const { seen, url } = await apiServer({ status: code, body: 'said the pod', headers })
    const answer = await (await clusterAt(url)).proxy(pod, { ...asking, method: 'POST', body: 'x' })
    expect(answer).toMatchObject({ kind: 'answered', status: code, body: 'said the pod' })
    expect(seen).toHaveLength(1)
  })

  test('is forbidden with the rule that would allow it', async () => {
    const { url } = await apiServer(
      status(403, 'Forbidden', 'pods "shop-1" is forbidden: cannot get resource "pods/proxy"'),
    )
    expect(await (await clusterAt(url)).proxy(pod, asking)).toMatchObject({
      text: expect.stringContaining('resources: ["pods/proxy"]'),
    })
  })
})
