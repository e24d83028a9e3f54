import type { Gate, Scan } from './found.ts'
import {
  countsTable,
  exceptionsSection,
  failingSection,
  headOf,
  hiddenLine,
  notesSection,
  otherSection,
  scanLine,
  stacked,
} from './sections.ts'

/**
 * The job summary: the verdict with what to do, what fails, the counts, then what else is worth a look. At most 50 rows of each, and each text is cut, so that
 * it stays within the 1 MiB that GitHub takes of a step.
 */
export const summarize = (gate: Gate, scan: Scan): string =>
  `${stacked(
    headOf(gate),
    failingSection(gate, MOST_ROWS),
    countsTable(gate),
    exceptionsSection(gate, MOST_ROWS),
    notesSection(gate, MOST_ROWS),
    otherSection(gate, MOST_ROWS),
    hiddenLine(gate),
    scanLine(scan),
  )}\n`

const MOST_ROWS = 50
