import { createServer } from 'node:http'

/**
 * The service that the process tests release: answers with its version, counts what it answered, and fails as its environment says.
 * FAULT: none, errors (every fifth request), never-ready, crash (at the tenth request), users (every eighth that is not for /internal), worse (every second
 * of those).
 */
const { PORT = '0', HOST = '127.0.0.1', VERSION = '?', FAULT = 'none' } = process.env
const counts = { good: 3, bad: 0 }
let asked = 0
let users = 0

const isBad = (path: string): boolean => {
  if (FAULT === 'errors') return asked % 5 === 0
  if (path.startsWith('/internal')) return false
  users += 1
  return (FAULT === 'users' && users % 8 === 0) || (FAULT === 'worse' && users % 2 === 0)
}

const answer = (path: string): { readonly status: number; readonly body: string } => {
  asked += 1
  if (FAULT === 'crash' && asked >= 10) process.exit(1)
  const failed = isBad(path)
  counts[failed ? 'bad' : 'good'] += 1
  return { status: failed ? 500 : 200, body: VERSION }
}

const server = createServer((request, response) => {
  const path = request.url?.split('?')[0]
  if (path === '/metrics') {
    const lines = [
      '# TYPE http_requests_total counter',
      `http_requests_total{code="200"} ${counts.good}`,
      `http_requests_total{code="500"} ${counts.bad}`,
    ]
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(`${lines.join('\n')}\n`)
    return
  }
  if (path === '/ready') {
    response.writeHead(FAULT === 'never-ready' ? 503 : 200).end()
    return
  }
  const { status, body } = answer(path ?? '')
  response.writeHead(status, { 'content-type': 'text/plain' }).end(body)
})
server.listen(Number(PORT), HOST)
process.on('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
