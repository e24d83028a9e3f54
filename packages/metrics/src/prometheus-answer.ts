import type { HttpRequest, HttpResult } from '@sluice/http/request'
import type { NoReading } from './reading.ts'
import type { Series } from './series.ts'

/**
 * What Prometheus answered to one query: series with samples, one value without labels, or why nothing. `partial`: why series may be missing among
 * those that it gave.
 */
export type Answered =
  | { readonly kind: 'series'; readonly series: readonly Series[]; readonly partial?: string }
  | (Pick<NoReading, 'text'> & { readonly kind: 'outage' | 'unreliable'; readonly hint?: string })

/** The instant query as a request. Long ones go in the body, since proxies cut addresses. `lookBack` in whole seconds, as the API names it. */
export const queryCall = (
  base: string,
  given: {
    readonly query: string
    readonly headers: Readonly<Record<string, string>>
    readonly timeoutMs: number
    readonly time?: number | undefined
    readonly lookBack?: string | undefined
    readonly maxBytes?: number | undefined
  },
): HttpRequest => {
  const { query, headers, timeoutMs, time, lookBack, maxBytes = MAX_BYTES } = given
  const form = new URLSearchParams({
    query,
    timeout: `${timeoutMs}ms`,
    ...(time === undefined ? {} : { time: (time / 1000).toFixed(3) }),
    ...(lookBack === undefined ? {} : { lookback_delta: lookBack }),
  }).toString()
  const url = `${base}/api/v1/query`
  const call = { headers: { accept: 'application/json', ...headers }, timeoutMs, maxBytes }
  return form.length <= LONGEST_ADDRESS
    ? { ...call, url: `${url}?${form}` }
    : {
        ...call,
        url,
        method: 'POST',
        headers: { ...call.headers, 'content-type': 'application/x-www-form-urlencoded' },
        body: form,
      }
}

const MAX_BYTES = 32 * 1024 * 1024
const LONGEST_ADDRESS = 4000

/**
 * Reads an answer of `/api/v1/query`.
 * Source: https://prometheus.io/docs/prometheus/latest/querying/api/ (400 for a query it cannot parse, 422 for one it cannot execute, 503 for one that
 * took too long; values are texts, among them NaN and +Inf)
 */
export const answerOf = (result: HttpResult): Answered => {
  if (result.kind === 'no-answer')
    return {
      kind: 'outage',
      text: `could not be reached: ${result.text}`,
      hint: REMEDIES[result.cause] ?? 'See whether it runs',
    }
  if (result.kind === 'too-large')
    return { kind: 'outage', text: result.text, hint: 'Select fewer series, by more labels' }
  const { status, headers } = result
  if (status === 401 || status === 403)
    return {
      kind: 'outage',
      text: `refused the credentials (${status})`,
      hint: "Check the inputs prometheus-token, or prometheus-username and prometheus-password, and what they may read; in Sluice's workflows they are the environment's secrets PROMETHEUS_TOKEN, PROMETHEUS_USERNAME and PROMETHEUS_PASSWORD",
    }
  if (status >= 300 && status < 400)
    return {
      kind: 'outage',
      text: `redirects to ${originOf(headers.location)} (${status})`,
      hint: 'A page to log in stands before it: give an address that takes a token, or credentials',
    }
  const body = parsed(result.body)
  if (body === undefined)
    return {
      kind: 'outage',
      text: `answered ${status} with ${/html/.test(headers['content-type'] ?? '') ? 'a page' : 'something'} that is not its API's JSON`,
      hint: 'prometheus.url is what stands before /api/v1/query, with its path prefix if it has one',
    }
  if (status !== 200 || body.status !== 'success') {
    const error = typeof body.error === 'string' ? body.error : `status ${status}`
    return status === 400 || status === 422
      ? { kind: 'outage', text: `did not take the query: ${error}`, hint: 'Try the query in its own page' }
      : { kind: 'outage', text: `failed (${status}): ${error}`, hint: 'See its own log' }
  }
  const answer = seriesOf(body.data)
  const partial = partialOf(body)
  return answer.kind === 'series' && partial !== undefined ? { ...answer, partial } : answer
}

/**
 * A server that asks others answers without those it could not reach, with status 200: Prometheus' remote reads and Thanos say so in `warnings`,
 * VictoriaMetrics by `isPartial`. What the engine remarks on an expression, which older servers put among the warnings, says nothing of what is missing.
 * Sources: https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview, https://thanos.io/tip/components/query.md/#partial-response,
 * https://docs.victoriametrics.com/victoriametrics/cluster-victoriametrics/#cluster-availability
 */
const partialOf = ({ warnings, isPartial }: Body): string | undefined => {
  const told = (Array.isArray(warnings) ? warnings : [])
    .map(String)
    .filter((text) => !/^PromQL (info|warning)/.test(text))
  if (told.length > 0) return told.slice(0, 3).join('; ')
  return isPartial === true ? 'isPartial is true' : undefined
}

const REMEDIES: Readonly<Record<string, string>> = {
  refused: 'Nothing listens there: check prometheus.url',
  dns: 'The name is unknown where the job runs: a name inside the cluster needs a runner inside it, or prometheus.service',
  tls: 'Give the authority that signed its certificate in the input prometheus-ca',
  timeout: 'Give it more time with prometheus.timeout, or select fewer series',
}

type Body = {
  readonly status?: unknown
  readonly error?: unknown
  readonly data?: unknown
  readonly warnings?: unknown
  readonly isPartial?: unknown
}

const parsed = (text: string): Body | undefined => {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null && 'status' in body ? body : undefined
  } catch {
    return undefined
  }
}

/** Where a redirect leads, without what its query may carry. */
const originOf = (location = 'another address'): string => location.split('?')[0] ?? location

type Entry = {
  readonly metric?: Readonly<Record<string, string>>
  readonly values?: readonly Pair[]
  readonly value?: Pair
  readonly histograms?: unknown
  readonly histogram?: unknown
}
type Pair = readonly [number, string]

const seriesOf = (data: unknown): Answered => {
  const { resultType, result } = (data ?? {}) as { readonly resultType?: string; readonly result?: unknown }
  if (resultType === 'scalar') return { kind: 'series', series: [{ labels: {}, samples: [sample(result as Pair)] }] }
  if ((resultType !== 'matrix' && resultType !== 'vector') || !Array.isArray(result))
    return { kind: 'unreliable', text: `the query gives a ${resultType ?? 'nothing'}, not numbers` }
  const entries = result as readonly Entry[]
  if (entries.some(({ histogram, histograms }) => histogram !== undefined || histograms !== undefined))
    return {
      kind: 'unreliable',
      text: 'the series are native histograms, whose buckets have no names',
      hint: 'Scrape the classic buckets as well (always_scrape_classic_histograms), or give a gauge with histogram_fraction',
    }
  return {
    kind: 'series',
    series: entries.map(({ metric = {}, values, value }) => ({
      labels: metric,
      samples: (values ?? (value === undefined ? [] : [value])).map(sample),
    })),
  }
}

const sample = ([at, text]: Pair): { readonly at: number; readonly value: number } => ({
  at: Math.round(at * 1000),
  value: numberOf(text),
})

const numberOf = (text: string): number =>
  text === '+Inf' ? Number.POSITIVE_INFINITY : text === '-Inf' ? Number.NEGATIVE_INFINITY : Number(text)
