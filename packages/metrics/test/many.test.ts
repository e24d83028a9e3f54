import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from '@sluice/kubernetes/connect'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { podsSource } from '../src/pods.ts'

const CANARIES = 300
const BASELINES = 40

/** An API server with two Deployments, whose pods answer after some milliseconds; it counts connections and what is under way at once. */
const startApiServer = async () => {
  const counted = { connections: 0, open: 0, mostOpen: 0, underWay: 0, mostUnderWay: 0, scraped: new Set<string>() }
  const meta = (name: string, owner?: string) => ({
    metadata: {
      name,
      namespace: 'shop',
      uid: `uid-${name}`,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...(owner === undefined
        ? {}
        : {
            ownerReferences: [{ apiVersion: 'apps/v1', kind: 'X', name: owner, uid: `uid-${owner}`, controller: true }],
          }),
    },
  })
  const sizes: Readonly<Record<string, number>> = { shop: BASELINES, 'shop-canary': CANARIES }
  const pods = Object.entries(sizes).flatMap(([name, size]) =>
    Array.from({ length: size }, (_, index) => ({
      ...meta(`${name}-${String(index).padStart(3, '0')}`, `${name}-set`),
      spec: { containers: [{ name: 'c', ports: [{ name: 'metrics', containerPort: 8080 }] }] },
      status: { phase: 'Running' },
    })),
  )
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '', 'http://x').pathname
    const json = (body: unknown): void =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    const deployment = /\/deployments\/([^/]+)$/.exec(path)?.[1]
    if (deployment !== undefined) {
      return json({ ...meta(deployment), apiVersion: 'apps/v1', kind: 'Deployment', spec: { selector: {} } })
    }
    if (path.endsWith('/replicasets')) {
      return json({ kind: 'ReplicaSetList', items: Object.keys(sizes).map((name) => meta(`${name}-set`, name)) })
    }
    if (path.endsWith('/pods')) return json({ kind: 'PodList', items: pods })
    const pod = /\/pods\/(?:https?:)?([^/:]+):8080\/proxy\/metrics$/.exec(path)?.[1]
    if (pod === undefined) return void response.writeHead(404).end('{}')
    counted.scraped.add(pod)
    counted.underWay++
    counted.mostUnderWay = Math.max(counted.mostUnderWay, counted.underWay)
    setTimeout(() => {
      counted.underWay--
      response.writeHead(200, { 'content-type': 'text/plain' }).end('http_requests_total{code="200"} 7\n')
    }, 5)
  })
  server.on('connection', (socket) => {
    counted.connections++
    counted.open++
    counted.mostOpen = Math.max(counted.mostOpen, counted.open)
    socket.once('close', () => counted.open--)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    counted,
    url,
    stop: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
  }
}

let api: Awaited<ReturnType<typeof startApiServer>>
beforeAll(async () => {
  api = await startApiServer()
})
afterAll(() => api.stop())

test('three hundred pods are read eight at a time over connections that are kept, and of a large baseline the same twenty', async () => {
  const kubeconfig = JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'x',
    clusters: [{ name: 'x', cluster: { server: api.url } }],
    users: [{ name: 'x', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x', namespace: 'shop' } }],
  })
  const cluster = await connect({ kubeconfig, env: {} })
  const clock = { now: Date.now, monotonic: () => performance.now(), sleep: async () => undefined }
  const source = podsSource(
    cluster,
    { namespace: 'shop', baseline: 'shop', canary: 'shop-canary', metrics: [{ kind: 'ratio', name: 'errors' }] },
    clock,
  )
  for (let looks = 0; looks < 2; looks++) {
    const scrape = await source.read(0)
    if (scrape.kind !== 'pods') throw new Error(JSON.stringify(scrape))
    expect(scrape.missing).toEqual([])
    expect(scrape.readings.filter(({ side }) => side === 'canary')).toHaveLength(CANARIES)
    expect(scrape.readings.filter(({ side }) => side === 'baseline')).toHaveLength(20)
    expect(scrape.readings.every(({ counters }) => counters.errors?.total === 7)).toBe(true)
  }
  expect(api.counted.scraped.size).toBe(CANARIES + 20)
  expect(api.counted.mostUnderWay).toBe(8)
  // Six lists are asked for at once before the pods; after that nothing opens another connection.
  expect(api.counted.connections).toBeLessThanOrEqual(8)
  expect(api.counted.mostOpen).toBeLessThanOrEqual(8)
})
