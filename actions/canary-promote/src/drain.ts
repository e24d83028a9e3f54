import type { Scrape } from '@sluice/evidence/reading'

/** What the canary's counters showed since its weight is 0. Times in ms UTC. */
export type DrainState = { readonly total: number; readonly reads: number; readonly movedAt: number | undefined }

export const beginDrain: DrainState = { total: 0, reads: 0, movedAt: undefined }

/** Takes one read of the counters into account. A pod that went away lowers the sum: that is no request. */
export const watchDrain = (state: DrainState, scrape: Scrape | undefined, at: number): DrainState => {
  // Not read in this look, as while stable gets the new template: what was flat before says nothing about what is on its way now.
  if (scrape === undefined) return { ...state, reads: 0 }
  if (scrape.kind !== 'pods') return state
  const total = scrape.readings
    .filter(({ side }) => side === 'canary')
    .reduce((sum, { counters }) => sum + Math.max(0, ...Object.values(counters).map((counter) => counter.total)), 0)
  const moved = total > state.total || state.reads === 0
  return { total, reads: state.reads + 1, movedAt: moved ? at : state.movedAt }
}

/** Flat for two intervals of the plan, and read at least three times: what was on its way has arrived. */
export const isDrained = ({ reads, movedAt }: DrainState, at: number, interval: number): boolean =>
  reads >= 3 && movedAt !== undefined && at - movedAt >= 2 * interval
