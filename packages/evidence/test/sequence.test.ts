import { describe, expect, test } from 'vitest'
import type { Pair } from '../src/count.ts'
import { newcombe } from '../src/newcombe.ts'
import { differenceSequence, shareSequence } from '../src/sequence.ts'
import { binomial, seeded } from './random.ts'
import { type Ends, off, reference } from './reference/statistics.ts'

type Row = { readonly k: number; readonly n: number; readonly alpha: number; readonly betaBinomial: Ends } & Ends
const rows = reference<Row>('sequence')

test('the ends are those that brentq finds in SciPy, to 1e-9', () => {
  for (const row of rows) {
    const { low, high } = shareSequence(row, row.alpha)
    expect(off(low, row.low, 1), JSON.stringify(row)).toBeLessThan(1e-9)
    expect(off(high, row.high, 1), JSON.stringify(row)).toBeLessThan(1e-9)
  }
})

test('the ends for a difference are those of a search inside a search in SciPy, to 1e-6', () => {
  type Difference = { readonly baseline: Counted; readonly canary: Counted; readonly alpha: number } & Ends
  type Counted = readonly [k: number, n: number]
  const side = ([k, n]: Counted) => ({ n, k })
  for (const row of reference<Difference>('difference')) {
    const { low, high } = differenceSequence({ baseline: side(row.baseline), canary: side(row.canary) }, row.alpha)
    expect(off(low, row.low, 1), JSON.stringify(row)).toBeLessThan(1e-6)
    expect(off(high, row.high, 1), JSON.stringify(row)).toBeLessThan(1e-6)
  }
})

test('it is narrower than what both sides’ own sequences leave at half of α each', () => {
  for (const [b, c] of [
    [
      { n: 6650, k: 36 },
      { n: 350, k: 11 },
    ],
    [
      { n: 1000, k: 50 },
      { n: 1000, k: 50 },
    ],
  ] as const) {
    const joint = differenceSequence({ baseline: b, canary: c }, 0.05)
    const [ofB, ofC] = [shareSequence(b, 0.025), shareSequence(c, 0.025)]
    expect(joint.high - joint.low).toBeLessThan(0.95 * (ofC.high - ofB.low - (ofC.low - ofB.high)))
  }
})

test('from twenty requests on, the width is at most 12 % above that of the beta-binomial mixture, which a moving mean does not allow', () => {
  const wide = rows.filter(({ n }) => n >= 20)
  const ratios = wide.map(({ betaBinomial, ...row }) => {
    const { low, high } = shareSequence(row, row.alpha)
    return (high - low) / (betaBinomial.high - betaBinomial.low)
  })
  expect(Math.max(...ratios)).toBeLessThan(1.12)
  expect(Math.min(...ratios)).toBeGreaterThan(0.6)
})

test('with nothing it is [−1, 1]; a side without requests leaves the other one’s knowledge', () => {
  const none = { n: 0, k: 0 }
  expect(differenceSequence({ baseline: none, canary: none })).toEqual({ low: -1, high: 1 })
  const { low, high } = differenceSequence({ baseline: { n: 10_000, k: 10 }, canary: none })
  expect(low).toBeGreaterThan(-0.01)
  expect(high).toBeGreaterThan(0.99)
})

test('it narrows towards what is seen as requests come', () => {
  const widths = [10, 100, 1000, 1e4, 1e5, 1e6, 1e7].map((n) => {
    const { low, high } = differenceSequence({ baseline: { n: 10 * n, k: 0.1 * n }, canary: { n, k: 0.03 * n } })
    expect(low).toBeLessThanOrEqual(0.02)
    expect(high).toBeGreaterThanOrEqual(0.02)
    return high - low
  })
  expect(widths).toEqual([...widths].sort((a, b) => b - a))
  expect(widths.at(-1)).toBeLessThan(0.001)
})

test('everything bad, nothing bad and a billion requests stay within [−1, 1], the ends in order', () => {
  for (const n of [1, 7, 1e9])
    for (const [kb, kc] of [
      [0, 0],
      [0, n],
      [n, 0],
      [n, n],
    ] as const) {
      const { low, high } = differenceSequence({ baseline: { n, k: kb }, canary: { n, k: kc } })
      expect(low).toBeGreaterThanOrEqual(-1)
      expect(high).toBeLessThanOrEqual(1)
      expect(low).toBeLessThanOrEqual((kc - kb) / n)
      expect(high).toBeGreaterThanOrEqual((kc - kb) / n)
    }
})

describe('over all looks of a release, missed at α = 20 % in', () => {
  /** The share of releases in which the difference of the running means was outside at any of 40 looks. */
  const missed = (
    baseline: (look: number) => number,
    increase: number,
    interval: (counts: Pair) => Ends = (counts) => differenceSequence(counts, 0.2),
  ): number => {
    const releases = 60
    let outside = 0
    for (let seed = 1; seed <= releases; seed++) {
      const random = seeded(seed)
      let [nb, kb, nc, kc, meanB, meanC] = [0, 0, 0, 0, 0, 0]
      for (let look = 0; look < 40; look++) {
        const theta = baseline(look)
        nb += 40
        nc += 20
        kb += binomial(random, 40, theta)
        kc += binomial(random, 20, theta + increase)
        meanB += 40 * theta
        meanC += 20 * (theta + increase)
        const truth = meanC / nc - meanB / nb
        const { low, high } = interval({ baseline: { n: nb, k: kb }, canary: { n: nc, k: kc } })
        if (truth < low || truth > high) {
          outside += 1
          break
        }
      }
    }
    return outside / releases
  }

  test.each<[string, (look: number) => number, number]>([
    ['a steady release: at most that', () => 0.02, 0.01],
    ['a baseline that drifts through an outage: at most that', (look) => (look > 10 && look < 30 ? 0.5 : 0.01), 0.02],
    ['a coin that turns at every look: at most that', (look) => (look % 2 === 0 ? 0.9 : 0.1), 0],
  ])('%s', (_, baseline, increase) => {
    expect(missed(baseline, increase)).toBeLessThanOrEqual(0.2)
  })

  test('looks at an interval that is made for one look: far more, so the check can fail', () => {
    expect(
      missed(
        () => 0.02,
        0.01,
        (counts) => newcombe(counts, 1.2815515655446004),
      ),
    ).toBeGreaterThan(0.4)
  })
})
