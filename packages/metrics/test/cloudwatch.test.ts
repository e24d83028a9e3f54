import { request } from '@sluice/http/request'
import { Fault } from '@sluice/kit/faults'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type CloudwatchGiven, cloudwatchSource } from '../src/cloudwatch.ts'
import { endpointOf } from '../src/cloudwatch-endpoint.ts'
import type { Scrape } from '../src/reading.ts'
import { type CloudwatchServer, error, KEYS, startCloudwatch } from './cloudwatch-server.ts'
import { heldToItsWord } from './sums-property.ts'

const PAGE = 'https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html'
const RESULT = 'https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataResult.html'
const ERRORS = 'https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html'
const MINUTE = 60_000
const START = Date.UTC(2026, 10, 2, 12, 0, 0)

let server: CloudwatchServer
beforeAll(async () => {
  server = await startCloudwatch()
})
afterAll(() => server.stop())
beforeEach(() => {
  server.held.clear()
  server.seen.length = 0
  server.instead.length = 0
  server.settings.page = 100_800
  server.settings.now = START
})

const stat = (metric: string) => ({
  namespace: 'Shop/{{namespace}}',
  metric,
  dimensions: { Deployment: '{{deployment}}' },
})
const METRICS: CloudwatchGiven['metrics'] = [
  { kind: 'ratio', name: 'errors', total: stat('Requests'), bad: stat('Errors') },
]
const NAMES = { baseline: 'cart', canary: 'cart-canary' }

/** A source whose clock stands where the test puts it, the server's with it; its waits take no time. */
const rig = (more: Partial<CloudwatchGiven> = {}) => {
  const clock = {
    at: START,
    now: () => clock.at,
    waits: [] as number[],
    sleep: async (ms: number) => void clock.waits.push(ms),
    random: () => 0.5,
  }
  const given: CloudwatchGiven = {
    region: 'eu-central-1',
    endpoint: server.url,
    credentials: async () => KEYS,
    namespace: 'shop',
    ...NAMES,
    metrics: METRICS,
    delay: MINUTE,
    timeoutMs: 2000,
    ...more,
  }
  const source = cloudwatchSource(given, request, clock)
  const at = (ms: number): void => {
    clock.at = ms
    server.settings.now = ms
  }
  return { clock, source, at }
}
const hold = (metric: string, side: keyof typeof NAMES, at: number, count: number): void => {
  const key = `${metric}{Deployment=${NAMES[side]}}`
  const points = server.held.get(key) ?? new Map<number, number>()
  server.held.set(key, points.set(at / 1000, (points.get(at / 1000) ?? 0) + count))
}
const bucketsOf = (scrape: Scrape) => {
  if (scrape.kind !== 'buckets') throw new Error(JSON.stringify(scrape))
  return scrape.buckets
}
const fieldsOf = (instead: object) => ({ status: 200, body: { Messages: [], ...instead } })

describe(`the half hour before a release (${PAGE})`, () => {
  const past = async (source: ReturnType<typeof rig>['source'], until: number) => {
    const history = await source.history?.(until)
    if (history === undefined) throw new Error('it keeps none')
    return history
  }

  test('is the baseline’s closed periods as wide as usual, and asks for no metric of the canary', async () => {
    const { source, at } = rig({ bucket: 5 * MINUTE })
    for (let minute = -60; minute < 2; minute++) {
      hold('Requests', 'baseline', START + minute * MINUTE, 60)
      if (minute === -7) hold('Errors', 'baseline', START + minute * MINUTE, 5)
      hold('Requests', 'canary', START + minute * MINUTE, 3)
    }
    at(START + 2 * MINUTE)
    const { buckets, without } = await past(source, START + MINUTE)
    expect(without).toEqual([])
    expect(buckets.map(({ from, bad }) => [(from - START) / MINUTE, bad])).toEqual([
      [-30, 0],
      [-25, 0],
      [-20, 0],
      [-15, 0],
      [-10, 5],
      [-5, 0],
    ])
    expect(buckets.every(({ side, metric, total }) => `${side} ${metric} ${total}` === 'baseline errors 300')).toBe(
      true,
    )
    const asked = server.seen.flatMap(({ MetricDataQueries }) =>
      MetricDataQueries.flatMap(({ MetricStat }) => MetricStat?.Metric.Dimensions ?? []),
    )
    expect(asked).toEqual([
      { Name: 'Deployment', Value: 'cart' },
      { Name: 'Deployment', Value: 'cart' },
    ])
  })

  test.each([
    ['a permission that is missing', error('AccessDenied', 'not authorized', 403), 'AccessDenied'],
    [
      'an answer that leaves something out',
      fieldsOf({ Messages: [{ Code: 'MaxQueryTimeRangeExceeded' }], MetricDataResults: [] }),
      'left something out',
    ],
  ])('is none for %s, and the release is read as if nobody had asked', async (_, instead, text) => {
    const { source, at } = rig()
    server.instead.push(instead)
    expect(await past(source, START)).toEqual({ buckets: [], without: [expect.stringContaining(text)] })
    hold('Requests', 'baseline', START, 60)
    at(START + 2 * MINUTE)
    expect(bucketsOf(await source.read(START))).toMatchObject([{ total: 60 }, { total: 0 }])
  })
})

