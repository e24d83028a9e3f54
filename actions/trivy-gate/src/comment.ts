import type { Gate, Scan } from './found.ts'
import {
  countsTable,
  exceptionsSection,
  failingSection,
  folded,
  headOf,
  notesSection,
  scanLine,
  stacked,
} from './sections.ts'

/**
 * The pull request's comment: `marker` (hidden, `<!-- … -->`) first, the verdict, what fails, the rest folded. It has at most 65,536 characters, which is what
 * GitHub takes: where names are so long that it would have more, fewer rows are shown.
 */
export const commentOf = (gate: Gate, scan: Scan, marker: string): string => {
  const head = stacked(marker, headOf(gate))
  const fits = ROWS.map((rows) => stacked(head, failingSection(gate, rows), rest(gate, scan, rows)))
  return `${fits.find(({ length }) => length < LONGEST) ?? head}\n`
}

const LONGEST = 65_536
const ROWS: readonly number[] = [20, 10, 5]

const rest = (gate: Gate, scan: Scan, rows: number): string =>
  folded(
    'Counts, exceptions and notes',
    stacked(countsTable(gate), exceptionsSection(gate, rows), notesSection(gate, rows), scanLine(scan)),
  )
