import type { Scrape } from '@sluice/evidence/reading'
import type { Json, ReleaseRecord, State, World } from '@sluice/release/record'
import { describe, expect, test } from 'vitest'
import { judgeLook, type Watch, watchOf, withWatch } from '../src/judgement.ts'
import { powerOf } from '../src/power.ts'

type Given = { readonly metrics: readonly object[]; readonly steps?: readonly object[]; readonly state?: State }

const release = ({ metrics, steps = [{ weight: 10, hold: 60_000 }], state }: Given): ReleaseRecord =>
  ({
    evidence: null as Json,
    state: state ?? { phase: 'analysing', step: 0, since: 0 },
    plan: {
      split: 'weights',
      steps,
      interval: 5000,
      minRequests: 1,
      metrics: {
        setup: { deployment: 'shop', canary: 'shop-canary' },
        provider: 'pods',
        metrics,
        alpha: 0.01,
        warmUp: 0,
        settle: 1000,
      },
    },
  }) as unknown as ReleaseRecord
const world: World = {
  at: 0,
  weight: { written: 10, accepted: true, marked: true },
  stable: { desired: 1, available: 1, hash: 'old', rolledOut: true },
  canary: { desired: 1, ready: 1, restarts: 0, hash: 'new' },
  service: true,
  leftovers: 2,
}
const errors = { name: 'errors', kind: 'ratio' }
const cpu = { name: 'cpu', kind: 'gauge', series: 'cpu', max: 90 }

const pod = (side: 'baseline' | 'canary', total: number, gauges: Readonly<Record<string, number>> = {}) => ({
  side,
  pod: { name: side === 'canary' ? 'shop-canary-1' : 'shop-1', uid: side },
  containerId: side,
  restarts: 0,
  readAt: 0,
  counters: { errors: { total, bad: 0 } },
  gauges,
})
const burning = (look: number): Scrape => ({
  kind: 'pods',
  missing: [],
  readings: [pod('baseline', look * 900, { cpu: 20 }), pod('canary', look * 100, { cpu: 99 })],
})

/** Looks so many ms apart, each at its own state where one is given; what each said. */
const looks = (
  record: ReleaseRecord,
  count: number,
  { every = 5000, scrape, seen = world }: { every?: number; scrape: (look: number) => Scrape; seen?: World },
) => {
  let now = record
  const kinds = Array.from({ length: count }, (_, look) => {
    const { watch, judgement } = judgeLook(now, { at: (look + 1) * every, scrape: scrape(look + 1), world: seen })
    now = withWatch(now, JSON.parse(JSON.stringify(watch)) as Watch)
    return judgement.kind
  })
  return { kinds, record: now }
}

describe('a gauge of a canary that starts', () => {
  const preparing = (step: number) =>
    release({
      metrics: [errors, cpu],
      steps: [
        { weight: 10, hold: 60_000 },
        { weight: 50, hold: 60_000 },
      ],
      state: { phase: 'preparing', step, since: 0 },
    })

  test.each([0, 1])('rejects nothing while pods are made for step %i, however high', (step) => {
    expect(looks(preparing(step), 60, { scrape: burning }).kinds).not.toContain('reject')
  })

  test('rejects after three intervals under traffic, not after three looks', () => {
    const { kinds } = looks(release({ metrics: [errors, cpu] }), 30, { every: 500, scrape: burning })
    expect(kinds.indexOf('reject')).toBeGreaterThanOrEqual(16)
    expect(kinds).toContain('reject')
  })

  test('is judged in a step that only copies requests, where the weight is 0', () => {
    const record = release({ metrics: [errors, cpu], steps: [{ weight: 0, mirror: 10, hold: 60_000 }] })
    const seen = { ...world, weight: { ...world.weight, written: 0, mirrored: 10 } }
    expect(looks(record, 3, { scrape: burning, seen }).kinds.at(-1)).toBe('reject')
  })
})

test('a source that reloads while pods are made is one look without data, also where no-data is fail', () => {
  const record = release({
    metrics: [{ ...errors, 'no-data': 'fail' }],
    state: { phase: 'preparing', step: 0, since: 0 },
  })
  const outage = (): Scrape => ({ kind: 'outage', query: 'up', text: 'Prometheus could not be reached' })
  expect(looks(record, 5, { every: 500, scrape: outage }).kinds).not.toContain('reject')
  expect(looks(record, 30, { every: 500, scrape: outage }).kinds).toContain('reject')
})

test('what a release would have revealed of a metric is said by its own requests, and of one that was never read: nothing', () => {
  const slow = { name: 'slow', kind: 'latency', provider: 'prometheus', 'no-data': 'ignore' }
  const scrape = (look: number): Scrape => ({
    kind: 'sources',
    parts: [
      {
        source: 'pods',
        metrics: ['errors'],
        scrape: { kind: 'pods', missing: [], readings: [pod('baseline', look * 900), pod('canary', look * 100)] },
      },
      { source: 'prometheus', metrics: ['slow'], scrape: { kind: 'outage', query: 'up', text: 'away' } },
    ],
  })
  const { record } = looks(release({ metrics: [errors, slow] }), 20, { scrape })
  const { metrics } = judgeLook(record, { at: 105_000, scrape: scrape(21), world }).judged
  const [ofErrors, ofSlow] = powerOf(record, metrics)
  expect(ofErrors?.increase).toBeGreaterThan(0)
  expect(ofSlow?.text).toBe('slow: too few requests; not even a canary that always fails would have been revealed')
  const { traffic: _, ...older } = watchOf(record)
  expect(powerOf(withWatch(record, older), metrics)[0]).toEqual(ofErrors)
})

test('a release that was saved before each metric’s own requests were kept goes on with those of its steps', () => {
  const scrape = (look: number): Scrape => ({
    kind: 'pods',
    missing: [],
    readings: [pod('baseline', look * 900), pod('canary', look * 100)],
  })
  const steps = [
    { weight: 10, hold: 60_000 },
    { weight: 10, hold: 60_000 },
  ]
  const first = looks(release({ metrics: [errors], steps }), 20, { scrape }).record
  const second = { ...first, state: { phase: 'analysing', step: 1, since: 0 } } as ReleaseRecord
  const next = (record: ReleaseRecord) => judgeLook(record, { at: 105_000, scrape: scrape(21), world }).watch.traffic
  const { traffic: _, ...older } = watchOf(second)
  // How often they were looked at was not kept.
  expect(next(withWatch(second, older))).toMatchObject({
    errors: { 0: { baseline: 17_100, canary: 1900 }, 1: next(second)?.errors?.[1] },
  })
  expect(next(second)?.errors).toMatchObject({ 0: { canary: 1900 }, 1: { canary: 100 } })
})

test('a canary pod that is never read keeps the step from passing, also where every other look comes too late to show any pod', () => {
  const away = { ...errors, 'no-data': { outage: 'ignore' } }
  const scrape = (look: number): Scrape =>
    look % 2 === 0
      ? { kind: 'outage', query: 'pods', text: 'provider pods: no answer within 15 s' }
      : {
          kind: 'pods',
          missing: ['shop-canary-2'],
          readings: [pod('baseline', look * 900), pod('canary', look * 100)],
        }
  const { kinds } = looks(release({ metrics: [away] }), 10, { scrape })
  expect(kinds.slice(4)).toEqual(Array.from({ length: 6 }, () => 'inconclusive'))
  const whole = looks(release({ metrics: [away] }), 10, {
    scrape: (look) => (look < 6 ? scrape(look) : burning(look)),
  })
  expect(whole.kinds.slice(5)).toEqual(Array.from({ length: 5 }, () => 'pass'))
})
