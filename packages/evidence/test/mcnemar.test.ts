import { expect, test } from 'vitest'
import { mcnemar } from '../src/mcnemar.ts'
import { off, reference } from './reference/statistics.ts'

test('the exact p-values are SciPy’s, from no pair to a million, to 1e-9 of their own size', () => {
  const rows = reference<{ baseline: number; canary: number; worse: number; different: number }>('mcnemar')
  for (const { worse, different, ...pairs } of rows) {
    const ours = mcnemar(pairs)
    expect(off(ours.worse, worse), JSON.stringify(pairs)).toBeLessThan(1e-9)
    expect(off(ours.different, different), JSON.stringify(pairs)).toBeLessThan(1e-9)
  }
})

test.each([
  [0, 0, 1, 1],
  [0, 1, 1 / 2, 1],
  [1, 1, 3 / 4, 1],
  [0, 6, 1 / 64, 1 / 32],
  [1, 4, 6 / 32, 12 / 32],
  [4, 1, 31 / 32, 12 / 32],
])(
  '%i pairs bad on the baseline only and %i on the canary only, counted by hand',
  (baseline, canary, worse, different) => {
    expect(mcnemar({ baseline, canary }).worse).toBeCloseTo(worse, 14)
    expect(mcnemar({ baseline, canary }).different).toBeCloseTo(different, 14)
  },
)

test('a billion pairs are no matter: equal sides differ with certainty 1, six deviations apart about as a normal does', () => {
  expect(mcnemar({ baseline: 5e8, canary: 5e8 }).different).toBe(1)
  const apart = Math.round(3 * Math.sqrt(1e9))
  expect(mcnemar({ baseline: 5e8 - apart, canary: 5e8 + apart }).worse / 9.8659e-10).toBeCloseTo(1, 2)
  expect(mcnemar({ baseline: 0, canary: 1e9 }).worse).toBe(0)
})

test('swapping the sides keeps "different", and "worse" of both together counts the middle twice', () => {
  for (const [b, c] of [
    [3, 9],
    [20, 20],
    [100, 31],
  ] as const) {
    expect(mcnemar({ baseline: b, canary: c }).different).toBe(mcnemar({ baseline: c, canary: b }).different)
    const both = mcnemar({ baseline: b, canary: c }).worse + mcnemar({ baseline: c, canary: b }).worse
    expect(both).toBeGreaterThan(1)
    expect(mcnemar({ baseline: b - 1, canary: c + 1 }).worse).toBeLessThan(mcnemar({ baseline: b, canary: c }).worse)
  }
})

test.each([
  [-1, 3],
  [1.5, 3],
  [Number.NaN, 0],
  [Number.POSITIVE_INFINITY, 1],
])('%d and %d are no counts', (baseline, canary) => {
  expect(mcnemar({ baseline, canary })).toEqual({ worse: Number.NaN, different: Number.NaN })
})
