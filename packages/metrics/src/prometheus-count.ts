import type { Asked, BySide } from './prometheus-queries.ts'
import { withMatchers } from './promql.ts'
import type { NoReading, Side } from './reading.ts'
import { type Growth, growth, type Line, type Series, seriesKey, shown } from './series.ts'

/** A metric whose requests are counted. */
export type Counted = Extract<Asked, { kind: 'ratio' | 'latency' }>

/** The bound of a histogram that stands for a threshold: in ms, and as its label is written, in all the ways it is. */
export type Bound = { readonly ms: number; readonly labels: readonly string[] }

/** What is remembered of a side: its lines, by selector, and the bad answers that no request was seen for yet. */
export type SideState = {
  readonly total: ReadonlyMap<string, Line>
  readonly bad: ReadonlyMap<string, Line>
  readonly carry: number
  /** Reads in a row in which the bad ones over the requests did not become fewer. */
  readonly over: number
}

/** What a side's answers give: requests and bad ones since the state before, or why they cannot be counted. */
export type SideCount =
  | {
      readonly kind: 'counted'
      readonly total: number
      readonly bad: number
      readonly fresh: boolean
      readonly state: SideState
    }
  | Pick<NoReading, 'kind' | 'text'>

/** A side of which nothing was read. */
export const beginSide: SideState = { total: new Map(), bad: new Map(), carry: 0, over: 0 }

/** The selectors that a metric is read by on a side: of all its requests, and of the bad ones where they have one of their own. */
export const selectorsOf = (metric: Counted, side: Side, bound: Bound | undefined): readonly string[] => {
  if (metric.kind === 'latency') {
    const bounds = [...(bound?.labels ?? []), '+Inf'].map(escaped)
    return [withMatchers(metric.buckets[side], [`le=~"${bounds.join('|')}"`])]
  }
  return typeof metric.bad === 'function' ? [metric.total[side]] : [metric.total[side], (metric.bad as BySide)[side]]
}

const escaped = (bound: string): string => bound.replace(/[.+]/g, (char) => `[${char}]`)

/** A series' zero lines from what it showed before. */
export const linesOf = (series: readonly Series[]): ReadonlyMap<string, Line> =>
  new Map(
    series.flatMap(({ labels, samples, key = seriesKey(labels) }) => {
      const last = samples.at(-1)
      return last === undefined || !Number.isFinite(last.value) ? [] : [[key, last] as const]
    }),
  )

/** Counts a side's requests. @param answers in the order of `selectorsOf` */
export const countSide = (
  metric: Counted,
  answers: readonly (readonly Series[])[],
  before: SideState,
  bound: Bound | undefined,
): SideCount => differingBuckets(metric, answers, bound) ?? countAlike(metric, answers, before, bound)

/** Why a latency metric's answers cannot be counted together: a histogram whose bounds are not those of the others. */
export const differingBuckets = (
  metric: Counted,
  [first = []]: readonly (readonly Series[])[],
  bound: Bound | undefined,
): Pick<NoReading, 'kind' | 'text'> | undefined => {
  const apart = metric.kind === 'latency' ? withoutBound(first, bound) : undefined
  return apart === undefined ? undefined : { kind: 'unreliable', text: apart }
}

/** Counts answers whose buckets are known to be alike: `countSide` without looking at them again. */
export const countAlike = (
  metric: Counted,
  [first = [], second]: readonly (readonly Series[])[],
  before: SideState,
  bound: Bound | undefined,
): SideCount => {
  const total = growth(before.total, first)
  if (total.kind !== 'grown') return total
  const bad = second === undefined ? undefined : growth(before.bad, second)
  if (bad !== undefined && bad.kind !== 'grown') return bad
  const sums = sumsOf(metric, total, bad, bound)
  // A bad answer may show in the second query before its request showed in the first: what is over waits for the next read.
  const all = sums.bad + before.carry
  const counted = Math.min(sums.total, Math.max(0, all))
  const carry = Math.max(0, all - counted)
  const over = carry > 0 && carry >= before.carry ? before.over + 1 : 0
  if (over >= TOO_OFTEN)
    return {
      kind: 'unreliable',
      text: `bad counts more than total: ${all} of ${sums.total}; it must count a part of it`,
    }
  return {
    kind: 'counted',
    total: sums.total,
    bad: counted,
    fresh: total.fresh,
    state: { total: total.lines, bad: bad?.lines ?? before.bad, carry, over },
  }
}

const TOO_OFTEN = 4

type Grown = Extract<Growth, { kind: 'grown' }>

const sumsOf = (
  metric: Counted,
  total: Grown,
  bad: Grown | undefined,
  bound: Bound | undefined,
): { readonly total: number; readonly bad: number } => {
  const sum = (of: Grown, keep: (labels: Series['labels']) => boolean = () => true): number =>
    of.grown.reduce((all, { labels, by }) => all + (keep(labels) ? by : 0), 0)
  if (metric.kind === 'latency') {
    const requests = sum(total, ({ le }) => le === '+Inf')
    return { total: requests, bad: requests - sum(total, ({ le }) => le !== undefined && isBound(le, bound)) }
  }
  const { bad: mark } = metric
  if (bad !== undefined) return { total: sum(total), bad: sum(bad) }
  const isBad = typeof mark === 'function' ? mark : () => false
  return { total: sum(total), bad: sum(total, (labels) => isBad({ name: labels.__name__ ?? '', labels, value: 0 })) }
}

const isBound = (le: string, bound: Bound | undefined): boolean => bound?.labels.includes(le) === true

/** A histogram whose bounds differ from those of the others cannot be counted with them. */
const withoutBound = (series: readonly Series[], bound: Bound | undefined): string | undefined => {
  const siblings = (labels: Series['labels']): string => {
    const { le: _, ...rest } = labels
    return seriesKey(rest)
  }
  const bounded = new Set(series.flatMap(({ labels }) => (isBound(labels.le ?? '', bound) ? [siblings(labels)] : [])))
  const lacking = series.find(({ labels }) => labels.le === '+Inf' && !bounded.has(siblings(labels)))
  return lacking === undefined
    ? undefined
    : `the buckets differ: ${bound?.ms ?? 0} ms is no bound of ${shown(lacking.labels)}`
}
