import { expect, test } from 'vitest'
import { comparePopulations } from '../src/population.ts'

const sides = (nb: number, kb: number, nc: number, kc: number) => ({
  baseline: { n: nb, k: kb },
  canary: { n: nc, k: kc },
})

test.each([
  ['the share that was asked for', sides(9500, 95, 500, 15), 0.05, 'same'],
  ['more than it', sides(9000, 90, 1000, 30), 0.05, 'same'],
  ['too few requests to tell', sides(95, 0, 1, 1), 0.05, 'same'],
  ['nothing counted', sides(0, 0, 0, 0), 0.05, 'same'],
  ['no weight', sides(9500, 95, 500, 15), 0, 'same'],
  [
    'half of it, and errors that callers beyond the route may have thinned on stable',
    sides(19_000, 190, 500, 12),
    0.05,
    'differs',
  ],
  ['half of it, and far more errors than that', sides(19_000, 190, 500, 100), 0.05, 'holds'],
  ['half of it, as the canary loses requests and fails the rest', sides(9500, 9, 250, 125), 0.05, 'holds'],
  ['hardly any of it, and no error at all', sides(19_000, 190, 30, 0), 0.05, 'differs'],
] as const)('%s', (_, step, share, answer) => {
  expect(comparePopulations(step, share, 0.002)).toBe(answer)
})
