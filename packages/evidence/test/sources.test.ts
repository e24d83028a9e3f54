import { describe, expect, test } from 'vitest'
import { beginEvidence, type Evidence, type JudgePlan, judge, type MetricPlan } from '../src/judge.ts'
import type { NoReading, Part, Scrape } from '../src/reading.ts'
import { waitFor } from '../src/skew.ts'
import { pod, pods } from './readings.ts'

const plan = (metrics: readonly MetricPlan[]): JudgePlan => ({
  metrics,
  alpha: 0.01,
  warmUp: 0,
  settle: 10_000,
  missing: 'silence',
})
const errors = { name: 'errors', kind: 'ratio' } as const
const slow = { name: 'slow', kind: 'latency' } as const
const outage: NoReading = {
  kind: 'outage',
  query: 'up',
  text: 'metric slow: Prometheus could not be reached; asked: up',
}

const counted = (total: number, bad = 0): Part => ({
  source: 'pods',
  metrics: ['errors'],
  scrape: pods([pod('baseline', 'b', [total * 9, bad * 9]), pod('canary', 'c', [total, bad])]),
})
const bucket = (metric: string, at: number, baseline: readonly [number, number], canary: readonly [number, number]) =>
  (['baseline', 'canary'] as const).map((side) => {
    const [total, bad] = side === 'baseline' ? baseline : canary
    return { side, metric, from: at - 1000, to: at, total, bad }
  })
const closed = (
  at: number,
  baseline: readonly [number, number],
  canary: readonly [number, number],
  guard = 0,
): Part => ({
  source: 'prometheus',
  metrics: ['slow'],
  scrape: { kind: 'buckets', guard, buckets: bucket('slow', at, baseline, canary) },
})
const failed = (nothing: NoReading = outage): Part => ({ source: 'prometheus', metrics: ['slow'], scrape: nothing })
const sources = (...parts: readonly Part[]): Scrape => ({ kind: 'sources', parts })

const looks = (metrics: readonly MetricPlan[], scrapes: readonly Scrape[], from?: Evidence) => {
  const judged = plan(metrics)
  let evidence = from ?? beginEvidence(judged)
  let last: ReturnType<typeof judge> | undefined
  for (const [index, scrape] of scrapes.entries()) {
    last = judge(evidence, { at: 100_000 + index * 1000, scrape, weight: 10, step: 0 }, judged)
    // What is saved and read back goes on as if it never had been.
    evidence = JSON.parse(JSON.stringify(last.evidence))
  }
  if (last === undefined) throw new Error('no looks')
  return last
}
const five = [0, 1, 2, 3, 4] as const

describe('an outage of one source', () => {
  const down = five.map((index) => sources(counted(100 * (index + 1), 0), failed()))

  test('leaves the metrics of the others counted, and waits', () => {
    const { decision, metrics, evidence } = looks([errors, slow], down)
    expect(metrics[0]).toMatchObject({ name: 'errors', canary: { n: 400 } })
    expect(decision).toMatchObject({ kind: 'no-data', why: { text: expect.stringContaining('asked: up') } })
    expect(evidence.unseen).toMatchObject({ slow: { looks: 5, kind: 'outage' } })
    expect(evidence.blind).toBe(5)
  })

  test('is over with the first look that reads', () => {
    const { decision, evidence } = looks(
      [errors, slow],
      [...down, sources(counted(600), closed(106_000, [900, 1], [100, 0]))],
    )
    expect(decision.kind).toBe('continue')
    expect(evidence.blind).toBe(0)
    expect(evidence.unseen).toBeUndefined()
  })

  test('does not keep the others from rejecting', () => {
    const bad = five.map((index) => ({
      ...counted(0),
      scrape: pods([
        pod('baseline', 'b', [900 * (index + 1), 0]),
        pod('canary', 'c', [100 * (index + 1), 50 * (index + 1)]),
      ]),
    }))
    expect(
      looks(
        [errors, slow],
        bad.map((part) => sources(part, failed())),
      ).decision,
    ).toMatchObject({
      kind: 'reject',
      metric: 'errors',
    })
  })
})

