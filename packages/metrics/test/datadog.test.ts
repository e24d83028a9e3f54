import { request } from '@sluice/http/request'
import { Fault } from '@sluice/kit/faults'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type DatadogGiven, datadogSource } from '../src/datadog.ts'
import type { Scrape } from '../src/reading.ts'
import { API_KEY, APPLICATION_KEY, type DatadogServer, startDatadog } from './datadog-server.ts'
import { heldToItsWord } from './sums-property.ts'

const PAGE = 'https://docs.datadoghq.com/api/latest/metrics/query-timeseries-data-across-multiple-products/'
const LIMITS = 'https://docs.datadoghq.com/api/latest/rate-limits/'
const MINUTE = 60_000
const START = Date.UTC(2026, 10, 2, 12, 0, 0)

let server: DatadogServer
beforeAll(async () => {
  server = await startDatadog()
})
afterAll(() => server.stop())
beforeEach(() => {
  server.held.clear()
  server.seen.length = 0
  server.instead.length = 0
})

const METRICS: DatadogGiven['metrics'] = [
  {
    kind: 'ratio',
    name: 'errors',
    total: 'sum:shop.requests{kube_deployment:{{deployment}}}',
    bad: 'sum:shop.requests{kube_deployment:{{deployment}},code:5xx}',
  },
]
const TOTAL = {
  baseline: 'sum:shop.requests{kube_deployment:cart}',
  canary: 'sum:shop.requests{kube_deployment:cart-canary}',
}
const BAD = {
  baseline: 'sum:shop.requests{kube_deployment:cart,code:5xx}',
  canary: 'sum:shop.requests{kube_deployment:cart-canary,code:5xx}',
}

/** A source whose clock stands where the test puts it; its waits take no time. */
const rig = (more: Partial<DatadogGiven> = {}) => {
  const clock = { at: START, now: () => clock.at, sleep: async () => {}, random: () => 0.5 }
  const given: DatadogGiven = {
    site: 'datadoghq.eu',
    url: server.url,
    apiKey: API_KEY,
    applicationKey: APPLICATION_KEY,
    namespace: 'shop',
    baseline: 'cart',
    canary: 'cart-canary',
    metrics: METRICS,
    timeoutMs: 2000,
    ...more,
  }
  return { clock, source: datadogSource(given, request, clock) }
}
const hold = (series: string, at: number, count: number): void => {
  const points = server.held.get(series) ?? new Map<number, number>()
  server.held.set(series, points.set(at / 1000, (points.get(at / 1000) ?? 0) + count))
}
const bucketsOf = (scrape: Scrape) => {
  if (scrape.kind !== 'buckets') throw new Error(JSON.stringify(scrape))
  return scrape.buckets
}

describe(`the half hour before a release (${PAGE})`, () => {
  const past = async (source: ReturnType<typeof rig>['source'], until: number) => {
    const history = await source.history?.(until)
    if (history === undefined) throw new Error('it keeps none')
    return history
  }

  test('is the baseline’s closed minutes, in one request that asks for nothing else', async () => {
    const { clock, source } = rig({
      metrics: [...METRICS, { kind: 'gauge', name: 'cpu', query: 'avg:cpu{kube_deployment:{{deployment}}}' }],
    })
    for (let minute = -60; minute < 2; minute++) {
      hold(TOTAL.baseline, START + minute * MINUTE + 7000, 60 + (minute % 2))
      hold(BAD.baseline, START + minute * MINUTE + 7000, minute === -9 ? 5 : 0)
      hold(TOTAL.canary, START + minute * MINUTE + 7000, 3)
    }
    clock.at = START + 20_000
    const { buckets, without } = await past(source, START + 10_000)
    expect(without).toEqual([])
    expect(buckets).toHaveLength(30)
    expect(new Set(buckets.map(({ side, metric }) => `${side} ${metric}`))).toEqual(new Set(['baseline errors']))
    // The minute before the release may still grow: it has not closed.
    expect(buckets.at(-1)).toMatchObject({ from: START - 2 * MINUTE, to: START - MINUTE, total: 60, bad: 0 })
    expect(buckets.find(({ bad }) => bad > 0)).toMatchObject({ from: START - 9 * MINUTE, total: 59, bad: 5 })
    expect(server.seen.map(({ body }) => body.data.attributes.queries.map(({ query }) => query))).toEqual([
      [TOTAL.baseline, BAD.baseline].map((query) => `${query}.as_count().rollup(sum, 60)`),
    ])
    // What is asked for from then on begins with the release, whatever was told before.
    clock.at = START + 3 * MINUTE
    expect(bucketsOf(await source.read(START + 10_000)).map(({ side, from }) => [side, from])).toEqual([
      ['baseline', START + MINUTE],
      ['canary', START + MINUTE],
    ])
  })

  test('is none where it is not told, with why, and the release is read as if nobody had asked', async () => {
    const { clock, source } = rig()
    clock.at = START + 20_000
    expect(await past(source, START)).toMatchObject({
      buckets: [],
      without: [expect.stringContaining('nothing is known')],
    })
    server.instead.push({ status: 400, body: { errors: ['too many points'] } })
    expect(await past(source, START)).toMatchObject({
      buckets: [],
      without: ['Datadog answered 400: too many points'],
    })
    hold(TOTAL.baseline, START + 7000, 60)
    clock.at = START + 2 * MINUTE
    expect(bucketsOf(await source.read(START))).toMatchObject([{ total: 60 }, { total: 0 }])
  })
})

