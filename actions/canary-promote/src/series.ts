import type { Sampled } from '@sluice/evidence/judge'
import type { Sample, Series } from '@sluice/evidence/series'
import type { Settings } from './plan.ts'
import { type Metric, providerOf } from './providers.ts'
import type { Recording } from './recording.ts'

/**
 * What was recorded as the report gives it: each metric of the plan of which anything was judged, with the settings that it is judged again by.
 * @param queries by metric, what it was read by
 */
export const seriesOf = (
  { taken }: Recording,
  settings: Settings,
  queries: { readonly [metric: string]: string },
): readonly Series[] =>
  settings.metrics.flatMap((metric) => {
    const samples = taken[metric.name] ?? []
    const query = queries[metric.name]
    const source = { provider: providerOf(metric, settings), ...(query === undefined ? {} : { query }) }
    return samples.length === 0 ? [] : [seriesFor(metric, samples, source)]
  })

const seriesFor = (
  metric: Metric,
  taken: readonly Sampled[],
  source: { readonly provider: string; readonly query?: string },
): Series => {
  const samples = taken.map(sampleOf)
  const { name } = metric
  if (metric.kind === 'gauge') {
    const gauges = taken.filter((each) => each.kind === 'gauge')
    return {
      name,
      kind: metric.kind,
      ...source,
      ...given(metric, ['max', 'min', 'failures']),
      samples,
      baseline: gauges.map(({ baseline }) => baseline),
      canary: gauges.map(({ canary }) => canary),
    }
  }
  const counted = taken.filter((each) => each.kind !== 'gauge')
  return {
    name,
    kind: metric.kind,
    ...source,
    ...given(metric, ['margin', 'max']),
    ...(metric.kind === 'latency' ? { threshold: metric.threshold } : {}),
    samples,
    baseline: counted.map(({ baseline }) => baseline),
    canary: counted.map(({ canary }) => canary),
  }
}

const given = <Key extends string>(
  metric: { readonly [K in Key]?: number | undefined },
  keys: readonly Key[],
): { readonly [K in Key]?: number } =>
  Object.fromEntries(keys.flatMap((key) => (metric[key] === undefined ? [] : [[key, metric[key]]]))) as {
    readonly [K in Key]?: number
  }

const sampleOf = (sampled: Sampled): Sample => {
  const { at, weight, share, step } = sampled
  const when = { at: new Date(at).toISOString(), weight, ...(share === undefined ? {} : { share }), step }
  if (sampled.kind === 'gauge') return when
  const { use, margin, dispersion, outliers, idle, logE, limitLogE } = sampled
  return {
    ...when,
    use,
    margin,
    ...(dispersion === undefined ? {} : { dispersion }),
    ...(outliers === undefined ? {} : { outliers }),
    ...(idle === undefined ? {} : { idle }),
    // What JSON cannot hold is left out: it is found anew when the series is judged again.
    ...(Number.isFinite(logE) ? { logE } : {}),
    ...(limitLogE !== undefined && Number.isFinite(limitLogE) ? { limitLogE } : {}),
  }
}
