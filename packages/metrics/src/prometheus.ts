import type { HttpRequest, HttpResult } from '@sluice/http/request'
import type { Finding } from '@sluice/kit/report'
import type { History } from './history.ts'
import { inTurn, type MetricSource } from './pods.ts'
import { type Answered, answerOf, queryCall } from './prometheus-answer.ts'
import type { Counted } from './prometheus-count.ts'
import { countedReader, isDue, nothingNew, type Pace } from './prometheus-counted.ts'
import { countedHistory } from './prometheus-history.ts'
import { type AskPrometheus, describeAsked, failureOf, onlyValue, queriesOf } from './prometheus-outcome.ts'
import { inspectPrometheus } from './prometheus-preflight.ts'
import type { PresetName } from './prometheus-presets.ts'
import { type Asked, askedOf, type PrometheusMetric, type PrometheusSides } from './prometheus-queries.ts'
import { promDuration } from './promql.ts'
import type { GaugeBucket, Part, Scrape, Single } from './reading.ts'
import { spacing } from './series.ts'

/**
 * `url`: what stands before `/api/v1/query`. `headers` carry the credentials. `scrape`: how often the series are scraped, else what their samples
 * show; `interval`: how often they are looked at; both ms. `timeoutMs` bounds one query (default 5 s).
 */
export type PrometheusGiven = PrometheusSides & {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly metrics: readonly PrometheusMetric[]
  readonly preset?: PresetName | undefined
  readonly scrape?: number | undefined
  readonly interval?: number | undefined
  readonly timeoutMs?: number | undefined
}

const CONCURRENCY = 4
/** Prometheus' own default, where nothing shows how often a target is scraped. */
const UNKNOWN_SCRAPE = 60_000

/**
 * Reads Prometheus, and what speaks its API. Counters come as raw samples with their own times (an instant query of a range selector), so that
 * restarts between two looks are seen, nothing is extrapolated, and a pod that went away is not read as alive for the five minutes that an instant
 * value would be. An interval is at least one scrape wide, and the sides may be apart by one.
 * Each metric has its own outcome, with the query as it was sent. What it keeps of the baseline's past is counted from raw samples, too.
 * @throws Fault('input') for queries that do not count
 */
export const prometheusSource = (
  given: PrometheusGiven,
  send: (call: HttpRequest) => Promise<HttpResult>,
  clock: { readonly now: () => number },
): MetricSource => {
  const { headers, interval = 0, timeoutMs = 5000 } = given
  const base = given.url.replace(/\/+$/, '')
  const asked = askedOf(given.metrics, given, given.preset, 4 * Math.max(interval, given.scrape ?? 15_000))
  const ask: AskPrometheus = async (query, more = {}) =>
    withoutSecrets(answerOf(await send(queryCall(base, { query, headers, timeoutMs, ...more }))), headers)
  const readers = asked.map((metric) => ({
    metric,
    read: metric.kind === 'gauge' ? gaugeReader(metric, ask) : countedReader(metric, ask),
  }))
  let scrape = given.scrape

  /** How often the series are scraped; or why Prometheus does not say. */
  const prepare = async (): Promise<number | Unanswered> => {
    if (scrape !== undefined) return scrape
    const found = await scrapeOf(asked, ask)
    if (typeof found === 'number') scrape = found
    return found ?? UNKNOWN_SCRAPE
  }

  return {
    preflight: async (): Promise<readonly Finding[]> =>
      inspectPrometheus({ asked, ask, scrape: await prepare(), interval, url: given.url }),
    read: async (since): Promise<Scrape> => {
      const ready = await prepare()
      const parts = await inTurn(readers, CONCURRENCY, async ({ metric, read }): Promise<Part> => {
        const part = { source: 'prometheus', metrics: [metric.name] }
        if (typeof ready !== 'number') return { ...part, scrape: failureOf(metric.name, ready, queriesOf(metric)) }
        const pace = { width: Math.max(interval, ready), scrape: ready, now: clock.now }
        return { ...part, scrape: await read(since, pace) }
      })
      return { kind: 'sources', parts }
    },
    history: async (until): Promise<History> => {
      const counted = asked.filter((metric): metric is Counted => metric.kind !== 'gauge')
      const ready = await prepare()
      // One after the other: the look that goes on meanwhile must not wait behind large answers.
      const each = await inTurn(counted, 1, async (metric) =>
        typeof ready === 'number'
          ? countedHistory(metric, ask, until, { width: Math.max(interval, ready), scrape: ready, now: clock.now })
          : failureOf(metric.name, ready, queriesOf(metric)),
      )
      return {
        buckets: each.flatMap((one) => ('kind' in one ? [] : one)),
        without: each.flatMap((one) => ('kind' in one ? [one.text] : [])),
      }
    },
    queries: () => Object.fromEntries(asked.map((metric) => [metric.name, describeAsked(metric)])),
  }
}

type Unanswered = Exclude<Answered, { kind: 'series' }>

/** How often the baseline of the first counted metric is scraped, ms; `undefined` where its samples do not show it. */
const scrapeOf = async (asked: readonly Asked[], ask: AskPrometheus): Promise<number | undefined | Unanswered> => {
  const first = asked.find((metric): metric is Counted => metric.kind !== 'gauge')
  if (first === undefined) return undefined
  for (const range of ['1m', '5m']) {
    const answer = await ask(`${queriesOf(first)[0]}[${range}]`)
    if (answer.kind !== 'series') return answer
    const found = spacing(answer.series)
    if (found !== undefined) return found
  }
  return undefined
}

/** Reads a gauge, at most once a scrape: the same sample twice would be two failures. An old sample is none, whatever Prometheus looks back. */
const gaugeReader = (metric: Extract<Asked, { kind: 'gauge' }>, ask: AskPrometheus) => {
  let last: number | undefined
  return async (_since: number, pace: Pace): Promise<Single> => {
    if (last !== undefined && !isDue(last, pace)) return nothingNew(pace)
    const now = pace.now()
    const gauges: GaugeBucket[] = []
    for (const side of ['baseline', 'canary'] as const) {
      const query = metric.query[side]
      const answer = await ask(query, { lookBack: promDuration(3 * pace.scrape) })
      if (answer.kind !== 'series') return failureOf(metric.name, answer, [query])
      const value = onlyValue(answer.series, { metric: metric.name, side, query })
      if (typeof value === 'number')
        gauges.push({ side, metric: metric.name, from: last ?? now - pace.width, to: now, value })
      // The limits are absolute: they hold without a baseline, too.
      else if (value !== undefined && (side === 'canary' || value.kind !== 'nan')) return value
    }
    const query = metric.query.canary
    if (gauges.length === 0)
      return { kind: 'empty', query, text: `metric ${metric.name}: nothing was found on either side; asked: ${query}` }
    last = now
    return { ...nothingNew(pace), kind: 'buckets', buckets: [], gauges, query }
  }
}

const withoutSecrets = (answer: Answered, headers: PrometheusGiven['headers']): Answered => {
  const secrets = Object.values(headers).flatMap((value) => [value, ...value.split(' ').slice(1)])
  const without = (text: string): string =>
    secrets.reduce((all, secret) => (secret.length > 3 ? all.replaceAll(secret, '***') : all), text)
  if (answer.kind !== 'series') return { ...answer, text: without(answer.text) }
  return answer.partial === undefined ? answer : { ...answer, partial: without(answer.partial) }
}
