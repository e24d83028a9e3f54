import { expect, test } from 'vitest'
import { percentile } from '../src/percentile.ts'
import { off } from './reference/statistics.ts'
import { wilcox } from './reference/wilcox.ts'

test('percentiles are those of R, type 7', () => {
  const all = wilcox.flatMap((row) => (row.kind === 'percentiles' ? [row] : []))
  expect(all.map(({ values }) => values.length)).toEqual([1, 2, 3, 4, 5, 7, 10, 25, 100])
  for (const { values, percent, is } of all) {
    const sorted = [...values].sort((a, b) => a - b)
    for (const [index, value] of is.entries())
      expect(off(percentile(sorted, Number(percent[index])), value)).toBeLessThan(1e-12)
  }
})

test('a percentile of nothing is none', () => expect(percentile([], 50)).toBeNaN())
