import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { wilson } from '../src/interval.ts'
import type { PairedCounts } from '../src/mcnemar.ts'
import { newcombe, newcombePaired } from '../src/newcombe.ts'
import { type Ends, off, reference } from './reference/statistics.ts'

const near = (ours: Ends, theirs: Ends, of: unknown) => {
  expect(off(ours.low, theirs.low, 1), JSON.stringify(of)).toBeLessThan(1e-9)
  expect(off(ours.high, theirs.high, 1), JSON.stringify(of)).toBeLessThan(1e-9)
}

test('Wilson’s interval is statsmodels’, to 1e-9', () => {
  for (const row of reference<{ k: number; n: number; z: number } & Ends>('wilson')) near(wilson(row, row.z), row, row)
})

describe('independent shares', () => {
  test('the interval is statsmodels’, to 1e-9', () => {
    const rows = reference<{ baseline: readonly [number, number]; canary: readonly [number, number] } & Ends>(
      'newcombe',
    )
    for (const row of rows) {
      const side = ([k, n]: readonly [number, number]) => ({ n, k })
      near(newcombe({ baseline: side(row.baseline), canary: side(row.canary) }), row, row)
    }
  })

  // Newcombe (1998), Statistics in Medicine 17, 873–890, Table II, method 10.
  test.each([
    [56, 70, 48, 80, 0.0524, 0.3339],
    [9, 10, 3, 10, 0.1705, 0.809],
    [6, 7, 2, 7, 0.0582, 0.8062],
    [5, 56, 0, 29, -0.0381, 0.1926],
    [0, 10, 0, 20, -0.1611, 0.2775],
    [0, 10, 0, 10, -0.2775, 0.2775],
    [10, 10, 0, 20, 0.6791, 1],
    [10, 10, 0, 10, 0.6075, 1],
  ])('%i of %i against %i of %i, as published', (kc, nc, kb, nb, low, high) => {
    const interval = newcombe({ baseline: { n: nb, k: kb }, canary: { n: nc, k: kc } })
    expect(interval.low).toBeCloseTo(low, 4)
    expect(interval.high).toBeCloseTo(high, 4)
  })

  test('nothing says nothing; a side without answers is unknown', () => {
    const none = { n: 0, k: 0 }
    expect(newcombe({ baseline: none, canary: none })).toEqual({ low: -1, high: 1 })
    const { low, high } = newcombe({ baseline: none, canary: { n: 1000, k: 0 } })
    expect(low).toBe(-1)
    expect(high).toBeLessThan(0.01)
  })
})

describe('paired shares', () => {
  test('the interval is the formula’s in Python, to 1e-9', () => {
    const rows = reference<PairedCounts & Ends>('newcombe_paired')
    for (const row of rows) near(newcombePaired(row), row, row)
  })

  // Newcombe (1998), Statistics in Medicine 17, 2635–2650, Table III, method 10; there z is 1.96.
  test.each([
    [36, 12, 2, 0, 0.0569, 0.3404],
    [20, 12, 2, 16, 0.0562, 0.3292],
    [18, 12, 2, 18, 0.0562, 0.329],
    [36, 14, 0, 0, 0.1528, 0.4167],
    [0, 30, 0, 0, 0.8395, 1],
    [54, 0, 0, 0, -0.0664, 0.0664],
    [27, 0, 0, 27, -0.0351, 0.0351],
  ])(
    'both %i, canary only %i, baseline only %i, neither %i, as published',
    (both, canary, baseline, neither, low, high) => {
      const interval = newcombePaired({ both, canary, baseline, neither }, 1.96)
      expect(Math.abs(interval.low - low)).toBeLessThan(1e-4)
      expect(Math.abs(interval.high - high)).toBeLessThan(1e-4)
    },
  )

  test('no pair says nothing; swapping the sides turns the interval over; it holds what was seen', () => {
    expect(newcombePaired({ both: 0, baseline: 0, canary: 0, neither: 0 })).toEqual({ low: -1, high: 1 })
    const cells = fc.record({ both: fc.nat(90), baseline: fc.nat(90), canary: fc.nat(90), neither: fc.nat(90) })
    fc.assert(
      fc.property(cells, (counts) => {
        const n = counts.both + counts.baseline + counts.canary + counts.neither
        fc.pre(n > 0)
        const { low, high } = newcombePaired(counts)
        const swapped = newcombePaired({ ...counts, baseline: counts.canary, canary: counts.baseline })
        const seen = (counts.canary - counts.baseline) / n
        expect(low + swapped.high).toBeCloseTo(0, 12)
        expect(low).toBeLessThanOrEqual(seen)
        expect(high).toBeGreaterThanOrEqual(seen)
        expect(high - low).toBeGreaterThan(0)
      }),
      { seed: 1 },
    )
  })

  test('pairs that agree are worth more than the same shares of strangers', () => {
    const paired = newcombePaired({ both: 40, baseline: 2, canary: 5, neither: 53 })
    const strangers = newcombe({ baseline: { n: 100, k: 42 }, canary: { n: 100, k: 45 } })
    expect(paired.high - paired.low).toBeLessThan((strangers.high - strangers.low) / 1.8)
  })
})
