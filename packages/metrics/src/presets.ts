import type { Exposition, Sample } from './prometheus-text.ts'
import type { Selects } from './selection.ts'

/**
 * Counters of requests that common libraries export, the best first: OpenTelemetry (stable, then older HTTP conventions), Micrometer, prom-client and
 * FastAPI's instrumentator, Starlette, Flask, ASP.NET, Django, gRPC. A histogram's `_count` counts requests too.
 */
const COUNTERS: readonly string[] = [
  'http_server_request_duration_seconds_count',
  'http_server_duration_milliseconds_count',
  'http_server_requests_seconds_count',
  'http_requests_total',
  'http_request_duration_seconds_count',
  'http_request_duration_ms_count',
  'starlette_requests_total',
  'flask_http_request_total',
  'http_requests_received_total',
  'django_http_responses_total_by_status_total',
  'grpc_server_handled_total',
]

/** Histograms of the same libraries, by the name before `_bucket`. */
const HISTOGRAMS: readonly string[] = [
  'http_server_request_duration_seconds',
  'http_server_duration_milliseconds',
  'http_server_requests_seconds',
  'http_request_duration_seconds',
  'http_request_duration_ms',
  'http_request_duration_highr_seconds',
  'starlette_request_duration_seconds',
  'flask_http_request_duration_seconds',
  'grpc_server_handling_seconds',
]

const STATUS_LABELS = ['http_response_status_code', 'http_status_code', 'status_code', 'status', 'code']
const GRPC_FAILURES = /^(Unknown|DeadlineExceeded|Internal|Unavailable|DataLoss|ResourceExhausted|Unimplemented)$/

/** Whether a series counts answers that are the server's failure: status 5xx, Micrometer's outcome, or a gRPC code. */
export const isServerError: Selects = ({ labels }) =>
  STATUS_LABELS.some((label) => /^5(\d\d|xx)$/i.test(labels[label] ?? '')) ||
  labels.outcome === 'SERVER_ERROR' ||
  GRPC_FAILURES.test(labels.grpc_code ?? '')

/** A preset counter must tell failures apart; one without a status would call every answer good. */
const tellsStatus: Selects = ({ labels }) =>
  STATUS_LABELS.some((label) => labels[label] !== undefined) ||
  labels.outcome !== undefined ||
  labels.grpc_code !== undefined

/** The counter of requests among these samples, by the presets; `undefined` when none matches. */
export const presetCounter = ({ samples }: Exposition): string | undefined =>
  COUNTERS.find((name) => samples.some((sample) => sample.name === name && tellsStatus(sample)))

/** The histogram of durations among these samples, by the presets. */
export const presetHistogram = ({ samples }: Exposition): string | undefined =>
  HISTOGRAMS.find((name) => samples.some((sample) => sample.name === `${name}_bucket`))

/** The name under which a user's counter is exported: as given, or with the suffix that the format adds. */
export const exportedCounter = ({ samples }: Exposition, given: string): string | undefined =>
  [given, `${given}_total`, `${given}_count`].find((name) => samples.some((sample) => sample.name === name))

/** Sums the selected series of one counter. NaN where one of them is. */
export const countSeries = (
  samples: readonly Sample[],
  name: string,
  { keep, bad }: { readonly keep: Selects; readonly bad: Selects },
): { readonly total: number; readonly bad: number } => {
  const chosen = samples.filter((sample) => sample.name === name && keep(sample))
  return { total: sum(chosen), bad: sum(chosen.filter(bad)) }
}

/** How many of the histogram's unit are in one ms: names end in their unit, seconds when they say nothing. */
const unitOf = (histogram: string): number => (/_(milliseconds|ms|millis)$/.test(histogram) ? 1 : 1 / 1000)

/** The finite upper bounds of a histogram's buckets, ascending, ms. */
export const boundsOf = (samples: readonly Sample[], histogram: string): readonly number[] => {
  const bounds = samples.flatMap(({ name, labels }) =>
    name === `${histogram}_bucket` ? [boundOf(labels.le, histogram)] : [],
  )
  return [...new Set(bounds)].filter(Number.isFinite).sort((a, b) => a - b)
}

/** The bound that stands for a threshold: itself, else the nearest (of two equally near the larger). */
export const nearestBound = (bounds: readonly number[], threshold: number): number | undefined =>
  bounds.reduce<number | undefined>(
    (best, bound) => (best === undefined || Math.abs(bound - threshold) <= Math.abs(best - threshold) ? bound : best),
    undefined,
  )

/** Requests of a histogram, and how many of them took longer than one of its bounds (ms). */
export const countSlow = (
  samples: readonly Sample[],
  histogram: string,
  bound: number,
  keep: Selects,
): { readonly total: number; readonly bad: number } => {
  const buckets = samples.filter((sample) => sample.name === `${histogram}_bucket` && keep(sample))
  const at = (wanted: number): number => sum(buckets.filter(({ labels }) => boundOf(labels.le, histogram) === wanted))
  const total = at(Number.POSITIVE_INFINITY)
  return { total, bad: Math.max(0, total - at(bound)) }
}

const boundOf = (le: string | undefined, histogram: string): number => {
  if (le === '+Inf') return Number.POSITIVE_INFINITY
  // Bounds are decimal fractions of a second; in ms they are kept to the nanosecond so that 0.29 s is 290 ms.
  return Math.round((Number(le) / unitOf(histogram)) * 1e6) / 1e6
}

const sum = (samples: readonly Sample[]): number => samples.reduce((total, { value }) => total + value, 0)
