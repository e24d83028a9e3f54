import { describe, expect, test } from 'vitest'
import { bootstrap, meanDifference, type ScoredPair, type Strata } from '../src/bootstrap.ts'
import { seeded } from './random.ts'
import { type Ends, off, reference } from './reference/statistics.ts'

const mean = (strata: Strata<number>): number =>
  strata.flat().reduce((sum, value) => sum + value, 0) / strata.flat().length
const pairs = (random: () => number, n: number, increase: number): ScoredPair[] =>
  Array.from({ length: n }, () => {
    const hard = random()
    return { baseline: hard + 0.3 * random(), canary: hard + 0.3 * random() + increase }
  })

/** Hands out every index of every draw of `n` cases once, draw after draw: as chance, it goes through all n^n samples. */
const everyDraw = (n: number) => {
  let count = 0
  return () => {
    const [draw, place] = [Math.floor(count / n), count % n]
    count += 1
    return ((Math.floor(draw / n ** place) % n) + 0.5) / n
  }
}

test('over all 27 samples of three pairs it is the exact distribution', () => {
  const sample = [
    { baseline: 1, canary: 2 },
    { baseline: 0, canary: 4 },
    { baseline: 3, canary: 12 },
  ]
  const differences = [1, 4, 9]
  const exact = differences
    .flatMap((a) => differences.flatMap((b) => differences.map((c) => (a + b + c) / 3)))
    .sort((a, b) => a - b)
  // With 27 samples the ends of this level are the third from below and from above.
  const found = bootstrap([sample], meanDifference, { random: everyDraw(3), resamples: 27, level: 1 - 4 / 26 })
  expect(found.estimate).toBeCloseTo(14 / 3, 12)
  expect(found.low).toBeCloseTo(exact[2] ?? Number.NaN, 12)
  expect(found.high).toBeCloseTo(exact[24] ?? Number.NaN, 12)
})

test('each stratum is drawn from itself, with its size: two constant ones leave no doubt', () => {
  const strata = [
    [1, 1, 1],
    [5, 5],
  ]
  const found = bootstrap(strata, mean, { random: seeded(1) })
  expect(found).toEqual({ estimate: 2.6, low: 2.6, high: 2.6 })
  expect(bootstrap([strata.flat()], mean, { random: seeded(1) }).low).toBeLessThan(2)
})

test.each(['percentile', 'bca'] as const)(
  '%s: the same seed gives the same interval to the last bit, another one another',
  (interval) => {
    const sample = pairs(seeded(7), 40, 0.02)
    const from = (seed: number) =>
      bootstrap([sample], meanDifference, { random: seeded(seed), interval, resamples: 500 })
    expect(from(3)).toStrictEqual(from(3))
    expect(from(3)).not.toStrictEqual(from(4))
    expect(from(3).low).toBeLessThan(from(3).estimate)
    expect(from(3).high).toBeGreaterThan(from(3).estimate)
  },
)

test('BCa is SciPy’s within 4 % of the width, which is what two sources of chance leave', () => {
  for (const { values, low, high } of reference<{ values: number[] } & Ends>('bca')) {
    const ours = bootstrap([values], mean, { random: seeded(5), resamples: 40_000, interval: 'bca' })
    expect(off(ours.low, low, high - low)).toBeLessThan(0.04)
    expect(off(ours.high, high, high - low)).toBeLessThan(0.04)
    const percentile = bootstrap([values], mean, { random: seeded(5), resamples: 40_000 })
    if (low > 0) expect(ours.high).toBeGreaterThan(percentile.high)
  }
})

describe('of 95 % intervals for a difference that is known,', () => {
  const covered = (strata: (random: () => number) => Strata<ScoredPair>) => {
    const samples = 200
    let hits = 0
    for (let seed = 1; seed <= samples; seed++) {
      const random = seeded(seed)
      const { low, high } = bootstrap(strata(random), meanDifference, { random, resamples: 300 })
      if (low <= 0.05 && high >= 0.05) hits += 1
    }
    return hits / samples
  }

  test.each<[string, (random: () => number) => Strata<ScoredPair>]>([
    ['paired', (random) => [pairs(random, 60, 0.05)]],
    ['stratified', (random) => [pairs(random, 40, 0.05), pairs(random, 20, 0.05), pairs(random, 25, 0.05)]],
  ])('%s ones hold it about 95 times in 100', (_, strata) => {
    expect(covered(strata)).toBeGreaterThan(0.9)
    expect(covered(strata)).toBeLessThan(0.99)
  })
})

test('strata take away what they differ by: the interval is narrower than one that draws across them', () => {
  const random = seeded(2)
  const groups = [0, 1, 5].map((level) => Array.from({ length: 30 }, () => level + random()))
  const width = (strata: Strata<number>) => {
    const { low, high } = bootstrap(strata, mean, { random: seeded(1), resamples: 500 })
    return high - low
  }
  expect(width(groups)).toBeLessThan(width([groups.flat()]) / 4)
})

test('any statistic will do', () => {
  const median = ([values = []]: Strata<number>) =>
    [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
  const found = bootstrap([[1, 2, 3, 4, 100]], median, { random: seeded(1) })
  expect(found.estimate).toBe(3)
  expect([1, 2]).toContain(found.low)
  expect([4, 100]).toContain(found.high)
})

test('nothing is known of nothing; a single case has no width', () => {
  const options = { random: seeded(1), resamples: 50 }
  expect(bootstrap<ScoredPair>([[]], meanDifference, options)).toEqual({
    estimate: Number.NaN,
    low: Number.NaN,
    high: Number.NaN,
  })
  for (const interval of ['percentile', 'bca'] as const)
    expect(bootstrap([[{ baseline: 1, canary: 3 }]], meanDifference, { ...options, interval })).toEqual({
      estimate: 2,
      low: 2,
      high: 2,
    })
})
