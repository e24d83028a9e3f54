import { describe, expect, test } from 'vitest'
import type { Label } from '../src/kayenta/metric.ts'
import { type Scored, scoreCanary } from '../src/kayenta/score.ts'
import { type KayentaSettings, settled } from '../src/kayenta/settings.ts'

const metric = (label: Label, groups: readonly string[] = ['g'], critical = false): Scored => ({
  name: `${groups.join('+')} ${label}`,
  label,
  critical,
  effect: null,
  n: { baseline: 9, canary: 9 },
  reason: 'as tested',
  groups,
})
const times = (n: number, label: Label, groups?: readonly string[]): readonly Scored[] =>
  Array.from({ length: n }, () => metric(label, groups))
const score = (metrics: readonly Scored[], settings: KayentaSettings = {}) => scoreCanary(metrics, settled(settings))

describe('a group scores the share of its judged metrics that pass', () => {
  test.each<[string, readonly Scored[], number | null]>([
    ['all pass', times(3, 'Pass'), 100],
    ['one of four is High', [...times(3, 'Pass'), metric('High')], 75],
    ['one of four is Low', [...times(3, 'Pass'), metric('Low')], 75],
    ['data that must be there is not', [...times(3, 'Pass'), metric('NodataFailMetric')], 75],
    ['data is not there, which does not count', [...times(3, 'Pass'), metric('Nodata')], 100],
    ['too few do not count', [...times(3, 'Pass'), metric('too-few')], 100],
    ['an error counts', [...times(3, 'Pass'), metric('Error')], 75],
    ['none passes', times(2, 'High'), 0],
    ['a third, to two decimals', [...times(2, 'Pass'), metric('High')], 66.67],
    ['seven ninths', [...times(7, 'Pass'), ...times(2, 'Low')], 77.78],
  ])('%s', (_, metrics, expected) => {
    expect(score(metrics).score).toBe(expected)
  })
})

describe('groups are weighed', () => {
  const three = [metric('Pass', ['a']), metric('High', ['b']), metric('Pass', ['c'])]
  test.each<[string, readonly Scored[], Readonly<Record<string, number>>, number | null]>([
    ['alike where no weight is named', three, {}, 66.67],
    ['alike where one is called as what every object has', [...three, metric('High', ['constructor'])], {}, 50],
    ['by their weights', three, { a: 50, b: 30, c: 20 }, 70],
    ['what is left is shared', three, { b: 60 }, 40],
    ['a weight of 0 takes a group out', three, { b: 0 }, 100],
    ['weights that do not add up to 100 are not stretched', three.slice(0, 1), { a: 60 }, 60],
    [
      'a metric of two groups counts in both',
      [metric('High', ['a', 'b']), metric('Pass', ['b'])],
      { a: 40, b: 60 },
      30,
    ],
    ['half a hundredth is rounded up', [metric('Pass', ['a'])], { a: 1.005 }, 1.01],
    ['weights of groups that are not there are kept free', [metric('Pass', ['a'])], { x: 30 }, 70],
    [
      'a metric of no group counts nowhere',
      [metric('High', []), metric('Pass', ['a']), metric('Pass', ['a'])],
      {},
      100,
    ],
    [
      'the weight of an empty group goes to the others',
      [...three, metric('Nodata', ['d'])],
      { a: 40, b: 20, c: 20, d: 20 },
      75,
    ],
    [
      'only a group that weighs nothing has a score',
      [...times(3, 'Pass', ['a']), metric('Nodata', ['b'])],
      { a: 0, b: 100 },
      null,
    ],
  ])('%s', (_, metrics, groupWeights, expected) => {
    expect(score(metrics, { groupWeights }).score).toBe(expected)
  })

  test('and shown with score and weight', () => {
    expect(score([...three, metric('Nodata', ['d'])], { groupWeights: { a: 40 } }).groups).toEqual([
      { name: 'a', score: 100, weight: 40 },
      { name: 'b', score: 0, weight: 20 },
      { name: 'c', score: 100, weight: 20 },
      { name: 'd', score: null, weight: 20 },
    ])
  })
})

describe('what comes before the groups', () => {
  const critical = (label: Label): Scored => metric(label, ['g'], true)
  test.each<[string, readonly Scored[], number | null, string]>([
    ['a critical metric is High', [...times(9, 'Pass'), critical('High')], 0, 'g High: as tested'],
    ['a critical metric is Low', [...times(9, 'Pass'), critical('Low')], 0, 'g Low: as tested'],
    ['a critical metric has no data', [...times(9, 'Pass'), critical('Nodata')], 0, 'g Nodata: as tested'],
    ['a critical metric cannot be tested', [...times(9, 'Pass'), critical('Error')], 0, 'g Error: as tested'],
    ['a critical metric passes', [critical('Pass')], 100, 'score 100'],
    ['half have no data', [...times(2, 'Pass'), ...times(2, 'Nodata')], 0, 'half or more of the metrics have no data'],
    ['just under half have no data', [...times(3, 'Pass'), ...times(2, 'Nodata')], 100, 'score 100'],
    ['a critical metric has too few values', [...times(9, 'Pass'), critical('too-few')], null, 'g too-few: as tested'],
    [
      'half have too few values',
      [...times(2, 'Pass'), ...times(2, 'too-few')],
      null,
      'half or more of the metrics have too little data',
    ],
    [
      'half have too little or none',
      [...times(2, 'Pass'), metric('Nodata'), metric('too-few')],
      null,
      'half or more of the metrics have too little data',
    ],
    [
      'a failure outweighs what is not known',
      [...times(3, 'too-few'), critical('High'), critical('too-few')],
      0,
      'g High: as tested',
    ],
    ['there is no metric', [], null, 'no metric that counts could be judged'],
  ])('%s', (_, metrics, expected, reason) => {
    expect(score(metrics)).toMatchObject({ score: expected, reason })
  })
})

describe('the score is given a word', () => {
  const of = (passed: number) => [...times(passed, 'Pass'), ...times(20 - passed, 'High')]
  test.each([
    ['at pass', 19, 'Pass'],
    ['above pass', 20, 'Pass'],
    ['below pass', 18, 'Marginal'],
    ['at marginal', 15, 'Marginal'],
    ['below marginal', 14, 'Fail'],
  ])('%s', (_, passed, word) => {
    expect(score(of(passed))).toMatchObject({ score: passed * 5, classification: word, verdict: word })
  })

  test('by thresholds of its own', () => {
    expect(score(of(10), { pass: 50, marginal: 50 }).verdict).toBe('Pass')
    expect(score(of(9), { pass: 50, marginal: 50 }).verdict).toBe('Fail')
  })

  test('and none where nothing is known', () => {
    expect(score([])).toMatchObject({ classification: 'Inconclusive', verdict: 'Inconclusive' })
  })
})