describe(`counts of closed periods (${PAGE})`, () => {
  test('are the sums of whole minutes, each given once, only after the delay', async () => {
    const { clock, source } = rig()
    hold(TOTAL.baseline, START + 1000, 90)
    hold(TOTAL.baseline, START + 59_000, 5)
    hold(BAD.baseline, START + 59_000, 2)
    hold(TOTAL.canary, START + 30_000, 7)
    hold(TOTAL.canary, START + MINUTE, 1)
    clock.at = START + 2 * MINUTE - 1
    expect(bucketsOf(await source.read(START))).toEqual([])
    expect(server.seen).toHaveLength(0)
    clock.at = START + 2 * MINUTE
    const span = { metric: 'errors', from: START, to: START + MINUTE }
    expect(bucketsOf(await source.read(START))).toEqual([
      { ...span, side: 'baseline', total: 95, bad: 2 },
      { ...span, side: 'canary', total: 7, bad: 0 },
    ])
    expect(bucketsOf(await source.read(START))).toEqual([])
    clock.at = START + 3 * MINUTE
    expect(bucketsOf(await source.read(START))).toEqual([
      { metric: 'errors', from: START + MINUTE, to: START + 2 * MINUTE, side: 'baseline', total: 0, bad: 0 },
      { metric: 'errors', from: START + MINUTE, to: START + 2 * MINUTE, side: 'canary', total: 1, bad: 0 },
    ])
  })

  test('one request carries every query, with both keys, as counts over the period', async () => {
    const { clock, source } = rig()
    hold(TOTAL.baseline, START, 1)
    clock.at = START + 2 * MINUTE
    const scrape = await source.read(START)
    const [{ headers, body } = { headers: {}, body: undefined }] = server.seen
    expect(headers).toMatchObject({ 'dd-api-key': API_KEY, 'dd-application-key': APPLICATION_KEY })
    expect(body?.data.attributes).toMatchObject({ from: START, to: START + MINUTE, interval: MINUTE })
    expect(body?.data.attributes.queries.map(({ query }) => query)).toEqual(
      [TOTAL.baseline, TOTAL.canary, BAD.baseline, BAD.canary].map((query) => `${query}.as_count().rollup(sum, 60)`),
    )
    expect(scrape).toMatchObject({
      guard: 1,
      lag: 2 * MINUTE,
      query: expect.stringContaining(`${TOTAL.canary}.as_count()`),
    })
  })

  test('begin with the first whole period after the start, and leave none out after an outage', async () => {
    const { clock, source } = rig()
    for (const minute of [0, 1, 2, 3]) hold(TOTAL.baseline, START + minute * MINUTE, 10 + minute)
    clock.at = START + 4 * MINUTE
    server.instead.push(...Array.from({ length: 3 }, () => ({ status: 503, body: 'gateway' })))
    expect(await source.read(START + 1)).toMatchObject({ kind: 'outage', text: expect.stringContaining('503') })
    const sums = bucketsOf(await source.read(START + 1)).filter(({ side }) => side === 'baseline')
    expect(sums.map(({ total }) => total)).toEqual([11, 12])
  })

  test('a server error is asked again before it is an outage', async () => {
    const { clock, source } = rig()
    hold(TOTAL.baseline, START, 3)
    clock.at = START + 2 * MINUTE
    server.instead.push({ status: 500, body: { errors: ['Internal'] } })
    expect(bucketsOf(await source.read(START))).toHaveLength(2)
  })

  test('where the provider has nothing yet, periods wait and are no zeros', async () => {
    const { clock, source } = rig()
    clock.at = START + 3 * MINUTE
    expect(await source.read(START)).toMatchObject({
      kind: 'empty',
      text: expect.stringContaining(`${TOTAL.canary}.as_count().rollup(sum, 60)`),
    })
    hold(TOTAL.baseline, START, 4)
    expect(bucketsOf(await source.read(START)).map(({ total }) => total)).toEqual([4, 0])
  })

  test('a list is added up, one without data as 0', async () => {
    const [metric] = METRICS
    if (metric === undefined || metric.kind === 'gauge') throw new Error('no counts')
    const refused = 'sum:shop.refused{kube_deployment:{{deployment}}}'
    const both = { ...metric, total: [metric.total, refused].flat(), bad: [metric.bad, refused].flat() }
    const { clock, source } = rig({ metrics: [both] })
    hold(TOTAL.baseline, START, 10)
    hold('sum:shop.refused{kube_deployment:cart-canary}', START, 3)
    clock.at = START + 2 * MINUTE
    expect(bucketsOf(await source.read(START)).map(({ side, total, bad }) => [side, total, bad])).toEqual([
      ['baseline', 10, 0],
      ['canary', 3, 3],
    ])
  })

  test('a gauge is the mean of its period, and has no value where there is no point', async () => {
    const cpu = {
      kind: 'gauge',
      name: 'cpu',
      query: 'avg:kubernetes.cpu.usage{kube_deployment:{{deployment}}}',
    } as const
    const { clock, source } = rig({ metrics: [...METRICS, cpu] })
    hold(TOTAL.baseline, START + MINUTE, 1)
    hold('avg:kubernetes.cpu.usage{kube_deployment:cart-canary}', START, 10)
    hold('avg:kubernetes.cpu.usage{kube_deployment:cart-canary}', START + 20_000, 30)
    clock.at = START + 3 * MINUTE
    expect(await source.read(START)).toMatchObject({
      gauges: [{ side: 'canary', metric: 'cpu', from: START, to: START + MINUTE, value: 20 }],
    })
  })
})

