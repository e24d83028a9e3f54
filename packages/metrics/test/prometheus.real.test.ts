import { request } from '@sluice/http/request'
import { describe, expect, type TestContext, test } from 'vitest'
import { beginEvidence, type JudgePlan, judge } from '../../evidence/src/judge.ts'
import { withHistory } from '../src/history.ts'
import { prometheusSource } from '../src/prometheus.ts'
import type { PrometheusMetric } from '../src/prometheus-queries.ts'
import type { Scrape, Single } from '../src/reading.ts'
import { type Pod, prometheusBinary, startPod, startPrometheus, until } from './prometheus-server.ts'

const binary = prometheusBinary(process.env)
if (binary === undefined) process.stdout.write('no Prometheus here (SLUICE_PROMETHEUS, PATH): its tests are skipped\n')

const METRICS: readonly PrometheusMetric[] = [
  { kind: 'ratio', name: 'errors' },
  {
    kind: 'ratio',
    name: 'own',
    total: 'http_requests_total{pod=~"{{pods}}"}',
    bad: 'http_requests_total{pod=~"{{pods}}",code="500"}',
  },
  { kind: 'latency', name: 'slow', threshold: 500 },
]

const parts = (scrape: Scrape): Readonly<Record<string, Single>> =>
  scrape.kind === 'sources' ? Object.fromEntries(scrape.parts.map((part) => [part.metrics[0], part.scrape])) : {}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** A Prometheus of a test's own, and pods; all of them end with the test. */
const rig = async ({ onTestFinished }: TestContext) => {
  const prometheus = await startPrometheus(binary ?? '')
  const pods: Pod[] = []
  onTestFinished(async () => {
    await prometheus.stop()
    for (const each of pods) await each.stop()
  })
  return {
    prometheus,
    pod: async (name: string): Promise<Pod> => {
      const started = await startPod(name)
      pods.push(started)
      return started
    },
    source: (metrics: readonly PrometheusMetric[], scrape?: number) =>
      prometheusSource(
        {
          url: prometheus.url,
          headers: {},
          namespace: 'shop',
          baseline: 'shop',
          canary: 'shop-canary',
          preset: 'http',
          metrics,
          scrape,
        },
        (call) => request(call),
        { now: Date.now },
      ),
  }
}

