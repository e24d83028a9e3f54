import type { Cluster, ProxyAnswer } from '@sluice/kubernetes/cluster'
import { expect, test } from 'vitest'
import type { Target } from '../src/membership.ts'
import { adviceFor, MAX_BYTES, scrape } from '../src/scrape.ts'

/** What keeps a pod from being read, by what the API server's proxy or the pod says. */
const target: Target = {
  side: 'baseline',
  pod: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'shop-1', namespace: 'prod' } },
  port: 8080,
  path: '/metrics',
  scheme: 'http',
  containerId: '',
  restarts: 0,
}
const clock = { now: () => 0, monotonic: () => 0 }
const scraped = (answer: ProxyAnswer, asked: (maxBytes: number) => void = () => undefined) =>
  scrape(
    {
      namespace: 'prod',
      proxy: async (_: unknown, { maxBytes }: { maxBytes: number }) => {
        asked(maxBytes)
        return answer
      },
    } as unknown as Cluster,
    target,
    3000,
    clock,
  )
const page = (status: number, body: string, type = 'text/plain'): ProxyAnswer => ({
  kind: 'answered',
  status,
  headers: { 'content-type': type },
  body,
})
const unreachable = (text: string): ProxyAnswer => ({
  kind: 'unreachable',
  text: `error trying to reach service: ${text}`,
})

test.each<[string, ProxyAnswer, RegExp]>([
  ['timeout', { kind: 'timed-out', text: 'dial tcp 10.0.0.7:8080: i/o timeout' }, /firewall.*NetworkPolicy/],
  ['forbidden', { kind: 'forbidden', text: 'pods/proxy is forbidden' }, /The rule above/],
  ['refused', unreachable('dial tcp 10.0.0.7:8080: connect: connection refused'), /Nothing listens/],
  ['tls', unreachable('tls: first record does not look like a TLS handshake'), /prometheus.io\/scheme/],
  ['tls', unreachable('http: server gave HTTP response to HTTPS client'), /prometheus.io\/scheme/],
  ['tls', unreachable('tls: failed to verify certificate: x509: unknown authority'), /prometheus.io\/scheme/],
  ['tls', unreachable('net/http: HTTP/1.x transport connection broken: malformed HTTP response'), /scheme/],
  ['tls', page(400, 'Client sent an HTTP request to an HTTPS server.'), /prometheus.io\/scheme: https/],
  ['mtls', unreachable('read tcp 10.0.0.1:41:8080: read: connection reset by peer'), /portLevelMtls/],
  ['mtls', unreachable('remote error: tls: certificate required'), /strict mTLS/],
  ['mtls', unreachable('EOF'), /strict mTLS/],
  ['denied', page(401, 'Unauthorized'), /credential of its own/],
  ['denied', page(403, 'Forbidden'), /credential of its own/],
  ['gone', unreachable('pods "shop-1" not found'), /went away/],
  ['status', page(404, 'not found'), /prometheus.io\/path/],
  ['html', page(200, '<!DOCTYPE html><html></html>'), /Check the path/],
  ['html', page(200, 'welcome', 'text/html; charset=utf-8'), /Check the path/],
  ['malformed', page(200, '{"status":"ok"}'), /Prometheus text format/],
  ['too-large', { kind: 'too-large', text: '' }, /fewer series/],
])('%s is told apart', async (cause, answer, advice) => {
  expect(await scraped(answer)).toMatchObject({
    kind: 'failed',
    cause,
    text: expect.stringContaining('pod shop-1 port 8080/metrics'),
  })
  expect(adviceFor[cause as keyof typeof adviceFor]).toMatch(advice)
})

test('at most four mebibytes are read', async () => {
  const asked: number[] = []
  await scraped(page(200, 'a_total 1\n'), (bytes) => asked.push(bytes))
  expect(asked).toEqual([4 * 1024 * 1024])
  expect(MAX_BYTES).toBe(4 * 1024 * 1024)
})