describe('what gives no counts is named, with the resolved query', () => {
  const readWith = async (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) => {
    const { clock, source } = rig()
    clock.at = START + 2 * MINUTE
    server.instead.push(...Array.from({ length: 3 }, () => ({ status, body, headers })))
    return source.read(START)
  }
  const series = (attributes: object) => ({ data: { type: 'timeseries_response', attributes } })

  test(`no series at all: empty (${PAGE})`, async () => {
    expect(await readWith(200, series({ series: [], times: [], values: [] }))).toMatchObject({ kind: 'empty' })
  })
  test(`null points: empty (${PAGE})`, async () => {
    const nulls = series({ series: [{ group_tags: [], query_index: 0 }], times: [START], values: [[null]] })
    expect(await readWith(200, nulls)).toMatchObject({ kind: 'empty' })
  })
  test('a value that is no count: nan, once, and then it goes on', async () => {
    const { clock, source } = rig()
    clock.at = START + 2 * MINUTE
    server.instead.push({
      status: 200,
      body: series({ series: [{ group_tags: [], query_index: 1 }], times: [START], values: [['NaN']] }),
    })
    expect(await source.read(START)).toMatchObject({
      kind: 'nan',
      query: `${TOTAL.canary}.as_count().rollup(sum, 60)`,
      text: expect.stringContaining('metric errors'),
    })
    hold(TOTAL.canary, START + MINUTE, 6)
    clock.at = START + 3 * MINUTE
    expect(bucketsOf(await source.read(START)).map(({ from, total }) => [from, total])).toEqual([
      [START + MINUTE, 0],
      [START + MINUTE, 6],
    ])
  })
  test(`a query that is grouped: several series (${PAGE})`, async () => {
    const grouped = series({
      series: [
        { group_tags: ['pod:a'], query_index: 0 },
        { group_tags: ['pod:b'], query_index: 0 },
      ],
      times: [START],
      values: [[1], [2]],
    })
    expect(await readWith(200, grouped)).toMatchObject({
      kind: 'several-series',
      query: `${TOTAL.baseline}.as_count().rollup(sum, 60)`,
      text: expect.stringContaining('2 series'),
    })
  })
  test('points of another width are not taken for counts of these periods', async () => {
    const wide = series({ series: [{ group_tags: [], query_index: 0 }], times: [START - 30_000], values: [[9]] })
    expect(await readWith(200, wide)).toMatchObject({ kind: 'unreliable', text: expect.stringContaining('60 s') })
  })
  test('what is not JSON: an outage', async () => {
    expect(await readWith(200, '<html>')).toMatchObject({ kind: 'outage', text: expect.stringContaining('JSON') })
  })
  test(`an error in a good answer (${PAGE}, field errors)`, async () => {
    expect(await readWith(200, { errors: 'query timed out' })).toMatchObject({
      kind: 'outage',
      text: expect.stringContaining('query timed out'),
    })
  })

  test(`a reached rate limit says so, and is not asked before it opens (${LIMITS})`, async () => {
    const { clock, source } = rig()
    clock.at = START + 2 * MINUTE
    hold(TOTAL.baseline, START, 8)
    const headers = {
      'x-ratelimit-limit': '1600',
      'x-ratelimit-period': '3600',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '90',
      'x-ratelimit-name': 'timeseries_query',
    }
    server.instead.push({ status: 429, body: { errors: ['Rate limit exceeded'] }, headers })
    expect(await source.read(START)).toMatchObject({
      kind: 'outage',
      text: expect.stringMatching(/timeseries_query.*1600 requests in 3600 s.*90 s/),
    })
    clock.at += 89_000
    expect(await source.read(START)).toMatchObject({ kind: 'outage', text: expect.stringContaining('rate limit') })
    expect(server.seen).toHaveLength(1)
    clock.at += 1000
    expect(bucketsOf(await source.read(START))).not.toHaveLength(0)
  })

  test('a server that is not there', async () => {
    const { clock, source } = rig({ url: 'http://127.0.0.1:9' })
    clock.at = START + 2 * MINUTE
    expect(await source.read(START)).toMatchObject({ kind: 'outage', text: expect.stringContaining('refused') })
  })
})

