import type { HttpRequest, HttpResult } from '@sluice/http/request'
import { type Clock, withRetries } from '@sluice/http/retry'
import { Fault } from '@sluice/kit/faults'
import { answerOf, failureOf, limitedUntil } from './datadog-answer.ts'
import { countQuery, gaugeQuery } from './datadog-query.ts'
import type { SumQuery, Window } from './periods.ts'
import type { MetricSource } from './pods.ts'
import { providerUrl } from './provider-url.ts'
import { type Answer, placeholdersOf, type Sides, type SumMetric, sumQueries, sumSource } from './sums.ts'
import { resolve } from './template.ts'

/**
 * `site` as Datadog names it (`datadoghq.eu`); `url` takes its place where a proxy stands before it. `bucket`: the width of a period (default 60 s),
 * `delay`: how long after its end its counts may still grow (default 60 s; metrics that Datadog's crawlers fetch from a cloud need 10 minutes and
 * more); both ms.
 */
export type DatadogGiven = Sides & {
  readonly site: string
  readonly url?: string | undefined
  readonly apiKey: string
  readonly applicationKey: string
  readonly metrics: readonly SumMetric<string>[]
  readonly bucket?: number | undefined
  readonly delay?: number | undefined
  readonly timeoutMs?: number | undefined
}

/** Sends a request, whatever comes of it. */
export type Send = (call: HttpRequest) => Promise<HttpResult>

/** Source: https://docs.datadoghq.com/getting_started/site/ and the endpoints of the API page below. */
const SITES: readonly string[] = [
  'datadoghq.com',
  'us3.datadoghq.com',
  'us5.datadoghq.com',
  'datadoghq.eu',
  'ap1.datadoghq.com',
  'ap2.datadoghq.com',
  'uk1.datadoghq.com',
  'ddog-gov.com',
  'us2.ddog-gov.com',
]

/**
 * Reads counts and gauges from Datadog by `POST /api/v2/query/timeseries`: one request carries every query of both sides, so that all see the same
 * moment and cost the rate limit one call; application keys with scopes are allowed there.
 * Source: https://docs.datadoghq.com/api/latest/metrics/query-timeseries-data-across-multiple-products/
 * @throws Fault('input') for a site that is none and for queries that do not count
 */
export const datadogSource = (given: DatadogGiven, send: Send, clock: Clock): MetricSource => {
  const width = given.bucket ?? 60_000
  const delay = given.delay ?? 60_000
  if (!Number.isInteger(width / 1000) || width < 10_000)
    throw new Fault('input', `datadog: a bucket of ${width} ms`, 'Buckets are whole seconds, at least 10')
  const base = given.url === undefined ? `https://api.${siteOf(given.site)}` : providerUrl(given.url, 'datadog: url')
  const keys = keysOf(given)
  const queries = sumQueries(given.metrics, (template: string, { side, role, where }) => {
    const query = resolve(template, placeholdersOf(side, given, width), where)
    return { text: role === 'value' ? gaugeQuery(query, width) : countQuery(query, width, where) }
  })
  let notBefore = { at: 0, text: '' }

  const ask = async (asked: readonly SumQuery[], window: Window): Promise<Answer> => {
    if (clock.now() < notBefore.at) return { kind: 'outage', query: textsOf(asked), text: notBefore.text }
    const attempt = async () =>
      whenOpen(await send(call(base, { ...keys, timeoutMs: given.timeoutMs }, { asked, window, width })))
    const result = await withRetries(attempt, true, POLICY, clock)
    const answer =
      result.kind === 'answered' && result.status === 200
        ? answerOf(result, asked, width)
        : { ...failureOf(result), query: textsOf(asked) }
    notBefore = { at: limitedUntil(result, clock.now()), text: 'text' in answer ? answer.text : '' }
    return withoutKeys(answer, keys)
  }
  return sumSource({ ...given, provider: 'Datadog', queries, width, delay }, ask, clock.now)
}

type Keys = Pick<DatadogGiven, 'apiKey' | 'applicationKey'>

/** Secrets are often kept with a line's end. */
const keysOf = (given: DatadogGiven): Keys => {
  const keys = { apiKey: given.apiKey.trim(), applicationKey: given.applicationKey.trim() }
  if (keys.apiKey === '' || keys.applicationKey === '')
    throw new Fault(
      'input',
      `datadog: the ${keys.apiKey === '' ? 'API key (input datadog-api-key' : 'application key (input datadog-application-key'}) is empty`,
      "Both keys are needed to read; in Sluice's workflows they are the environment's secrets DATADOG_API_KEY and DATADOG_APPLICATION_KEY, which arrive by `secrets: inherit`",
    )
  return keys
}

/** Datadog says in a header of its own when its limit opens again. */
const whenOpen = (result: HttpResult): HttpResult => {
  const reset = result.kind === 'answered' && result.status === 429 ? result.headers['x-ratelimit-reset'] : undefined
  return result.kind === 'answered' && reset !== undefined
    ? { ...result, headers: { 'retry-after': reset, ...result.headers } }
    : result
}

const POLICY = { tries: 3, firstWait: 500, longestWait: 5000 }

const siteOf = (site: string): string => {
  const bare = site
    .trim()
    .replace(/^https:\/\//, '')
    .replace(/\/$/, '')
    .replace(/^(app|api)\./, '')
  if (SITES.includes(bare)) return bare
  // The keys go there: no name is guessed.
  throw new Fault('input', `datadog: "${site}" is no site of Datadog`, `Sites are ${SITES.join(', ')}`)
}

const textsOf = (queries: readonly SumQuery[]): string => queries.map(({ text }) => text).join('; ')

const call = (
  base: string,
  { apiKey, applicationKey, timeoutMs = 10_000 }: Keys & Pick<DatadogGiven, 'timeoutMs'>,
  { asked, window, width }: { readonly asked: readonly SumQuery[]; readonly window: Window; readonly width: number },
): HttpRequest => ({
  url: `${base}/api/v2/query/timeseries`,
  method: 'POST',
  headers: {
    'content-type': 'application/json',
    accept: 'application/json',
    'dd-api-key': apiKey,
    'dd-application-key': applicationKey,
  },
  body: JSON.stringify({
    data: {
      type: 'timeseries_request',
      attributes: {
        from: window.from,
        to: window.to,
        interval: width,
        queries: asked.map(({ id, text }) => ({ data_source: 'metrics', name: id, query: text })),
        formulas: asked.map(({ id }) => ({ formula: id })),
      },
    },
  }),
  timeoutMs,
})

const withoutKeys = (answer: Answer, { apiKey, applicationKey }: Keys): Answer =>
  answer.kind === 'points'
    ? answer
    : { ...answer, text: [apiKey, applicationKey].reduce((text, key) => text.replaceAll(key, '***'), answer.text) }
