import type { Finding } from '@sluice/kit/report'
import { closePeriods, type Points, type SumQuery, type Timing, type Window } from './periods.ts'
import type { Answer, Sides } from './sums.ts'

/** Clocks that differ by more make periods close too early or too late, ms. */
const CLOCKS_APART = 30_000

/**
 * What the last hour's answer says before anything is touched: whether the provider answers, whether it knows each metric of the baseline, whether
 * failures are a part of the requests, whether the clocks agree, and how late a verdict will be.
 * @param at the clock here, ms UTC
 */
export const findings = (
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
