/** Upper bounds in seconds; 0.5 is there because the release is judged by the share of requests slower than that. */
const BOUNDS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** What the service counts of itself, and how it shows it. */
export type Metrics = {
  /** One request has begun; the call that is returned ends it. Each end counts once, however often it is called. */
  begin(): (request: { readonly method: string; readonly route: string; readonly code: number }) => void
  classified(intent: string): void
  /** The Prometheus text format, version 0.0.4. */
  render(): string
}

/**
 * Counts what the service did since it started.
 * @param seconds a monotonic clock; `startedAt` is Unix time in seconds, `info` the labels of `support_router_info`
 */
export const createMetrics = ({
  seconds,
  startedAt,
  info,
}: {
  readonly seconds: () => number
  readonly startedAt: number
  readonly info: () => Readonly<Record<string, string>>
}): Metrics => {
  const requests = new Map<string, number>()
  const durations = new Map<string, { readonly buckets: number[]; sum: number; count: number }>()
  const intents = new Map<string, number>()
  let inFlight = 0
  return {
    begin: () => {
      const from = seconds()
      let ended = false
      inFlight++
      return ({ method, route, code }) => {
        if (ended) return
        ended = true
        inFlight--
        add(requests, labels({ method, route, code: String(code) }))
        const key = labels({ method, route }).slice(1, -1)
        const duration = durations.get(key) ?? { buckets: BOUNDS.map(() => 0), sum: 0, count: 0 }
        durations.set(key, duration)
        const took = seconds() - from
        BOUNDS.forEach((bound, index) => {
          if (took <= bound) duration.buckets[index] = (duration.buckets[index] ?? 0) + 1
        })
        duration.sum += took
        duration.count++
      }
    },
    classified: (intent) => add(intents, labels({ intent })),
    render: () =>
      [
        ...family('http_requests_total', 'counter', 'Requests answered.', lines('http_requests_total', requests)),
        ...family(
          'http_request_duration_seconds',
          'histogram',
          'Time from the first byte of a request to the end of its answer.',
          [...durations].flatMap(([key, { buckets, sum, count }]) => [
            ...BOUNDS.map(
              (bound, i) => `http_request_duration_seconds_bucket{${key},le="${bound}"} ${buckets[i] ?? 0}`,
            ),
            `http_request_duration_seconds_bucket{${key},le="+Inf"} ${count}`,
            `http_request_duration_seconds_sum{${key}} ${sum.toFixed(6)}`,
            `http_request_duration_seconds_count{${key}} ${count}`,
          ]),
        ),
        ...family('http_requests_in_flight', 'gauge', 'Requests that have begun and not ended.', [
          `http_requests_in_flight ${inFlight}`,
        ]),
        ...family(
          'support_router_classifications_total',
          'counter',
          'Tickets classified, by the intent that was found.',
          lines('support_router_classifications_total', intents),
        ),
        ...family('support_router_info', 'gauge', 'The release and the model that answer.', [
          `support_router_info${labels(info())} 1`,
        ]),
        ...family('process_start_time_seconds', 'gauge', 'When the process started, Unix time.', [
          `process_start_time_seconds ${startedAt.toFixed(3)}`,
        ]),
        ...family('process_resident_memory_bytes', 'gauge', 'Memory the process holds.', [
          `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
        ]),
        '',
      ].join('\n'),
  }
}

const family = (name: string, kind: string, help: string, samples: readonly string[]): readonly string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${kind}`,
  ...samples,
]

const lines = (name: string, counts: ReadonlyMap<string, number>): readonly string[] =>
  [...counts].map(([key, count]) => `${name}${key} ${count}`)

const add = (counts: Map<string, number>, key: string): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

const labels = (values: Readonly<Record<string, string>>): string =>
  `{${Object.entries(values)
    .map(
      ([name, value]) => `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
    )
    .join(',')}}`
