import type { Scrape } from '@sluice/evidence/reading'

/**
 * What the canary's counters showed. `movedAt`: the last read in which they had moved. `since`: the first read of the drain, `reads` how many there were
 * from then on. Times in ms UTC.
 */
export type DrainState = {
  readonly total: number
  readonly movedAt: number | undefined
  readonly since: number | undefined
  readonly reads: number
}

/** A drain that nothing was seen of yet. */
export const beginDrain: DrainState = { total: 0, movedAt: undefined, since: undefined, reads: 0 }

/** Takes one read of the counters into account. A pod that went away lowers the sum: that is no request. */
export const watchDrain = (
  state: DrainState,
  scrape: Scrape | undefined,
  { at, draining }: { readonly at: number; readonly draining: boolean },
): DrainState => {
  const pods = scrape?.kind === 'sources' ? scrape.parts.map((part) => part.scrape) : [scrape]
  const readings = pods.flatMap((each) => (each?.kind === 'pods' ? [each.readings] : []))
  if (readings.length === 0) return state
  const total = readings
    .flat()
    .filter(({ side }) => side === 'canary')
    .reduce((sum, { counters }) => sum + Math.max(0, ...Object.values(counters).map((counter) => counter.total)), 0)
  return {
    total,
    movedAt: total > state.total ? at : state.movedAt,
    since: draining ? (state.since ?? at) : undefined,
    reads: draining ? state.reads + 1 : 0,
  }
}

/**
 * Flat for two intervals of the plan, all of them read since the weight was 0: routers act by a weight only some time after it reads back, and
 * nobody looked at the counters while stable rolled.
 */
export const isDrained = ({ reads, since, movedAt }: DrainState, at: number, interval: number): boolean =>
  reads >= 3 && since !== undefined && at - Math.max(since, movedAt ?? since) >= 2 * interval