describe(`counts of closed periods, signed with a session (${PAGE})`, () => {
  test('are the sums of whole minutes; a count that CloudWatch has no point for is 0', async () => {
    const { source, at } = rig()
    hold('Requests', 'baseline', START + 1000, 90)
    hold('Requests', 'baseline', START + 59_000, 5)
    hold('Errors', 'baseline', START + 20_000, 2)
    hold('Requests', 'canary', START + MINUTE, 1)
    at(START + 2 * MINUTE)
    const span = { metric: 'errors', from: START, to: START + MINUTE }
    expect(bucketsOf(await source.read(START))).toEqual([
      { ...span, side: 'baseline', total: 95, bad: 2 },
      { ...span, side: 'canary', total: 0, bad: 0 },
    ])
    expect(bucketsOf(await source.read(START))).toEqual([])
    expect(server.seen).toHaveLength(1)
    expect(server.seen[0]).toMatchObject({
      StartTime: START / 1000,
      EndTime: START / 1000 + 60,
      MetricDataQueries: [
        {
          Id: 'q0',
          ReturnData: true,
          MetricStat: {
            Metric: {
              Namespace: 'Shop/shop',
              MetricName: 'Requests',
              Dimensions: [{ Name: 'Deployment', Value: 'cart' }],
            },
            Period: 60,
            Stat: 'Sum',
          },
        },
        {},
        {},
        {},
      ],
    })
  })

  test(`follow NextToken over pages of PartialData (${RESULT})`, async () => {
    const { source, at } = rig()
    for (const minute of [0, 1, 2, 3, 4]) hold('Requests', 'baseline', START + minute * MINUTE, 10 + minute)
    server.settings.page = 2
    at(START + 6 * MINUTE)
    const totals = bucketsOf(await source.read(START)).filter(({ side }) => side === 'baseline')
    expect(totals.map(({ total }) => total)).toEqual([10, 11, 12, 13, 14])
    expect(server.seen.map(({ NextToken }) => NextToken)).toEqual([undefined, '2', '4'])
  })

  test('an expression over named metrics, whose names do not meet those of another query', async () => {
    const { source, at } = rig({
      metrics: [
        {
          kind: 'ratio',
          name: 'errors',
          total: stat('Requests'),
          bad: { expression: 'FILL(a, 0) + FILL(b, 0)', of: { a: stat('Errors'), b: stat('Timeouts') } },
        },
      ],
    })
    hold('Requests', 'canary', START, 9)
    hold('Errors', 'canary', START, 1)
    hold('Timeouts', 'canary', START + 1000, 2)
    at(START + 2 * MINUTE)
    expect(bucketsOf(await source.read(START)).map(({ side, total, bad }) => [side, total, bad])).toEqual([
      ['baseline', 0, 0],
      ['canary', 9, 3],
    ])
    expect(server.seen[0]?.MetricDataQueries.filter(({ ReturnData }) => !ReturnData).map(({ Id }) => Id)).toEqual([
      'q2_a',
      'q2_b',
      'q3_a',
      'q3_b',
    ])
  })

  test('an expression that fills in zeros does not close a period of which nothing else is known', async () => {
    const filled = { expression: 'FILL(a, 0)', of: { a: stat('Errors') } }
    const { source, at } = rig({ metrics: [{ kind: 'ratio', name: 'errors', total: stat('Requests'), bad: filled }] })
    hold('Requests', 'baseline', START, 3)
    at(START + 5 * MINUTE)
    expect(bucketsOf(await source.read(START)).map(({ to }) => to)).toEqual([START + MINUTE, START + MINUTE])
  })

  test('a list is added up, one without data as 0', async () => {
    const bad = [stat('Errors'), stat('Timeouts')]
    const { source, at } = rig({ metrics: [{ kind: 'ratio', name: 'errors', total: stat('Requests'), bad }] })
    hold('Requests', 'canary', START, 9)
    hold('Timeouts', 'canary', START, 2)
    hold('Requests', 'baseline', START, 9)
    hold('Errors', 'baseline', START, 1)
    hold('Timeouts', 'baseline', START, 3)
    at(START + 2 * MINUTE)
    expect(bucketsOf(await source.read(START)).map(({ side, total, bad: failed }) => [side, total, failed])).toEqual([
      ['baseline', 9, 4],
      ['canary', 9, 2],
    ])
  })

  test(`each Metrics Insights query is a request of its own (${PAGE})`, async () => {
    const sql = `SELECT SUM(Requests) FROM "Shop" WHERE Deployment = '{{deployment}}'`
    const { source, at } = rig({ metrics: [{ kind: 'ratio', name: 'errors', total: sql, bad: stat('Errors') }] })
    at(START + 2 * MINUTE)
    await source.read(START)
    expect(server.seen.map(({ MetricDataQueries }) => MetricDataQueries.map(({ Id }) => Id))).toEqual([
      ['q2', 'q3'],
      ['q0'],
      ['q1'],
    ])
  })

  test('a gauge is its own period, the mean of it unless another statistic is named', async () => {
    const { source, at } = rig({ metrics: [...METRICS, { kind: 'gauge', name: 'cpu', query: stat('CPU') }] })
    hold('Requests', 'baseline', START, 1)
    hold('CPU', 'canary', START, 42)
    at(START + 2 * MINUTE)
    expect(await source.read(START)).toMatchObject({
      gauges: [{ side: 'canary', metric: 'cpu', from: START, to: START + MINUTE, value: 42 }],
    })
    expect(server.seen[0]?.MetricDataQueries.at(-1)?.MetricStat?.Stat).toBe('Average')
  })

  test('credentials are asked for before every request', async () => {
    const asked: number[] = []
    const { source, at } = rig({
      credentials: async () => {
        asked.push(1)
        return KEYS
      },
    })
    hold('Requests', 'baseline', START, 1)
    hold('Requests', 'baseline', START + MINUTE, 1)
    for (const minute of [2, 3]) {
      at(START + minute * MINUTE)
      await source.read(START)
    }
    expect(asked).toHaveLength(2)
  })
})

