import { expect, test } from 'vitest'
import { page } from '../src/page.ts'
import type { CanaryReport } from '../src/report.ts'
import { promoted } from './releases.ts'

/** A report whose source told half an hour of the baseline's past, minute by minute. */
const told = (report: CanaryReport): CanaryReport => {
  const begin = Date.parse(report.details.looks?.[0]?.at ?? '')
  const past = Array.from({ length: 30 }, (_, index) => new Date(begin - (30 - index) * 60_000).toISOString())
  const series = (report.details.series ?? []).map((each) =>
    each.kind === 'gauge'
      ? each
      : {
          ...each,
          samples: [...past.map((at) => ({ at, weight: 0, step: 0, use: 'learned' as const })), ...each.samples],
          baseline: [...past.map(() => ({ n: 987, k: 43 })), ...each.baseline],
          canary: [...past.map(() => ({ n: 0, k: 0 })), ...each.canary],
        },
  )
  return { ...report, details: { ...report.details, series } }
}

test('the half hour before a release is in the tables of its page and not in the charts', () => {
  const charts = (html: string): readonly string[] => html.match(/<svg[\s\S]*?<\/svg>/g) ?? []
  const rows = (html: string): number => html.split('43 of 987').length - 1
  const [plain, more] = [page(promoted()), page(told(promoted()))]
  expect(charts(plain).length).toBeGreaterThan(3)
  expect(charts(more)).toEqual(charts(plain))
  const counted = promoted().details.metrics.filter(({ kind }) => kind !== 'gauge').length
  expect(rows(more) - rows(plain)).toBe(30 * counted)
})
