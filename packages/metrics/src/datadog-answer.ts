import type { HttpAnswer, HttpResult } from '@sluice/http/request'
import type { SumQuery } from './periods.ts'
import type { NoReading } from './reading.ts'
import type { Answer } from './sums.ts'

type Timeseries = {
  readonly data?: {
    readonly attributes?: {
      readonly series?: readonly { readonly query_index?: number; readonly group_tags?: readonly string[] | null }[]
      readonly times?: readonly number[]
      readonly values?: readonly (readonly (number | string | null)[])[]
    }
  }
  readonly errors?: string | readonly string[]
}

/**
 * Reads an answer of `POST /api/v2/query/timeseries`: `times` in ms, and per series its values, `null` where there is no data. A query without data
 * has no series. `query_index` counts the formulas, one for each query.
 */
export const answerOf = (result: HttpAnswer, queries: readonly SumQuery[], width: number): Answer => {
  const body = parsed(result.body)
  const shown = queries.map(({ text }) => text).join('; ')
  if (body === undefined) return { kind: 'outage', query: shown, text: 'Datadog answered with what is not JSON' }
  const errors = errorsOf(body)
  if (errors !== '') return { kind: 'outage', query: shown, text: `Datadog: ${errors}` }
  const { series = [], times = [], values = [] } = body.data?.attributes ?? {}
  const off = times.find((time) => time % width !== 0)
  if (off !== undefined || times.some((time, index) => index > 0 && time - (times[index - 1] ?? 0) < width))
    return {
      kind: 'unreliable',
      query: shown,
      text: `Datadog answered in steps that are not the asked ${width / 1000} s (${times.slice(0, 3).join(', ')}), so its points are not the counts of these periods`,
    }
  const points = new Map<string, Map<number, number>>()
  for (const [index, { query_index: at = index, group_tags: tags }] of series.entries()) {
    const query = queries[at]
    if (query === undefined) continue
    if (points.has(query.id)) {
      const count = series.filter(({ query_index }) => query_index === at).length
      return {
        kind: 'several-series',
        query: query.text,
        text: `metric ${query.metric}: ${count} series answer (${(tags ?? []).join(', ')} and others): ${query.text}`,
        hint: 'Take the `by {…}` off the query, so that it is one sum',
      }
    }
    points.set(
      query.id,
      new Map(
        (values[index] ?? []).flatMap((value, time) => (value === null ? [] : [[times[time] ?? 0, Number(value)]])),
      ),
    )
  }
  const serverTime = Date.parse(result.headers.date ?? '')
  return { kind: 'points', points, ...(Number.isNaN(serverTime) ? {} : { serverTime }) }
}

/** Why there is no answer, and what to do. */
export const failureOf = (result: HttpResult): Omit<NoReading, 'query'> & { readonly hint?: string } => {
  if (result.kind !== 'answered') return { kind: 'outage', text: `Datadog: ${result.text}` }
  const { status, headers } = result
  const body = parsed(result.body)
  const said = (body === undefined ? '' : errorsOf(body)) || `status ${status}`
  if (status === 401 || status === 403)
    return {
      kind: 'outage',
      text: `Datadog refuses the keys (${status}): ${said}`,
      hint: 'The application key needs the permission timeseries_query, and both keys must be of this site',
    }
  if (status === 429)
    return {
      kind: 'outage',
      text: `Datadog's rate limit${quoted(headers['x-ratelimit-name'])} is reached: ${headers['x-ratelimit-limit'] ?? '?'} requests in ${headers['x-ratelimit-period'] ?? '?'} s, open again in ${headers['x-ratelimit-reset'] ?? '?'} s`,
      hint: 'The limit is shared by the whole organization: make the interval longer, or have it raised',
    }
  return {
    kind: 'outage',
    text: `Datadog answered ${status}: ${said}`,
    ...(status === 400 ? { hint: 'Try the query in the metrics explorer' } : {}),
  }
}

/** When a rate limit opens again, ms UTC; 0 where none is reached. Source: https://docs.datadoghq.com/api/latest/rate-limits/ */
export const limitedUntil = (result: HttpResult, now: number): number => {
  if (result.kind !== 'answered' || result.status !== 429) return 0
  const seconds = Number(result.headers['x-ratelimit-reset'] ?? result.headers['x-ratelimit-period'] ?? 0)
  return Number.isFinite(seconds) ? now + seconds * 1000 : 0
}

const quoted = (name: string | undefined): string => (name === undefined ? '' : ` ${name}`)

const parsed = (body: string): Timeseries | undefined => {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

const errorsOf = ({ errors }: Timeseries): string =>
  typeof errors === 'string' ? errors : Array.isArray(errors) ? errors.map(String).join('; ') : ''
