import type { Cell } from './cells.ts'
import type { Moment } from './release.ts'

/** A judge's word on a release: it is taken back (`stopped`), or ends without a verdict (`inconclusive`); `code` says why. */
export type Word = { readonly kind: 'stopped' | 'inconclusive'; readonly code: string }

/**
 * A judge at work on one release. `look`: takes a moment into account that falls on its pace; a word ends the release for it. `held`: why it would have
 * kept the weight for a while at the end of a step, the first such code. A hold does not move the schedule here: all judges see the same releases.
 */
export type Judging = {
  look(moment: Moment): Word | undefined
  held?(): string | undefined
}

/**
 * A judge of the bench. `every`: seconds between two looks in a cell, a multiple of the interval. `past`: so many seconds of stable alone it is shown; absent: all.
 */
export type Judge = {
  readonly name: string
  every(cell: Cell): number
  readonly past?: number
  begin(cell: Cell): Judging
}
