import { expect, test } from 'vitest'
import { upperQuantile, upperTail } from '../src/normal.ts'
import { off, reference } from './reference/statistics.ts'
import { wilcox } from './reference/wilcox.ts'

test('the tail of the normal distribution is SciPy’s to 1e-12 of its own size, however far out', () => {
  for (const { z, cdf } of reference<{ z: number; cdf: number }>('normal'))
    expect(off(upperTail(-z), cdf), `${z}`).toBeLessThan(1e-12)
})

test('its inverse is SciPy’s to 1e-9', () => {
  for (const { p, z } of reference<{ p: number; z: number }>('quantile'))
    expect(off(-upperQuantile(p), z, 1), `${p}`).toBeLessThan(1e-9)
})

test('tails and quantiles of the normal distribution are those of R, near the middle and far out', () => {
  const [row] = wilcox.flatMap((one) => (one.kind === 'normal' ? [one] : []))
  expect(row?.z.length).toBeGreaterThan(10)
  for (const [index, z] of row?.z.entries() ?? []) {
    const theirs = Number(row?.upper[index])
    expect(off(upperTail(z), theirs, theirs)).toBeLessThan(1e-12)
  }
  for (const [index, tail] of row?.tails.entries() ?? [])
    expect(Math.abs(upperQuantile(tail) - Number(row?.quantiles[index]))).toBeLessThan(1e-12)
})

test.each([
  [0, Number.POSITIVE_INFINITY],
  [1, Number.NEGATIVE_INFINITY],
  [-0.1, Number.NaN],
])('the quantile of a tail of %d is %d', (tail, quantile) => expect(upperQuantile(tail)).toBe(quantile))

test('no number has no tail', () => expect(upperTail(Number.NaN)).toBeNaN())
