import type { Bucket, GaugeBucket, NoReading, Side } from './reading.ts'

/** One thing that is asked of a provider for one side; several of one role are added up. `text` is the resolved query as people read it. */
export type SumQuery = {
  readonly id: string
  readonly side: Side
  readonly metric: string
  readonly role: 'total' | 'bad' | 'value'
  readonly text: string
}

/** What a provider holds for one query: the start of a period, ms UTC → the sum over it. A period without data is left out. */
export type Points = ReadonlyMap<number, number>

/** What is asked for: whole periods, [from, to), ms UTC. */
export type Window = { readonly from: number; readonly to: number }

/** `width` of a period, and how long after its end its sum may still grow; ms. */
export type Timing = { readonly width: number; readonly delay: number }

const MOST_PERIODS = 1000

/** The periods that have closed since `from` (a multiple of the width); `undefined` when none has. At most 1000, so that answers stay bounded. */
export const dueWindow = (from: number, now: number, { width, delay }: Timing): Window | undefined => {
  const due = Math.floor((now - delay) / width) * width
  return due <= from ? undefined : { from, to: Math.min(due, from + MOST_PERIODS * width) }
}

/** What a window gives, and where the next one begins. */
export type Closed =
  | {
      readonly kind: 'buckets'
      readonly buckets: readonly Bucket[]
      readonly gauges: readonly GaugeBucket[]
      readonly next: number
    }
  | (NoReading & { readonly next: number })

/**
 * Closes the periods of a window, each with all counted metrics of both sides:
 * - only up to the last period of which a total or a gauge is known: a provider whose intake stands still has no data, and that is not nought;
 * - up to there a count without data is 0, since providers keep no zeros;
 * - a period with a value that is no count ends what is given before it, and is passed over by itself as `nan`;
 * - a gauge without data has no value.
 */
export const closePeriods = (
  queries: readonly SumQuery[],
  points: ReadonlyMap<string, Points>,
  window: Window,
  width: number,
): Closed => {
  const seen = queries.flatMap((query) =>
    [...(points.get(query.id) ?? [])]
      .filter(([from]) => from >= window.from && from < window.to)
      .map(([from, value]) => ({ query, from, value })),
  )
  const [wrong] = seen.filter((point) => !isValid(point)).sort((a, b) => a.from - b.from)
  if (wrong?.from === window.from)
    return {
      kind: 'nan',
      query: wrong.query.text,
      text: `metric ${wrong.query.metric}: ${wrong.query.side} is ${wrong.value} at ${iso(wrong.from)}, which is no ${wrong.query.role === 'value' ? 'number' : 'count'}: ${wrong.query.text}`,
      next: window.from + width,
    }
  // Failures are a part of what the totals count, and a query that fills in zeros knows no end: they do not tell how far the data goes.
  const known = Math.max(
    ...seen.filter(({ query }) => query.role !== 'bad').map(({ from }) => from + width),
    window.from,
  )
  // A window cut short by its bound has later periods after it: nothing in it will come any more.
  const bounded = window.to - window.from === MOST_PERIODS * width
  const end = Math.min(wrong?.from ?? window.to, bounded ? window.to : known)
  if (end === window.from) return { ...emptyOf(queries, window), next: window.from }
  const starts = Array.from({ length: (end - window.from) / width }, (_, index) => window.from + index * width)
  const sides = [...new Map(queries.map((query) => [`${query.side}/${query.metric}`, query])).values()]
  return {
    kind: 'buckets',
    buckets: starts.flatMap((from) =>
      sides.flatMap(({ side, metric }) => {
        const sum = (role: SumQuery['role']): number | undefined => sumAt(queries, points, { side, metric, role, from })
        if (!queries.some((query) => query.metric === metric && query.role === 'total')) return []
        const total = sum('total') ?? 0
        // Two queries of one moment may differ by what arrived between them.
        return [{ side, metric, from, to: from + width, total, bad: Math.min(total, sum('bad') ?? 0) }]
      }),
    ),
    gauges: starts.flatMap((from) =>
      sides.flatMap(({ side, metric }) => {
        const value = sumAt(queries, points, { side, metric, role: 'value', from })
        return value === undefined ? [] : [{ side, metric, from, to: from + width, value }]
      }),
    ),
    next: end,
  }
}

/** What all queries of one role hold for a period together; `undefined` where none of them has data. */
const sumAt = (
  queries: readonly SumQuery[],
  points: ReadonlyMap<string, Points>,
  { side, metric, role, from }: Pick<SumQuery, 'side' | 'metric' | 'role'> & { readonly from: number },
): number | undefined =>
  queries
    .filter((query) => query.side === side && query.metric === metric && query.role === role)
    .map(({ id }) => points.get(id)?.get(from))
    .filter((value) => value !== undefined)
    .reduce<number | undefined>((sum, value) => (sum ?? 0) + value, undefined)

const isValid = ({ query, value }: { readonly query: SumQuery; readonly value: number }): boolean =>
  Number.isFinite(value) && (query.role === 'value' || value >= 0)

const emptyOf = (queries: readonly SumQuery[], { from, to }: Window): NoReading => {
  const totals = queries.filter(({ role }) => role !== 'bad').map(({ text }) => text)
  return {
    kind: 'empty',
    query: totals.join('; '),
    text: `nothing is known from ${iso(from)} to ${iso(to)} of ${totals.join('; ')}`,
  }
}

const iso = (at: number): string => new Date(at).toISOString().replace('.000Z', 'Z')
