import type { Cluster } from '@sluice/kubernetes/cluster'
import { describe, expect, type TestContext, test } from 'vitest'
import { beginWatch, judgeLook, withWatch } from '../../actions/canary-promote/src/judgement.ts'
import type { Settings } from '../../actions/canary-promote/src/plan.ts'
import { metricsPort } from '../../actions/canary-promote/src/ports/metrics.ts'
import {
  type Pod,
  prometheusBinary,
  startPod,
  startPrometheus,
  until,
} from '../../packages/metrics/test/prometheus-server.ts'
import type { Json, ReleaseRecord, World } from '../../packages/release/src/record.ts'

const binary = prometheusBinary(process.env)
if (binary === undefined)
  process.stdout.write('no Prometheus here (SLUICE_PROMETHEUS, PATH): what is judged by it is skipped\n')

const HASH = '5d4f8c7b9'
/** Two Deployments with a pod each, of which one container restarted once. */
const cluster = (restarts: number): Cluster => {
  const meta = (name: string, owner?: string) => ({
    metadata: {
      name,
      uid: `uid-${name}`,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...(owner === undefined
        ? {}
        : { ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: owner, uid: `uid-${owner}` }] }),
    },
  })
  const names = ['shop', 'shop-canary']
  return {
    get: async (_: unknown, name: string) => ({ ...meta(name), spec: { selector: {} } }),
    list: async ({ resource }: { readonly resource: string }) =>
      resource === 'replicasets'
        ? names.map((name) => meta(`${name}-${HASH}`, name))
        : names.map((name) => ({
            ...meta(`${name}-${HASH}-aaaaa`, `${name}-${HASH}`),
            spec: { containers: [{ name: 'c' }] },
            status: { phase: 'Running', containerStatuses: [{ name: 'c', restartCount: restarts }] },
          })),
  } as unknown as Cluster
}

const world = (at: number, weight: number): World =>
  ({
    at,
    weight: { written: weight, accepted: true, marked: true },
    stable: { desired: 1, available: 1, hash: 'a', rolledOut: true },
    canary: { desired: 1, ready: 1, restarts: 0, hash: 'b' },
    service: true,
    leftovers: 0,
    foreign: [],
  }) as unknown as World

