import { describe, expect, test } from 'vitest'
import { choose, extract, extractorOf } from '../src/extraction.ts'
import { boundsOf, nearestBound } from '../src/presets.ts'
import { type Exposition, parseExposition } from '../src/prometheus-text.ts'
import { type MetricSpec, notOurs } from '../src/selection.ts'

const exposition = (text: string): Exposition => {
  const parsed = parseExposition(text)
  if (parsed.kind !== 'parsed') throw new Error(parsed.text)
  return parsed
}
const read = (text: string, spec: MetricSpec, paths: readonly string[] = ['/metrics', '/health']) => {
  const found = exposition(text)
  const chosen = choose(spec, found)
  if (chosen === undefined) return 'not found'
  return extract(found, [{ extractor: extractorOf(spec), chosen }], notOurs(paths))
}
const errors: MetricSpec = { kind: 'ratio', name: 'errors' }

describe('failures of requests are found in what is exported by', () => {
  test.each([
    [
      'OpenTelemetry',
      `http_server_request_duration_seconds_count{http_request_method="GET",http_route="/a",http_response_status_code="200"} 90
       http_server_request_duration_seconds_count{http_route="/a",http_response_status_code="503"} 7
       http_server_request_duration_seconds_count{http_route="/health",http_response_status_code="503"} 500`,
      { total: 97, bad: 7 },
    ],
    [
      'Micrometer',
      `http_server_requests_seconds_count{method="GET",outcome="SUCCESS",status="200",uri="/a"} 50
       http_server_requests_seconds_count{method="GET",outcome="SERVER_ERROR",status="500",uri="/a"} 5
       http_server_requests_seconds_count{method="GET",outcome="CLIENT_ERROR",status="404",uri="/b"} 3`,
      { total: 58, bad: 5 },
    ],
    [
      'prom-client',
      `http_requests_total{method="POST",route="/classify",code="200"} 10
       http_requests_total{method="POST",route="/classify",code="500"} 2
       http_requests_total{method="GET",route="/metrics",code="200"} 99`,
      { total: 12, bad: 2 },
    ],
    [
      'FastAPI’s instrumentator',
      `http_requests_total{handler="/a",method="GET",status="2xx"} 8
       http_requests_total{handler="/a",method="GET",status="5xx"} 1`,
      { total: 9, bad: 1 },
    ],
    [
      'a gRPC server',
      `grpc_server_handled_total{grpc_code="OK",grpc_method="Get"} 4
       grpc_server_handled_total{grpc_code="Unavailable",grpc_method="Get"} 2
       grpc_server_handled_total{grpc_code="NotFound",grpc_method="Get"} 1`,
      { total: 7, bad: 2 },
    ],
  ])('%s', (_, text, counted) => {
    expect(read(text, errors)).toMatchObject({ counters: { errors: counted }, unread: {} })
  })

  test('nobody: a counter without a status would call every answer good', () => {
    expect(read('http_requests_total 5\nhttp_request_duration_seconds_count{route="/a"} 5', errors)).toBe('not found')
  })
})

describe('a user’s own counter', () => {
  const text = `jobs_total{queue="a",result="failed"} 2
    jobs_total{queue="a",result="failed-soft"} 1
    jobs_total{queue="b",result="done"} 7
    jobs_total{queue="a",result="done"} 5`

  test('is matched by whole labels', () => {
    const spec: MetricSpec = { ...errors, counter: 'jobs', bad: { result: 'failed' }, only: { queue: 'a|c' } }
    expect(read(text, spec)).toMatchObject({ counters: { errors: { total: 8, bad: 2 } } })
  })

  test('with an expression that is none is an input fault that names metric and label', () => {
    expect(() => extractorOf({ ...errors, bad: { result: '(' } })).toThrow(/metric errors: "\(" for label result/)
  })

  test('that is not a number is said to be so', () => {
    expect(read('http_requests_total{code="200"} NaN', errors)).toMatchObject({
      counters: {},
      unread: { errors: { kind: 'nan', query: 'http_requests_total' } },
    })
  })
})

test('our own synthetic requests are left out where a label shows them', () => {
  const text =
    'http_requests_total{code="200",user_agent="sluice-probe"} 5\nhttp_requests_total{code="200",user_agent="curl/8"} 2'
  expect(read(text, errors)).toMatchObject({ counters: { errors: { total: 2 } } })
})

describe('latency is the share slower than a bound', () => {
  const histogram = `http_request_duration_seconds_bucket{route="/a",le="0.1"} 60
    http_request_duration_seconds_bucket{route="/a",le="0.29"} 90
    http_request_duration_seconds_bucket{route="/a",le="1"} 99
    http_request_duration_seconds_bucket{route="/a",le="+Inf"} 100
    http_request_duration_seconds_bucket{route="/health",le="0.1"} 0
    http_request_duration_seconds_bucket{route="/health",le="+Inf"} 400
    process_start_time_seconds 1763700000.25`

  test.each([
    [290, 10],
    [100, 40],
    [1000, 1],
    [300, 10],
    [645, 1],
    [5000, 1],
  ])('a threshold of %i ms leaves %i of 100 slower', (threshold, bad) => {
    expect(read(histogram, { kind: 'latency', name: 'slow', threshold })).toMatchObject({
      counters: { slow: { total: 100, bad } },
      processStart: 1763700000250,
    })
  })

  test('of a histogram in milliseconds is taken in milliseconds', () => {
    const text =
      'http_server_duration_milliseconds_bucket{le="250"} 3\nhttp_server_duration_milliseconds_bucket{le="+Inf"} 4'
    expect(read(text, { kind: 'latency', name: 'slow', threshold: 250 })).toMatchObject({
      counters: { slow: { total: 4, bad: 1 } },
    })
  })

  test('cannot be read where a pod has other buckets', () => {
    const spec: MetricSpec = { kind: 'latency', name: 'slow', threshold: 290 }
    const chosen = choose(spec, exposition(histogram))
    if (chosen === undefined) throw new Error('not found')
    const other = exposition(
      'http_request_duration_seconds_bucket{le="0.5"} 1\nhttp_request_duration_seconds_bucket{le="+Inf"} 1',
    )
    expect(extract(other, [{ extractor: extractorOf(spec), chosen }], () => true)).toMatchObject({
      counters: {},
      unread: { slow: { kind: 'unreliable' } },
    })
    expect(extract(exposition('up 1'), [{ extractor: extractorOf(spec), chosen }], () => true)).toMatchObject({
      counters: { slow: { total: 0, bad: 0 } },
    })
  })

  test('has its bounds in order, and of two equally near the larger is taken', () => {
    expect(boundsOf(exposition(histogram).samples, 'http_request_duration_seconds')).toEqual([100, 290, 1000])
    expect(nearestBound([100, 300], 200)).toBe(300)
    expect(nearestBound([], 200)).toBeUndefined()
  })
})

describe('a gauge', () => {
  test('is one series', () => {
    const spec: MetricSpec = { kind: 'gauge', name: 'memory', series: 'rss', only: { pool: 'old' } }
    expect(read('rss{pool="old"} 5\nrss{pool="new"} 6', spec)).toMatchObject({ gauges: { memory: 5 } })
  })

  test('of several series is refused, not summed', () => {
    const spec: MetricSpec = { kind: 'gauge', name: 'memory', series: 'rss' }
    expect(read('rss{pool="old"} 5\nrss{pool="new"} 6', spec)).toMatchObject({
      gauges: {},
      unread: { memory: { kind: 'several-series' } },
    })
  })
})
