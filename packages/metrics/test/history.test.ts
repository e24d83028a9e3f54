import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { request } from '@sluice/http/request'
import { describe, expect, onTestFinished, test } from 'vitest'
import { beginEvidence, type Judged, type JudgePlan, judge, type Sampled } from '../../evidence/src/judge.ts'
import { replay } from '../../evidence/src/replay.ts'
import { type History, withHistory } from '../src/history.ts'
import { prometheusSource } from '../src/prometheus.ts'
import type { PrometheusMetric } from '../src/prometheus-queries.ts'
import type { Scrape } from '../src/reading.ts'

const SECOND = 1000
const MINUTE = 60_000
const START = Date.UTC(2026, 10, 2, 12, 0, 0)
const SCRAPE = 15_000

/** A series as a store holds it: its labels, and its samples at these times (ms UTC). */
type Held = {
  readonly labels: Readonly<Record<string, string>>
  readonly samples: readonly (readonly [at: number, value: number])[]
}

/** Samples every 15 s from so many minutes before the start, each of the value that `value` gives for its minute. */
const scraped = (labels: Held['labels'], from: number, value: (minute: number) => number, until = 0): Held => {
  const count = Math.round(((until - from) * MINUTE) / SCRAPE)
  const samples = Array.from({ length: count }, (_, index) => START + from * MINUTE + (index + 1) * SCRAPE - 7000)
  return { labels, samples: samples.map((at) => [at, value((at - START) / MINUTE)]) }
}

