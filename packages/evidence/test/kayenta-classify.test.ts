import { describe, expect, test } from 'vitest'
import { effectSize } from '../src/kayenta/effect.ts'
import { judgeProblems, judgeSeries } from '../src/kayenta/judge.ts'
import type { SampledMetric } from '../src/kayenta/metric.ts'
import type { KayentaSettings } from '../src/kayenta/settings.ts'
import { type Transform, transformed } from '../src/kayenta/transform.ts'

const about = (middle: number, n = 8): readonly number[] =>
  Array.from({ length: n }, (_, i) => middle * (0.9 + 0.03 * i))
const low = about(10)
const high = about(20)

const labelled = (metric: Partial<SampledMetric>, settings?: KayentaSettings) =>
  judgeSeries([{ name: 'latency', baseline: low, canary: low, ...metric }], settings).metrics[0]

describe('a metric is classified', () => {
  const empty = { baseline: [], canary: low }
  test.each<[string, Partial<SampledMetric>, string, boolean]>([
    ['twice as high', { canary: high }, 'High', false],
    ['half as high', { baseline: high }, 'Low', false],
    ['the same', {}, 'Pass', false],
    ['the same in another order', { canary: [...low].reverse() }, 'Pass', false],
    ['one value, in different numbers of it', { baseline: about(0, 6), canary: about(0, 9) }, 'Pass', false],
    ['a little higher, which is within the tolerance', { canary: about(10.2) }, 'Pass', false],
    ['higher where only a decrease is a fault', { canary: high, direction: 'decrease' }, 'Pass', false],
    ['lower where only a decrease is a fault', { baseline: high, direction: 'decrease' }, 'Low', false],
    ['lower where only an increase is a fault', { baseline: high, direction: 'increase' }, 'Pass', false],
    ['higher where only an increase is a fault', { canary: high, direction: 'increase' }, 'High', false],
    ['twice as high, which is allowed', { canary: high, effectSize: { allowedIncrease: 2.1 } }, 'Pass', false],
    ['twice as high, just not allowed', { canary: high, effectSize: { allowedIncrease: 1.9 } }, 'High', false],
    ['half as high, which is allowed', { baseline: high, effectSize: { allowedDecrease: 0.4 } }, 'Pass', false],
    ['half as high, just not allowed', { baseline: high, effectSize: { allowedDecrease: 0.6 } }, 'Low', false],
    [
      'always above, by probability',
      { canary: high, effectSize: { measure: 'cles', allowedIncrease: 1 } },
      'High',
      false,
    ],
    [
      'more often above than the probability that is allowed',
      { baseline: about(10, 10), canary: about(12, 10), effectSize: { measure: 'cles', allowedIncrease: 0.99 } },
      'Pass',
      false,
    ],
    ['critical and high', { canary: high, critical: true }, 'High', true],
    ['critical and the same', { critical: true }, 'Pass', false],
    [
      'critical, high, not gravely',
      { canary: high, critical: true, effectSize: { criticalIncrease: 3 } },
      'High',
      false,
    ],
    [
      'critical, low, not gravely',
      { baseline: high, critical: true, effectSize: { criticalDecrease: 0.2 } },
      'Low',
      false,
    ],
    ['critical, low, gravely', { baseline: high, critical: true, effectSize: { criticalDecrease: 0.6 } }, 'Low', true],
    ['without a baseline', empty, 'Nodata', false],
    ['without a canary', { canary: [null, Number.NaN] }, 'Nodata', false],
    ['critical without data', { ...empty, critical: true }, 'Nodata', true],
    ['without data that it must have', { ...empty, mustHaveData: true }, 'NodataFailMetric', false],
    ['critical without data that it must have', { ...empty, mustHaveData: true, critical: true }, 'Nodata', true],
    ['without values, which count as 0', { ...empty, nanStrategy: 'replace' }, 'Pass', false],
    ['missing values that count as 0', { canary: low.map(() => null), nanStrategy: 'replace' }, 'Low', false],
    ['one value that is not finite', { canary: [...high, Number.POSITIVE_INFINITY] }, 'Error', false],
    ['both constant and apart', { baseline: about(0).map(() => 3), canary: about(0).map(() => 5) }, 'High', false],
    [
      'both constant and apart downwards',
      { baseline: about(0).map(() => 5), canary: about(0).map(() => 3) },
      'Low',
      false,
    ],
    ['four values of a side', { baseline: about(10, 4), canary: high }, 'too-few', false],
    ['critical and four values of a side', { baseline: about(10, 4), canary: high, critical: true }, 'too-few', true],
    ['one equal value of each side', { baseline: [1], canary: [1] }, 'too-few', false],
  ])('%s', (_, metric, label, critical) => {
    expect(labelled(metric)).toMatchObject({ label, critical })
  })

  test('with its interval, its effect and how many values were compared', () => {
    const judged = labelled({ baseline: [...low, null], canary: high.slice(1) })
    expect(judged).toMatchObject({ n: { baseline: 8, canary: 7 } })
    expect(judged?.effect).toBeCloseTo(2.03, 2)
    expect(judged?.reason).toMatch(
      /^shifted by 10\.\d+, between \d.* and 1\d.*, by 8 values of the baseline and 7 of the canary$/,
    )
    expect(judged?.test?.low).toBeGreaterThan(6)
    expect(judged?.test?.estimate).toBeGreaterThan(Number(judged?.test?.low))
    expect(judged?.test?.high).toBeGreaterThan(Number(judged?.test?.estimate))
  })

  test('with a wider interval where more confidence is asked for, and higher only beyond the tolerance that is asked for', () => {
    const width = (confidence: number): number => {
      const { test: shift } = labelled({ canary: about(13, 12), baseline: about(10, 12) }, { confidence }) ?? {}
      return Number(shift?.high) - Number(shift?.low)
    }
    expect(width(0.99)).toBeGreaterThan(width(0.8))
    expect(labelled({ canary: high }, { tolerance: 0.95 })?.label).toBe('Pass')
  })

  test('as too few where the confidence that is asked for needs more values', () => {
    expect(labelled({ canary: about(20, 5), baseline: about(10, 5) }, { confidence: 0.999 })?.label).toBe('too-few')
    expect(labelled({ canary: about(20, 5), baseline: about(10, 5) })?.label).toBe('High')
  })

  test('alike in any unit', () => {
    const scaled = (unit: number) =>
      labelled({ baseline: low.map((v) => v * unit), canary: about(13).map((v) => v * unit) })?.label
    expect([1e-9, 1e-3, 1, 1e6].map(scaled)).toEqual(['High', 'High', 'High', 'High'])
  })
})

