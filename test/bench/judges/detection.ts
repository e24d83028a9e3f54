import { leastRequests } from './bound.ts'
import { type Cell, keyOf } from './cells.ts'
import type { Figure, finder } from './figures.ts'
import { OURS } from './judges.ts'
import { beginOf, INTERVAL, STEPS } from './release.ts'

/** Independent requests of one population: what the bound is of. */
export const isPlain = ({ truth: { rho, bursts, internal } }: Cell): boolean =>
  rho === undefined && bursts === undefined && internal === undefined

/** A release's detection beside the information bound. `limit`: twice the bound and one check's requests. */
export type Detection = {
  readonly cell: Cell
  readonly figure: Figure
  readonly least: number
  readonly check: number
  readonly limit: number
}

/** Of steady regressions that stopped in most releases: the median of the canary's requests until then, and what it is measured by. */
export const detections = (cells: readonly Cell[], found: ReturnType<typeof finder>): readonly Detection[] =>
  cells.flatMap((cell) => {
    if (!isPlain(cell) || cell.twin === undefined) return []
    return OURS.flatMap((judge) => {
      const figure = found(keyOf(cell), judge.name)
      if (figure?.requests === undefined || figure.minutes === undefined || figure.stopped.value < 0.5) return []
      const at = 60 * figure.minutes.median + (cell.from ?? 0)
      const least = leastRequests(cell.truth.baseline(at - INTERVAL), cell.truth.canary(at - INTERVAL), ALPHA)
      const check = (cell.rate * weightAt(at) * judge.every(cell)) / 100
      return [{ cell, figure, least, check, limit: 2 * least + check }]
    })
  })

const weightAt = (at: number): number => {
  let end = 0
  for (const { weight, hold } of STEPS) {
    end += hold
    if (at <= end) return weight
  }
  return STEPS.at(-1)?.weight ?? 0
}

/** The extra bad answers of as many requests as the information bound asks for. */
export const leastExtra = (cell: Cell): number | undefined => {
  if (!isPlain(cell)) return undefined
  const [baseline, canary] = [cell.truth.baseline(LATE), cell.truth.canary(LATE)]
  return leastRequests(baseline, canary, ALPHA) * (canary - baseline)
}

const ALPHA = 0.01
/** When every regression has begun, seconds. */
const LATE = beginOf(STEPS.length) - INTERVAL
