import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareShare, shareOfCopies } from '../src/observed.ts'

describe('the share that was counted against the one that was asked for', () => {
  test.each([
    ['as asked', 50, 950, 0.05, 'as-asked'],
    ['twice as much of many', 1_000, 9_000, 0.05, 'more'],
    ['twice as much of few, which is chance', 4, 36, 0.05, 'as-asked'],
    ['none of many', 0, 2_000, 0.05, 'less'],
    ['none of few', 0, 100, 0.05, 'as-asked'],
    ['everything', 5_000, 0, 0.5, 'more'],
    ['a tenth off, however many', 55_000, 945_000, 0.05, 'as-asked'],
    ['a fifth off, of very many', 60_000, 940_000, 0.05, 'more'],
    ['diluted by other callers of stable', 500, 19_500, 0.05, 'less'],
    ['nothing counted', 0, 0, 0.05, 'as-asked'],
  ] as const)('%s: %i canary and %i baseline requests at %d are %s', (_, canary, baseline, expected, answer) => {
    expect(compareShare({ baseline, canary }, expected)).toBe(answer)
  })

  test('requests that are routed by chance as asked are called different in at most a few of a hundred thousand steps', () => {
    let [seed, different] = [20_261_121, 0]
    const random = (): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
      return seed / 2 ** 32
    }
    for (let step = 0; step < 20_000; step += 1) {
      let canary = 0
      for (let request = 0; request < 400; request += 1) canary += random() < 0.1 ? 1 : 0
      if (compareShare({ canary, baseline: 400 - canary }, 0.1) !== 'as-asked') different += 1
    }
    expect(different).toBeLessThanOrEqual(3)
  })

  test('a share that is far off is called so, whatever was asked for, once enough was counted', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.constantFrom(0.5, 1.5), (percent, off) => {
        const expected = percent / 100
        const canary = Math.round(100_000 * expected * off)
        expect(compareShare({ canary, baseline: 100_000 - canary }, expected)).toBe(off > 1 ? 'more' : 'less')
      }),
      { seed: 7 },
    )
  })
})

test('copies of a fifth of the requests are a sixth of all that is counted', () => {
  expect(shareOfCopies(20)).toBeCloseTo(1 / 6, 12)
  expect(shareOfCopies(100)).toBe(0.5)
})
