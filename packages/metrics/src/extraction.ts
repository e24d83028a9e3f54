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
import type { PodReading } from './reading.ts'
import { type MetricSpec, type Selects, selector } from './selection.ts'

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

/** A metric ready to be read: its expressions compiled. */
export type Extractor = { readonly spec: MetricSpec; readonly only: Selects; readonly bad: Selects }

/** @throws Fault('input') for an expression that is none */
export const extractorOf = (spec: MetricSpec): Extractor => ({
  spec,
  only: selector(spec.only, spec.name),
  bad: spec.kind === 'ratio' && spec.bad !== undefined ? selector(spec.bad, spec.name) : isServerError,
})

/** One pod's counters and gauges as read off its metrics, or why they cannot be read. */
export type Extracted =
  | {
      readonly kind: 'extracted'
      readonly counters: PodReading['counters']
      readonly gauges: PodReading['gauges']
      readonly processStart?: number
    }
  | { readonly kind: 'nan' | 'several-series' | 'unreliable'; readonly query: string; readonly text: string }

/**
 * One pod's counters and gauges. A counter whose series is not exported yet counts 0: it has not been counted up.
 * @param keep leaves out what is not the users' traffic
 */
export const extract = (
  { samples }: Exposition,
  metrics: readonly { readonly extractor: Extractor; readonly chosen: Chosen }[],
  keep: Selects,
): Extracted => {
  const counters: Record<string, { total: number; bad: number }> = {}
  const gauges: Record<string, number> = {}
  for (const { extractor, chosen } of metrics) {
    const { spec, only, bad } = extractor
    const wanted: Selects = (sample) => keep(sample) && only(sample)
    if (chosen.kind === 'gauge') {
      const found = samples.filter((sample) => sample.name === chosen.series && only(sample))
      const [first, ...more] = found
      if (more.length > 0)
        return {
          kind: 'several-series',
          query: chosen.series,
          text: `metric ${spec.name}: ${found.length} series of ${chosen.series} match; name one with \`only\``,
        }
      if (first !== undefined) gauges[spec.name] = first.value
    } else {
      const bounds = chosen.kind === 'latency' ? boundsOf(samples, chosen.series) : []
      if (chosen.kind === 'latency' && bounds.length > 0 && !bounds.includes(chosen.bound))
        return {
          kind: 'unreliable',
          query: chosen.series,
          text: `metric ${spec.name}: the buckets of ${chosen.series} differ between pods; ${chosen.bound} ms is not a bound of all`,
        }
      counters[spec.name] =
        chosen.kind === 'latency'
          ? countSlow(samples, chosen.series, chosen.bound, wanted)
          : countSeries(samples, chosen.series, { keep: wanted, bad })
    }
  }
  const broken = [
    ...Object.entries(counters).filter(([, { total, bad }]) => !Number.isFinite(total + bad)),
    ...Object.entries(gauges).filter(([, value]) => Number.isNaN(value)),
  ].map(([name]) => name)
  if (broken.length > 0)
    return {
      kind: 'nan',
      query: broken.join(', '),
      text: `metric ${broken.join(', ')}: a series is not a number (NaN)`,
    }
  const start = samples.find(({ name }) => name === 'process_start_time_seconds')?.value
  return {
    kind: 'extracted',
    counters,
    gauges,
    ...(start === undefined || !Number.isFinite(start) ? {} : { processStart: Math.round(start * 1000) }),
  }
}
