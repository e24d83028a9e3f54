import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canarySize, carries, lowestWeight } from '../src/sizing.ts'

test.each([
  [5, 10, 20, 1, 1],
  [25, 10, 20, 1, 4],
  [50, 10, 20, 1, 7],
  [50, 10, 0, 1, 5],
  [5, 10, 20, 2, 2],
  [100, 10, 0, 1, 10],
  [0, 10, 20, 2, 0],
  [5, 0, 20, 0, 1],
])(
  'weight %i of %i pods with %i %% headroom and at least %i is %i canary pods',
  (weight, stable, headroom, minCanary, size) => {
    expect(canarySize(weight, stable, { headroom, minCanary })).toBe(size)
  },
)

test.each([
  [10, 0, 10, true],
  [9, 0, 10, false],
  [9, 10, 10, true],
  [5, 50, 10, true],
  [2, 25, 3, false],
])('%i available pods at canary weight %i of a need of %i: %s', (available, weight, need, expected) => {
  expect(carries(available, weight, need)).toBe(expected)
})

test('the lowest weight is carried, and the one below is not', () => {
  fc.assert(
    fc.property(fc.nat(40), fc.integer({ min: 1, max: 40 }), (available, need) => {
      const lowest = lowestWeight(available, need)
      expect(carries(available, lowest, need)).toBe(true)
      if (lowest > 0) expect(carries(available, lowest - 1, need)).toBe(false)
    }),
    { seed: 1 },
  )
})
