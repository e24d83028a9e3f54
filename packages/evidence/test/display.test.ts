import { describe, expect, test } from 'vitest'
import { wilson } from '../src/interval.ts'
import { smallestIncrease } from '../src/power.ts'
import { beginRatio, compare, ratioEvidence } from '../src/ratio.ts'
import { binomial, seeded } from './random.ts'

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

describe('the power statement', () => {
  const question = (baseline: number, nb: number, nc: number) => ({
    baseline,
    margin: Math.max(0.001, 0.2 * baseline),
    traffic: [{ baseline: nb, canary: nc }],
    looks: 50,
    logLimit: Math.log(300),
  })

  test.each([
    [0.0005, 760, 40],
    [0.005, 4750, 250],
    [0.02, 4750, 250],
    [0.02, 9500, 9500],
    [0.1, 760, 40],
  ])(
    'at %d with %i and %i requests, what it names is revealed about 95 times in 100, half of it far less often',
    (theta, nb, nc) => {
      const asked = question(theta, nb, nc)
      const increase = smallestIncrease(asked)
      if (increase === undefined) throw new Error('something is revealed')
      const revealed = (more: number) => {
        let hits = 0
        for (let seed = 1; seed <= 200; seed++) {
          const random = seeded(seed)
          let state = beginRatio({ n: 5000, k: binomial(random, 5000, theta) })
          for (let look = 0; look < asked.looks; look++) {
            const part = (n: number) =>
              Math.floor((n * (look + 1)) / asked.looks) - Math.floor((n * look) / asked.looks)
            const [b, c] = [part(nb), part(nc)]
            const interval = {
              baseline: { n: b, k: binomial(random, b, theta) },
              canary: { n: c, k: binomial(random, c, theta + more) },
            }
            state = compare(state, interval, asked.margin)
          }
          if (ratioEvidence(state).peak >= asked.logLimit) hits++
        }
        return hits / 200
      }
      expect(revealed(increase)).toBeGreaterThanOrEqual(0.92)
      expect(revealed(increase / 2)).toBeLessThan(0.8)
    },
  )

  test('more traffic reveals less', () => {
    const all = [100, 1000, 10_000, 100_000].map((n) => smallestIncrease(question(0.005, n, n / 10)) ?? 1)
    expect(all).toEqual([...all].sort((a, b) => b - a))
  })

  test('a handful of requests reveals nothing, nor does a margin that leaves no room', () => {
    expect(smallestIncrease(question(0.005, 20, 1))).toBeUndefined()
    expect(smallestIncrease({ ...question(0.5, 1000, 1000), margin: 0.5 })).toBeUndefined()
    expect(smallestIncrease({ ...question(0.005, 0, 0), traffic: [] })).toBeUndefined()
  })
})