describe('what gives no counts is named, with the resolved query', () => {
  const readWith = async (...answers: CloudwatchServer['instead']) => {
    const { source, at } = rig()
    at(START + 2 * MINUTE)
    server.instead.push(...answers)
    return source.read(START)
  }
  const CANARY = 'Sum of Shop/shop Requests {Deployment=cart-canary} in 60 s'
  const result = (more: object) =>
    fieldsOf({
      MetricDataResults: [{ Id: 'q1', Label: 'q1', Timestamps: [], Values: [], StatusCode: 'Complete', ...more }],
    })

  test(`no points: empty (${RESULT})`, async () => {
    expect(await readWith(result({}))).toMatchObject({ kind: 'empty', text: expect.stringContaining(CANARY) })
  })
  test('two series under one id, as SEARCH gives them: several series', async () => {
    const two = fieldsOf({
      MetricDataResults: ['a', 'b'].map((Label) => ({
        Id: 'q1',
        Label,
        Timestamps: [START / 1000],
        Values: [1],
        StatusCode: 'Complete',
      })),
    })
    expect(await readWith(two)).toMatchObject({
      kind: 'several-series',
      query: CANARY,
      text: expect.stringContaining('2 series'),
    })
  })
  test('a value that is no number: nan', async () => {
    expect(await readWith(result({ Timestamps: [START / 1000], Values: ['NaN'] }))).toMatchObject({
      kind: 'nan',
      query: CANARY,
    })
  })
  test(`an arithmetic error of a query: nan (${RESULT}, Messages)`, async () => {
    const dropped = {
      Messages: [
        { Code: 'ArithmeticError', Value: 'One or more data-points have been dropped due to non-numeric values' },
      ],
    }
    expect(await readWith(result(dropped))).toMatchObject({ kind: 'nan', text: expect.stringContaining('non-numeric') })
  })
  test(`PartialData without a next page: nothing is counted of it (${RESULT})`, async () => {
    const partial = result({ Timestamps: [START / 1000], Values: [3], StatusCode: 'PartialData' })
    expect(await readWith(partial)).toMatchObject({ kind: 'outage', text: expect.stringContaining('PartialData') })
  })
  test.each(['InternalError', 'Forbidden'])(`StatusCode %s (${RESULT})`, async (StatusCode) => {
    expect(await readWith(result({ StatusCode }))).toMatchObject({
      kind: 'outage',
      text: expect.stringContaining(StatusCode),
    })
  })
  test(`a message about the whole: unreliable (${PAGE}, Messages)`, async () => {
    const answer = fieldsOf({
      MetricDataResults: [],
      Messages: [{ Code: 'MaxMetricsExceeded', Value: 'Maximum number of allowed metrics exceeded' }],
    })
    expect(await readWith(answer)).toMatchObject({
      kind: 'unreliable',
      text: expect.stringContaining('Maximum number'),
    })
  })
  test('what is no page at all', async () => {
    expect(await readWith({ status: 200, body: '<html>' })).toMatchObject({
      kind: 'outage',
      text: expect.stringContaining('no page'),
    })
  })

  test(`throttling is waited for, then it is an outage (${ERRORS})`, async () => {
    const { clock, source, at } = rig()
    at(START + 2 * MINUTE)
    hold('Requests', 'baseline', START, 4)
    server.instead.push(error('ThrottlingException', 'Rate exceeded'))
    expect(bucketsOf(await source.read(START))).not.toHaveLength(0)
    expect(clock.waits).toEqual([375])
    at(START + 3 * MINUTE)
    server.instead.push(...Array.from({ length: 4 }, () => error('Throttling', 'Rate exceeded')))
    expect(await source.read(START)).toMatchObject({
      kind: 'outage',
      text: expect.stringContaining('Throttling: Rate exceeded'),
    })
  })

  test.each([
    ['AccessDenied', 403, 'cloudwatch:GetMetricData'],
    ['ExpiredToken', 403, 'session of the role has ended'],
    ['ExpiredTokenException', 403, 'session of the role has ended'],
    ['ServiceUnavailable', 503, undefined],
  ])(`%s, with what to do (${ERRORS})`, async (code, status, hint) => {
    server.instead.push(...Array.from({ length: 4 }, () => error(code, 'it is said here', status)))
    const [finding] = await rig().source.preflight()
    expect(finding).toMatchObject({
      id: 'metrics-outage',
      level: 'error',
      text: expect.stringMatching(`${code}: it is said here`),
    })
    if (hint === undefined) expect(finding).not.toHaveProperty('hint')
    else expect(finding?.hint).toContain(hint)
  })

  test('credentials that cannot be had are an outage, with what the one who gives them said', async () => {
    const { source, at } = rig({
      credentials: async () => {
        throw new Fault('upstream', 'sts.eu-central-1.amazonaws.com answered 503')
      },
    })
    at(START + 2 * MINUTE)
    expect(await source.read(START)).toMatchObject({
      kind: 'outage',
      text: 'sts.eu-central-1.amazonaws.com answered 503',
    })
  })

  test('keys that are not known, and never shown', async () => {
    const [finding] = await rig({ credentials: async () => ({ ...KEYS, accessKeyId: 'AKIDOTHER' }) }).source.preflight()
    expect(finding?.hint).toContain('not known')
    const wrong = await rig({ credentials: async () => ({ ...KEYS, secretAccessKey: 'another' }) }).source.preflight()
    expect(wrong[0]?.text).toContain('canonical request')
    for (const secret of [KEYS.sessionToken, 'another', KEYS.secretAccessKey])
      expect(JSON.stringify(wrong)).not.toContain(secret)
  })
})

