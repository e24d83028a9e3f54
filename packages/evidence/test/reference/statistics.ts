import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The rows of one table of statistics.json, which statistics.py beside it makes from SciPy and statsmodels. */
export const reference = <Row>(table: string): readonly Row[] => {
  const rows = JSON.parse(readFileSync(join(import.meta.dirname, 'statistics.json'), 'utf8'))[table]
  if (!Array.isArray(rows) || rows.length === 0) throw new Error(`statistics.json has no table ${table}`)
  return rows
}

/** An interval as the tables have it. */
export type Ends = { readonly low: number; readonly high: number }

/** How far ours is from a reference, relative to the larger of the reference and `scale`. */
export const off = (ours: number, theirs: number, scale = Number.MIN_VALUE): number =>
  Math.abs(ours - theirs) / Math.max(scale, Math.abs(theirs))