describe('the preflight', () => {
  const ids = async (more: Partial<DatadogGiven> = {}) => {
    const { source } = rig(more)
    return (await source.preflight()).map(({ level, id }) => `${level} ${id}`)
  }

  test('finds nothing wrong where the baseline has counted', async () => {
    hold(TOTAL.baseline, START - 10 * MINUTE, 100)
    hold(BAD.baseline, START - 10 * MINUTE, 1)
    expect(await ids()).toContain('note metrics-lag')
    expect((await ids()).filter((id) => id.startsWith('error'))).toEqual([])
  })
  test('names a query that finds nothing of the baseline', async () => {
    const { source } = rig()
    const [finding] = await source.preflight()
    expect(finding).toMatchObject({
      id: 'metric-missing',
      level: 'error',
      text: expect.stringContaining(TOTAL.baseline),
    })
  })
  test('names keys that are refused, and never shows them', async () => {
    const { source } = rig({ applicationKey: 'another-key' })
    const [finding] = await source.preflight()
    expect(finding).toMatchObject({
      id: 'metrics-outage',
      level: 'error',
      hint: expect.stringContaining('timeseries_query'),
    })
    server.instead.push({ status: 403, body: { errors: [`Key ${API_KEY} with ${APPLICATION_KEY} is bad`] } })
    const echoed = JSON.stringify(await rig().source.preflight())
    expect(echoed).not.toContain(API_KEY)
    expect(echoed).not.toContain(APPLICATION_KEY)
  })
  test('takes keys that are kept with a line’s end', async () => {
    hold(TOTAL.baseline, START - 10 * MINUTE, 5)
    expect((await ids({ apiKey: `${API_KEY}\n` })).filter((id) => id.startsWith('error'))).toEqual([])
  })
  test('names bad requests that the total does not count', async () => {
    hold(TOTAL.baseline, START - 10 * MINUTE, 5)
    hold(BAD.baseline, START - 10 * MINUTE, 6)
    expect(await ids()).toContain('error bad-above-total')
  })
  test('names a clock that is wrong', async () => {
    hold(TOTAL.baseline, START - 10 * MINUTE, 5)
    expect(await ids()).toContain('warning clocks-apart')
  })
})

