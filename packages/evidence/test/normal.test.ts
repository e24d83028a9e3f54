import { expect, test } from 'vitest'
import { normalCdf, normalQuantile } from '../src/normal.ts'
import { off, reference } from './reference/statistics.ts'

test('Φ is SciPy’s to 1e-12 of its own size, far into the lower tail', () => {
  for (const { z, cdf } of reference<{ z: number; cdf: number }>('normal'))
    expect(off(normalCdf(z), cdf), `${z}`).toBeLessThan(1e-12)
})

test('its inverse is SciPy’s to 1e-9', () => {
  for (const { p, z } of reference<{ p: number; z: number }>('quantile'))
    expect(off(normalQuantile(p), z, 1), `${p}`).toBeLessThan(1e-9)
})

test('the ends are infinite, and what is no probability has no quantile', () => {
  expect([0, 1, -0.1, 1.1, Number.NaN].map(normalQuantile)).toEqual([
    Number.NEGATIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    Number.NaN,
    Number.NaN,
    Number.NaN,
  ])
})
