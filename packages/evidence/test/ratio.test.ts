import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Count, Pair } from '../src/count.ts'
import { bet, start } from '../src/eprocess.ts'
import { beginLimit, type LimitState, limitEvidence, testLimit } from '../src/limit.ts'
import { defaultMargin } from '../src/margin.ts'
import { beginMissing, missingEvidence, testShare } from '../src/missing.ts'
import {
  alternatives,
  baselineRatio,
  beginRatio,
  compare,
  learnBaseline,
  type RatioState,
  ratioEvidence,
} from '../src/ratio.ts'
import { binomial, seeded } from './random.ts'

const pair = (nb: number, kb: number, nc: number, kc: number): Pair => ({
  baseline: { n: nb, k: kb },
  canary: { n: nc, k: kc },
})
const probability = (n: number, k: number, p: number): number => {
  let choose = 1
  for (let i = 1; i <= k; i++) choose = (choose * (n - k + i)) / i
  return choose * p ** k * (1 - p) ** (n - k)
}
const outcomes = (n: number, p: number) =>
  Array.from({ length: n + 1 }, (_, k) => ({ k, chance: probability(n, k, p) }))

describe('the whole process, over every possible outcome of three intervals', () => {
  const sizes = [
    [3, 2],
    [2, 1],
    [3, 2],
  ] as const
  const expected = (state: RatioState, thetas: readonly number[], extra: number): number => {
    const [size, theta] = [sizes[3 - thetas.length], thetas[0]]
    if (size === undefined || theta === undefined) return Math.exp(ratioEvidence(state).now)
    const [nb, nc] = size
    const margin = defaultMargin(baselineRatio(state))
    const ours = Math.min(1, theta + margin + extra)
    let sum = 0
    for (const b of outcomes(nb, theta))
      for (const c of outcomes(nc, ours))
        sum += b.chance * c.chance * expected(compare(state, pair(nb, b.k, nc, c.k), margin), thetas.slice(1), extra)
    return sum
  }

  test.each([[[0.001, 0.001, 0.001]], [[0.01, 0.5, 0.01]], [[0.9, 0.2, 0.999]], [[0, 1, 0.3]]])(
    'a canary at the edge of what is tolerated expects no gain while the baseline moves through %j',
    (thetas) => {
      expect(expected(beginRatio({ n: 300, k: 2 }), thetas, 0)).toBeLessThanOrEqual(1 + 1e-9)
      expect(expected(beginRatio(), thetas, 0)).toBeLessThanOrEqual(1 + 1e-9)
    },
  )

  test('a worse canary expects a gain', () => {
    expect(expected(beginRatio({ n: 300, k: 2 }), [0.01, 0.01, 0.01], 0.2)).toBeGreaterThan(2)
  })

  test.each([0, 0.02, 0.05])('a canary at %d under a limit of 5 % expects no gain from the limit test', (theta) => {
    const gain = (state: LimitState, left: number): number =>
      left === 0
        ? Math.exp(limitEvidence(state).now)
        : outcomes(2, 0.04).reduce(
            (sum, b) =>
              sum +
              outcomes(4, theta).reduce(
                (inner, c) =>
                  inner + b.chance * c.chance * gain(testLimit(state, pair(2, b.k, 4, c.k), 0.05), left - 1),
                0,
              ),
            0,
          )
    expect(gain(beginLimit(), 3)).toBeLessThanOrEqual(1 + 1e-9)
  })

  test('a canary that gets half of its weight or more expects no gain from the missing-request test', () => {
    const gain = (share: number) =>
      outcomes(30, share).reduce((sum, { k, chance }) => {
        const state = testShare(beginMissing(0), pair(30 - k, 0, k, 0), 20)
        return sum + chance * Math.exp(missingEvidence(state).now)
      }, 0)
    for (const share of [0.1, 0.15, 0.2, 0.5, 1]) expect(gain(share)).toBeLessThanOrEqual(1 + 1e-9)
    expect(gain(0.001)).toBeGreaterThan(1)
  })
})

describe('the evidence', () => {
  const before = beginRatio({ n: 2000, k: 10 })
  const after = (interval: Pair, margin = 0.001) => ratioEvidence(compare(before, interval, margin)).now

  test('does not move without requests on either side', () => {
    expect(after(pair(0, 0, 0, 0))).toBe(ratioEvidence(before).now)
    expect(after(pair(100, 3, 0, 0))).toBe(ratioEvidence(before).now)
    expect(after(pair(0, 0, 10, 9))).toBe(ratioEvidence(before).now)
  })

  test('rises with each bad canary answer and falls with each bad baseline answer', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 1, max: 40 }),
        fc.nat(),
        fc.nat(),
        (nb, nc, b, c) => {
          const [kb, kc] = [b % nb, c % nc]
          const now = after(pair(nb, kb, nc, kc))
          expect(after(pair(nb, kb, nc, kc + 1))).toBeGreaterThan(now)
          expect(after(pair(nb, kb + 1, nc, kc))).toBeLessThan(now)
        },
      ),
      { seed: 3 },
    )
  })

  test('falls as the margin grows', () => {
    const all = [0.001, 0.03, 0.1, 0.3].map((margin) => after(pair(76, 0, 4, 3), margin))
    expect(all).toEqual([...all].sort((a, b) => b - a))
    expect(new Set(all).size).toBe(4)
  })

  test('peak keeps the largest value, which rejects for good', () => {
    let state = before
    for (let i = 0; i < 5; i++) state = compare(state, pair(76, 0, 4, 2), 0.001)
    const { peak } = ratioEvidence(state)
    for (let i = 0; i < 50; i++) state = compare(state, pair(76, 1, 4, 0), 0.001)
    expect(ratioEvidence(state).now).toBeLessThan(peak)
    expect(ratioEvidence(state).peak).toBe(peak)
    expect(peak).toBeGreaterThan(Math.log(400))
  })

  test('never becomes less than an expert keeps aside would leave it: a fault after long health is still found', () => {
    let state = before
    const random = seeded(4)
    for (let i = 0; i < 3000; i++)
      state = compare(state, pair(76, binomial(random, 76, 0.005), 4, binomial(random, 4, 0.005)), 0.001)
    expect(ratioEvidence(state).now).toBeGreaterThan(-8)
    for (let i = 0; i < 15; i++) state = compare(state, pair(76, 0, 4, 1), 0.001)
    expect(ratioEvidence(state).now).toBeGreaterThan(Math.log(400))
  })
})

