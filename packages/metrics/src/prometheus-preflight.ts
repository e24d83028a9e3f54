import type { Finding } from '@sluice/kit/report'
import type { Answered } from './prometheus-answer.ts'
import { type AskPrometheus, boundOf, inBoth, onlyValue, queriesOf, whole } from './prometheus-outcome.ts'
import type { Asked } from './prometheus-queries.ts'

type Inspection = {
  readonly asked: readonly Asked[]
  readonly ask: AskPrometheus
  /** Between two samples, ms; or why Prometheus does not say. */
  readonly scrape: number | Exclude<Answered, { kind: 'series' }>
  readonly interval: number
  readonly url: string
}

/**
 * Asks for every metric before anything is touched: whether Prometheus answers, whether the baseline has the series, whether the sides are kept
 * apart, and which bound stands for a threshold. The canary is not there yet, so that it has none is no finding.
 */
export const inspectPrometheus = async ({
  asked,
  ask,
  scrape,
  interval,
  url,
}: Inspection): Promise<readonly Finding[]> => {
  if (typeof scrape !== 'number') return [unanswered(scrape, url)]
  const found: Finding[] = []
  for (const metric of asked) found.push(...(await inspectMetric(metric, ask, { scrape, url })))
  const seconds = Math.round(scrape / 100) / 10
  return [
    ...found,
    {
      id: 'metrics-lag',
      level: 'note',
      text: `Prometheus has a sample every ${seconds} s; intervals of ${Math.max(scrape, interval) / 1000} s are judged, one of them late${interval < scrape ? `: looking every ${interval / 1000} s shows nothing sooner` : ''}`,
    },
  ]
}

const unanswered = ({ text, hint }: Exclude<Answered, { kind: 'series' }>, url: string): Finding => ({
  id: 'metrics-outage',
  level: 'error',
  text: `Prometheus at ${url} ${text}`,
  ...(hint === undefined ? {} : { hint }),
})

const inspectMetric = async (
  metric: Asked,
  ask: AskPrometheus,
  { scrape, url }: { readonly scrape: number; readonly url: string },
): Promise<readonly Finding[]> => {
  const { name } = metric
  const [ofBaseline = '', ofCanary = ''] = queriesOf(metric)
  const answerTo = async (query: string): Promise<Answered> =>
    metric.kind === 'gauge' ? ask(query) : whole(await ask(query))
  const [baseline, canary] = [await answerTo(ofBaseline), await answerTo(ofCanary)]
  if (baseline.kind !== 'series') return [unanswered(baseline, url)]
  if (canary.kind !== 'series') return [unanswered(canary, url)]
  const error = (id: string, text: string, hint: string): Finding => ({
    id,
    level: 'error',
    text: `metric ${name}: ${text}`,
    hint,
    where: ofBaseline,
  })
  if (baseline.series.length === 0)
    return [
      error(
        'metric-missing',
        `Prometheus has nothing for the baseline: ${ofBaseline}`,
        `Try it in Prometheus' own page: names and labels must match, the baseline must be scraped (every ${scrape / 1000} s or so) and must have had traffic`,
      ),
    ]
  const both = metric.kind === 'gauge' ? undefined : inBoth(baseline.series, canary.series)
  if (both !== undefined)
    return [
      error(
        'several-series',
        `the queries do not keep the sides apart: ${ofBaseline} and ${ofCanary}`,
        'Tell them apart by {{pods}} rather than by {{deployment}}.*, which the canary begins with as well',
      ),
    ]
  if (metric.kind === 'gauge') {
    const value = onlyValue(baseline.series, { metric: name, side: 'baseline', query: ofBaseline })
    if (typeof value !== 'object') return []
    const level = value.kind === 'several-series' ? ('error' as const) : ('warning' as const)
    return [{ id: `metrics-${value.kind}`, level, text: value.text, where: ofBaseline }]
  }
  const read: Finding = {
    id: 'series',
    level: 'note',
    text: `metric ${name} is read from ${ofBaseline}`,
    where: ofBaseline,
  }
  if (metric.kind === 'ratio') return [read]
  const bound = await boundOf(metric, ask)
  if ('kind' in bound) return [error('metric-missing', bound.text, 'A histogram is needed, with buckets')]
  if (bound.ms === metric.threshold) return [read]
  return [
    {
      id: 'threshold',
      level: 'warning',
      text: `metric ${name}: ${metric.threshold} ms is no bound of ${ofBaseline}; the nearest, ${bound.ms} ms, is used`,
      measured: bound.ms,
      limit: metric.threshold,
      unit: 'ms',
      where: ofBaseline,
    },
  ]
}
