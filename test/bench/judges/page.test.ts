import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { askedOf } from './asked.ts'
import { divergence, leastRequests } from './bound.ts'
import { cellsOf, keyOf, REPORTED } from './cells.ts'
import { keepDone, missingJobs, openCheckpoint } from './checkpoint.ts'
import { type Figure, figuresOf } from './figures.ts'
import { goalsOf } from './goals.ts'
import type { Job } from './jobs.ts'
import { oursEachMinute, oursEachRead } from './judges.ts'
import { fixedLimit } from './limits.ts'
import { mannWhitney } from './mann-whitney.ts'
import { page, type Results } from './page.ts'
import { plot } from './plot.ts'
import type { Tally } from './tally.ts'
import type { Done } from './worker.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-judges-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const cells = cellsOf(REPORTED)
const tally = (n: number, stops: readonly number[], more: Partial<Tally> = {}): Tally => ({
  ...{ n, stops, requests: stops.map((at) => at), extra: { sum: 0, squares: 0 }, codes: {}, why: {} },
  ...more,
})
const done = (cell: string, judge: string, kept: Tally, from = 0): Done => ({
  job: { grid: 'reported', cell, judges: [judge], from, count: kept.n },
  tallies: [kept],
  took: 1,
})
const results = (figures: readonly Figure[]): Results => ({
  ...{ schema: 'sluice.dev/bench-judges/v1', at: '2030-01-02T03:04:05Z', commit: 'abc', sources: 'def' },
  ...{ machine: 'a machine', took: 60, figures },
})

test('parts of a cell are one figure, with intervals', () => {
  const key = '50/s, errors 0.5 % → 3 % at 50 %'
  const parts = [
    done(key, oursEachRead.name, tally(50, [1260, 1320], { extra: { sum: 100, squares: 400 } })),
    done(key, oursEachRead.name, tally(50, [1380], { extra: { sum: 300, squares: 2000 } }), 50),
  ]
  const [figure] = figuresOf(cells, parts)
  expect(figure).toMatchObject({ n: 100, stopped: { value: 0.03 }, minutes: { median: 2, q1: 1.5, q3: 2.5 } })
  expect(figure?.stopped.low).toBeCloseTo(0.01025, 4)
  expect(figure?.stopped.high).toBeCloseTo(0.08452, 4)
  // Mean 4, variance 24 - 16.
  expect(figure?.extra?.value).toBe(4)
  expect(figure?.extra?.high).toBeCloseTo(4 + 1.96 * Math.sqrt(8 / 100), 9)
})

const stopped = (count: number): readonly number[] => Array.from({ length: count }, () => 60)

test('a healthy cell that stops more than its limit beyond chance is named, one within chance is not', () => {
  const figures = (count: number) =>
    figuresOf(cells, [done('50/s, healthy at 2 %', oursEachRead.name, tally(1_000, stopped(count)))])
  expect(goalsOf(cells, figures(14))[0]).toMatchObject({ met: true, not: [] })
  const [goal] = goalsOf(cells, figures(18))
  expect(goal?.met).toBe(false)
  expect(goal?.not).toEqual([`50/s, healthy at 2 % (${oursEachRead.name}): 1.8 % (1.1 to 2.8 %) of 1000`])
  expect(page(cells, results(figures(18)))).toContain(goal?.not[0])
})

test('the price of a regression is compared with the best peer that leaves the healthy twin alone', () => {
  const [sick, twin] = ['50/s, errors 0.5 % → 3 %', '50/s, healthy at 0.5 %']
  const extra = (sum: number) => tally(100, stopped(100), { extra: { sum, squares: (sum * sum) / 100 } })
  const parts = [
    done(sick, oursEachMinute.name, extra(1_000)),
    done(sick, fixedLimit.name, extra(2_000)),
    done(sick, mannWhitney.name, extra(4_000)),
    done(twin, mannWhitney.name, tally(100, [])),
  ]
  const goal = (more: readonly Done[]) => goalsOf(cells, figuresOf(cells, [...parts, ...more]))[3]
  // The fixed limit is cheaper, and does not count where it stops the twin.
  expect(goal([done(twin, fixedLimit.name, tally(100, stopped(30)))])?.met).toBe(true)
  expect(goal([done(twin, fixedLimit.name, tally(100, []))])).toMatchObject({
    met: false,
    not: [`${sick}: 10 (10 to 10) against 20 (20 to 20) (${fixedLimit.name}), 50 %; ln(1/α)/KL requests cost 4.0`],
  })
})

test('nothing is said to be reached that was not measured', () => {
  expect(goalsOf(cells, []).map(({ met }) => met)).toEqual(Array.from({ length: 6 }, () => undefined))
})

test('the information bound is that of two Bernoulli distributions', () => {
  expect(divergence(0.5, 0.25)).toBeCloseTo(0.5 * Math.log(2) + 0.5 * Math.log(2 / 3), 12)
  expect(leastRequests(0.005, 0.03, 0.01)).toBeCloseTo(158, 0)
})

test('the plot has a bar for every judge of a regression, and no script', () => {
  const figures = figuresOf(
    cells,
    cells
      .filter(({ rate, twin }) => rate === 50 && twin !== undefined)
      .map((cell) =>
        done(keyOf(cell), oursEachRead.name, tally(10, stopped(10), { extra: { sum: 80, squares: 700 } })),
      ),
  )
  const svg = plot(cells, figures)
  expect(svg.match(/<rect/g)).toHaveLength(1 + figures.length)
  expect(svg).not.toContain('NaN')
  expect(svg).not.toContain('<script')
})

test('a bench goes on with the jobs that are not kept, and not with those of other sources', () => {
  const path = join(folder, 'kept.jsonl')
  const job = (from: number): Job => ({ grid: 'reported', cell: 'a', judges: ['b'], from, count: 1 })
  const kept = openCheckpoint(path, false)
  keepDone(kept, { job: job(1), tallies: [tally(1, [])], took: 1 })
  // What a killed process leaves of its last line.
  writeFileSync(path, `${readFileSync(path, 'utf8')}{"job":{"cell`)
  const again = openCheckpoint(path, true)
  expect(missingJobs([job(1), job(2)], again.done)).toEqual([job(2)])
  writeFileSync(path, '{"sources":"others"}\n')
  expect(() => openCheckpoint(path, true)).toThrow('was begun with other sources')
  expect(openCheckpoint(path, false).done).toEqual([])
})

test('a part of the bench is printed and never written over the whole', () => {
  expect(askedOf([], 'docs')).toMatchObject({ out: 'docs', quick: false })
  for (const args of [['--quick'], ['--cells', '^50/s'], ['--tuning']])
    expect(askedOf(args, 'docs')).toMatchObject({ out: undefined })
  expect(askedOf(['--workers', 'many'], 'docs')).toEqual({ problem: expect.stringContaining('--workers') })
  expect(askedOf(['--slow'], 'docs')).toEqual({ problem: expect.stringContaining('--slow') })
})

test('the page and the plot in docs are those of their file', () => {
  const docs = join(import.meta.dirname, '../../../docs/benchmarks')
  const path = join(docs, 'judges.json')
  const kept = JSON.parse(readFileSync(path, 'utf8')) as Results
  expect(readFileSync(join(docs, 'judges.md'), 'utf8')).toBe(page(cells, kept))
  expect(readFileSync(join(docs, 'judges.svg'), 'utf8')).toBe(plot(cells, kept.figures))
})
