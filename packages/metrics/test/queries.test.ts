import type { Cluster } from '@sluice/kubernetes/cluster'
import { describe, expect, test } from 'vitest'
import { datadogSource } from '../src/datadog.ts'
import { podsSource } from '../src/pods.ts'
import { probeSource } from '../src/probe.ts'
import { prometheusSource } from '../src/prometheus.ts'
import { usageSource } from '../src/usage.ts'

const sides = { namespace: 'prod', baseline: 'shop', canary: 'shop-canary' }
const clock = { now: () => 0, monotonic: () => 0, sleep: async () => undefined, random: () => 0.5 }
const unasked = async (): Promise<never> => {
  throw new Error('nothing is asked')
}

const cluster = (page: string): Cluster => {
  const owned = (by: string) => ({ ownerReferences: [{ uid: by, controller: true }] })
  const pod = {
    metadata: { name: 'shop-1', uid: 'shop-1', creationTimestamp: '', ...owned('set') },
    spec: { containers: [{ name: 'web', ports: [{ name: 'metrics', containerPort: 9090 }] }] },
    status: { phase: 'Running' },
  }
  return {
    get: async (_: unknown, name: string) => ({ metadata: { name, uid: name }, spec: {} }),
    list: async ({ resource }: { readonly resource: string }) =>
      resource === 'pods' ? [pod] : [{ metadata: { name: 'set', uid: 'set', ...owned('shop') } }],
    proxy: async () => ({ kind: 'answered', status: 200, headers: { 'content-type': 'text/plain' }, body: page }),
  } as unknown as Cluster
}

describe('what a metric is read by', () => {
  const page = [
    'http_requests_total{code="200",job="web"} 1',
    'http_request_duration_seconds_bucket{le="0.25"} 1',
    'http_request_duration_seconds_bucket{le="+Inf"} 1',
    'queue_length 3',
    '',
  ].join('\n')
  const source = (metrics: Parameters<typeof podsSource>[1]['metrics']) =>
    podsSource(cluster(page), { ...sides, metrics }, clock)

  test('of pods is known once a read has found it, with path, series and selection', async () => {
    const pods = source([
      { kind: 'ratio', name: 'errors' },
      { kind: 'ratio', name: 'refused', counter: 'http_requests', bad: { code: '4..' }, only: { job: 'web' } },
      { kind: 'latency', name: 'slow', threshold: 300 },
      { kind: 'gauge', name: 'queue', series: 'queue_length' },
      { kind: 'gauge', name: 'absent', series: 'nothing' },
    ])
    expect(pods.queries?.()).toEqual({})
    await pods.read(0)
    const each = 'GET :9090/metrics of each pod: '
    expect(pods.queries?.()).toEqual({
      errors: `${each}http_requests_total, bad: status 5xx, outcome SERVER_ERROR or a failure of gRPC`,
      refused: `${each}http_requests_total{job=~"web"}, bad: code=~"4.."`,
      // The bound that is nearest to the threshold is what is really counted by.
      slow: `${each}http_request_duration_seconds_bucket, bad: slower than 250 ms`,
      queue: `${each}queue_length`,
    })
  })

  test('of the probe is its request', () => {
    const metrics = [
      { kind: 'ratio', name: 'answers' },
      { kind: 'latency', name: 'slow', threshold: 300 },
    ] as const
    expect(probeSource(cluster(''), { ...sides, metrics, path: '/health' }, clock).queries?.()).toEqual({
      answers: 'GET /health of our own to each pod, bad: status 4xx or 5xx, or no answer',
      slow: 'GET /health of our own to each pod, bad: slower than 300 ms',
    })
  })

  test('of Prometheus are the selectors of both sides, resolved', () => {
    const metrics = [
      { kind: 'ratio', name: 'errors', total: 'x{app="{{deployment}}"}', bad: 'y{app="{{deployment}}"}' },
      { kind: 'latency', name: 'slow', threshold: 300, histogram: 'h{app="{{deployment}}"}' },
      { kind: 'gauge', name: 'queue', query: 'sum(q{app="{{deployment}}"})' },
    ] as const
    const given = { ...sides, url: 'http://prometheus', headers: { authorization: 'Bearer a-secret' }, metrics }
    expect(prometheusSource(given, unasked, clock).queries?.()).toEqual({
      errors: 'canary: x{app="shop-canary"}, bad: y{app="shop-canary"}; baseline: x{app="shop"}, bad: y{app="shop"}',
      slow: 'canary: h_bucket{app="shop-canary"}, bad: slower than 300 ms; baseline: h_bucket{app="shop"}, bad: slower than 300 ms',
      queue: 'canary: sum(q{app="shop-canary"}); baseline: sum(q{app="shop"})',
    })
  })

  test('of a source of sums are its queries as they are sent, those of a list added up', () => {
    const metrics = [
      {
        ...{ kind: 'ratio' as const, name: 'errors', bad: 'sum:bad{app:{{deployment}}}' },
        total: ['sum:a{app:{{deployment}}}', 'sum:b{app:{{deployment}}}'],
      },
      { kind: 'gauge' as const, name: 'queue', query: 'avg:q{app:{{deployment}}}' },
    ]
    const keys = { site: 'datadoghq.eu', apiKey: 'a', applicationKey: 'b' }
    const count = '.as_count().rollup(sum, 60)'
    const of = (app: string) =>
      `sum:a{app:${app}}${count} + sum:b{app:${app}}${count}, bad: sum:bad{app:${app}}${count}`
    expect(datadogSource({ ...sides, ...keys, metrics }, unasked, clock).queries?.()).toEqual({
      errors: `canary: ${of('shop-canary')}; baseline: ${of('shop')}`,
      queue: 'canary: avg:q{app:shop-canary}.rollup(avg, 60); baseline: avg:q{app:shop}.rollup(avg, 60)',
    })
  })

  test('of the metrics API is its resource', () => {
    const metrics = [{ kind: 'gauge', name: 'load', resource: 'cpu' }] as const
    expect(usageSource(cluster(''), { ...sides, metrics }, clock).queries?.()).toEqual({
      load: 'pods of metrics.k8s.io/v1beta1: cpu',
    })
  })
})