/** Speaks the range selectors of `/api/v1/query`, over what it holds of the pods of one Deployment. Source: https://prometheus.io/docs/prometheus/latest/querying/api/ */
const serve = async (
  held: readonly Held[],
  instead?: (query: string) => { status: number; body: string } | undefined,
) => {
  const asked: string[] = []
  const clock = { at: START }
  const server = createServer((incoming, response) => {
    const form = new URL(incoming.url ?? '', 'http://x').searchParams
    const query = form.get('query') ?? ''
    asked.push(query)
    const at = Number(form.get('time') ?? clock.at / 1000) * 1000
    const [, wanted = '', range = ''] =
      /^(?:last_over_time\()?\w+\{pod="([\w-]+)"[^}]*\}\[(\w+)\]\)?$/.exec(query) ?? []
    const reach = range === '1h' ? 60 * MINUTE : range === '1m' ? MINUTE : Number(range.replace('s', '')) * SECOND
    const isLast = query.startsWith('last_over_time')
    const found = held.filter(
      ({ labels }) => labels.side === wanted && (!/code="500"/.test(query) || labels.code === '500'),
    )
    const result = found.flatMap(({ labels, samples }) => {
      const values = samples
        .filter(([time]) => time > at - reach && time <= at)
        .map(([time, value]) => [time / 1000, `${value}`])
      return values.length === 0 ? [] : [{ metric: labels, ...(isLast ? { value: values.at(-1) } : { values }) }]
    })
    const body = JSON.stringify({ status: 'success', data: { resultType: isLast ? 'vector' : 'matrix', result } })
    const answer = instead?.(query) ?? { status: 200, body }
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { asked, clock, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const ERRORS: PrometheusMetric = {
  kind: 'ratio',
  name: 'errors',
  total: 'http_requests_total{pod="{{deployment}}"}',
  bad: 'http_requests_total{pod="{{deployment}}",code="500"}',
}
type Server = Awaited<ReturnType<typeof serve>>
const sourceOf = ({ url, clock }: Server, scrape = SCRAPE) =>
  prometheusSource(
    { url, headers: {}, namespace: 'shop', baseline: 'shop', canary: 'shop-canary', metrics: [ERRORS], scrape },
    (call) => request(call),
    { now: () => clock.at },
  )
const historyOf = async (server: Server, scrape?: number): Promise<History> => {
  const history = await sourceOf(server, scrape).history?.(START)
  if (history === undefined) throw new Error('it keeps none')
  return history
}
const EMPTY = '{"status":"success","data":{"resultType":"matrix","result":[]}}'
const pod = (name: string, code = '200') => ({ __name__: 'http_requests_total', side: 'shop', pod: name, code })
const sum = ({ buckets }: History) => ({
  total: buckets.reduce((all, { total }) => all + total, 0),
  bad: buckets.reduce((all, { bad }) => all + bad, 0),
})

describe('what Prometheus holds of the half hour before a release', () => {
  test('is counted scrape by scrape, of the baseline only, and asked for once', async () => {
    const server = await serve([
      scraped(pod('a'), -120, (minute) => 1_000_000 + 60 * minute),
      scraped(pod('a', '500'), -120, (minute) => 5000 + 4 * minute),
    ])
    const history = await historyOf(server)
    expect(history.without).toEqual([])
    expect(history.buckets).toHaveLength(120)
    expect(new Set(history.buckets.map(({ side, total, bad }) => `${side} ${total} ${bad}`))).toEqual(
      new Set(['baseline 16 1']),
    )
    const [first, last] = [history.buckets[0], history.buckets.at(-1)]
    expect(last?.to).toBe(START - 5 * SECOND)
    expect([first?.to, first?.from]).toEqual([START - 5 * SECOND - 119 * SCRAPE, START - 5 * SECOND - 121 * SCRAPE])
    expect(server.asked).toEqual([
      'http_requests_total{pod="shop"}[2115s]',
      'http_requests_total{pod="shop",code="500"}[2115s]',
    ])
  })

  test.each<readonly [string, readonly Held[], { total: number; bad: number }]>([
    [
      'a restart counts from 0',
      [scraped(pod('a'), -60, (minute) => (minute < -10 ? 9000 + 60 * minute : 60 * (minute + 10)))],
      // 1,800 of half an hour, without the seven that the old process counted after its last scrape.
      { total: 1793, bad: 0 },
    ],
    [
      'a pod that comes inside counts from 0',
      [scraped(pod('a'), -60, () => 700), scraped(pod('b'), -10, (minute) => 100 + 60 * (minute + 10))],
      { total: 693, bad: 0 },
    ],
    [
      'the first bad answer of a pod is a series that comes, and is counted',
      [scraped(pod('a'), -60, (minute) => 9000 + 60 * minute), scraped(pod('a', '500'), -5, () => 3)],
      { total: 1803, bad: 3 },
    ],
    [
      'a pod that goes keeps what it had counted',
      [scraped(pod('a'), -60, () => 700), scraped(pod('b'), -60, (minute) => 9000 + 60 * minute, -15)],
      { total: 900, bad: 0 },
    ],
    [
      'a server that knows twenty minutes brings nobody’s lifetime with it, of no pod',
      [scraped(pod('a'), -20, (minute) => 50_000 + 60 * minute), scraped(pod('b'), -19.75, () => 80_000)],
      { total: 885, bad: 0 },
    ],
    [
      'a server that knows four minutes tells nothing',
      [scraped(pod('a'), -4, (minute) => 900 + 60 * minute)],
      { total: 0, bad: 0 },
    ],
    ['a baseline that nobody scraped is no nought', [], { total: 0, bad: 0 }],
  ])('%s', async (_, held, expected) => {
    const history = await historyOf(await serve(held))
    expect(sum(history)).toEqual(expected)
    expect(history.without).toEqual([])
  })

  test('has no interval where there was no sample: the next is longer', async () => {
    const held = scraped(pod('a'), -60, (minute) => 9000 + 60 * minute)
    const gap = { ...held, samples: held.samples.filter(([at]) => at < START - 10 * MINUTE || at > START - 5 * MINUTE) }
    const { buckets } = await historyOf(await serve([gap]))
    expect(buckets.reduce((all, { total }) => all + total, 0)).toBe(1800)
    const longest = buckets.find(({ from, to }) => to - from > MINUTE)
    expect([buckets.length, longest?.total]).toEqual([100, 315])
  })

  test('is counted by intervals of 5 s where scrapes are nearer to each other', async () => {
    const count = 60 * 60
    const samples = Array.from({ length: count }, (_, index) => [START - (count - index) * SECOND, index * 2] as const)
    const { buckets } = await historyOf(await serve([{ labels: pod('a'), samples }]), SECOND)
    expect(buckets).toHaveLength(360)
    expect(new Set(buckets.map(({ total }) => total))).toEqual(new Set([10]))
  })

  test.each([
    ['a server that fails', { status: 503, body: '{"status":"error","error":"query timed out"}' }, 'query timed out'],
    [
      'an answer in part',
      {
        status: 200,
        body: '{"status":"success","warnings":["shard-b: gone"],"data":{"resultType":"matrix","result":[]}}',
      },
      'shard-b: gone',
    ],
    [
      'an answer of more than 8 MiB',
      { status: 200, body: `${EMPTY}${' '.repeat(8 * 1024 * 1024)}` },
      'is over 8388608 bytes',
    ],
  ])('is none for %s, and the looks of the release do not notice', async (_, answer, text) => {
    const held = [scraped(pod('a'), -60, (minute) => 9000 + 60 * minute, 5)]
    const server = await serve(held, (query) => (query.endsWith('[2115s]') ? answer : undefined))
    const source = sourceOf(server)
    const history = await source.history?.(START)
    expect(history).toEqual({ buckets: [], without: [expect.stringContaining(text)] })
    expect(history?.without[0]).toContain('metric errors: ')
    expect(await source.read(START)).toMatchObject({ parts: [{ scrape: { kind: 'buckets', buckets: [] } }] })
    server.clock.at += MINUTE
    expect(await source.read(START)).toMatchObject({ parts: [{ scrape: { kind: 'buckets' } }] })
  })
})

describe('the judge, of a release whose first look tells the time before', () => {
  const PLAN: JudgePlan = {
    metrics: [{ name: 'errors', kind: 'ratio', max: 0.05 }],
    alpha: 0.01,
    warmUp: 0,
    settle: 10_000,
    missing: 'silence',
    interval: SCRAPE,
  }
  /** Twenty requests a second, of which `bad` fail in each minute. The canary gets a tenth from two minutes after the start, and fails `failing` of them. */
  const world = async ({
    bad = () => 12,
    failing = 0,
  }: {
    bad?: (minute: number) => number
    failing?: number
  } = {}) => {
    const failed = (minute: number): number => {
      const whole = Math.floor(minute)
      let all = 0
      for (let each = -60; each < whole; each++) all += bad(each)
      return Math.round(all + (minute - whole) * bad(whole))
    }
    const canary = { ...pod('c'), side: 'shop-canary' }
    const since = (minute: number): number => Math.max(0, Math.round(120 * (minute - 2)))
    return serve([
      scraped(pod('a'), -60, (minute) => 1_000_000 + Math.round(1200 * minute) - failed(minute), 30),
      scraped(pod('a', '500'), -60, failed, 30),
      scraped(canary, 1, (minute) => Math.round(since(minute) * (1 - failing)), 30),
      scraped({ ...canary, code: '500' }, 1, (minute) => Math.round(since(minute) * failing), 30),
    ])
  }
  /** Looks every 15 s. @param told whether the first one has the time before */
  const run = async (server: Server, { told, looks }: { readonly told: boolean; readonly looks: number }) => {
    const source = sourceOf(server)
    const judged: Judged[] = []
    let evidence = beginEvidence(PLAN)
    for (let look = 0; look < looks; look++) {
      const at = START + look * SCRAPE
      server.clock.at = at
      const read: Scrape = await source.read(START)
      const past = told && look === 0 ? ((await source.history?.(START))?.buckets ?? []) : []
      const tick = { at, scrape: withHistory(read, past), weight: at >= START + 2 * MINUTE ? 10 : 0, step: 0 }
      const result = judge(evidence, tick, PLAN)
      evidence = JSON.parse(JSON.stringify(result.evidence))
      judged.push(result)
    }
    return judged
  }
  const known = ({ evidence }: Judged) => {
    const { errors } = evidence.metrics
    if (errors?.kind !== 'counted') throw new Error('not counted')
    return errors
  }

  test('knows the baseline’s ratio at once, and has judged nothing', async () => {
    const server = await world()
    const [first] = await run(server, { told: true, looks: 1 })
    if (first === undefined) throw new Error('no look')
    const { long } = known(first).ratio.baseline
    expect(long.n).toBeGreaterThan(9000)
    expect(long.k / long.n).toBeCloseTo(0.01, 3)
    expect(first.samples.map(({ weight }) => weight)).toEqual(Array.from({ length: first.samples.length }, () => 0))
    expect(first.samples.length).toBeGreaterThan(115)
    expect(
      first.samples.every((each) => each.kind === 'counted' && each.use === 'learned' && each.canary.n === 0),
    ).toBe(true)
    expect(first).toMatchObject({ requests: { baseline: 0, canary: 0 }, decision: { kind: 'continue' } })
    expect(known(first).ratio.judged).toEqual({ baseline: { n: 0, k: 0 }, canary: { n: 0, k: 0 } })
  })

  test('takes nothing of it for silence, traffic, a weight or a look without data', async () => {
    const server = await world()
    const [told, plain] = [await run(server, { told: true, looks: 20 }), await run(server, { told: false, looks: 20 })]
    const kept = ({ evidence, requests, decision }: Judged) => {
      const { firstMoved, weightSince, trafficSince, missing, blind, unseen, lag, counters } = evidence
      // Before the first interval of its own has closed, nothing else says where the source stands.
      const standing = evidence.weight > 0 ? { closed: counters.closed, reads: counters.reads, lag } : {}
      return {
        firstMoved,
        weightSince,
        trafficSince,
        missing,
        blind,
        unseen,
        requests,
        decision,
        ...standing,
      }
    }
    expect(told.map(kept)).toEqual(plain.map(kept))
    expect(told.at(-1)?.evidence.firstMoved).toBeGreaterThan(START + 2 * MINUTE)
    expect(told.at(-1)?.requests.canary).toBeGreaterThan(200)
  })

  test('takes a look that tells it again, as one that resumes would, for nothing', async () => {
    const server = await world()
    const [first] = await run(server, { told: true, looks: 1 })
    const past = (await historyOf(server)).buckets
    if (first === undefined) throw new Error('no look')
    const again = {
      at: START + SECOND,
      scrape: withHistory({ kind: 'buckets', buckets: [] }, past),
      weight: 0,
      step: 0,
    }
    const { evidence, samples } = judge(first.evidence, again, PLAN)
    expect(samples).toEqual([])
    expect(evidence.metrics).toEqual(first.evidence.metrics)
    expect(evidence.counters.closed).toEqual(first.evidence.counters.closed)
  })

  test('is told late, under a weight, without judging it', async () => {
    const server = await world()
    const past = (await historyOf(server)).buckets
    const tick = {
      at: START + MINUTE,
      scrape: withHistory({ kind: 'buckets', buckets: [] }, past),
      weight: 10,
      step: 0,
    }
    const { evidence, samples, decision, requests } = judge(beginEvidence(PLAN), tick, PLAN)
    expect(samples.every((each) => each.kind === 'counted' && each.use === 'learned')).toBe(true)
    expect(evidence).toMatchObject({ weightSince: START + MINUTE, missing: { silent: { baseline: 0 } } })
    expect(evidence.firstMoved).toBeUndefined()
    expect([decision.kind, requests]).toEqual(['continue', { baseline: 0, canary: 0 }])
  })

  test('knows how uneven the baseline is, which two quiet minutes would not have shown', async () => {
    const bursts = (minute: number) => (minute < -1 && minute % 4 === 0 ? 240 : 4)
    const server = await world({ bad: bursts })
    const [told, plain] = [await run(server, { told: true, looks: 16 }), await run(server, { told: false, looks: 16 })]
    const weighs = (judged: readonly Judged[]) => judged.flatMap((each) => known(each).divisors?.canary ?? []).at(-1)
    expect(weighs(plain)).toBe(1)
    expect(weighs(told)).toBeGreaterThan(2)
  })

  test('stops a canary that fails as soon as it did', async () => {
    const server = await world({ failing: 0.3 })
    const rejected = async (told: boolean) =>
      (await run(server, { told, looks: 20 })).findIndex(({ decision }) => decision.kind === 'reject')
    const [told, plain] = [await rejected(true), await rejected(false)]
    expect(told).toBeGreaterThan(0)
    expect(told).toBeLessThanOrEqual(plain)
  })

  test('has the same evidence when it is judged again from its record', async () => {
    const judged = await run(await world({ failing: 0.03 }), { told: true, looks: 20 })
    const taken = judged.flatMap(({ samples }) => samples).filter((each) => each.kind === 'counted')
    const series = {
      ...{ name: 'errors', kind: 'ratio' as const, max: 0.05 },
      samples: taken.map(({ at, ...each }) => ({ ...each, at: new Date(at).toISOString() })),
      baseline: taken.map(({ baseline }) => baseline),
      canary: taken.map(({ canary }) => canary),
    }
    const again = replay([series], PLAN).flatMap(({ samples }) => samples)
    const evidence = (all: readonly Sampled[]) => all.map((each) => (each.kind === 'counted' ? each.logE : undefined))
    expect(evidence(taken).at(-1)).not.toBe(0)
    expect(evidence(again)).toEqual(evidence(taken))
  })
})
