import { nearestBound } from './presets.ts'
import type { Answered } from './prometheus-answer.ts'
import type { Bound, Counted } from './prometheus-count.ts'
import type { Asked } from './prometheus-queries.ts'
import type { NoReading, Side } from './reading.ts'
import { type Series, seriesKey, shown } from './series.ts'

/** Asks for one query. `time` in ms UTC; `lookBack` as PromQL writes durations; `maxBytes`: a longer answer is none. */
export type AskPrometheus = (
  query: string,
  more?: { readonly time?: number; readonly lookBack?: string; readonly maxBytes?: number },
) => Promise<Answered>

/** The queries of a metric as people read them, baseline first. */
export const queriesOf = (metric: Asked): readonly string[] => {
  const by = metric.kind === 'gauge' ? metric.query : metric.kind === 'ratio' ? metric.total : metric.buckets
  return [by.baseline, by.canary]
}

/** What a metric is read by, of both sides, in the words of a report: selectors of counters, or the expression of a gauge. */
export const describeAsked = (metric: Asked): string => {
  const of = (side: Side): string => {
    if (metric.kind === 'gauge') return metric.query[side]
    if (metric.kind === 'latency') return `${metric.buckets[side]}, bad: slower than ${metric.threshold} ms`
    const { total, bad } = metric
    return typeof bad === 'function' ? total[side] : `${total[side]}, bad: ${bad[side]}`
  }
  return `canary: ${of('canary')}; baseline: ${of('baseline')}`
}

/** What an answer without series means for a metric. */
export const failureOf = (
  name: string,
  answer: Exclude<Answered, { kind: 'series' }>,
  asked: readonly string[],
): NoReading => ({
  kind: answer.kind,
  query: asked.join('; '),
  text: `metric ${name}: Prometheus ${answer.text}; asked: ${asked.join('; ')}`,
})

/** An answer that counts may rest on: where series may be missing, a canary without its own would be taken for one without requests. */
export const whole = (answer: Answered): Answered =>
  answer.kind === 'series' && answer.partial !== undefined
    ? {
        kind: 'outage',
        text: `answered only in part: ${answer.partial}`,
        hint: 'Mend the store that the warning names, or ask a server that asks no other: of an answer in part nothing can be counted',
      }
    : answer

/** A series that both sides' queries give: they do not keep the sides apart. */
export const inBoth = (baseline: readonly Series[], canary: readonly Series[]): Series['labels'] | undefined => {
  const keys = new Set(baseline.map(({ labels }) => seriesKey(labels)))
  return canary.find(({ labels }) => keys.has(seriesKey(labels)))?.labels
}

/** The value of a side's only series; `undefined` where there is none. */
export const onlyValue = (
  series: readonly Series[],
  { metric, side, query }: { readonly metric: string; readonly side: Side; readonly query: string },
): number | undefined | NoReading => {
  const [first, ...more] = series
  const some = series.slice(0, 3).map(({ labels }) => shown(labels))
  if (more.length > 0)
    return {
      kind: 'several-series',
      query,
      text: `metric ${metric}: ${series.length} series for the ${side}, where one is needed (${some.join(', ')}); asked: ${query}`,
    }
  const value = first?.samples.at(-1)?.value
  return value === undefined || Number.isFinite(value)
    ? value
    : { kind: 'nan', query, text: `metric ${metric}: the ${side} is ${value}; asked: ${query}` }
}

/** The bounds that the baseline's buckets have, and the nearest to the threshold; or why there is none. */
export const boundOf = async (
  { name, buckets, threshold, unit }: Extract<Counted, { kind: 'latency' }>,
  ask: AskPrometheus,
): Promise<Bound | NoReading> => {
  const query = `count by (le) (${buckets.baseline})`
  const answer = whole(await ask(query))
  if (answer.kind !== 'series') return failureOf(name, answer, [query])
  const labels = answer.series.flatMap(({ labels: { le } }) => (le === undefined ? [] : [le]))
  // Bounds are decimal fractions of a second; in ms they are kept to the nanosecond so that 0.29 s is 290 ms.
  const msOf = (le: string): number => Math.round((Number(le) / unit) * 1e6) / 1e6
  const bounds = [...new Set(labels.map(msOf))].filter(Number.isFinite).sort((a, b) => a - b)
  const ms = nearestBound(bounds, threshold)
  return ms === undefined
    ? { kind: 'empty', query, text: `metric ${name}: no buckets were found for the baseline: ${buckets.baseline}` }
    : { ms, labels: labels.filter((le) => msOf(le) === ms) }
}
