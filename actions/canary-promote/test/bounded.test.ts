import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { MetricSource } from '@sluice/metrics/pods'
import type { Scrape } from '@sluice/metrics/reading'
import type { Json, ReleaseRecord } from '@sluice/release/record'
import { describe, expect, onTestFinished, test } from 'vitest'
import { beginWatch } from '../src/judgement.ts'
import type { Settings } from '../src/plan.ts'
import { bounded } from '../src/ports/bounded.ts'
import { metricsPort } from '../src/ports/metrics.ts'

/** A source whose reads end when the test says so, with what it says. */
const slowSource = () => {
  const reads: {
    readonly since: number
    readonly end: (scrape: Scrape) => void
    readonly fail: (why: Error) => void
  }[] = []
  const source: MetricSource = {
    preflight: async () => [],
    read: (since) => new Promise((end, fail) => void reads.push({ since, end, fail })),
  }
  return { reads, source: bounded(source, 'cloudwatch', 20) }
}
const closed = (to: number): Scrape => ({
  kind: 'buckets',
  buckets: [],
  gauges: [{ side: 'canary', metric: 'queue', from: 0, to, value: 1 }],
})
const late = { kind: 'outage', query: 'cloudwatch', text: expect.stringContaining('no answer within 0.02 s') }

describe('a source that hangs', () => {
  test('is an outage of that look, and is not asked again before it has answered', async () => {
    const { source, reads } = slowSource()
    expect(await source.read(1)).toMatchObject(late)
    // The same read, so not a second outage.
    expect(await source.read(2)).toEqual({ kind: 'buckets', buckets: [] })
    expect(reads.map(({ since }) => since)).toEqual([1])
  })

  test('marks readings of pods from before the look, and no others', async () => {
    const { source, reads } = slowSource()
    const pods: Scrape = { kind: 'pods', readings: [], missing: [] }
    await source.read(1)
    reads[0]?.end({ kind: 'sources', parts: [{ source: '', metrics: ['errors'], scrape: pods }] })
    expect(await source.read(2)).toMatchObject({ parts: [{ scrape: { ...pods, late: true } }] })
    const next = source.read(3)
    reads[1]?.end(pods)
    expect(await next).toEqual(pods)
  })

  test('gives the look at which it answers what it found, and is asked anew at the next', async () => {
    const { source, reads } = slowSource()
    await source.read(1)
    reads[0]?.end(closed(60))
    expect(await source.read(2)).toEqual(closed(60))
    const next = source.read(3)
    reads[1]?.end(closed(120))
    expect(await next).toEqual(closed(120))
    expect(reads.map(({ since }) => since)).toEqual([1, 3])
  })

  test('that fails while nobody waits for it fails the look after', async () => {
    const { source, reads } = slowSource()
    await source.read(1)
    reads[0]?.fail(new Error('broken'))
    await new Promise((resolve) => setTimeout(resolve, 5))
    await expect(source.read(2)).rejects.toThrow('broken')
    void source.read(3)
    expect(reads).toHaveLength(2)
  })
})

test('of two providers one that takes the connection and says nothing keeps no look waiting', {
  timeout: 20_000,
}, async () => {
  const hole = createServer(() => undefined)
  const prometheus = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://x')
    const value = [Date.now() / 1000, '7']
    const body = {
      status: 'success',
      data: { resultType: 'vector', result: [{ metric: { q: searchParams.get('query') }, value }] },
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  const urls = await Promise.all(
    [hole, prometheus].map(async (server) => {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      onTestFinished(() => {
        server.closeAllConnections()
        server.close()
      })
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    }),
  )
  const settings = {
    setup: { deployment: 'shop', canary: 'shop-canary', service: null, canaryService: null },
    metrics: [
      { name: 'queue', kind: 'gauge', provider: 'prometheus', query: 'queue{track="{{track}}"}', max: 9 },
      { name: 'depth', kind: 'gauge', provider: 'datadog', query: 'avg:depth{track:{{track}}}', max: 9 },
    ],
    prometheus: { url: urls[1], scrape: 1000 },
    datadog: { site: 'datadoghq.eu', url: urls[0], bucket: 10_000, delay: 0 },
    scrape: {},
    probe: null,
  } as unknown as Settings
  const startedAt = Date.now() - 60_000
  const record = {
    plan: { interval: 1000, metrics: settings as unknown as Json },
    startedAt,
    evidence: beginWatch(settings) as unknown as Json,
  } as unknown as ReleaseRecord
  const port = metricsPort({
    cluster: { namespace: 'prod', get: async () => undefined, list: async () => [] } as never,
    namespace: 'prod',
    clock: { now: Date.now, monotonic: () => performance.now(), sleep: async () => undefined },
    credentials: {
      prometheus: {},
      datadog: { apiKey: 'a', applicationKey: 'b' },
      aws: () => Promise.reject(new Error('not asked')),
    },
  })
  const began = performance.now()
  const scrape = await port.read(record)
  expect(performance.now() - began).toBeLessThan(15_000)
  expect(scrape).toMatchObject({
    kind: 'sources',
    parts: [
      { source: 'prometheus', metrics: ['queue'], scrape: { gauges: [{ value: 7 }, { value: 7 }] } },
      {
        source: 'datadog',
        metrics: ['depth'],
        scrape: { kind: 'outage', text: expect.stringContaining('no answer within 6 s') },
      },
      { source: 'cluster', metrics: [] },
    ],
  })
})
