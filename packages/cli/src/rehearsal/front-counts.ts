/** What the clients of one pod were answered, in Prometheus text. */
export type Counts = {
  /** @param took seconds */
  add(status: number, took: number): void
  render(): string
}

/** The upper bounds of the durations' buckets, seconds. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const

/** Counts from nothing. @param startedAt ms UTC */
export const createCounts = (startedAt: number): Counts => {
  // 200 is there from the start: a counter that does not exist yet says nothing, one at 0 says that nothing came.
  const requests = new Map<number, number>([[200, 0]])
  const buckets = BOUNDS.map(() => 0)
  let sum = 0
  let count = 0
  return {
    add: (status, took) => {
      requests.set(status, (requests.get(status) ?? 0) + 1)
      BOUNDS.forEach((bound, index) => {
        if (took <= bound) buckets[index] = (buckets[index] ?? 0) + 1
      })
      sum += took
      count++
    },
    render: () =>
      [
        '# TYPE http_requests_total counter',
        ...[...requests].map(([status, total]) => `http_requests_total{code="${status}"} ${total}`),
        '# TYPE http_request_duration_seconds histogram',
        ...BOUNDS.map((bound, index) => `http_request_duration_seconds_bucket{le="${bound}"} ${buckets[index] ?? 0}`),
        `http_request_duration_seconds_bucket{le="+Inf"} ${count}`,
        `http_request_duration_seconds_sum ${sum.toFixed(6)}`,
        `http_request_duration_seconds_count ${count}`,
        '# TYPE process_start_time_seconds gauge',
        `process_start_time_seconds ${(startedAt / 1000).toFixed(3)}`,
        '',
      ].join('\n'),
  }
}
