import { expect, test } from 'vitest'
import { type Cell, cellsOf, keyOf, REPORTED, TUNED_ON } from './cells.ts'
import { COUNTS, FIRST_SEED, jobsOf } from './jobs.ts'
import { JUDGES, oursEachMinute, oursEachRead, PEERS } from './judges.ts'
import { play } from './play.ts'
import { merge, nothing } from './tally.ts'
import { doJob } from './worker.ts'

const cells = cellsOf(REPORTED)
const cell = (key: string): Cell => {
  const found = cells.find((each) => keyOf(each) === key)
  if (found === undefined) throw new Error(`no cell ${key}`)
  return found
}

test('every regression names a healthy cell of the same rate, and no two cells have one name', () => {
  for (const grid of [REPORTED, TUNED_ON]) {
    const all = cellsOf(grid)
    const healthy = new Set(all.filter(({ twin }) => twin === undefined).map(keyOf))
    for (const { rate, twin } of all) if (twin !== undefined) expect(healthy).toContain(keyOf({ rate, name: twin }))
    expect(new Set(all.map(keyOf)).size).toBe(all.length)
  }
})

test('each judge stops a canary that fails half of its requests when its own rule first can', () => {
  const [limit, rate, ranks, minute, read] = play(
    cell('50/s, errors 0.5 % → 50 %'),
    [...PEERS, oursEachMinute, oursEachRead],
    { from: 1, count: 8 },
  )
  const every = (at: number): readonly number[] => Array.from({ length: 8 }, () => at)
  // The fourth failed measurement, the fifth failed check, the first look of five minutes, the first look.
  expect(limit?.stops).toEqual(every(240))
  expect(rate?.stops).toEqual(every(300))
  expect(ranks?.stops).toEqual(every(300))
  expect(minute?.stops).toEqual(every(60))
  expect(read?.stops.every((at) => at <= 15)).toBe(true)
})

test('a fixed limit takes a shared outage for the release’s fault; this project’s judge holds', () => {
  const [limit, , , minute] = play(cell('50/s, shared outage of 50 %, 6 min'), JUDGES, { from: 1, count: 4 })
  expect(limit?.why).toEqual({ failed: 4 })
  expect(minute?.stops).toEqual([])
  expect(minute?.codes).toEqual({ 'baseline-breaks-limit': 4 })
})

test('the requests to a stop count from the fault, not from the canary’s first weight', () => {
  const [late] = play(cell('50/s, errors 0.5 % → 3 % at 50 %'), [oursEachRead], { from: 1, count: 4 })
  for (const [index, at] of (late?.stops ?? []).entries()) {
    expect(at).toBeGreaterThan(1200)
    expect(Math.abs((late?.requests[index] ?? 0) / (25 * (at - 1200)) - 1)).toBeLessThan(0.4)
  }
  expect(late?.stops).toHaveLength(4)
})

test('too little traffic to a canary is said by name', () => {
  const [ours] = play(cell('1/s, healthy at 0.5 %'), [oursEachRead], { from: 1, count: 3 })
  expect(ours?.codes).toEqual({ 'too-few-requests': 3 })
})

test('releases may be played in parts, by any worker', () => {
  const key = '50/s, errors 0.5 % → 10 %'
  const judges = JUDGES.map(({ name }) => name)
  const part = (from: number, count: number) => doJob({ grid: 'reported', cell: key, judges, from, count }).tallies
  const [whole, first, second] = [part(1, 6), part(1, 2), part(3, 4)]
  const merged = first.map((tally, judge) => merge(tally, second[judge] ?? nothing))
  for (const [judge, { extra, ...tally }] of merged.entries()) {
    const { extra: expected, ...known } = whole[judge] ?? nothing
    expect(tally).toEqual(known)
    expect(extra.sum).toBeCloseTo(expected.sum, 6)
    expect(extra.squares).toBeCloseTo(expected.squares, 6)
  }
})

test('a bench plays as many releases as it says, the first of every cell before any more', () => {
  const jobs = jobsOf('reported', cells, COUNTS.whole)
  const played = (key: string, judge: string): number =>
    jobs.reduce((sum, job) => sum + (job.cell === key && job.judges.includes(judge) ? job.count : 0), 0)
  for (const { name } of JUDGES) {
    expect(played('50/s, healthy at 0.5 %', name)).toBe(name.startsWith('Mann') ? 1_000 : 10_000)
    expect(played('50/s, errors 0.5 % → 3 %', name)).toBe(1_000)
  }
  const second = jobs.findIndex(({ from }) => from > FIRST_SEED.reported)
  expect(new Set(jobs.slice(0, second).map((job) => job.cell)).size).toBe(cells.length)
  expect(jobs.every(({ from }) => from >= FIRST_SEED.reported)).toBe(true)
})
