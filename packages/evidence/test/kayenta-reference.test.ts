import { describe, expect, test } from 'vitest'
import { root } from '../src/kayenta/brent.ts'
import { hasInterval, type MannWhitney, mannWhitney, type Precision } from '../src/kayenta/mann-whitney.ts'
import { wilcox } from './reference/wilcox.ts'

const tests = wilcox.flatMap((row) => (row.kind === 'test' ? [row] : []))
const intervals = tests.filter(({ ends }) => ends[0] !== null)
const names = [...new Set(intervals.map(({ name }) => name))]

/** How far two numbers are apart, in units of the second; NaN, which no bound holds, where either is missing. */
const off = (ours: number | undefined, theirs: number | null, unit: number): number =>
  Math.abs((ours ?? Number.NaN) - (theirs ?? Number.NaN)) / unit

const span = ({ first, second }: { readonly first: readonly number[]; readonly second: readonly number[] }): number =>
  Math.max(...first) - Math.min(...second) - (Math.min(...first) - Math.max(...second))

const run = (row: (typeof tests)[number], precision: Omit<Precision, 'confidence'>): MannWhitney | undefined =>
  mannWhitney(row.first, row.second, { confidence: row.confidence, ...precision } as Precision)

describe('the Mann-Whitney test is that of R', () => {
  test('the reference has rows of every kind and size', () => {
    expect(intervals.length).toBeGreaterThan(200)
    expect(names.length).toBeGreaterThan(11)
    expect(Math.max(...tests.map(({ first }) => first.length))).toBe(200)
  })

  test.each(names)('%s: rank sum, tie-corrected deviation and p', (name) => {
    for (const row of intervals.filter((one) => one.name === name)) {
      const ours = run(row, { within: 1e-4 })
      expect(ours?.w).toBe(row.w)
      expect(off(ours?.sigma, row.sigma, row.sigma)).toBeLessThan(1e-9)
      expect(off(ours?.p, row.p, row.p ?? 1)).toBeLessThan(1e-9)
    }
  })

  test.each(names)('%s: interval and estimate, as R finds them to 1e-4 of the unit', (name) => {
    for (const row of intervals.filter((one) => one.name === name)) {
      const ours = run(row, { within: 1e-4 })
      const unit = span(row)
      expect(off(ours?.low, row.ends[0], unit)).toBeLessThan(1e-9)
      expect(off(ours?.high, row.ends[1], unit)).toBeLessThan(1e-9)
      expect(off(ours?.estimate, row.kayenta, unit)).toBeLessThan(1e-9)
    }
  })

  test.each(names)('%s: interval and estimate, to a millionth of the span', (name) => {
    for (const row of intervals.filter((one) => one.name === name)) {
      const ours = run(row, { relative: 1e-6 })
      const unit = span(row)
      expect(off(ours?.low, row.fine[0], unit)).toBeLessThan(1e-6)
      expect(off(ours?.high, row.fine[1], unit)).toBeLessThan(1e-6)
      expect(off(ours?.estimate, row.fine[2], unit)).toBeLessThan(1e-6)
    }
  })

  test('where an even number of differences has no ties, R estimates the same shift without the continuity correction', () => {
    const plain = intervals.filter(
      ({ name, first, second }) => name === 'normal' && (first.length * second.length) % 2 === 0,
    )
    expect(plain.length).toBeGreaterThan(5)
    const differences = (row: (typeof tests)[number]): readonly number[] =>
      row.first.flatMap((x) => row.second.map((y) => x - y)).sort((a, b) => a - b)
    for (const row of plain) {
      const sorted = differences(row)
      const middle = [sorted[sorted.length / 2 - 2], sorted[sorted.length / 2 + 1]].map(Number)
      for (const estimate of [run(row, { relative: 1e-6 })?.estimate, row.estimate]) {
        expect(estimate).toBeGreaterThanOrEqual(Number(middle[0]) - 1e-4)
        expect(estimate).toBeLessThanOrEqual(Number(middle[1]) + 1e-4)
      }
    }
  })

  test('where R finds no interval there is none', () => {
    const none = tests.filter(({ ends }) => ends[0] === null)
    expect(none.map(({ name }) => name)).toEqual(['both constant', 'both constant', 'all tied'])
    const small = none.filter((row) => run(row, { relative: 1e-6 }) === undefined)
    expect(small).toHaveLength(3)
  })

  test.each([
    ['an empty side', [], [1, 2]],
    ['both sides empty', [], []],
    ['a value that is not finite', [1, Number.POSITIVE_INFINITY], [1, 2]],
    ['a value that is no number', [1, 2], [Number.NaN, 2]],
    ['a span beyond what numbers hold', [1.7e308, 1], [-1.7e308, 2]],
  ])('%s has no interval', (_, first, second) => {
    expect(mannWhitney(first, second, { confidence: 0.98, relative: 1e-6 })).toBeUndefined()
  })
})

test.each([
  [4, 4, 0.98, false],
  [5, 5, 0.98, true],
  [4, 4, 0.95, true],
  [5, 5, 0.999, false],
  [1, 200, 0.98, false],
  [3, 30, 0.98, true],
  [3, 8, 0.98, false],
  [4, 5, 0.98, false],
  [4, 6, 0.98, true],
])('samples of %i and %i can give an interval of %d: %s', (n, m, confidence, can) => {
  expect(hasInterval(n, m, confidence)).toBe(can)
})

test.each([
  [2, 2],
  [4, 4],
  [2, 9],
])('the interval of %i and %i values that cannot give one spans every difference', (n, m) => {
  const first = Array.from({ length: n }, (_, i) => 1000 + i)
  const second = Array.from({ length: m }, (_, i) => i)
  expect(hasInterval(n, m, 0.98)).toBe(false)
  const found = mannWhitney(first, second, { confidence: 0.98, relative: 1e-9 })
  expect(found).toMatchObject({ low: 1000 - (m - 1), high: 1000 + n - 1 })
})

describe('a root', () => {
  test.each([
    ['of a line', (x: number) => x - 0.3, 0.3],
    ['of a cubic', (x: number) => x ** 3 - 0.2, 0.2 ** (1 / 3)],
    ['that is the low end', (x: number) => x, 0],
    ['that is the high end', (x: number) => x - 1, 1],
    ['of a step', (x: number) => (x < 0.7 ? 1 : -1), 0.7],
  ])('%s is found', (_, f, at) => {
    expect(Math.abs(root(f, { low: 0, high: 1, within: 1e-9 }) - at)).toBeLessThan(1e-8)
  })
})