describe('the first metric has no request of the canary', () => {
  const orders = { name: 'orders', kind: 'ratio' } as const
  const part = (metric: string, at: number, baseline: number, [total, bad]: readonly [number, number]): Part => ({
    source: 'prometheus',
    metrics: [metric],
    scrape: { kind: 'buckets', buckets: bucket(metric, at, [baseline, 0], [total, bad]) },
  })
  const failing = five.map((index) => part('slow', 101_000 + index * 1000, 900, [100, 100]))

  test('as it is rare: the others reject all the same', () => {
    const scrapes = failing.map((slowPart, index) =>
      sources(part('orders', 101_000 + index * 1000, 3, [0, 0]), slowPart),
    )
    expect(looks([orders, slow], scrapes).decision).toMatchObject({ kind: 'reject', metric: 'slow' })
  })

  test('as its source is away from before there was traffic, and may be: the others reject all the same', () => {
    const away: Part = { source: 'pods', metrics: ['errors'], scrape: outage }
    const scrapes = failing.map((slowPart) => sources(away, slowPart))
    const ignored = { ...errors, noData: { outage: 'ignore' } } as const
    expect(looks([ignored, slow], scrapes).decision).toMatchObject({ kind: 'reject', metric: 'slow' })
  })

  test('requests of our own are judged without it, and begin no warm-up of the users’', () => {
    const probed = { ...slow, synthetic: true } as const
    const scrapes = failing.map((slowPart, index) =>
      sources(part('orders', 101_000 + index * 1000, 3, [0, 0]), slowPart),
    )
    const { decision, evidence } = looks([orders, probed], scrapes)
    expect(decision).toMatchObject({ kind: 'reject', metric: 'slow' })
    expect(evidence.firstMoved).toBeUndefined()
  })
})

describe('the policy for want of data', () => {
  const quiet = (noData: MetricPlan['noData'], nothing: NoReading = outage, count = 3) =>
    looks(
      [errors, { ...slow, ...(noData === undefined ? {} : { noData }) }],
      five.slice(0, count).map((index) => sources(counted(1000 * (index + 1)), failed(nothing))),
    )

  test.each(['outage', 'empty', 'nan', 'several-series'] as const)(
    'fail rejects on the third look without data: %s',
    (kind) => {
      const nothing = { ...outage, kind }
      expect(quiet({ [kind]: 'fail' }, nothing, 2).decision.kind).not.toBe('reject')
      const { decision } = quiet({ [kind]: 'fail' }, nothing)
      expect(decision).toMatchObject({ kind: 'reject', metric: 'slow', why: { code: 'no-data' } })
      expect((decision as { why: { text: string } }).why.text).toContain('asked: up')
    },
  )

  test('of one outcome is none of another', () => {
    expect(quiet({ empty: 'fail' }).decision.kind).toBe('no-data')
  })

  test('several series are no data that waiting brings: inconclusive at once', () => {
    expect(quiet(undefined, { ...outage, kind: 'several-series' }, 1).decision.kind).toBe('unreliable')
  })

  test('ignore goes on with the others', () => {
    const { decision, requests, evidence } = quiet({ outage: 'ignore' })
    expect(decision.kind).toBe('continue')
    expect(requests.canary).toBe(2000)
    expect(evidence.blind).toBe(0)
  })

  test('ignore for every metric leaves no evidence: no request is counted, so no step can pass', () => {
    const ignored = { outage: 'ignore' } as const
    const all = sources({ ...counted(1), scrape: outage }, failed())
    const { decision, requests } = looks(
      [
        { ...errors, noData: ignored },
        { ...slow, noData: ignored },
      ],
      [all, all, all, all],
    )
    expect(decision.kind).toBe('continue')
    expect(requests).toEqual({ baseline: 0, canary: 0 })
  })

  test('does not wave a source through that means nothing', () => {
    const every = { outage: 'ignore', empty: 'ignore', nan: 'ignore', 'several-series': 'ignore' } as const
    expect(quiet(every, { ...outage, kind: 'unreliable' }).decision.kind).toBe('unreliable')
  })
})

