import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { DEPLOYMENTS, GATEWAY_API, NS, PODS, sleep, startCluster, type TestCluster, until } from './cluster.ts'

const CONFIGMAPS = `/api/v1/namespaces/${NS}/configmaps`
let cluster: TestCluster
beforeAll(async () => {
  cluster = await startCluster({ reloadMs: 50 })
})
afterEach(() => cluster.faults.clear())
afterAll(() => cluster.stop())

describe('a fault of the API', () => {
  test('answers the next requests of its verbs and resources, as often as told', async () => {
    cluster.faults.api(
      { kind: 'status', code: 429, retryAfterSeconds: 1 },
      { verbs: ['list'], resources: ['configmaps'], times: 2 },
    )
    expect((await cluster.call('GET', PODS)).code).toBe(200)
    const answer = await cluster.call('GET', CONFIGMAPS)
    expect([answer.code, answer.headers.get('retry-after'), answer.body.reason]).toEqual([429, '1', 'TooManyRequests'])
    expect((await cluster.call('GET', CONFIGMAPS)).code).toBe(429)
    expect((await cluster.call('GET', CONFIGMAPS)).code).toBe(200)
  })

  test('ends when it is cleared', async () => {
    const clear = cluster.faults.api({ kind: 'status', code: 503 })
    expect((await cluster.call('GET', CONFIGMAPS)).code).toBe(503)
    clear()
    expect((await cluster.call('GET', CONFIGMAPS)).code).toBe(200)
  })

  test('delays', async () => {
    cluster.faults.api({ kind: 'latency', ms: 150 })
    const started = performance.now()
    await cluster.call('GET', CONFIGMAPS)
    expect(performance.now() - started).toBeGreaterThan(140)
  })

  test('resets before or after the work is done', async () => {
    const make = (name: string) => cluster.call('POST', CONFIGMAPS, { metadata: { name }, data: {} })
    cluster.faults.api({ kind: 'reset' }, { verbs: ['create'], times: 1 })
    await expect(make('before')).rejects.toThrow()
    expect((await cluster.call('GET', `${CONFIGMAPS}/before`)).code).toBe(404)
    cluster.faults.api({ kind: 'reset', after: true }, { verbs: ['create'], times: 1 })
    await expect(make('after')).rejects.toThrow()
    expect((await cluster.call('GET', `${CONFIGMAPS}/after`)).code).toBe(200)
  })

  test('hangs', async () => {
    cluster.faults.api({ kind: 'hang' }, { times: 1 })
    await expect(fetch(`${cluster.server}${PODS}`, { signal: AbortSignal.timeout(200) })).rejects.toThrow()
  })

  test('ends watches', async () => {
    const answer = await fetch(`${cluster.server}${PODS}?watch=1`, {
      headers: { authorization: `Bearer ${cluster.token}` },
    })
    const end = answer.text().then(
      () => 'ended',
      () => 'broken',
    )
    await sleep(50)
    cluster.faults.dropWatches()
    expect(await end).toBe('broken')
  })

  test('lets tokens expire, and gives them back', async () => {
    const clear = cluster.faults.expireTokens()
    expect((await cluster.call('GET', PODS)).code).toBe(401)
    clear()
    expect((await cluster.call('GET', PODS)).code).toBe(200)
  })
})

test('pods can be kept from becoming ready, and let go', async () => {
  const clear = cluster.faults.neverReady(NS, { app: 'held' })
  await cluster.deploy('held', 1)
  await sleep(600)
  const held = await cluster.call('GET', `${DEPLOYMENTS}/held`)
  expect([held.body.status?.replicas, held.body.status?.readyReplicas]).toEqual([1, undefined])
  clear()
  await cluster.available('held', 1)
})

test('a gateway can fail a share of requests, or answer late', async () => {
  await cluster.deploy('shop', 1)
  await cluster.available('shop', 1)
  await cluster.call('POST', `${GATEWAY_API}/gateways`, {
    metadata: { name: 'edge' },
    spec: { gatewayClassName: 'x', listeners: [] },
  })
  await cluster.call('POST', `${GATEWAY_API}/httproutes`, {
    metadata: { name: 'r' },
    spec: { parentRefs: [{ name: 'edge' }], rules: [{ backendRefs: [{ name: 'shop', port: 80 }] }] },
  })
  const url = cluster.gatewayUrl(NS, 'edge')
  await until(
    () => fetch(url),
    (answer) => answer.status === 200,
  )
  cluster.faults.gateway({ kind: 'errors', share: 1, status: 502 }, { namespace: NS, name: 'edge' })
  expect((await fetch(url)).status).toBe(502)
  cluster.faults.clear()
  cluster.faults.gateway({ kind: 'latency', ms: 150 })
  const started = performance.now()
  expect((await fetch(url)).status).toBe(200)
  expect(performance.now() - started).toBeGreaterThan(140)
})

describe('a limited token', () => {
  test('may do what its rules say and is told what it may not', async () => {
    const token = cluster.issueToken(
      [
        { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'list'] },
        { apiGroups: ['apps'], resources: ['deployments'], verbs: ['patch'], resourceNames: ['mine'] },
      ],
      { user: 'robot' },
    )
    expect((await cluster.call('GET', DEPLOYMENTS, undefined, { token })).code).toBe(200)
    const refused = await cluster.call(
      'PATCH',
      `${DEPLOYMENTS}/other`,
      {},
      { token, type: 'application/merge-patch+json' },
    )
    expect(refused.body).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message:
        'deployments.apps "other" is forbidden: User "robot" cannot patch resource "deployments" in API group "apps" in the namespace "shop"',
    })
    expect(
      (await cluster.call('PATCH', `${DEPLOYMENTS}/mine`, {}, { token, type: 'application/merge-patch+json' })).code,
    ).toBe(404)
    const review = (name: string) =>
      cluster.call(
        'POST',
        '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
        {
          spec: { resourceAttributes: { verb: 'patch', group: 'apps', resource: 'deployments', namespace: NS, name } },
        },
        { token },
      )
    expect((await review('mine')).body.status).toEqual({ allowed: true })
    expect((await review('other')).body.status).toEqual({ allowed: false })
  })

  test('ends when its time is over', async () => {
    const token = cluster.issueToken([{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }], { expiresInMs: 150 })
    expect((await cluster.call('GET', PODS, undefined, { token })).code).toBe(200)
    await sleep(200)
    expect((await cluster.call('GET', PODS, undefined, { token })).code).toBe(401)
  })
})

test('what is not served is 501 and names itself', async () => {
  const answer = await cluster.call('GET', `/apis/batch/v1/namespaces/${NS}/jobs`)
  expect(answer.body).toMatchObject({
    code: 501,
    message: "Sluice's embedded cluster does not serve resource jobs.batch",
  })
  expect((await cluster.call('POST', `${PODS}/x/eviction`, {})).body).toMatchObject({
    code: 501,
    message: "Sluice's embedded cluster does not serve pods/eviction",
  })
})
