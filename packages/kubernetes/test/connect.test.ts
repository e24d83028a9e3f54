import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
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

export const kubeconfigFor = (server: string, token = 'key-1'): string =>
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
})
