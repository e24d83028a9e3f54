import { type Cell, keyOf } from './cells.ts'
import { JUDGES, oursEachRead } from './judges.ts'
import { mannWhitney } from './mann-whitney.ts'

/** Some releases of one cell for some judges, both by name: what one worker does at a time. `grid`: whose cell it is. */
export type Job = {
  readonly grid: 'reported' | 'tuned-on'
  readonly cell: string
  readonly judges: readonly string[]
  readonly from: number
  readonly count: number
}

/** How many releases a bench plays. `strict`: of each cell that the stated α is about; `other`: of all others, and of every cell for Mann-Whitney. */
export type Counts = { readonly strict: number; readonly other: number }

/** The whole bench, and the one that only shows that it works. */
export const COUNTS: { readonly [Kind in 'whole' | 'quick']: Counts } = {
  whole: { strict: 10_000, other: 1_000 },
  quick: { strict: 200, other: 100 },
}

/** Seeds begin here: those of the tuning are never those of the report. */
export const FIRST_SEED = { 'tuned-on': 1, reported: 1_000_001 } as const

/** A healthy release of independent requests, also under an outage that is read on both sides at once: α is stated for these. */
export const isStrict = ({ group }: Pick<Cell, 'group'>): boolean => group === 'independent' || group === 'outage'

/**
 * The jobs of a bench. Every cell gets some releases before any gets more, so that a bench that is broken off has all rows; what the judge that
 * looks most often still lacks comes last, as it takes most of the time.
 */
export const jobsOf = (grid: Job['grid'], cells: readonly Cell[], { strict, other }: Counts): readonly Job[] => {
  const all = JUDGES.map(({ name }) => name)
  const many = all.filter((name) => !FEW.has(name))
  const job = (cell: Cell, judges: readonly string[]) => (part: { readonly from: number; readonly count: number }) => ({
    grid,
    cell: keyOf(cell),
    judges,
    from: FIRST_SEED[grid] + part.from,
    count: part.count,
  })
  const often = many.filter((name) => name === oursEachRead.name)
  const seldom = many.filter((name) => name !== oursEachRead.name)
  const target = (cell: Cell): number => (isStrict(cell) ? strict : other)
  const few = Math.min(AT_ONCE, other)
  const range = (cell: Cell, from: number, to: number): ReturnType<typeof parts> =>
    parts(from, Math.min(to, target(cell)))
  return [
    ...cells.flatMap((cell) => range(cell, 0, few).map(job(cell, all))),
    ...cells.flatMap((cell) => range(cell, few, other).map(job(cell, all))),
    ...cells.flatMap((cell) => range(cell, other, strict).map(job(cell, seldom))),
    ...cells.flatMap((cell) => range(cell, other, strict).map(job(cell, often))),
  ]
}

/** So many releases of every cell come before any cell gets more. */
const AT_ONCE = 200

/** Judges that are asked for the first releases only. */
const FEW: ReadonlySet<string> = new Set([mannWhitney.name])

const PART = 500

const parts = (from: number, to: number): readonly { readonly from: number; readonly count: number }[] =>
  Array.from({ length: Math.max(0, Math.ceil((to - from) / PART)) }, (_, index) => {
    const begin = from + index * PART
    return { from: begin, count: Math.min(PART, to - begin) }
  })