describe('a clock that is wrong', () => {
  test.each([
    ['behind', -20 * MINUTE],
    ['ahead', 20 * MINUTE],
  ])('%s by 20 minutes is set by the server’s, and periods close by that one', async (_, off) => {
    const { clock, source } = rig()
    hold('Requests', 'baseline', START, 4)
    hold('Requests', 'baseline', START + MINUTE, 5)
    server.settings.now = START + 2 * MINUTE
    clock.at = server.settings.now + off
    await source.preflight()
    server.settings.now = START + 3 * MINUTE
    clock.at = server.settings.now + off
    const totals = bucketsOf(await source.read(START)).filter(({ side }) => side === 'baseline')
    expect(totals.map(({ total }) => total)).toEqual([4, 5])
  })
})

describe('what cannot be counted is an input fault', () => {
  test.each<[string, Partial<CloudwatchGiven>, string]>([
    [
      'a mean',
      { metrics: [{ kind: 'ratio', name: 'errors', total: { ...stat('R'), stat: 'Average' }, bad: stat('E') }] },
      'Average of R is no count',
    ],
    [
      'the same on both sides',
      { metrics: [{ kind: 'ratio', name: 'errors', total: { namespace: 'N', metric: 'R' }, bad: stat('E') }] },
      'both sides',
    ],
    [
      'a name that is no id',
      {
        metrics: [{ kind: 'ratio', name: 'errors', total: { expression: 'A', of: { A: stat('R') } }, bad: stat('E') }],
      },
      '"A" names no metric',
    ],
    [
      'a placeholder that is none',
      { metrics: [{ kind: 'gauge', name: 'cpu', query: 'SUM({{pod}})' }] },
      '{{pod}} is no placeholder',
    ],
    ['an endpoint without TLS', { endpoint: 'http://monitoring.internal' }, 'http://monitoring.internal is not https'],
    ['a region that is none', { endpoint: undefined, region: 'frankfurt' }, '"frankfurt" is no region'],
    ['a period that CloudWatch has not', { bucket: 90_000 }, 'a bucket of 90000 ms'],
  ])('%s', (_, more, words) => {
    expect(() => rig(more)).toThrow(Fault)
    expect(() => rig(more)).toThrow(words)
  })

  test('arithmetic of counts that may be missing', () => {
    const bad = { expression: 'FILL(a, 0) + b', of: { a: stat('Errors'), b: stat('Timeouts') } }
    const metrics = [{ kind: 'ratio', name: 'errors', total: stat('Requests'), bad }] as const
    expect(() => rig({ metrics })).toThrow('for which b has none')
  })

  test('requests above a threshold by a trimmed count are counts', () => {
    const slow = { ...stat('Latency'), stat: 'TC(0.5:)' }
    expect(() =>
      rig({
        metrics: [{ kind: 'latency', name: 'slow', total: { ...stat('Latency'), stat: 'SampleCount' }, bad: slow }],
      }),
    ).not.toThrow()
  })
})

