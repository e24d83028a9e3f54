import type { Scrape, Single } from '@sluice/evidence/reading'

/**
 * What the canary's counters showed. `movedAt`: the last read in which they had moved. `since`: the first read of the drain, `reads` how many there were
 * from then on. Times in ms UTC.
 */
export type DrainState = {
  readonly total: number
  readonly movedAt: number | undefined
  readonly since: number | undefined
  readonly reads: number
  /** How late a request may show in what is read, ms. */
  readonly lag?: number
}

/** A drain that nothing was seen of yet. */
export const beginDrain: DrainState = { total: 0, movedAt: undefined, since: undefined, reads: 0 }

/**
 * Takes one read of the counters into account. A pod that went away lowers the sum: that is no request. `fresh`: the baseline's pods are to end as well, so
 * that their requests count, too.
 */
export const watchDrain = (
  state: DrainState,
  scrape: Scrape | undefined,
  { at, draining, fresh = false }: { readonly at: number; readonly draining: boolean; readonly fresh?: boolean },
): DrainState => {
  const looks = users(scrape)
  const readings = looks.flatMap((look) => (look.kind === 'pods' ? look.readings : []))
  const buckets = looks.flatMap((look) => (look.kind === 'buckets' ? look.buckets : []))
  const counted = readings.filter(({ counters }) => Object.keys(counters).length > 0)
  // What shows no counter says nothing of requests: nothing was measured.
  if (counted.length === 0 && buckets.length === 0) return state
  const total = counted
    .filter(({ side }) => fresh || side === 'canary')
    .reduce((sum, { counters }) => sum + Math.max(0, ...Object.values(counters).map((counter) => counter.total)), 0)
  const summed = buckets.some((bucket) => (fresh || bucket.side === 'canary') && bucket.total > 0)
  return {
    total: counted.length > 0 ? total : state.total,
    movedAt: summed || (counted.length > 0 && total > state.total) ? at : state.movedAt,
    lag: Math.max(0, ...looks.map((look) => (look.kind === 'buckets' ? (look.lag ?? 0) : 0))),
    since: draining ? (state.since ?? at) : undefined,
    reads: draining ? state.reads + 1 : 0,
  }
}

/** The looks that show the users' requests: a probe goes on with its own. */
const users = (scrape: Scrape | undefined): readonly Single[] => {
  if (scrape === undefined) return []
  return scrape.kind === 'sources'
    ? scrape.parts.flatMap((part) => (part.source === 'probe' ? [] : [part.scrape]))
    : [scrape]
}

/**
 * Flat for two intervals of the plan, and as long as a request may take to show, all of it read since the weight was 0: routers act by a weight only some time after it reads back, and
 * nobody looked at the counters while stable rolled.
 */
export const isDrained = ({ reads, since, movedAt, lag = 0 }: DrainState, at: number, interval: number): boolean =>
  reads >= 3 && since !== undefined && at - Math.max(since, movedAt ?? since) >= Math.max(2 * interval, interval + lag)
