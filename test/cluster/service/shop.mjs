// The service that is released on the real cluster: answers with its version, counts what it answered as its users saw it, and fails as told.
// FAULT: none, errors (ERRORS per cent of the answers), slow (DELAY ms more), crash (after its first request), never-ready, hang (no answer),
// hungry (MIB more of memory).
import { createServer } from 'node:http'

const { PORT = '8080', VERSION = '?', FAULT = 'none', ERRORS = '20', DELAY = '300', MIB = '0' } = process.env
const BOUNDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
const codes = new Map([['200', 0]])
const buckets = BOUNDS.map(() => 0)
let [sum, count, inFlight, owed] = [0, 0, 0, 0]

/** Every n-th, not at random: what is expected of a test is then exact. */
const fails = () => {
  owed += FAULT === 'errors' ? Number(ERRORS) : 0
  if (owed < 100) return false
  owed -= 100
  return true
}

const metrics = () => {
  const counted = [...codes].map(([code, value]) => `http_requests_total{code="${code}"} ${value}`)
  const durations = BOUNDS.map(
    (bound, index) => `http_request_duration_seconds_bucket{le="${bound}"} ${buckets[index]}`,
  )
  return `# TYPE http_requests_total counter
${counted.join('\n')}
# TYPE http_request_duration_seconds histogram
${durations.join('\n')}
http_request_duration_seconds_bucket{le="+Inf"} ${count}
http_request_duration_seconds_sum ${sum}
http_request_duration_seconds_count ${count}
# TYPE http_requests_in_flight gauge
http_requests_in_flight ${inFlight}
# TYPE process_start_time_seconds gauge
process_start_time_seconds ${Math.round(performance.timeOrigin) / 1000}
`
}

const answer = (response) => {
  const began = performance.now()
  inFlight++
  const end = () => {
    const status = fails() ? 500 : 200
    const seconds = (performance.now() - began) / 1000
    codes.set(String(status), (codes.get(String(status)) ?? 0) + 1)
    BOUNDS.forEach((bound, index) => {
      if (seconds <= bound) buckets[index]++
    })
    sum += seconds
    count++
    inFlight--
    response.writeHead(status, { 'content-type': 'text/plain' }).end(VERSION)
  }
  if (FAULT === 'hang') return
  if (FAULT === 'slow') setTimeout(end, Number(DELAY))
  else end()
  if (FAULT === 'crash') process.exit(1)
}

// Held for good, and written to: memory that nobody touched is not used.
const held = FAULT === 'hungry' ? Buffer.alloc(Number(MIB) * 1024 * 1024, 1) : undefined

const server = createServer((request, response) => {
  const path = request.url?.split('?')[0]
  if (path === '/metrics') response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(metrics())
  else if (path === '/ready') response.writeHead(FAULT === 'never-ready' ? 503 : 200).end()
  else answer(response)
})
server.keepAliveTimeout = 60_000
server.listen(Number(PORT), '0.0.0.0')
process.on('SIGTERM', () => {
  held?.fill(0)
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
