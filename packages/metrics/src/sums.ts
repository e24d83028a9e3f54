import { describe, Fault } from '@sluice/kit/faults'
import type { Finding } from '@sluice/kit/report'
import { closePeriods, dueWindow, type Points, type SumQuery, type Timing, type Window } from './periods.ts'
import type { MetricSource } from './pods.ts'
import type { NoReading, Scrape } from './reading.ts'
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
 * It goes on where it stopped, so after an outage nothing is missing.
 */
export const sumSource = <Query extends SumQuery>(
  given: Timing & Sides & { readonly provider: string; readonly queries: readonly Query[] },
  ask: (queries: readonly Query[], window: Window) => Promise<Answer>,
  now: () => number,
): MetricSource => {
  const { queries, width, delay } = given
  let next = Number.NEGATIVE_INFINITY
  // Credentials may have to be fetched first, which may fail as well.
  const answerFor = async (window: Window): Promise<Answer> => {
    try {
      return await ask(queries, window)
    } catch (thrown) {
      if (!(thrown instanceof Fault) || thrown.kind === 'input') throw thrown
      return { kind: 'outage', query: queries.map(({ text }) => text).join('; '), text: describe(thrown) }
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
  }
}

/** Agents report every 10 to 60 s, each at its own moment: what one side shows in a period the other may show in the next. */
const GUARD = 1
/** How far back the preflight looks for data, ms. */
const LOOK_BACK = 3_600_000
/** Clocks that differ by more make periods close too early or too late, ms. */
const CLOCKS_APART = 30_000

const findings = (
  given: Timing & Sides & { readonly provider: string; readonly queries: readonly SumQuery[] },
  window: Window,
  answer: Answer,
  at: number,
): readonly Finding[] => {
  const { provider, queries, width, delay, interval } = given
  if (answer.kind !== 'points')
    return [
      {
        id: `metrics-${answer.kind}`,
        level: 'error',
        text: answer.text,
        where: answer.query,
        ...(answer.hint === undefined ? {} : { hint: answer.hint }),
      },
    ]
  const closed = closePeriods(queries, answer.points, window, width)
  const apart = answer.serverTime === undefined ? 0 : Math.abs(answer.serverTime - at)
  return [
    ...(closed.kind === 'nan'
      ? [{ id: 'metrics-nan', level: 'error' as const, text: closed.text, where: closed.query }]
      : []),
    ...queries.flatMap((query) => silent(query, queries, answer.points, provider)),
    ...queries.flatMap((query) => overflowing(query, queries, answer.points)),
    ...(apart > CLOCKS_APART
      ? [
          {
            id: 'clocks-apart',
            level: 'warning' as const,
            text: `the clock here and that of ${provider} differ by ${Math.round(apart / 1000)} s`,
            hint: 'Set the clock of this machine: periods would be read before all of them has arrived, or late',
            measured: apart,
            limit: CLOCKS_APART,
            unit: 'ms',
          },
        ]
      : []),
    {
      id: 'metrics-lag',
      level: 'note',
      text: `${provider} is read in periods of ${width / 1000} s, ${delay / 1000} s after their end${interval !== undefined && interval < width ? `; looking every ${interval / 1000} s shows nothing sooner` : ''}`,
    },
  ]
}

/** The baseline has traffic, so a query that finds none of it is wrong; the canary has had none yet, and failures may be none. */
const silent = (
  query: SumQuery,
  queries: readonly SumQuery[],
  points: ReadonlyMap<string, Points>,
  provider: string,
): readonly Finding[] => {
  const alike = queries.filter(sameRole(query, query.role))
  const known = alike.some(({ id }) => (points.get(id)?.size ?? 0) > 0)
  if (query.side === 'canary' || query.role === 'bad' || alike[0] !== query || known) return []
  const text = alike.map((one) => one.text).join('; ')
  return [
    {
      id: 'metric-missing',
      level: 'error',
      text: `metric ${query.metric}: ${provider} knows nothing of the baseline in the last hour: ${text}`,
      hint: 'Try the query in its own explorer: names and tags must match, and the baseline must have had traffic',
      where: text,
    },
  ]
}

const sameRole =
  ({ side, metric }: SumQuery, role: SumQuery['role']) =>
  (query: SumQuery): boolean =>
    query.side === side && query.metric === metric && query.role === role

const overflowing = (
  query: SumQuery,
  queries: readonly SumQuery[],
  points: ReadonlyMap<string, Points>,
): readonly Finding[] => {
  const [parts, totals] = [queries.filter(sameRole(query, 'bad')), queries.filter(sameRole(query, 'total'))]
  if (parts[0] !== query) return []
  const sum = (of: readonly SumQuery[]): number =>
    of.flatMap(({ id }) => [...(points.get(id)?.values() ?? [])]).reduce((all, value) => all + value, 0)
  const [bad, total] = [sum(parts), sum(totals)]
  const textsOf = (of: readonly SumQuery[]): string => of.map(({ text }) => text).join('; ')
  return bad <= total
    ? []
    : [
        {
          id: 'bad-above-total',
          level: 'error',
          text: `metric ${query.metric}: ${bad} bad of ${total} on the ${query.side} in the last hour: ${textsOf(parts)}`,
          hint: `bad must count a part of what total counts: ${textsOf(totals)}`,
          where: textsOf(parts),
          measured: bad,
          limit: total,
        },
      ]
}
