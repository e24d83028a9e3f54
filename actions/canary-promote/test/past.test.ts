import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Scrape } from '@sluice/evidence/reading'
import { Fault } from '@sluice/kit/faults'
import type { History } from '@sluice/metrics/history'
import type { MetricSource } from '@sluice/metrics/pods'
import type { Bucket } from '@sluice/metrics/reading'
import type { Json, ReleaseRecord, World } from '@sluice/release/record'
import { describe, expect, onTestFinished, test } from 'vitest'
import { beginWatch, judgeLook, watchOf, withWatch } from '../src/judgement.ts'
import type { Settings } from '../src/plan.ts'
import { metricsPort } from '../src/ports/metrics.ts'
import { pastOf } from '../src/ports/past.ts'

const bucket = (metric: string): Bucket => ({ side: 'baseline', metric, from: 0, to: 60, total: 9, bad: 1 })

/** A source that tells of the time before when the test says so. */
const source = () => {
  const asked: {
    readonly until: number
    readonly end: (history: History) => void
    readonly fail: (why: Error) => void
  }[] = []
  const said: string[] = []
  const given: MetricSource = {
    preflight: async () => [],
    read: async () => ({ kind: 'buckets', buckets: [] }),
    history: (until) => new Promise((end, fail) => void asked.push({ until, end, fail })),
  }
  const say = (line: string): void => void said.push(line)
  return { asked, said, past: pastOf(given, 'datadog', { within: 20, say }) }
}

describe('what a source holds of the time before a release', () => {
  test('is asked for once, and each metric gets its own', async () => {
    const { asked, past } = source()
    const first = past(['errors', 'slow'], 7)
    asked[0]?.end({ buckets: [bucket('errors'), bucket('slow')], without: [] })
    expect(await first).toEqual([bucket('errors'), bucket('slow')])
    expect(await past(['slow'], 7)).toEqual([bucket('slow')])
    expect(await past([], 7)).toEqual([])
    expect(asked.map(({ until }) => until)).toEqual([7])
  })

  test('that comes late is there for a look after, and only the first one waited', async () => {
    const { asked, past } = source()
    expect(await past(['errors'], 7)).toEqual([])
    expect(await past(['errors'], 7)).toEqual([])
    asked[0]?.end({ buckets: [bucket('errors')], without: [] })
    expect(await past(['errors'], 7)).toEqual([bucket('errors')])
    expect(asked).toHaveLength(1)
  })

  test('is not asked for where nothing is to be told', async () => {
    const { asked, past } = source()
    expect(await past([], 7)).toEqual([])
    expect(asked).toHaveLength(0)
  })

  test.each([
    [
      'in its answer',
      ({ end }: ReturnType<typeof source>['asked'][number]) => end({ buckets: [], without: ['its limit is reached'] }),
    ],
    [
      'by a fault',
      ({ fail }: ReturnType<typeof source>['asked'][number]) =>
        fail(new Fault('upstream', 'its limit is reached', 'Wait')),
    ],
  ])('and that fails %s is said once, and is nothing', async (_, fails) => {
    const { asked, said, past } = source()
    const first = past(['errors'], 7)
    if (asked[0] !== undefined) fails(asked[0])
    expect([await first, await past(['errors'], 7)]).toEqual([[], []])
    expect(said).toEqual([
      expect.stringMatching(/^provider datadog tells nothing of the time before: its limit is reached/),
    ])
  })

  test('hides no bug', async () => {
    const { asked, past } = source()
    const first = past(['errors'], 7)
    asked[0]?.fail(new TypeError('a bug'))
    await expect(first).rejects.toThrow('a bug')
  })
})

