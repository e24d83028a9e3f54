import { inTurn } from './pods.ts'
import type { Answered } from './prometheus-answer.ts'
import {
  type Bound,
  beginSide,
  type Counted,
  countSide,
  linesOf,
  type SideState,
  selectorsOf,
} from './prometheus-count.ts'
import { type AskPrometheus, boundOf, failureOf, inBoth, whole } from './prometheus-outcome.ts'
import { promDuration } from './promql.ts'
import type { NoReading, Side, Single } from './reading.ts'
import { type Series, shown } from './series.ts'

/** How often a source may close an interval. `width`: of an interval; `scrape`: between two samples; both ms. */
export type Pace = { readonly width: number; readonly scrape: number; readonly now: () => number }

/** What is remembered of a metric. `cut`: until when it is counted; `freshAt`: when the baseline last showed a new sample; ms UTC. */
type State = {
  readonly cut: number
  readonly freshAt: number
  readonly bound: Bound | undefined
  readonly sides: { readonly [S in Side]: SideState }
}

const HOUR = 3_600_000
/** A run that takes over later than that does not count the whole gap: nobody watched it. */
const LONGEST_GAP = 600_000
/** How much later than it was scraped a sample may show, ms. */
export const INGEST = 5000

/** The look of a source at which no interval has closed. */
export const nothingNew = ({ width }: Pace): Single => ({ kind: 'buckets', buckets: [], guard: 1, lag: 2 * width })

/** Whether an interval that began at `last` may be closed: looks come a little early or late. */
export const isDue = (last: number, { width, now }: Pace): boolean => now() - last >= 0.8 * width

/**
 * Reads one metric's counters. Each call closes the interval since the one before, if it is long enough; one that fails leaves it open, so that
 * what could not be read is read the next time. The first call sets the zero lines at `since`.
 */
export const countedReader = (
  metric: Counted,
  ask: AskPrometheus,
): ((since: number, pace: Pace) => Promise<Single>) => {
  let state: State | undefined
  return async (since, pace) => {
    const known = state ?? (await begin(metric, ask, { since, now: pace.now() }))
    if ('kind' in known) return known
    state = known
    if (!isDue(known.cut, pace)) return nothingNew(pace)
    const now = pace.now()
    const window = promDuration(Math.min(HOUR, now - known.cut + 3 * pace.width + INGEST))
    const read = await bothSides((side) =>
      askAll(metric, ask, { side, bound: known.bound, write: (s) => `${s}[${window}]` }),
    )
    if ('kind' in read) return read
    const result = close(metric, known, read, { ...pace, now: () => now })
    if ('state' in result) state = result.state
    return result.single
  }
}

const begin = async (
  metric: Counted,
  ask: AskPrometheus,
  { since, now }: { readonly since: number; readonly now: number },
): Promise<State | NoReading> => {
  const cut = Math.max(since, now - LONGEST_GAP)
  const bound = metric.kind === 'latency' ? await boundOf(metric, ask) : undefined
  if (bound !== undefined && 'kind' in bound) return bound
  const read = await bothSides((side) =>
    askAll(metric, (query) => ask(query, { time: cut }), { side, bound, write: (s) => `last_over_time(${s}[1h])` }),
  )
  if ('kind' in read) return read
  const from = ({ series: [total = [], bad = []] }: SideRead): SideState => ({
    ...beginSide,
    total: linesOf(total),
    bad: linesOf(bad),
  })
  return { cut, freshAt: now, bound, sides: { baseline: from(read.baseline), canary: from(read.canary) } }
}

/** What a side's selectors gave, in their order, and the queries as they were sent. */
export type SideRead = { readonly text: string; readonly series: readonly (readonly Series[])[] }
type BothRead = { readonly [S in Side]: SideRead }

const bothSides = async (read: (side: Side) => Promise<SideRead | NoReading>): Promise<BothRead | NoReading> => {
  const [baseline, canary] = await Promise.all([read('baseline'), read('canary')])
  if ('kind' in baseline) return baseline
  return 'kind' in canary ? canary : { baseline, canary }
}

/** Asks for every selector of a metric on a side; `write` makes a query of one. One that fails leaves none of them. */
export const askAll = async (
  metric: Counted,
  ask: AskPrometheus,
  given: { readonly side: Side; readonly bound: Bound | undefined; readonly write: (selector: string) => string },
): Promise<SideRead | NoReading> => {
  const queries = selectorsOf(metric, given.side, given.bound).map(given.write)
  const answers = await inTurn(queries, 2, async (query) => whole(await ask(query)))
  const failed = answers.find((answer): answer is Exclude<Answered, { kind: 'series' }> => answer.kind !== 'series')
  if (failed !== undefined) return failureOf(metric.name, failed, queries)
  const series = answers.map((answer) => (answer.kind === 'series' ? answer.series : []))
  return { text: queries.join('; bad: '), series }
}

const close = (
  metric: Counted,
  known: State,
  { baseline, canary }: BothRead,
  pace: Pace,
): { readonly single: Single; readonly state?: State } => {
  const { name } = metric
  const both = inBoth(baseline.series[0] ?? [], canary.series[0] ?? [])
  if (both !== undefined) {
    const query = `${baseline.text} and ${canary.text}`
    const text = `metric ${name}: the queries do not keep the sides apart, ${shown(both)} is in both: ${query}`
    return { single: { kind: 'several-series', query, text } }
  }
  const b = countSide(metric, baseline.series, known.sides.baseline, known.bound)
  const c = countSide(metric, canary.series, known.sides.canary, known.bound)
  if (b.kind !== 'counted') return { single: notCounted(name, b, baseline.text) }
  if (c.kind !== 'counted') return { single: notCounted(name, c, canary.text) }
  const now = pace.now()
  if (!b.fresh) return { single: stale(name, now - known.freshAt, baseline, pace) }
  // What a scrape shows was asked up to one scrape before.
  const span = { metric: name, from: known.cut - pace.scrape, to: now }
  return {
    state: { ...known, cut: now, freshAt: now, sides: { baseline: b.state, canary: c.state } },
    single: {
      ...nothingNew(pace),
      kind: 'buckets',
      query: canary.text,
      buckets: [
        { side: 'baseline', ...span, total: b.total, bad: b.bad },
        { side: 'canary', ...span, total: c.total, bad: c.bad },
      ],
    },
  }
}

/** Why a metric's samples could not be counted, in the words of a report. */
export const notCounted = (
  name: string,
  { kind, text }: Pick<NoReading, 'kind' | 'text'>,
  query: string,
): NoReading => ({
  kind,
  query,
  text: `metric ${name}: ${text}; asked: ${query}`,
})

/** A baseline without a new sample: a scrape that is late, or one that comes no more. */
const stale = (name: string, silent: number, { series, text: query }: SideRead, pace: Pace): Single => {
  if (silent <= 3 * pace.width + INGEST) return nothingNew(pace)
  if ((series[0] ?? []).length === 0)
    return { kind: 'empty', query, text: `metric ${name}: nothing was found for the baseline: ${query}` }
  const text = `metric ${name}: no new sample of the baseline for ${Math.round(silent / 1000)} s, Prometheus no longer scrapes it: ${query}`
  return { kind: 'outage', query, text }
}