test('a gauge that only the baseline shows is no data once the canary has traffic', () => {
  const cpu = { name: 'cpu', kind: 'gauge', max: 90 } as const
  const gauge = (at: number): Part => ({
    source: 'kubernetes',
    metrics: ['cpu'],
    scrape: {
      kind: 'buckets',
      buckets: [],
      gauges: [{ side: 'baseline', metric: 'cpu', from: at - 1, to: at, value: 10 }],
    },
  })
  const { decision } = looks(
    [errors, cpu],
    five.map((index) => sources(counted(100 * (index + 1)), gauge(index + 1))),
  )
  expect(decision).toMatchObject({
    kind: 'no-data',
    why: { text: expect.stringContaining('the canary shows no value') },
  })
})

test('two sources that read one pod keep a zero line each, and each begins at its own first read', () => {
  const by = (source: string, metric: string, total: number): Part => ({
    source,
    metrics: [metric],
    scrape: pods([
      pod('baseline', 'b', [0, 0], { containerId: source, counters: { [metric]: { total: total * 9, bad: 0 } } }),
      pod('canary', 'c', [0, 0], { containerId: source, counters: { [metric]: { total, bad: 0 } } }),
    ]),
  })
  const down: Part = { source: 'probe', metrics: ['slow'], scrape: outage }
  const { metrics } = looks(
    [errors, { ...slow, synthetic: true }],
    [
      sources(by('pods', 'errors', 500), down),
      sources(by('pods', 'errors', 600), by('probe', 'slow', 40)),
      sources(by('pods', 'errors', 700), by('probe', 'slow', 50)),
    ],
  )
  expect(metrics.map((metric) => (metric.kind === 'gauge' ? 0 : metric.canary.n))).toEqual([200, 10])
})

describe('sides that are read apart', () => {
  // A shared outage of half of all requests from second 30 on, which the baseline's counts show one interval later.
  const run = (guard: number) => {
    const at = (second: number): readonly [number, number] => (second >= 30 ? [1, 0.5] : [1, 0])
    const scrapes = Array.from({ length: 60 }, (_, second) => {
      const [, late] = at(second - 1)
      const [, now] = at(second)
      return sources(
        counted(100 * (second + 1)),
        closed(101_000 + second * 1000, [900, 900 * late], [100, 100 * now], guard),
      )
    })
    return looks([errors, slow], scrapes)
  }

  test('would turn a shared outage into a rollback, and do not behind the guard', () => {
    expect(run(0).decision).toMatchObject({ kind: 'reject', metric: 'slow' })
    expect(run(1).decision.kind).not.toBe('reject')
  })

  test('the state does not grow with the intervals', () => {
    expect(run(1).evidence.metrics.slow).toMatchObject({ waiting: [{}, {}] })
  })

  test('an interval is due when its later neighbours are known, and called skewed where they moved', () => {
    const count = (n: number, k: number) =>
      ({ pair: { baseline: { n, k }, canary: { n: 0, k: 0 } }, use: 'judged', step: 0 }) as const
    const first = waitFor([], count(1000, 0), 1)
    expect(first.due).toBeUndefined()
    const second = waitFor(first.waiting, count(1000, 500), 1)
    expect(second.due).toEqual(count(1000, 0))
    const third = waitFor(second.waiting, count(1000, 500), 1)
    expect(third.due).toEqual({ ...count(1000, 500), use: 'skewed' })
    // Less than is tolerated cannot make a healthy canary look worse than that.
    expect(waitFor(second.waiting, count(1000, 500), 1, 0.6).due?.use).toBe('judged')
    const fourth = waitFor(third.waiting, count(1000, 490), 1)
    expect(fourth.due?.use).toBe('judged')
  })
})