describe.skipIf(binary === undefined).concurrent('a real Prometheus', { timeout: 90_000 }, () => {
  test('counts what was asked, through a restart, a pod that goes, one that comes and a label that appears', async (context) => {
    const { prometheus, pod, source } = await rig(context)
    const [one, two, old, young] = [
      await pod('shop-5d4f8c7b9-aaaaa'),
      await pod('shop-5d4f8c7b9-bbbbb'),
      await pod('shop-canary-6c5d8f7b4-ccccc'),
      await pod('shop-canary-6c5d8f7b4-ddddd'),
    ]
    one.count(200, 1000)
    two.count(200, 10)
    old.count(200, 5)
    prometheus.scrape([one, two, old])
    for (const each of [one, two, old]) await each.scraped()

    const both = source(METRICS)
    expect((await both.preflight()).filter(({ level }) => level !== 'note')).toEqual([])
    const sums: Record<string, { total: number; bad: number }> = {}
    const read = async (): Promise<void> => {
      for (const [name, single] of Object.entries(parts(await both.read(began)))) {
        if (single.kind !== 'buckets') throw new Error(`${name}: ${JSON.stringify(single)}`)
        for (const { side, metric, total, bad } of single.buckets) {
          const sum = sums[`${metric} ${side}`] ?? { total: 0, bad: 0 }
          sums[`${metric} ${side}`] = { total: sum.total + total, bad: sum.bad + bad }
        }
      }
    }
    /** Reads until what was counted has been seen, and once more, so that too much would be seen too. */
    const readAll = async (...counted: readonly Pod[]): Promise<void> => {
      for (const each of counted) await each.scraped()
      for (let looks = 0; looks < 2; looks++) {
        await pause(1100)
        await read()
      }
    }
    const began = Date.now()
    await read()
    one.count(200, 40)
    one.count(500, 4, 2)
    old.count(200, 9, 0.7)
    old.count(500, 2)
    await readAll(one, old)
    expect(sums['errors baseline']).toEqual({ total: 44, bad: 4 })
    expect(sums['errors canary']).toEqual({ total: 11, bad: 2 })
    expect(sums['slow baseline']).toEqual({ total: 44, bad: 4 })
    expect(sums['slow canary']).toEqual({ total: 11, bad: 9 })

    one.restart()
    one.count(200, 7)
    one.count(500, 1)
    await readAll(one)
    expect(sums['errors baseline']).toEqual({ total: 52, bad: 5 })

    old.count(200, 3)
    await old.scraped()
    young.count(200, 37)
    young.count(500, 5)
    prometheus.scrape([one, two, young])
    await readAll(young)
    expect(sums['errors canary']).toEqual({ total: 56, bad: 7 })
    expect(sums['slow canary']).toEqual({ total: 56, bad: 9 })
    // What is gone is not alive for the five minutes that Prometheus looks back.
    await readAll(young)
    expect(sums['errors canary']).toEqual({ total: 56, bad: 7 })
    expect([sums['own baseline'], sums['own canary']]).toEqual([sums['errors baseline'], sums['errors canary']])

    // A run that takes over counts from where the last one stopped.
    const taken = source([{ kind: 'ratio', name: 'errors' }])
    const left = Date.now()
    two.count(200, 6)
    await two.scraped()
    let seen = 0
    await until(async () => {
      const { errors } = parts(await taken.read(left))
      if (errors?.kind !== 'buckets') throw new Error(JSON.stringify(errors))
      seen += errors.buckets.reduce((all, { total }) => all + total, 0)
      return seen > 0
    })
    expect(seen).toBe(6)
  })

  test('tells the half hour before a release, through a restart and a pod that came', async (context) => {
    const { prometheus, pod, source } = await rig(context)
    const [one, two] = [await pod('shop-5d4f8c7b9-aaaaa'), await pod('shop-5d4f8c7b9-bbbbb')]
    const SCRAPE = 15_000
    const began = Date.now()
    // Forty minutes ago the first sample, and one every 15 s up to now.
    const lines = (from: number, count: (tick: number) => { readonly good: number; readonly bad: number }) =>
      Array.from({ length: 161 - from }, (_, index) => {
        const at = began - (160 - from - index) * SCRAPE
        const { good, bad } = count(from + index)
        return [
          `http_requests_total{code="200"} ${good} ${at}`,
          `http_requests_total{code="500"} ${bad} ${at}`,
          `http_request_duration_seconds_bucket{le="0.5"} ${good} ${at}`,
          `http_request_duration_seconds_bucket{le="+Inf"} ${good + bad} ${at}`,
        ]
      }).flat()
    one.tell(
      lines(0, (tick) =>
        tick < 100 ? { good: 5000 + 20 * tick, bad: 100 + tick } : { good: 5 + 20 * (tick - 100), bad: 0 },
      ),
    )
    two.tell(lines(120, (tick) => ({ good: 7 + 10 * (tick - 120), bad: 2 })))
    prometheus.scrape([one, two])
    for (const each of [one, two]) await each.scraped()

    const both = source(METRICS, SCRAPE)
    const history = await both.history?.(began)
    expect(history?.without).toEqual([])
    const of = (name: string) => (history?.buckets ?? []).filter(({ metric }) => metric === name)
    for (const name of ['errors', 'own', 'slow']) {
      const buckets = of(name)
      expect([buckets.length, buckets.at(-1)?.to]).toEqual([120, began - 5000])
      expect(new Set(buckets.map(({ side }) => side))).toEqual(new Set(['baseline']))
      // Of the first pod ticks 40 to 99, its restart, and 101 to 159; of the second all up to 159.
      const good = 60 * 20 + 5 + 59 * 20 + 7 + 39 * 10
      const bad = 60 + 2
      const sum = (of: 'total' | 'bad') => buckets.reduce((all, each) => all + each[of], 0)
      expect([name, sum('total'), sum('bad')]).toEqual([name, good + bad, bad])
      expect(buckets.slice(0, 5).map(({ total, bad: each }) => [total, each])).toEqual(
        Array.from({ length: 5 }, () => [21, 1]),
      )
    }
    const plan: JudgePlan = {
      ...{ alpha: 0.01, warmUp: 0, settle: 0, missing: 'silence', interval: 5000 },
      metrics: METRICS.map(({ name }) => ({ name, kind: 'ratio' })),
    }
    const scrape = withHistory(await both.read(began), history?.buckets ?? [])
    const { evidence, decision, requests } = judge(beginEvidence(plan), { at: began, scrape, weight: 0, step: 0 }, plan)
    // The last interval waits for the one after it: sides that are scraped in turns are read apart.
    expect(evidence.metrics.slow).toMatchObject({ ratio: { baseline: { long: { n: 2844 - 30, k: 62 } } } })
    expect([decision.kind, evidence.firstMoved, requests]).toEqual(['continue', undefined, { baseline: 0, canary: 0 }])
  })

  test('tells NaN, several series and nothing apart, each with the query that was asked', async (context) => {
    const { prometheus, pod, source } = await rig(context)
    const [stable, other, canary] = [
      await pod('shop-5d4f8c7b9-aaaaa'),
      await pod('shop-5d4f8c7b9-bbbbb'),
      await pod('shop-canary-6c5d8f7b4-ccccc'),
    ]
    stable.gauge = 3
    canary.gauge = 8
    prometheus.scrape([stable, canary])
    for (const each of [stable, canary]) await each.scraped()
    const look = async (query: string) =>
      parts(await source([{ kind: 'gauge', name: 'depth', query }], 1000).read(0)).depth
    const plain = 'queue_depth{pod=~"{{pods}}"}'
    expect(await look(plain)).toMatchObject({
      gauges: [
        { side: 'baseline', value: 3 },
        { side: 'canary', value: 8 },
      ],
    })
    expect(await look('no_such{pod=~"{{pods}}"}')).toMatchObject({
      kind: 'empty',
      query: 'no_such{pod=~"shop-canary-[a-z0-9]{1,10}-[a-z0-9]{5}"}',
    })
    canary.gauge = Number.NaN
    await canary.scraped()
    expect(await look(plain)).toMatchObject({ kind: 'nan', query: expect.stringContaining('shop-canary') })
    canary.gauge = 8
    prometheus.scrape([stable, other, canary])
    for (const each of [other, canary]) await each.scraped()
    expect(await look(plain)).toMatchObject({ kind: 'several-series', text: expect.stringContaining('2 series') })
    expect(await look('sum(queue_depth{pod=~"{{pods}}"})')).toMatchObject({ gauges: [{ value: 4 }, { value: 8 }] })
    expect(await look('sum(queue_depth{pod=~"{{pods}}"')).toMatchObject({
      kind: 'outage',
      text: expect.stringContaining('did not take the query'),
    })
    // A sample that is older than three scrapes is none.
    prometheus.scrape([])
    await until(async () => (await look(plain))?.kind === 'empty')
  })

  test('that scrapes no more is an outage and no nought, and so is one that is gone', async (context) => {
    const { prometheus, pod, source } = await rig(context)
    const [stable, canary] = [await pod('shop-5d4f8c7b9-aaaaa'), await pod('shop-canary-6c5d8f7b4-ccccc')]
    for (const each of [stable, canary]) each.count(200, 10)
    prometheus.scrape([stable, canary])
    for (const each of [stable, canary]) await each.scraped()
    const both = source([{ kind: 'ratio', name: 'errors' }])
    const since = Date.now()
    await both.read(since)
    prometheus.scrape([])
    await until(async () => {
      const { errors } = parts(await both.read(since))
      return (
        errors?.kind === 'outage' && /no longer scrapes/.test(errors.text) && /http_requests_total/.test(errors.query)
      )
    })
    await prometheus.stop()
    expect(parts(await both.read(since)).errors).toMatchObject({
      kind: 'outage',
      text: expect.stringContaining('could not be reached'),
    })
  })
})
