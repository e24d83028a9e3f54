import { expect, test } from 'vitest'
import { wilson } from '../src/interval.ts'

// Reference values: the roots in p of n(k/n − p)² = z²p(1 − p), found by bisection outside this code.
test.each([
  [0, 10, 0, 0.2775328],
  [1, 10, 0.01787621, 0.40415],
  [5, 10, 0.2365931, 0.7634069],
  [10, 10, 0.7224672, 1],
])('Wilson for %i of %i', (k, n, low, high) => {
  const interval = wilson({ n, k })
  expect(interval.low).toBeCloseTo(low, 6)
  expect(interval.high).toBeCloseTo(high, 6)
})

test('Wilson knows nothing of nothing, and keeps within 0 and 1', () => {
  expect(wilson({ n: 0, k: 0 })).toEqual({ low: 0, high: 1 })
  for (const n of [1, 3, 1e9]) {
    expect(wilson({ n, k: 0 }).low).toBe(0)
    expect(wilson({ n, k: n }).high).toBe(1)
  }
})
