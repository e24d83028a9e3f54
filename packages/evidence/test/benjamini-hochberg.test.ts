import { expect, test } from 'vitest'
import { benjaminiHochberg } from '../src/benjamini-hochberg.ts'
import { off, reference } from './reference/statistics.ts'

test('adjusted p-values and rejections are those of SciPy and statsmodels, to 1e-9', () => {
  type Row = { p: number[]; rate: number; adjusted: number[]; rejected: boolean[] }
  for (const { p, rate, adjusted, rejected } of reference<Row>('benjamini_hochberg')) {
    const ours = benjaminiHochberg(p, rate)
    expect(ours.rejected).toEqual(rejected)
    expect(Math.max(...ours.adjusted.map((value, index) => off(value, adjusted[index] ?? Number.NaN)))).toBeLessThan(
      1e-9,
    )
  }
})

test('in the example of their paper four of fifteen are rejected at 5 %', () => {
  const p = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1,
  ]
  expect(benjaminiHochberg(p, 0.05).rejected.filter(Boolean)).toHaveLength(4)
})

test('equal p-values share their fate wherever they stand', () => {
  const { adjusted, rejected } = benjaminiHochberg([0.03, 0.6, 0.03, 0.001, 0.03], 0.05)
  expect(new Set([adjusted[0], adjusted[2], adjusted[4]]).size).toBe(1)
  expect(rejected).toEqual([true, false, true, true, true])
})

test('a test that could not be made stays NaN, is not rejected, and costs the others nothing', () => {
  const { adjusted, rejected } = benjaminiHochberg([0.01, Number.NaN, 0.04, Number.NaN], 0.05)
  expect(adjusted).toEqual([0.02, Number.NaN, 0.04, Number.NaN])
  expect(rejected).toEqual([true, false, true, false])
})

test('a p-value at the very rate is rejected, one of three equal ones too', () => {
  expect(benjaminiHochberg([0.05], 0.05).rejected).toEqual([true])
  expect(benjaminiHochberg([0.05, 0.05, 0.05], 0.05).rejected).toEqual([true, true, true])
})

test('no p-values give no answers', () => {
  expect(benjaminiHochberg([], 0.05)).toEqual({ adjusted: [], rejected: [] })
})