test.each([
  ['eu-central-1', 'https://monitoring.eu-central-1.amazonaws.com'],
  ['ap-southeast-2', 'https://monitoring.ap-southeast-2.amazonaws.com'],
  ['us-gov-west-1', 'https://monitoring.us-gov-west-1.amazonaws.com'],
  ['cn-north-1', 'https://monitoring.cn-north-1.amazonaws.com.cn'],
  ['eusc-de-east-1', 'https://monitoring.eusc-de-east-1.amazonaws.eu'],
  ['us-isob-east-1', 'https://monitoring.us-isob-east-1.sc2s.sgov.gov'],
])('the endpoint of %s', (region, url) => {
  expect(endpointOf(region)).toBe(url)
})

test('buckets never overlap, are given once, and sum to what the server holds, in pages of any size', async () => {
  await heldToItsWord(fc, async () => {
    server.held.clear()
    server.settings.page = 3
    const { clock, source } = rig()
    const both = {
      get at() {
        return clock.at
      },
      set at(ms: number) {
        clock.at = ms
        server.settings.now = ms
      },
    }
    return {
      clock: both,
      source,
      start: START,
      hold: (side, role, at, count) => hold(role === 'bad' ? 'Errors' : 'Requests', side, at, count),
    }
  })
}, 60_000)