describe('a release whose metrics come from Prometheus', () => {
  const SCRAPE = 15_000
  const NOW = Date.UTC(2026, 10, 2, 12, 0, 0)

  /** Ten requests a scrape of the baseline, for as long as anybody asks; `broken` fails the question for the time before. */
  const serve = async (broken = false) => {
    const asked: string[] = []
    const server = createServer((incoming, response) => {
      const form = new URL(incoming.url ?? '', 'http://x').searchParams
      const query = form.get('query') ?? ''
      asked.push(query)
      const end = Number(form.get('time') ?? NOW / 1000) * 1000
      const reach = Number(/\[(\d+)s\]/.exec(query)?.[1] ?? 60) * 1000
      const first = Math.ceil((end - reach + 1) / SCRAPE)
      const count = Math.floor(end / SCRAPE) - first + 1
      const values = Array.from({ length: count }, (_, index) => {
        const tick = first + index
        return [(tick * SCRAPE) / 1000, `${10 * (tick - 100_000_000)}`]
      })
      const isEmpty = query.includes('shop-canary') || query.includes('code="500"')
      const result = isEmpty
        ? []
        : [{ metric: { __name__: 'http_requests_total', pod: 'shop-1', code: '200' }, values }]
      const isPast = query.endsWith('[2115s]')
      response.writeHead(broken && isPast ? 503 : 200, { 'content-type': 'application/json' })
      response.end(
        JSON.stringify({
          status: broken && isPast ? 'error' : 'success',
          error: 'too busy',
          data: { resultType: 'matrix', result },
        }),
      )
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  }

  const settingsFor = (url: string, setup: object = {}): Settings =>
    ({
      setup: { deployment: 'shop', canary: 'shop-canary', service: null, canaryService: null, ...setup },
      metrics: [
        {
          name: 'errors',
          kind: 'ratio',
          provider: 'prometheus',
          total: 'http_requests_total{app="{{deployment}}"}',
          bad: 'http_requests_total{app="{{deployment}}",code="500"}',
        },
      ],
      prometheus: { url, scrape: SCRAPE },
      scrape: {},
      probe: null,
      warmUp: 0,
      settle: 10_000,
      alpha: 0.01,
    }) as unknown as Settings
  const recordOf = (settings: Settings, state: object = { phase: 'preparing', step: 0, since: NOW }): ReleaseRecord =>
    ({
      plan: {
        interval: 5000,
        metrics: settings as unknown as Json,
        steps: [{ weight: 5, hold: 600_000 }],
        minRequests: 50,
      },
      startedAt: NOW,
      state,
      evidence: beginWatch(settings) as unknown as Json,
    }) as unknown as ReleaseRecord
  const world = {
    at: NOW,
    weight: { written: 0, accepted: true },
    stable: { desired: 3, available: 3, hash: 'a' },
  } as World
  const portOf = () => {
    const said: string[] = []
    const port = metricsPort({
      cluster: { namespace: 'prod', get: async () => undefined, list: async () => [] } as never,
      namespace: 'prod',
      clock: { now: () => NOW, monotonic: () => performance.now(), sleep: async () => undefined },
      credentials: { prometheus: {}, datadog: {}, aws: () => Promise.reject(new Error('not asked')) },
      say: (line) => void said.push(line),
    })
    return { port, said }
  }
  const told = (scrape: Scrape): number =>
    scrape.kind === 'sources'
      ? scrape.parts.reduce((all, part) => all + (part.scrape.kind === 'buckets' ? part.scrape.buckets.length : 0), 0)
      : 0

  test('is told its baseline’s half hour at the first look, judges nothing of it, and is not told it again', async () => {
    const { asked, url } = await serve()
    const { port, said } = portOf()
    const record = recordOf(settingsFor(url))
    const scrape = await port.read(record)
    expect(told(scrape)).toBe(120)
    const { watch, judged } = judgeLook(record, { at: NOW, scrape, world })
    expect(judged.samples).toHaveLength(119)
    expect(watch.evidence.metrics.errors).toMatchObject({ ratio: { baseline: { long: { n: 1190, k: 0 } } } })
    expect(watch.evidence).toMatchObject({ blind: 0, counters: { closed: { 'baseline/errors': NOW - 5000 } } })
    expect(watch.traffic).toEqual({ errors: { 0: { baseline: 0, canary: 0, looks: 0 } } })
    const after = withWatch(record, watch)
    expect(told(await port.read(after))).toBe(0)
    // A run that takes over has what was saved.
    const saved = JSON.parse(JSON.stringify(after)) as ReleaseRecord
    expect(told(await portOf().port.read(saved))).toBe(0)
    expect(asked.filter((query) => query.endsWith('[2115s]'))).toHaveLength(2)
    expect(said).toEqual([])
  })

  test.each<readonly [string, (url: string) => ReleaseRecord]>([
    ['has a weight', (url) => recordOf(settingsFor(url), { phase: 'analysing', step: 0, since: NOW })],
    [
      'is making pods for its second step',
      (url) => recordOf(settingsFor(url), { phase: 'preparing', step: 1, since: NOW }),
    ],
    [
      'compares with a fresh baseline',
      (url) => recordOf(settingsFor(url, { fresh: { deployment: 'shop-fresh', service: null } })),
    ],
  ])('that %s is told nothing', async (_, recorded) => {
    const { asked, url } = await serve()
    expect(told(await portOf().port.read(recorded(url)))).toBe(0)
    expect(asked.length).toBeGreaterThan(0)
    expect(asked.filter((query) => query.endsWith('[2115s]'))).toEqual([])
  })

  test('goes on where its past is not told, with a line in the log and no look without data', async () => {
    const { url } = await serve(true)
    const { port, said } = portOf()
    const record = recordOf(settingsFor(url))
    const scrape = await port.read(record)
    expect(told(scrape)).toBe(0)
    const { watch, judgement } = judgeLook(record, { at: NOW, scrape, world })
    expect(watchOf(withWatch(record, watch)).evidence).toMatchObject({ blind: 0, counters: { closed: {} } })
    expect(judgement).not.toHaveProperty('why.code', 'no-data')
    expect(said).toEqual([
      expect.stringContaining('provider prometheus tells nothing of the time before: metric errors: '),
    ])
    await port.read(record)
    expect(said).toHaveLength(1)
  })
})
