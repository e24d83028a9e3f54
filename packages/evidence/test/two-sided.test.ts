import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Pair } from '../src/count.ts'
import { nearestNull, type Point } from '../src/projection.ts'
import { beginRatio, compare, ratioEvidence } from '../src/ratio.ts'
import {
  beginTwoSided,
  compareTwoSided,
  lowerAlternatives,
  type TwoSidedState,
  twoSidedEvidence,
} from '../src/two-sided.ts'
import { binomial, seeded } from './random.ts'

const pair = (nb: number, kb: number, nc: number, kc: number): Pair => ({
  baseline: { n: nb, k: kb },
  canary: { n: nc, k: kc },
})
const outcomes = (n: number, p: number) =>
  Array.from({ length: n + 1 }, (_, k) => {
    let choose = 1
    for (let i = 1; i <= k; i++) choose = (choose * (n - k + i)) / i
    return { k, chance: choose * p ** k * (1 - p) ** (n - k) }
  })

describe('over every possible outcome of three intervals', () => {
  const sizes = [
    [3, 2],
    [2, 1],
    [3, 2],
  ] as const
  const margin = 0.02
  const expected = (state: TwoSidedState, thetas: readonly number[], apart: number): number => {
    const [size, theta] = [sizes[3 - thetas.length], thetas[0]]
    if (size === undefined || theta === undefined) return Math.exp(twoSidedEvidence(state).now)
    const [nb, nc] = size
    const ours = Math.min(1, Math.max(0, theta + apart))
    let sum = 0
    for (const b of outcomes(nb, theta))
      for (const c of outcomes(nc, ours))
        sum +=
          b.chance * c.chance * expected(compareTwoSided(state, pair(nb, b.k, nc, c.k), margin), thetas.slice(1), apart)
    return sum
  }

  test.each([[[0.001, 0.001, 0.001]], [[0.01, 0.5, 0.02]], [[0.9, 0.2, 0.999]], [[0, 1, 0.3]]])(
    'a canary at either edge of what is tolerated, or within, expects no gain while the baseline moves through %j',
    (thetas) => {
      for (const apart of [-margin, -margin / 2, 0, margin])
        for (const history of [{ n: 300, k: 60 }, { n: 300, k: 2 }, undefined])
          expect(expected(beginTwoSided(history), thetas, apart)).toBeLessThanOrEqual(1 + 1e-9)
    },
  )

  test('a canary that is far off expects a gain, either way', () => {
    expect(expected(beginTwoSided({ n: 300, k: 60 }), [0.2, 0.2, 0.2], 0.4)).toBeGreaterThan(1.5)
    expect(expected(beginTwoSided({ n: 300, k: 240 }), [0.8, 0.8, 0.8], -0.4)).toBeGreaterThan(1.5)
  })
})

/** Points of {canary ≥ baseline − margin}: its boundary, and its inside coarsely. */
const nullPoints = (margin: number): Point[] =>
  Array.from({ length: 101 }, (_, i) => (i / 100) * (1 - margin)).flatMap((canary) =>
    [0, canary / 2, canary, canary + margin].map((baseline) => ({ baseline, canary })),
  )

test('for any past, margin and counts up to a million, no point of "not lower" expects more than 1 of a lower alternative', () => {
  const part = (n: number, t: number, q: number, p: number) => n * Math.log1p(((t - p) * (q - p)) / (p * (1 - p)))
  const counts = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 1e6 }))
  let projected = 0
  fc.assert(
    fc.property(
      fc.nat(2000),
      fc.oneof(fc.constant(0), fc.double({ min: 0, max: 0.3, noNaN: true })),
      counts,
      counts,
      (k, margin, nb, nc) => {
        for (const { baseline: qb, canary: qc } of lowerAlternatives(beginRatio({ n: 2000, k }), margin)) {
          const nearest = nearestNull({ baseline: qc, canary: qb }, margin, nc, nb)
          if (nearest === undefined) continue
          projected += 1
          const expected = nullPoints(margin).map(
            ({ baseline, canary }) => part(nb, baseline, qb, nearest.canary) + part(nc, canary, qc, nearest.baseline),
          )
          expect(Math.max(...expected)).toBeLessThanOrEqual(1e-9)
        }
      },
    ),
    { numRuns: 300, seed: 1 },
  )
  expect(projected).toBeGreaterThan(500)
})

const run = (thetaB: number, thetaC: number, looks: number, seed = 1) => {
  const random = seeded(seed)
  let state = beginTwoSided({ n: 2000, k: Math.round(2000 * thetaB) })
  for (let i = 0; i < looks; i++)
    state = compareTwoSided(state, pair(76, binomial(random, 76, thetaB), 40, binomial(random, 40, thetaC)), 0.004)
  return twoSidedEvidence(state)
}

test.each([
  [0.02, 0.1, 'higher'],
  [0.1, 0.02, 'lower'],
] as const)('%d against %d is found, and the direction is told', (thetaB, thetaC, direction) => {
  const found = run(thetaB, thetaC, 60)
  expect(found.peak).toBeGreaterThan(Math.log(400))
  expect(found.direction).toBe(direction)
})

test('equal sides, looked at after every interval, are called different in at most α of runs', () => {
  const runs = 200
  let different = 0
  for (let seed = 1; seed <= runs; seed++) if (run(0.05, 0.05, 60, seed).peak >= Math.log(10)) different += 1
  expect(different / runs).toBeLessThanOrEqual(0.1)
})

test('half of the capital is the one-sided comparison’s: a worse canary costs log 2 more evidence, no more', () => {
  let [two, one] = [beginTwoSided({ n: 2000, k: 10 }), beginRatio({ n: 2000, k: 10 })]
  for (let i = 0; i < 5; i++) {
    two = compareTwoSided(two, pair(76, 0, 4, 2), 0.001)
    one = compare(one, pair(76, 0, 4, 2), 0.001)
  }
  const behind = ratioEvidence(one).now - twoSidedEvidence(two).now
  expect(behind).toBeGreaterThan(0.6)
  expect(behind).toBeLessThanOrEqual(Math.LN2)
})

test('where the baseline fails no more than the margin, none can be lower and nothing is bet on it', () => {
  expect(lowerAlternatives(beginRatio({ n: 5000, k: 5 }), 0.01)).toEqual([])
  let state = beginTwoSided({ n: 5000, k: 5 })
  for (let i = 0; i < 20; i++) state = compareTwoSided(state, pair(100, 0, 100, 0), 0.01)
  expect(state.lower).toEqual(beginTwoSided().lower)
})

test('without requests on a side nothing moves, the state is plain JSON, and extremes stay finite', () => {
  const before = compareTwoSided(beginTwoSided(), pair(50, 5, 10, 4), 0.01)
  expect(twoSidedEvidence(compareTwoSided(before, pair(100, 3, 0, 0), 0.01)).now).toBe(twoSidedEvidence(before).now)
  expect(JSON.parse(JSON.stringify(before))).toStrictEqual(before)
  for (const interval of [pair(1e9, 0, 1e9, 1e9), pair(1e9, 1e9, 1e9, 0), pair(1, 1, 1, 0)])
    for (const margin of [0, 0.5, 1]) {
      let state = beginTwoSided()
      for (let i = 0; i < 20; i++) state = compareTwoSided(state, interval, margin)
      expect(Number.isFinite(twoSidedEvidence(state).now)).toBe(true)
    }
})
