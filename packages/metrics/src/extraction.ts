import {
  boundsOf,
  countSeries,
  countSlow,
  exportedCounter,
  isServerError,
  nearestBound,
  presetCounter,
  presetHistogram,
} from './presets.ts'
import type { Exposition } from './prometheus-text.ts'
import type { NoReading, PodReading } from './reading.ts'
import { type Match, type MetricSpec, type Selects, selector } from './selection.ts'

/** Where a metric is read from, chosen once for all pods of both sides. `bound` in ms. */
export type Chosen =
  | { readonly kind: 'ratio'; readonly series: string }
  | { readonly kind: 'latency'; readonly series: string; readonly bound: number }
  | { readonly kind: 'gauge'; readonly series: string }

/** Finds a metric's series in what one pod exports; `undefined` when it is not there (yet). */
export const choose = (spec: MetricSpec, exposition: Exposition): Chosen | undefined => {
  if (spec.kind === 'ratio') {
    const series = spec.counter === undefined ? presetCounter(exposition) : exportedCounter(exposition, spec.counter)
    return series === undefined ? undefined : { kind: 'ratio', series }
  }
  if (spec.kind === 'latency') {
    const series = spec.histogram?.replace(/_bucket$/, '') ?? presetHistogram(exposition)
    const bound = series === undefined ? undefined : nearestBound(boundsOf(exposition.samples, series), spec.threshold)
    return series === undefined || bound === undefined ? undefined : { kind: 'latency', series, bound }
  }
  return exposition.samples.some(({ name }) => name === spec.series)
    ? { kind: 'gauge', series: spec.series }
    : undefined
}

/** What a metric is read from, in the words of a report: `http_requests_total{job="web"}, bad: code=~"5.."`. */
export const describeChosen = (spec: MetricSpec, chosen: Chosen): string => {
  const series = `${chosen.series}${chosen.kind === 'latency' ? '_bucket' : ''}${braced(spec.only)}`
  if (chosen.kind === 'latency') return `${series}, bad: slower than ${chosen.bound} ms`
  if (spec.kind !== 'ratio') return series
  return `${series}, bad: ${spec.bad === undefined ? 'status 5xx, outcome SERVER_ERROR or a failure of gRPC' : matchers(spec.bad)}`
}

const braced = (match: Match | undefined): string => (match === undefined ? '' : `{${matchers(match)}}`)
const matchers = (match: Match): string =>
  Object.entries(match)
    .map(([label, pattern]) => `${label}=~"${pattern}"`)
    .join(', ')

/** A metric ready to be read: its expressions compiled. */
export type Extractor = { readonly spec: MetricSpec; readonly only: Selects; readonly bad: Selects }

/** @throws Fault('input') for an expression that is none */
export const extractorOf = (spec: MetricSpec): Extractor => ({
  spec,
  only: selector(spec.only, spec.name),
  bad: spec.kind === 'ratio' && spec.bad !== undefined ? selector(spec.bad, spec.name) : isServerError,
})

/** One pod's counters and gauges as read off its metrics; `unread`: why a metric cannot be read from what this pod shows. */
export type Extracted = {
  readonly counters: PodReading['counters']
  readonly gauges: PodReading['gauges']
  readonly unread: { readonly [metric: string]: NoReading }
  readonly processStart?: number
}

/**
 * One pod's counters and gauges, each metric by itself. A counter whose series is not exported yet counts 0: it has not been counted up.
 * @param keep leaves out what is not the users' traffic
 */
export const extract = (
  { samples }: Exposition,
  metrics: readonly { readonly extractor: Extractor; readonly chosen: Chosen }[],
  keep: Selects,
): Extracted => {
  const counters: Record<string, { total: number; bad: number }> = {}
  const gauges: Record<string, number> = {}
  const unread: Record<string, NoReading> = {}
  for (const { extractor, chosen } of metrics) {
    const { name } = extractor.spec
    const found =
      chosen.kind === 'gauge' ? gaugeOf(samples, extractor, chosen) : counterOf(samples, extractor, chosen, keep)
    if (found === undefined) continue
    if (typeof found === 'number') gauges[name] = found
    else if ('kind' in found) unread[name] = found
    else counters[name] = found
  }
  const start = samples.find(({ name }) => name === 'process_start_time_seconds')?.value
  return {
    counters,
    gauges,
    unread,
    ...(start === undefined || !Number.isFinite(start) ? {} : { processStart: Math.round(start * 1000) }),
  }
}

type Samples = Exposition['samples']

const gaugeOf = (samples: Samples, { spec, only }: Extractor, { series }: Chosen): number | NoReading | undefined => {
  const found = samples.filter((sample) => sample.name === series && only(sample))
  if (found.length > 1)
    return {
      kind: 'several-series',
      query: series,
      text: `metric ${spec.name}: ${found.length} series of ${series} match; name one with \`only\``,
    }
  const value = found[0]?.value
  return Number.isNaN(value) ? notANumber(spec.name, series) : value
}

const counterOf = (
  samples: Samples,
  { spec, only, bad }: Extractor,
  chosen: Exclude<Chosen, { kind: 'gauge' }>,
  keep: Selects,
): { readonly total: number; readonly bad: number } | NoReading => {
  const { series } = chosen
  const wanted: Selects = (sample) => keep(sample) && only(sample)
  const bounds = chosen.kind === 'latency' ? boundsOf(samples, series) : []
  if (chosen.kind === 'latency' && bounds.length > 0 && !bounds.includes(chosen.bound))
    return {
      kind: 'unreliable',
      query: series,
      text: `metric ${spec.name}: the buckets of ${series} differ between pods; ${chosen.bound} ms is not a bound of all`,
    }
  const counted =
    chosen.kind === 'latency'
      ? countSlow(samples, series, chosen.bound, wanted)
      : countSeries(samples, series, { keep: wanted, bad })
  return Number.isFinite(counted.total + counted.bad) ? counted : notANumber(spec.name, series)
}

const notANumber = (metric: string, series: string): NoReading => ({
  kind: 'nan',
  query: series,
  text: `metric ${metric}: a series of ${series} is not a number (NaN)`,
})