describe('a side is transformed', () => {
  const keep: Transform = { nanStrategy: 'remove', outliers: 'keep', outlierFactor: 3, reduceSensitivity: true }
  const hundred = Array.from({ length: 100 }, (_, i) => 10 + (i % 10) / 10)
  test.each<[string, Partial<Transform>, readonly (number | null)[], readonly number[]]>([
    ['missing values are left out', {}, [1, null, Number.NaN, 2], [1, 2]],
    ['missing values count as 0', { nanStrategy: 'replace' }, [1, null, Number.NaN, 2], [1, 0, 0, 2]],
    ['outliers stay by default', {}, [1, 2, 3, 2, 1, 1000], [1, 2, 3, 2, 1, 1000]],
    [
      'what lies beyond three interquartile ranges goes',
      { outliers: 'remove', reduceSensitivity: false },
      [1, 2, 3, 2, 1, 1000, -1000],
      [1, 2, 3, 2, 1],
    ],
    [
      'a value on a fence stays',
      { outliers: 'remove', reduceSensitivity: false, outlierFactor: 0.5 },
      [0, 1, 2, 3, 4],
      [0, 1, 2, 3, 4],
    ],
    [
      'the fence is nearer by a smaller factor',
      { outliers: 'remove', reduceSensitivity: false, outlierFactor: 0.1 },
      [0, 1, 2, 3, 10],
      [1, 2, 3],
    ],
    [
      'one of few values is beyond the 99th percentile, and so goes even where the fences are wide',
      { outliers: 'remove' },
      [...hundred, 500],
      hundred,
    ],
    [
      'three of a hundred lie within the 99th percentile, and stay',
      { outliers: 'remove' },
      [...hundred, 500, 500, 500],
      [...hundred, 500, 500, 500],
    ],
    ['nothing is nothing', { outliers: 'remove' }, [], []],
  ])('%s', (_, how, values, left) => {
    expect(transformed(values, { ...keep, ...how })).toEqual(left)
  })

  test('a setting that is undefined is one that is not named', () => {
    expect(labelled({ nanStrategy: undefined, outlierFactor: undefined, canary: [null, ...high] })?.n.canary).toBe(8)
  })
})

describe('the effect', () => {
  test.each([
    ['by means', 'meanRatio', [1, 3], [4, 8], 3],
    ['by means, baseline 0', 'meanRatio', [0, 0], [4, 8], Number.NaN],
    ['by means, canary 0', 'meanRatio', [4, 8], [0, 0], Number.NaN],
    ['by probability, apart', 'cles', [1, 2], [3, 4], 1],
    ['by probability, apart downwards', 'cles', [3, 4], [1, 2], 0],
    ['by probability, tied', 'cles', [1, 1], [1, 1], 0.5],
    ['by probability, mixed', 'cles', [1, 2, 3], [2, 4], 0.75],
  ] as const)('%s', (_, measure, baseline, canary, effect) => {
    expect(effectSize(measure, baseline, canary)).toBe(effect)
  })
})

describe('what is wrong is said', () => {
  test.each<[KayentaSettings, string]>([
    [{ pass: 50, marginal: 75 }, 'marginal is 75 and pass 50'],
    [{ pass: 101 }, 'pass 101'],
    [{ marginal: Number.NaN }, 'marginal is NaN'],
    [{ groupWeights: { a: -1 } }, 'groupWeights.a is -1'],
    [{ groupWeights: { a: 60, b: 50 } }, 'add up to 110'],
    [{ tolerance: -0.1 }, 'tolerance is -0.1'],
    [{ confidence: 98 }, 'confidence is 98'],
    [{ confidence: 98, compatible: true, random: () => 0.3 }, 'confidence is 98'],
    [{ least: 0 }, 'least is 0'],
    [{ compatible: true }, 'random is missing'],
    [{ mends: { constants: false } }, 'random is missing'],
  ])('%j', (settings, words) => {
    const problems = judgeProblems([{ name: 'a', baseline: [], canary: [] }], settings)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(words)
  })

  test('of metrics too, and nothing where nothing is wrong', () => {
    const metric = { name: 'a', baseline: [], canary: [] }
    expect(judgeProblems([])[0]).toContain('no metric')
    expect(judgeProblems([metric, metric])).toEqual(['metric a is there twice: give each a name of its own'])
    expect(judgeProblems([{ ...metric, outlierFactor: 0 }])[0]).toContain('outlierFactor is 0')
    expect(judgeProblems([metric], { compatible: true, random: () => 0.3, groupWeights: { a: 60, b: 40 } })).toEqual([])
  })
})
