import type { MetricPlan } from './evidence.ts'
import type { NoReading, Part, Scrape } from './reading.ts'

/** What to do where a metric could not be read, by the name of what came of it; `wait` where nothing is said. */
export type NoDataPolicy = { readonly [Kind in Exclude<NoReading['kind'], 'unreliable'>]?: 'wait' | 'fail' | 'ignore' }

/**
 * A metric that the last looks, `looks` of them in a row, gave nothing of: what came instead, and the sentence for people. `at`: when the last of them was
 * counted, ms; absent in what was saved before it was kept.
 */
export type Unseen = {
  readonly looks: number
  readonly kind: NoReading['kind']
  readonly text: string
  readonly at?: number
}

/** So many looks in a row without data are no accident of one. */
export const BLIND_LOOKS = 3

/** The looks by source. One that names none was of all metrics. */
export const partsOf = (scrape: Scrape, metrics: readonly MetricPlan[]): readonly Part[] =>
  scrape.kind === 'sources' ? scrape.parts : [{ source: '', metrics: metrics.map(({ name }) => name), scrape }]

/** What holds for a metric that could not be read. A source that means nothing is never waved through. */
export const policyOf = ({ noData = {} }: MetricPlan, { kind }: Pick<Unseen, 'kind'>): 'wait' | 'fail' | 'ignore' =>
  kind === 'unreliable' ? 'wait' : (noData[kind] ?? 'wait')

/** `at`: of the look, ms; looks nearer to each other than `spacing` ms count once. `counted`: the names of the metrics that count requests. */
export type Looking = {
  readonly at: number
  readonly spacing: number
  readonly weight: number
  readonly counted: ReadonlySet<string>
}

/**
 * Counts one look for each metric of a part. `known` is what is remembered of the metric; `undefined` back: it was read.
 * A canary that should have traffic and shows no value of a gauge is not read, even where its baseline is.
 */
export const look = (
  metric: MetricPlan,
  part: Part,
  known: Unseen | undefined,
  looking: Looking,
): Unseen | undefined => {
  const nothing = nothingOf(metric, part, looking)
  if (nothing === 'waiting') return known
  if (nothing === undefined) return undefined
  const now = { kind: nothing.kind, text: shortened(nothing.text) }
  const same = known?.at !== undefined && Math.abs(looking.at - known.at) < looking.spacing
  return same ? { ...known, ...now } : { looks: (known?.looks ?? 0) + 1, ...now, at: looking.at }
}

type Nothing = Pick<NoReading, 'kind' | 'text'>

const nothingOf = (
  metric: MetricPlan,
  { scrape, metrics }: Part,
  { weight, counted }: Looking,
): Nothing | 'waiting' | undefined => {
  if (scrape.kind === 'buckets') {
    const { buckets, gauges = [] } = scrape
    if (buckets.length + gauges.length === 0) return 'waiting'
    if (metric.kind === 'gauge') {
      const own = gauges.filter((gauge) => gauge.metric === metric.name)
      if (own.length === 0) return 'waiting'
      return weight > 0 && own.every(({ side }) => side === 'baseline')
        ? { kind: 'empty', text: `${metric.name}: the canary shows no value${askedBy(scrape.query)}` }
        : undefined
    }
    return buckets.some(({ metric: name }) => metrics.includes(name))
      ? undefined
      : { kind: 'empty', text: 'No counter was read' }
  }
  // A canary without traffic has no rate: nothing over nothing.
  if (metric.kind === 'gauge' && weight === 0 && (scrape.kind === 'empty' || scrape.kind === 'nan')) return 'waiting'
  if (scrape.kind !== 'pods') return scrape
  const missing = scrape.missing.length > 0 ? `; not read: ${scrape.missing.join(', ')}` : ''
  const kind = missing === '' ? 'empty' : 'outage'
  if (!scrape.readings.some(({ side }) => side === 'baseline'))
    return { kind, text: `No baseline pod could be read${missing}` }
  if (metric.kind !== 'gauge') {
    const read = scrape.readings.some(({ counters }) =>
      Object.keys(counters).some((name) => metrics.includes(name) && counted.has(name)),
    )
    return read ? undefined : { kind, text: `No counter was read${missing}` }
  }
  const canary = scrape.readings.filter(({ side }) => side === 'canary')
  return weight > 0 && !canary.some(({ gauges }) => Object.hasOwn(gauges, metric.name))
    ? { kind, text: `${metric.name}: the canary shows no value${missing}` }
    : undefined
}

const askedBy = (query: string | undefined): string => (query === undefined ? '' : `, asked by ${query}`)

/** Saved with the evidence, so it may not grow as a query can. */
const shortened = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text)
const LONGEST = 700
