import { HISTORY, MOST_BUCKETS } from './history.ts'
import { beginSide, type Counted, countAlike, differingBuckets, linesOf, type SideState } from './prometheus-count.ts'
import { askAll, INGEST, notCounted, type Pace } from './prometheus-counted.ts'
import { type AskPrometheus, boundOf } from './prometheus-outcome.ts'
import { promDuration } from './promql.ts'
import type { Bucket, NoReading } from './reading.ts'
import { type Series, seriesKey } from './series.ts'

/**
 * Counts the baseline's last half hour before `until` (ms UTC) as the looks of a release count: raw samples, one range query for each selector, intervals as wide
 * as a look's, at least 5 s. What showed in the five minutes before it was there and begins with its zero line; what appears later counts from 0, as in a
 * look. A server that knows less gives less; one that knows less than five minutes gives nothing. An interval without a new sample is part of the next.
 */
export const countedHistory = async (
  metric: Counted,
  ask: AskPrometheus,
  until: number,
  pace: Pace,
): Promise<readonly Bucket[] | NoReading> => {
  const bound = metric.kind === 'latency' ? await boundOf(metric, ask) : undefined
  if (bound !== undefined && 'kind' in bound) return bound
  const width = Math.max(pace.width, HISTORY / MOST_BUCKETS)
  const lead = Math.max(LEAD, 3 * width)
  // A sample that shows late is the first look's to count.
  const end = until - INGEST
  const read = await askAll(metric, (query) => ask(query, { time: end, maxBytes: MAX_BYTES }), {
    side: 'baseline',
    bound,
    write: (selector) => `${selector}[${promDuration(HISTORY + lead + width)}]`,
  })
  if ('kind' in read) return read
  const differing = differingBuckets(metric, read.series, bound)
  if (differing !== undefined) return notCounted(metric.name, differing, read.text)
  const first = (read.series[0] ?? []).reduce(
    (least, { samples }) => Math.min(least, samples[0]?.at ?? least),
    Number.POSITIVE_INFINITY,
  )
  const count = Number.isFinite(first) ? Math.floor(Math.min(HISTORY, end - first - lead) / width) : 0
  if (count <= 0) return []
  const start = end - count * width
  const ends = Array.from({ length: count + 1 }, (_, index) => start + index * width)
  const [known = [], ...each] = sliced(read.series, ends)
  let state: SideState = { ...beginSide, total: linesOf(known[0] ?? []), bad: linesOf(known[1] ?? []) }
  let from = start
  const buckets: Bucket[] = []
  for (const [index, answers] of each.entries()) {
    const counted = countAlike(metric, answers, state, bound)
    if (counted.kind !== 'counted') return notCounted(metric.name, counted, read.text)
    state = counted.state
    if (!counted.fresh) continue
    const to = ends[index + 1] ?? end
    const { total, bad } = counted
    buckets.push({ side: 'baseline', metric: metric.name, from: from - pace.scrape, to, total, bad })
    from = to
  }
  return buckets
}

/** As long as Prometheus itself looks back for a series, ms. */
const LEAD = 300_000
/** Some 300,000 samples. */
const MAX_BYTES = 8 * 1024 * 1024

/** The answers of each interval: the first one up to the first time, the others up to the next one. @param ends ms UTC, each `width` after the one before */
const sliced = (
  answers: readonly (readonly Series[])[],
  ends: readonly number[],
): readonly (readonly (readonly Series[])[])[] => {
  const slices = ends.map(() => answers.map((): Series[] => []))
  for (const [selector, series] of answers.entries())
    for (const { labels, samples } of series) {
      const key = seriesKey(labels)
      let at = 0
      for (const [index, end] of ends.entries()) {
        const begin = at
        while (at < samples.length && (samples[at]?.at ?? 0) <= end) at++
        if (at > begin) slices[index]?.[selector]?.push({ key, labels, samples: samples.slice(begin, at) })
      }
    }
  return slices
}
