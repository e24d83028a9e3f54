import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  DEPLOYMENTS,
  GATEWAY_API,
  MERGE,
  NS,
  SERVICES,
  sleep,
  startCluster,
  type TestCluster,
  until,
} from './cluster.ts'

const RELOAD_MS = 200
let cluster: TestCluster
let url: string
beforeAll(async () => {
  cluster = await startCluster({ reloadMs: RELOAD_MS })
  await Promise.all([
    cluster.deploy('stable', 2, { env: { VERSION: 'stable' } }),
    cluster.deploy('canary', 1, { env: { VERSION: 'canary' } }),
  ])
  await Promise.all([cluster.available('stable', 2), cluster.available('canary', 1)])
  await cluster.call('POST', `${GATEWAY_API}/gateways`, {
    metadata: { name: 'edge' },
    spec: { gatewayClassName: 'sandbox', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
  })
  url = cluster.gatewayUrl(NS, 'edge')
})
afterAll(() => cluster.stop())

const ref = (name: string, weight?: number): unknown => ({
  name,
  port: 80,
  ...(weight === undefined ? {} : { weight }),
})
const route = async (name: string, spec: Record<string, unknown>): Promise<void> => {
  await cluster.call('DELETE', `${GATEWAY_API}/httproutes/${name}`)
  const made = await cluster.call('POST', `${GATEWAY_API}/httproutes`, {
    metadata: { name },
    spec: { parentRefs: [{ name: 'edge' }], ...spec },
  })
  expect(made.code).toBe(201)
  await sleep(RELOAD_MS + 100)
}
const ask = async (path = '/', headers: Record<string, string> = {}): Promise<string> => {
  const answer = await fetch(`${url}${path}`, { headers })
  return `${answer.status} ${(await answer.text()).trim()}`
}
const counts = async (requests: number): Promise<Record<string, number>> => {
  const found: Record<string, number> = {}
  for (let i = 0; i < requests; i += 1) {
    const key = (await ask()).slice(0, 10)
    found[key] = (found[key] ?? 0) + 1
  }
  return found
}

describe('weights', () => {
  test.each([
    { weights: [95, 5], stable: 95, canary: 5 },
    { weights: [undefined, 3], stable: 25, canary: 75 },
    { weights: [0, 1], stable: 0, canary: 100 },
  ])('$weights give each backend exactly its share of 100 requests', async ({ weights, stable, canary }) => {
    await route('main', { rules: [{ backendRefs: [ref('stable', weights[0]), ref('canary', weights[1])] }] })
    expect(await counts(100)).toEqual({ ...(stable > 0 ? { '200 stable': stable } : {}), '200 canary': canary })
  })

  test('of 0 everywhere answer 500, and so does the share of a backend that does not exist', async () => {
    await route('main', { rules: [{ backendRefs: [ref('stable', 0), ref('canary', 0)] }] })
    expect(await ask()).toMatch(/^500/)
    await route('main', { rules: [{ backendRefs: [ref('stable', 1), ref('nowhere', 1)] }] })
    const found = await counts(20)
    expect(found['200 stable']).toBe(10)
    expect(found['500 backen']).toBe(10)
    const status = (await cluster.call('GET', `${GATEWAY_API}/httproutes/main`)).body.status?.parents?.[0]
    expect(status?.conditions).toMatchObject([
      { type: 'Accepted', status: 'True' },
      { type: 'ResolvedRefs', status: 'False', reason: 'BackendNotFound' },
    ])
  })

  test('take effect only after the reload, which the accepted status does not wait for', async () => {
    await route('main', { rules: [{ backendRefs: [ref('stable', 1), ref('canary', 0)] }] })
    const patch = { spec: { rules: [{ backendRefs: [ref('stable', 0), ref('canary', 1)] }] } }
    await cluster.call('PATCH', `${GATEWAY_API}/httproutes/main`, patch, MERGE)
    const read = await until(
      () => cluster.call('GET', `${GATEWAY_API}/httproutes/main`),
      ({ body }) =>
        Number(body.status?.parents?.[0]?.conditions?.[0]?.observedGeneration) === Number(body.metadata?.generation),
    )
    expect(Number(read.body.metadata?.generation)).toBe(2)
    expect(await ask()).toBe('200 stable')
    await sleep(RELOAD_MS + 50)
    expect(await ask()).toBe('200 canary')
  })
})

describe('matching', () => {
  test('goes by host, path, method and headers, the most particular first', async () => {
    await route('main', { rules: [{ backendRefs: [ref('stable')] }] })
    await route('special', {
      rules: [
        {
          matches: [{ path: { type: 'Exact', value: '/exact' } }, { headers: [{ name: 'x-canary', value: 'yes' }] }],
          backendRefs: [ref('canary')],
        },
        { matches: [{ path: { type: 'PathPrefix', value: '/api' }, method: 'GET' }], backendRefs: [ref('canary')] },
      ],
    })
    expect(await ask('/exact')).toBe('200 canary')
    expect(await ask('/exact/more')).toBe('200 stable')
    expect(await ask('/', { 'x-canary': 'yes' })).toBe('200 canary')
    expect(await ask('/api/x')).toBe('200 canary')
    expect(await ask('/apix')).toBe('200 stable')
    await cluster.call('DELETE', `${GATEWAY_API}/httproutes/special`)
    await cluster.call('DELETE', `${GATEWAY_API}/httproutes/main`)
    await sleep(RELOAD_MS + 100)
    expect(await ask()).toMatch(/^404/)
  })

  test('filters set, add and remove headers', async () => {
    const requestHeaderModifier = {
      set: [{ name: 'X-Set', value: 'a' }],
      add: [{ name: 'x-add', value: 'b' }],
      remove: ['x-gone'],
    }
    await route('main', {
      rules: [{ filters: [{ type: 'RequestHeaderModifier', requestHeaderModifier }], backendRefs: [ref('stable')] }],
    })
    const headers = JSON.parse((await ask('/headers', { 'x-gone': '1', 'x-add': 'a' })).slice(4)) as Record<
      string,
      string
    >
    expect(headers).toMatchObject({ 'x-set': 'a', 'x-add': 'a,b' })
    expect(headers).not.toHaveProperty('x-gone')
  })
})

describe('a backend that cannot answer', () => {
  test('with no ready pod is 503', async () => {
    await cluster.call('POST', SERVICES, {
      metadata: { name: 'empty' },
      spec: { selector: { app: 'nobody' }, ports: [{ port: 80 }] },
    })
    await route('main', { rules: [{ backendRefs: [ref('empty')] }] })
    expect(await ask()).toMatch(/^503/)
  })

  test('that refuses is 502, that is slower than its timeout 504', async () => {
    await route('main', { rules: [{ timeouts: { request: '150ms' }, backendRefs: [ref('stable')] }] })
    expect(await ask('/slow?ms=1000')).toMatch(/^504/)
    await cluster.deploy('deaf', 1, {
      env: { PORT_IGNORED: '1' },
      container: { command: [process.execPath, '-e', 'setInterval(() => 0, 1000)'], readinessProbe: undefined },
    })
    await cluster.available('deaf', 1)
    await route('main', { rules: [{ backendRefs: [ref('deaf')] }] })
    expect(await ask()).toMatch(/^502/)
  })

  test('streams its answer and takes a body', async () => {
    await route('main', { rules: [{ backendRefs: [ref('stable')] }] })
    const answer = await fetch(`${url}/stream`)
    const reader = answer.body?.getReader()
    const first = new TextDecoder().decode((await reader?.read())?.value)
    expect(first).toBe('first\n')
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('second\n')
    const body = 'x'.repeat(300_000)
    expect(await (await fetch(`${url}/echo`, { method: 'POST', body })).text()).toBe(body)
  })
})

test('no request is lost while a Deployment behind the gateway rolls', async () => {
  await cluster.deploy('rolls', 2)
  await cluster.available('rolls', 2)
  await route('main', { rules: [{ backendRefs: [ref('rolls')] }] })
  const seen: Record<string, number> = {}
  let over = false
  const load = Array.from({ length: 4 }, async () => {
    while (!over) {
      const key = (await ask()).slice(0, 6)
      seen[key] = (seen[key] ?? 0) + 1
      await sleep(10)
    }
  })
  const patch = { spec: { template: { metadata: { annotations: { again: '1' } } } } }
  await cluster.call('PATCH', `${DEPLOYMENTS}/rolls`, patch, MERGE)
  await cluster.available('rolls', 2)
  over = true
  await Promise.all(load)
  expect(Object.keys(seen)).toEqual(['200 v1'])
})

test('a Gateway that is deleted stops listening, and asking for one that is not there says so', async () => {
  await cluster.call('POST', `${GATEWAY_API}/gateways`, {
    metadata: { name: 'other' },
    spec: { gatewayClassName: 'sandbox', listeners: [] },
  })
  const other = cluster.gatewayUrl(NS, 'other')
  expect((await fetch(other)).status).toBe(404)
  await cluster.call('DELETE', `${GATEWAY_API}/gateways/other`)
  await until(
    () =>
      fetch(other).then(
        () => 'open',
        () => 'closed',
      ),
    (state) => state === 'closed',
  )
  expect(() => cluster.gatewayUrl(NS, 'other')).toThrow('There is no Gateway shop/other')
})
