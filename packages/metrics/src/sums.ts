import { describe, Fault } from '@sluice/kit/faults'
import { HISTORY, type History } from './history.ts'
import { closePeriods, dueWindow, type Points, type SumQuery, type Timing, type Window } from './periods.ts'
import type { MetricSource } from './pods.ts'
import type { NoReading, Scrape } from './reading.ts'
import { findings } from './sums-preflight.ts'
import { type Placeholders, trackOf } from './template.ts'

/**
 * A metric of a source of sums, in the provider's own queries with placeholders. `total` counts requests, `bad` those of them that failed
 * (ratio) or took longer than the threshold (latency). Of a list the counts are added up here, where one without data is 0: a provider's own
 * arithmetic has no value where one of its parts has none.
 */
export type SumMetric<Query> =
  | {
      readonly kind: 'ratio' | 'latency'
      readonly name: string
      readonly total: Query | readonly Query[]
      readonly bad: Query | readonly Query[]
    }
  | { readonly kind: 'gauge'; readonly name: string; readonly query: Query }

/** Who is compared: `baseline` and `canary` name Deployments. `interval` in ms, to say when looks are more frequent than periods close. */
export type Sides = {
  readonly namespace: string
  readonly baseline: string
  readonly canary: string
  readonly interval?: number | undefined
}

/** What a provider answered. `serverTime`: its clock, ms UTC. `hint`: what to do about an answer that gave nothing. */
export type Answer =
  | { readonly kind: 'points'; readonly points: ReadonlyMap<string, Points>; readonly serverTime?: number | undefined }
  | (NoReading & { readonly hint?: string | undefined })

/** The placeholders of a side. @param width of a period, ms; written in seconds */
export const placeholdersOf = (side: 'baseline' | 'canary', sides: Sides, width: number): Placeholders => ({
  namespace: sides.namespace,
  deployment: sides[side],
  track: trackOf(side),
  interval: String(width / 1000),
})

/**
 * Every query of both sides, resolved.
 * @throws Fault('input') with all that is wrong with them, each with the metric's name and key; one that reads the same on both sides is wrong too
 */
export const sumQueries = <Query, Written extends { readonly text: string }>(
  metrics: readonly SumMetric<Query>[],
  write: (query: Query, asked: Pick<SumQuery, 'side' | 'role' | 'id'> & { readonly where: string }) => Written,
): readonly (SumQuery & Written)[] => {
  const wrong: string[] = []
  let count = 0
  const queries = metrics.flatMap((metric) =>
    keysOf(metric).flatMap(([role, query]) => {
      const where = `metric ${metric.name}: ${role === 'value' ? 'query' : role}`
      try {
        const both = (['baseline', 'canary'] as const).map((side) => {
          const asked = { id: `q${count++}`, side, role }
          return { ...asked, metric: metric.name, ...write(query, { ...asked, where }) }
        })
        if (both[0]?.text === both[1]?.text)
          wrong.push(
            `${where} reads the same on both sides; tell them apart by {{deployment}} or {{track}}: ${both[0]?.text}`,
          )
        return both
      } catch (thrown) {
        if (!(thrown instanceof Fault)) throw thrown
        wrong.push(describe(thrown))
        return []
      }
    }),
  )
  if (wrong.length > 0) throw new Fault('input', wrong.join('\n'))
  return queries
}

const keysOf = <Query>(metric: SumMetric<Query>): readonly (readonly [SumQuery['role'], Query])[] => {
  if (metric.kind === 'gauge') return [['value', metric.query]]
  const each = (role: 'total' | 'bad'): readonly (readonly ['total' | 'bad', Query])[] =>
    listOf(metric[role]).map((query) => [role, query])
  return [...each('total'), ...each('bad')]
}

const listOf = <Query>(queries: Query | readonly Query[]): readonly Query[] =>
  Array.isArray(queries) ? queries : [queries as Query]

/**
 * A source that asks a provider for the sums of whole periods, each once, after it has closed. A provider is only asked when a period is due.
 * It goes on where it stopped, so after an outage nothing is missing. Of the time before a release it gives the baseline's periods in one request more; those
 * that have not closed when it is asked are left out.
 */
export const sumSource = <Query extends SumQuery>(
  given: Timing & Sides & { readonly provider: string; readonly queries: readonly Query[] },
  ask: (queries: readonly Query[], window: Window) => Promise<Answer>,
  now: () => number,
): MetricSource => {
  const { queries, width, delay } = given
  let next = Number.NEGATIVE_INFINITY
  // Credentials may have to be fetched first, which may fail as well.
  const answerFor = async (window: Window, asked: readonly Query[] = queries): Promise<Answer> => {
    try {
      return await ask(asked, window)
    } catch (thrown) {
      if (!(thrown instanceof Fault) || thrown.kind === 'input') throw thrown
      return { kind: 'outage', query: asked.map(({ text }) => text).join('; '), text: describe(thrown) }
    }
  }
  return {
    preflight: async () => {
      const to = Math.floor((now() - delay) / width) * width
      const window = { from: to - Math.ceil(LOOK_BACK / width) * width, to }
      return findings(given, window, await answerFor(window), now())
    },
    read: async (since): Promise<Scrape> => {
      const window = dueWindow(Math.max(next, Math.ceil(since / width) * width), now(), given)
      if (window === undefined) return { kind: 'buckets', buckets: [], lag: width + delay }
      const answer = await answerFor(window)
      if (answer.kind !== 'points') return { kind: answer.kind, query: answer.query, text: answer.text }
      const { next: end, ...closed } = closePeriods(queries, answer.points, window, width)
      next = end
      if (closed.kind !== 'buckets') return closed
      const shown = queries.filter(({ side }) => side === 'canary').map(({ text }) => text)
      return { ...closed, guard: GUARD, lag: width + delay, query: shown.join('; ') }
    },
    history: async (until): Promise<History> => {
      const own = queries.filter(({ side, role }) => side === 'baseline' && role !== 'value')
      const to = Math.floor(Math.min(until, now() - delay) / width) * width
      const window = { from: to - Math.floor(HISTORY / width) * width, to }
      if (own.length === 0 || window.from === to) return { buckets: [], without: [] }
      const answer = await answerFor(window, own)
      if (answer.kind !== 'points') return { buckets: [], without: [answer.text] }
      const closed = closePeriods(own, answer.points, window, width)
      return closed.kind === 'buckets'
        ? { buckets: closed.buckets, without: [] }
        : { buckets: [], without: [closed.text] }
    },
    queries: () => Object.fromEntries(queries.map(({ metric }) => [metric, described(queries, metric)])),
  }
}

const described = (queries: readonly SumQuery[], metric: string): string => {
  const of = (side: SumQuery['side'], role: SumQuery['role']): string =>
    queries
      .filter((query) => query.metric === metric && query.side === side && query.role === role)
      .map(({ text }) => text)
      .join(' + ')
  const whole = (side: SumQuery['side']): string => of(side, 'value') || `${of(side, 'total')}, bad: ${of(side, 'bad')}`
  return `canary: ${whole('canary')}; baseline: ${whole('baseline')}`
}

/** Agents report every 10 to 60 s, each at its own moment: what one side shows in a period the other may show in the next. */
const GUARD = 1
/** How far back the preflight looks for data, ms. */
const LOOK_BACK = 3_600_000