test('bets use the past only: alternatives follow what both sides did before', () => {
  const calm = beginRatio({ n: 5000, k: 5 })
  expect(baselineRatio(calm)).toBeCloseTo(0.001, 3)
  expect(alternatives(calm, 0.001).every(({ baseline, canary }) => canary >= baseline + 0.001 - 1e-12)).toBe(true)
  const plugIn = alternatives(compare(calm, pair(76, 0, 40, 20), 0.001), 0.001).at(-1)
  expect(plugIn?.canary).toBeGreaterThan(0.4)
})

test('the estimate of the baseline follows an outage within a few thousand requests, there and back', () => {
  let state = beginRatio({ n: 1e6, k: 5000 })
  for (let i = 0; i < 20; i++) state = learnBaseline(state, { n: 100, k: 50 })
  expect(baselineRatio(state)).toBeGreaterThan(0.3)
  for (let i = 0; i < 40; i++) state = learnBaseline(state, { n: 100, k: 1 })
  expect(baselineRatio(state)).toBeLessThan(0.04)
})

test('the default margin is 20 % of the baseline, at least 0.1 points', () => {
  expect([0, 0.005, 0.02, 0.5].map((ratio) => defaultMargin(ratio))).toEqual([0.001, 0.001, 0.004, 0.1])
})

test('pods that differ raise it, by the canary’s pods, and never beyond the baseline’s own ratio', () => {
  expect(defaultMargin(0.02, { spread: 0.004, canaries: 2 })).toBeCloseTo(0.004 * Math.SQRT2, 12)
  expect(defaultMargin(0.02, { spread: 0.004, canaries: 0 })).toBe(0.004)
  expect(defaultMargin(0.02, { spread: 0.3, canaries: 1 })).toBe(0.02)
})

describe('numbers at the edge', () => {
  const finite = (state: RatioState) =>
    [...state.process.logs, state.process.peak, baselineRatio(state)].every((value) => Number.isFinite(value))

  test.each<[string, Pair, number]>([
    ['nothing fails', pair(1e9, 0, 1e9, 0), 0.001],
    ['everything fails', pair(1e9, 1e9, 1e9, 1e9), 0.001],
    ['only the canary fails', pair(1e9, 0, 1e9, 1e9), 0.001],
    ['only the baseline fails', pair(1e9, 1e9, 1e9, 0), 0.001],
    ['one request a side', pair(1, 1, 1, 1), 0.001],
    ['the margin reaches past 1', pair(100, 95, 100, 100), 0.5],
    ['the margin is 1', pair(100, 5, 100, 100), 1],
    ['the margin is 0', pair(100, 5, 100, 100), 0],
    ['fractions of requests', pair(10.5, 0.25, 0.75, 0.5), 0.001],
  ])('%s: the state stays finite', (_, interval, margin) => {
    let state = beginRatio()
    let limit = beginLimit()
    for (let i = 0; i < 50; i++) {
      state = compare(state, interval, margin)
      limit = testLimit(limit, interval, 0)
      limit = testLimit(limit, interval, 1)
    }
    expect(finite(state)).toBe(true)
    expect([...limit.process.logs, limit.process.peak].every(Number.isFinite)).toBe(true)
    expect(JSON.parse(JSON.stringify(state))).toStrictEqual(state)
  })

  test('a million intervals neither grow the state nor lose it', () => {
    let state = start([1, 1, 1, 1, 1, 1])
    for (let i = 0; i < 1_000_000; i++) state = bet(state, [-0.5, -0.1, 0.02, i % 7 === 0 ? 0.3 : -0.06, -30, 0])
    expect(state.t).toBe(1_000_000)
    expect(state.logs).toHaveLength(7)
    expect([...state.logs, state.peak].every(Number.isFinite)).toBe(true)
  })
})

test('at the very edge of the null hypothesis, looked at after every interval, at most α of runs are rejected', () => {
  const [runs, alpha] = [1000, 0.05]
  let rejected = 0
  for (let seed = 1; seed <= runs; seed++) {
    const random = seeded(seed)
    let state = beginRatio({ n: 1000, k: 20 })
    for (let i = 0; i < 100; i++) {
      const [baseline, canary]: [Count, Count] = [
        { n: 40, k: binomial(random, 40, 0.02) },
        { n: 20, k: binomial(random, 20, 0.024) },
      ]
      state = compare(state, { baseline, canary }, 0.004)
    }
    if (ratioEvidence(state).peak >= Math.log(1 / alpha)) rejected++
  }
  expect(rejected / runs).toBeLessThanOrEqual(alpha)
})