/** A release that is analysed at a weight, judged every half second by the real Prometheus, with so many requests a second on each side. */
const rig = async ({ onTestFinished }: TestContext, url?: string) => {
  const prometheus = await startPrometheus(binary ?? '')
  const [stable, canary]: Pod[] = [await startPod(`shop-${HASH}-aaaaa`), await startPod(`shop-canary-${HASH}-aaaaa`)]
  if (stable === undefined || canary === undefined) throw new Error('two pods')
  const settings = {
    setup: {
      deployment: 'shop',
      canary: 'shop-canary',
      container: 'c',
      label: null,
      service: 'shop',
      canaryService: 'shop-canary',
    },
    router: 'gateway-api',
    route: null,
    rule: null,
    tester: null,
    metrics: [
      { name: 'errors', kind: 'ratio', max: 0.5 },
      { name: 'depth', kind: 'gauge', max: 1000, query: 'max(queue_depth{pod=~"{{pods}}"})' },
    ],
    alpha: 0.01,
    warmUp: 0,
    settle: 2000,
    provider: 'prometheus',
    scrape: {},
    probe: null,
    prometheus: { url: url ?? prometheus.url, preset: 'http' },
  } as unknown as Settings
  stable.count(200, 5000)
  stable.count(500, 20)
  canary.count(200, 0)
  prometheus.scrape([stable, canary])
  await stable.scraped()
  let rates = { stable: 0.005, canary: 0.005 }
  let load: NodeJS.Timeout | undefined
  const start = (): void => {
    let debt = { stable: 0, canary: 0 }
    load = setInterval(() => {
      debt = { stable: debt.stable + 20 * rates.stable, canary: debt.canary + 5 * rates.canary }
      const bad = { stable: Math.floor(debt.stable), canary: Math.floor(debt.canary) }
      debt = { stable: debt.stable - bad.stable, canary: debt.canary - bad.canary }
      stable.count(200, 20 - bad.stable)
      canary.count(200, 5 - bad.canary)
      if (bad.stable > 0) stable.count(500, bad.stable)
      if (bad.canary > 0) canary.count(500, bad.canary)
    }, 100)
  }
  onTestFinished(async () => {
    clearInterval(load)
    await prometheus.stop()
    await stable.stop()
    await canary.stop()
  })
  const port = metricsPort({
    cluster: cluster(1),
    namespace: 'shop',
    clock: { now: Date.now, monotonic: () => performance.now(), sleep: async () => undefined },
    credentials: { prometheus: {}, datadog: {}, aws: () => Promise.reject(new Error('not asked')) },
  })
  let record = {
    plan: {
      split: 'weights',
      steps: [{ weight: 20, hold: 1 }],
      interval: 1000,
      minRequests: 50,
      metrics: settings as unknown as Json,
    },
    state: { phase: 'analysing', step: 0, since: Date.now() },
    startedAt: Date.now(),
    evidence: beginWatch(settings) as unknown as Json,
  } as unknown as ReleaseRecord
  return {
    prometheus,
    settings,
    port,
    start,
    fail: (more: Partial<typeof rates>) => {
      rates = { ...rates, ...more }
    },
    look: async () => {
      const scrape = await port.read(record)
      const at = Date.now()
      const { watch, judgement, judged } = judgeLook(record, { at, scrape, world: world(at, 20) })
      // What is saved is all that the next look knows.
      record = JSON.parse(JSON.stringify(withWatch(record, watch)))
      return { judgement, judged, size: JSON.stringify(watch).length }
    },
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe
  .skipIf(binary === undefined)
  // The rig's load now and then falls unevenly on the first scrapes, and the share is rightly doubted: what fails four times is wrong.
  .concurrent('a release that a real Prometheus is asked about', { timeout: 90_000, retry: 3 }, () => {
    test('passes where both sides are alike, and is rejected within seconds of a fault', async (context) => {
      const { look, start, fail, port, settings } = await rig(context)
      expect((await port.preflight(settings, 1000)).filter(({ level }) => level === 'error')).toEqual([])
      await look()
      start()
      let last = await look()
      await until(async () => {
        await pause(500)
        last = await look()
        expect(['continue', 'pass']).toContain(last.judgement.kind)
        return last.judgement.kind === 'pass'
      })
      fail({ canary: 0.2 })
      const began = Date.now()
      await until(async () => {
        await pause(500)
        last = await look()
        return last.judgement.kind === 'reject'
      })
      expect(last.judgement).toMatchObject({ why: { code: 'errors' } })
      // Two scrapes, an interval that waits for its neighbour, and a look: some 5 s; the machine may be busy.
      expect(Date.now() - began).toBeLessThan(20_000)
      expect(last.size).toBeLessThan(8000)
    })

    test('is held and not rejected while nobody can say, and goes on when Prometheus answers again', async (context) => {
      const { look, start, prometheus } = await rig(context)
      await look()
      start()
      await until(async () => {
        await pause(500)
        return (await look()).judgement.kind === 'pass'
      })
      prometheus.pause()
      let last = await look()
      await until(async () => {
        last = await look()
        return last.judgement.kind === 'inconclusive'
      })
      expect(last.judgement).toMatchObject({
        why: { code: 'no-data', text: expect.stringContaining('http_requests_total{namespace="shop"') },
      })
      prometheus.resume()
      await until(async () => {
        await pause(500)
        last = await look()
        expect(last.judgement.kind).not.toBe('reject')
        return last.judgement.kind === 'pass'
      })
      expect(last.judged.evidence.unseen).toBeUndefined()
    })
  })
