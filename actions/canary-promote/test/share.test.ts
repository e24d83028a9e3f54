import { beginEvidence, type Evidence } from '@sluice/evidence/evidence'
import type { Scrape } from '@sluice/evidence/reading'
import type { ReleaseRecord, World } from '@sluice/release/record'
import { describe, expect, test } from 'vitest'
import { differentShare, type ShareSeen, shareOf, watchShare } from '../src/share.ts'

const plan = {
  metrics: [{ name: 'errors', kind: 'ratio' as const }],
  alpha: 0.01,
  warmUp: 0,
  settle: 2_000,
  missing: 'silence' as const,
}
const counted = (baseline: number, canary: number, since = 0): Evidence => {
  const evidence = beginEvidence(plan)
  const known = evidence.metrics.errors
  if (known?.kind !== 'counted') throw new Error('the plan has one counted metric')
  const step = { baseline: { n: baseline, k: 0 }, canary: { n: canary, k: 0 } }
  return { ...evidence, weightSince: since, metrics: { errors: { ...known, step } } }
}
const pods = (baseline: number, missing: readonly string[] = []): Scrape => ({
  kind: 'pods',
  missing,
  readings: Array.from({ length: baseline }, (_, n) => ({
    side: 'baseline',
    pod: { name: `shop-${n}`, uid: `uid-${n}` },
    containerId: 'c',
    restarts: 0,
    readAt: 0,
    tookMs: 1,
    counters: {},
    gauges: {},
  })),
})
const world: World = {
  at: 0,
  weight: { written: 10, accepted: true, marked: true },
  stable: { desired: 3, available: 3, hash: 'old', rolledOut: true },
  service: true,
  leftovers: 2,
}

/** Looks of one step: at, requests of both sides so far, what was read. */
const watch = (looks: readonly (readonly [at: number, baseline: number, canary: number, scrape?: Scrape])[]) => {
  let seen: ShareSeen | undefined
  let evidence = counted(0, 0)
  for (const [at, baseline, canary, scrape = pods(3)] of looks) {
    evidence = counted(baseline, canary)
    seen = watchShare(seen, evidence, { at, step: 0, settle: plan.settle, plan, scrape, world })
  }
  if (seen === undefined) throw new Error('no look')
  return differentShare(seen, evidence, { plan, share: 10 })?.code
}

describe('the share that a step may pass on', () => {
  test.each([
    ['as asked', 9_000, 1_000, undefined],
    ['five times as much', 5_000, 5_000, 'share-differs'],
    ['diluted by callers that the route does not split', 19_000, 1_000, 'populations-differ'],
    ['none, of a route that only reads back', 9_000, 0, 'populations-differ'],
  ] as const)('%s', (_, baseline, canary, code) => {
    expect(
      watch([
        [0, 0, 0],
        [2_000, 0, 0],
        [9_000, baseline, canary],
      ]),
    ).toBe(code)
  })

  test('is taken from when the weight has settled: what the gateway was late with says nothing', () => {
    expect(
      watch([
        [0, 0, 0],
        [2_000, 5_000, 0],
        [9_000, 14_000, 1_000],
      ]),
    ).toBeUndefined()
  })

  test('begins anew when the weight was written again', () => {
    const first = watchShare(undefined, counted(0, 0, 0), {
      at: 3_000,
      step: 0,
      settle: 2_000,
      plan,
      scrape: pods(3),
      world,
    })
    const again = watchShare(first, counted(9_000, 0, 5_000), {
      at: 5_000,
      step: 0,
      settle: 2_000,
      plan,
      scrape: pods(3),
      world,
    })
    expect(again.from).toBeUndefined()
  })

  test('is not judged where stable has pods that were not read', () => {
    expect(
      watch([
        [0, 0, 0],
        [2_000, 0, 0],
        [9_000, 3_000, 3_000, pods(2)],
      ]),
    ).toBeUndefined()
    expect(
      watch([
        [0, 0, 0],
        [2_000, 0, 0],
        [9_000, 3_000, 3_000, pods(3, ['shop-4'])],
      ]),
    ).toBeUndefined()
  })

  test('is not judged for requests of our own', () => {
    const off = { ...plan, missing: 'off' as const }
    const look = { step: 0, settle: 2_000, plan: off, scrape: pods(3), world }
    const seen = watchShare(undefined, counted(0, 0), { at: 3_000, ...look })
    expect(differentShare(seen, counted(50, 50), { plan: off, share: 10 })).toBeUndefined()
  })
})

describe('the share that is to be expected', () => {
  const record = (split: string): ReleaseRecord =>
    ({
      plan: { split, steps: [{ weight: 20, hold: 1000 }] },
      state: { phase: 'analysing', step: 0, since: 0 },
    }) as unknown as ReleaseRecord
  const canary = { desired: 1, ready: 1, restarts: 0, hash: 'new' }
  const of = (split: string, weight: World['weight']) =>
    shareOf(record(split), { ...world, weight, canary, stable: { ...world.stable, available: 2 } })

  test.each([
    ['a router: the weight', 'weights', {}, 20],
    ['none: the share of the pods that serve', 'replicas', {}, 33.3],
    ['a controller with a router: the weight', 'controller', {}, 20],
    ['a controller without one: the share of the pods that serve', 'controller', { byPods: true }, 33.3],
  ] as const)('by %s', (_, split, more, share) => {
    expect(of(split, { written: 20, accepted: true, marked: true, ...more })).toBe(share)
  })
})
