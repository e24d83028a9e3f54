import { wilson } from '@sluice/evidence/interval'
import { five } from '../rollback/statistics.ts'
import { type Cell, keyOf } from './cells.ts'
import { JUDGES } from './judges.ts'
import { merge, nothing, type Tally } from './tally.ts'
import type { Done } from './worker.ts'

/** A value with its 95 % interval. */
export type Estimate = { readonly value: number; readonly low: number; readonly high: number }

/**
 * What a judge did in a cell. `stopped`: share of the releases (Wilson). `minutes`: from the fault's begin to the stop, and `requests`, that the canary
 * answered in them, both over the stopped releases. `extra`: mean of extra bad answers over all releases (normal); of a healthy release there are none. `codes`: releases that ended or were held
 * without a verdict; `why`: the stopped ones.
 */
export type Figure = {
  readonly cell: string
  readonly judge: string
  readonly n: number
  readonly stopped: Estimate
  readonly minutes?: { readonly median: number; readonly q1: number; readonly q3: number }
  readonly requests?: number
  readonly extra?: Estimate
  readonly codes: { readonly [code: string]: number }
  readonly why: { readonly [code: string]: number }
}

/** The figures of all that was played, in the order of the cells and judges. */
export const figuresOf = (cells: readonly Cell[], done: readonly Done[]): readonly Figure[] => {
  const tallies = new Map<string, Tally>()
  for (const { job, tallies: parts } of done)
    for (const [index, judge] of job.judges.entries()) {
      const key = `${job.cell}|${judge}`
      tallies.set(key, merge(tallies.get(key) ?? nothing, parts[index] ?? nothing))
    }
  return cells.flatMap((cell) =>
    JUDGES.flatMap(({ name }) => {
      const tally = tallies.get(`${keyOf(cell)}|${name}`)
      return tally === undefined || tally.n === 0 ? [] : [figure(cell, name, tally)]
    }),
  )
}

const figure = (cell: Cell, judge: string, tally: Tally): Figure => {
  const { n, stops, requests, extra, codes, why } = tally
  const minutes = five(stops.map((at) => (at - (cell.from ?? 0)) / 60))
  const mean = extra.sum / n
  const half = 1.96 * Math.sqrt(Math.max(0, extra.squares / n - mean * mean) / n)
  const asked = five(requests)
  return {
    cell: keyOf(cell),
    judge,
    n,
    stopped: { value: stops.length / n, ...wilson({ n, k: stops.length }) },
    ...(minutes === undefined ? {} : { minutes: { median: minutes.median, q1: minutes.q1, q3: minutes.q3 } }),
    ...(asked === undefined ? {} : { requests: asked.median }),
    ...(cell.twin === undefined ? {} : { extra: { value: mean, low: mean - half, high: mean + half } }),
    codes,
    why,
  }
}

/** Finds figures by cell and judge. */
export const finder = (figures: readonly Figure[]): ((cell: string, judge: string) => Figure | undefined) => {
  const known = new Map(figures.map((each) => [`${each.cell}|${each.judge}`, each]))
  return (cell, judge) => known.get(`${cell}|${judge}`)
}