describe('what cannot be counted is an input fault, all of it at once', () => {
  const fault = (more: Partial<DatadogGiven>): Fault => {
    try {
      rig(more)
    } catch (thrown) {
      if (thrown instanceof Fault) return thrown
    }
    throw new Error('no fault')
  }
  const ratio = (total: string, bad = 'sum:b{d:{{deployment}}}') => ({
    metrics: [{ kind: 'ratio', name: 'errors', total, bad }] as const,
  })

  test.each([
    ['a rate', ratio('sum:a{d:{{deployment}}}.as_rate()'), 'is a rate'],
    ['a mean over hosts', ratio('avg:a{d:{{deployment}}}'), 'not summed over hosts'],
    ['a query without an aggregation, which is a mean', ratio('a{d:{{deployment}}}'), 'not summed over hosts'],
    ['another rollup', ratio('sum:a{d:{{deployment}}}.as_count().rollup(sum, 20)'), 'rolled up by (sum,20)'],
    ['arithmetic on what is no count', ratio('sum:a{d:{{deployment}}} + sum:b{d:{{deployment}}}'), 'arithmetic'],
    [
      'half of it a count',
      ratio('sum:a{d:{{deployment}}} + sum:b{d:{{deployment}}}.as_count().rollup(sum, 60)'),
      'arithmetic',
    ],
    ['the same on both sides', ratio('sum:a{service:shop}'), 'reads the same on both sides'],
    ['a placeholder that is none', ratio('sum:a{d:{{service}}}'), '{{service}} is no placeholder'],
    ['a site that is none', { site: 'datadog.example' }, 'no site of Datadog'],
    ['an empty key', { applicationKey: ' \n' }, 'the application key (input datadog-application-key) is empty'],
    [
      'a proxy without TLS',
      { url: 'http://datadog-proxy.shop.svc:8080' },
      'http://datadog-proxy.shop.svc:8080 is not https',
    ],
    ['an address that is none', { url: 'proxy' }, '"proxy" is no URL'],
    ['a bucket that is no whole second', { bucket: 12_500.5 }, 'a bucket of 12500.5 ms'],
  ])('%s', (_, more, words) => {
    expect(fault({ url: undefined, ...more })).toMatchObject({ kind: 'input', message: expect.stringContaining(words) })
  })

  test('two wrong queries are both named', () => {
    const { message } = fault(ratio('sum:a{d:{{x}}}', 'avg:b{d:{{deployment}}}'))
    expect(message).toContain('metric errors: total')
    expect(message).toContain('metric errors: bad')
  })

  test.each([
    [
      'arithmetic with each metric a count',
      'sum:a{d:{{deployment}}}.as_count().rollup(sum, 60) + sum:b{d:{{deployment}}}.as_count().rollup(sum, 60)',
    ],
    ['a distribution’s count above a threshold', 'count(v: v>=0.5):trace.http.request{d:{{deployment}}}'],
    ['one that is ready', 'sum:a{d:{{deployment}}}.as_count().rollup(sum, {{interval}})'],
  ])('and let through: %s', (_, total) => {
    expect(() => rig(ratio(total))).not.toThrow()
  })
})

test.each(['app.datadoghq.eu', 'https://api.us5.datadoghq.com/', 'ddog-gov.com'])('%s is a site', (site) => {
  expect(() => rig({ url: undefined, site })).not.toThrow()
})

test('buckets never overlap, are given once, and sum to what the server holds', async () => {
  await heldToItsWord(fc, async () => {
    server.held.clear()
    const { clock, source } = rig()
    return {
      clock,
      source,
      start: START,
      hold: (side, role, at, count) => hold((role === 'bad' ? BAD : TOTAL)[side], at, count),
    }
  })
}, 60_000)
