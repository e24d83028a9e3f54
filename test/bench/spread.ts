import { cpus, totalmem, type } from 'node:os'
import { quantile } from '../../packages/cli/src/rehearsal/traffic.ts'

/** Median and the range that holds four fifths of the values (nearest rank); NaN of none. */
export const spread = (
  values: readonly number[],
): { readonly median: number; readonly p10: number; readonly p90: number; readonly n: number } => ({
  median: quantile(values, 0.5),
  p10: quantile(values, 0.1),
  p90: quantile(values, 0.9),
  n: values.length,
})

/** What was measured on, in one line. */
export const machine = (): string =>
  `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()}, Node ${process.versions.node}`
