import { expect, test } from 'vitest'
import { beginAnalysis, lookAnalysis } from '../packages/evidence/src/threshold/analysis.ts'
import { alwaysValid, type Precaution } from './bench/judges/always-valid.ts'
import type { Cell } from './bench/judges/cells.ts'
import type { Judge } from './bench/judges/judge.ts'
import { play } from './bench/judges/play.ts'
import type { Course, Truth } from './bench/judges/release.ts'
import { nothing, type Tally } from './bench/judges/tally.ts'

const steady =
  (share: number): Course =>
  () =>
    share
const both = (course: Course): Truth => ({ baseline: course, canary: course })
const outage: Course = (at) => (at >= 300 && at < 660 ? 0.5 : 0.005)

const cell = (rate: number, truth: Truth): Cell => ({
  name: 'a cell',
  rate,
  group: 'independent',
  metric: 'errors',
  truth,
})

/** What becomes of the same releases with some precautions left out. */
const leaving = (
  without: readonly Precaution[],
  of: Cell,
  { every, runs }: { readonly every: number; readonly runs: number },
): Tally => one(alwaysValid(every, { without }), of, runs)

const one = (judge: Judge, of: Cell, runs: number): Tally => play(of, [judge], { from: 1, count: runs })[0] ?? nothing

test.each([
  ['ρ 0.05', cell(500, { ...both(steady(0.005)), rho: 0.05 }), 15],
  [
    'a pod that fails half of its requests for 30 s',
    cell(50, { ...both(steady(0.005)), bursts: { every: 900, share: 0.5 } }),
    30,
  ],
])('errors that come together (%s) stop healthy releases unless counts are tempered', (_, of, every) => {
  expect(leaving(['tempering'], of, { every, runs: 12 }).stops.length).toBeGreaterThanOrEqual(6)
  expect(leaving([], of, { every, runs: 12 }).stops.length).toBeLessThanOrEqual(2)
})

test('an outage of both sides stops a release whose baseline is read late, unless the jump is guarded', () => {
  const of = cell(50, { ...both(outage), late: { side: 'baseline', seconds: 15 } })
  expect(leaving(['guard'], of, { every: 15, runs: 12 }).stops.length).toBeGreaterThanOrEqual(8)
  const guarded = leaving([], of, { every: 15, runs: 12 })
  expect(guarded.stops).toEqual([])
  expect(guarded.codes).toEqual({ 'baseline-breaks-limit': 12 })
})

test('internal requests of the baseline alone stop a healthy release, unless the populations are compared', () => {
  const of = cell(500, { ...both(steady(0.02)), internal: 0.3 })
  expect(leaving(['populations'], of, { every: 60, runs: 12 }).stops.length).toBeGreaterThanOrEqual(9)
  const checked = leaving([], of, { every: 60, runs: 12 })
  expect(checked.stops).toEqual([])
  expect(checked.codes).toEqual({ 'populations-differ': 12 })
})

test('pods that differ for good stop healthy releases, unless what is tolerated knows of their spread', () => {
  // Tempering alone would also see it, as pods that differ vary more than chance.
  const of = cell(500, { ...both(steady(0.02)), podSpread: 0.4 })
  const runs = { every: 60, runs: 120 }
  const [blind, spread, whole] = [
    leaving(['tempering', 'pod-spread'], of, runs),
    leaving(['tempering'], of, runs),
    leaving([], of, runs),
  ]
  expect(blind.stops.length).toBeGreaterThanOrEqual(12)
  expect(spread.stops.length).toBeLessThanOrEqual(blind.stops.length / 2)
  expect(whole.stops.length).toBeLessThanOrEqual(blind.stops.length / 3)
})

test('bad half minutes of single pods stop healthy releases, unless what a pod does alone is waited for', () => {
  const of = cell(500, { ...both(steady(0.005)), bursts: { every: 900, share: 0.5 } })
  const runs = { every: 5, runs: 60 }
  const blind = leaving(['outlier-pods'], of, runs)
  const whole = leaving([], of, runs)
  expect(blind.stops.length).toBeGreaterThanOrEqual(9)
  expect(whole.stops.length).toBeLessThanOrEqual(blind.stops.length / 3)
})

/** A limit on what each look shows: 5 % of whatever the canary answered since the last one, and three looks above it are allowed. */
const limitOfEachLook: Judge = {
  name: 'limit on each look',
  every: () => 5,
  begin: () => {
    let before = { total: 0, bad: 0 }
    let state = beginAnalysis()
    return {
      look: ({ weight, read: { canary } }) => {
        const n = canary.total - before.total
        const share = n === 0 ? 0 : (canary.bad - before.bad) / n
        before = canary
        if (weight > 0) state = lookAnalysis(state, share, { success: { max: 0.05 }, failureLimit: 3 })
        return state.phase === 'running' ? undefined : { kind: 'stopped', code: state.phase }
      },
    }
  },
}

test('a limit on each look stops a healthy release by a single error among few requests; the always-valid limit does not', () => {
  const healthy = cell(50, both(steady(0.01)))
  expect(one(limitOfEachLook, healthy, 12).stops).toHaveLength(12)
  expect(leaving([], healthy, { every: 5, runs: 12 }).stops).toEqual([])
})

test('the always-valid limit stops what breaks it and is no worse than its baseline by the plan’s own margin', () => {
  const metrics = [{ name: 'errors', kind: 'ratio', margin: 0.5, max: 0.05 }] as const
  const broken = cell(50, { baseline: steady(0.01), canary: steady(0.15) })
  const stopped = one(alwaysValid(5, { metrics }), broken, 12)
  expect(stopped.why).toEqual({ limit: 12 })
  expect(Math.max(...stopped.stops)).toBeLessThan(300)
})
