import { expect, test } from 'vitest'
import { upperQuantile, upperTail } from '../src/kayenta/normal.ts'
import { off, reference } from './reference/statistics.ts'

test('the tail of the normal distribution is SciPy’s to 1e-12 of its own size, however far out', () => {
  for (const { z, cdf } of reference<{ z: number; cdf: number }>('normal'))
    expect(off(upperTail(-z), cdf), `${z}`).toBeLessThan(1e-12)
})

test('its inverse is SciPy’s to 1e-9', () => {
  for (const { p, z } of reference<{ p: number; z: number }>('quantile'))
    expect(off(-upperQuantile(p), z, 1), `${p}`).toBeLessThan(1e-9)
})

test('the ends are infinite', () => {
  expect([0, 1].map(upperQuantile)).toEqual([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
})
