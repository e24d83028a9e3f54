import { type Found, type Gate, type Judged, SEVERITIES, type Severity } from './found.ts'

/** How many, in all and by severity. */
export type Tally = { readonly total: number } & Readonly<Record<Lowercase<Severity>, number>>

/** Of what the gate shows: all, what fails, and what the baseline did not have. */
export type Counts = { readonly shown: Tally; readonly failing: Tally; readonly new: Tally }

/** The figures for outputs and the report. */
export const counts = ({ shown }: Gate): Counts => ({
  shown: tally(shown),
  failing: tally(shown.filter(({ state }) => state === 'fails')),
  new: tally(shown.filter(({ news }) => news !== undefined)),
})

const tally = (all: readonly Judged[]): Tally => {
  const found = { total: all.length, unknown: 0, low: 0, medium: 0, high: 0, critical: 0 }
  for (const { found: one } of all) found[lower(one.severity)] += 1
  return found
}

const lower = (severity: Severity): Lowercase<Severity> => severity.toLowerCase() as Lowercase<Severity>

/** How bad: 0 for UNKNOWN … 4 for CRITICAL. */
export const rank = ({ severity }: Found): number => SEVERITIES.indexOf(severity)

/** The severities, worst first. */
export const FROM_WORST: readonly Severity[] = [...SEVERITIES].reverse()
