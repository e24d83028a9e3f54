import { createServer } from 'node:http'

/** The service that tests run as pods: answers with its version, and misbehaves when its environment or a request says so. */
const version = process.env.VERSION ?? 'v1'
const state = { ready: process.env.NEVER_READY === undefined }
if (process.env.CRASH !== undefined) {
  console.error('crashing as told')
  process.exit(Number(process.env.CRASH))
}
console.log(`started ${version}`)

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://web')
  if (url.pathname === '/health') return void response.writeHead(state.ready ? 200 : 503).end()
  if (url.pathname === '/exit') return process.exit(Number(url.searchParams.get('code') ?? 1))
  if (url.pathname === '/env') return void response.end(process.env[url.searchParams.get('name') ?? ''] ?? '')
  if (url.pathname === '/headers') return void response.end(JSON.stringify(request.headers))
  if (url.pathname === '/slow') return void setTimeout(() => response.end('late'), Number(url.searchParams.get('ms')))
  if (url.pathname === '/stream') {
    response.write('first\n')
    setTimeout(() => response.end('second\n'), 200)
    return
  }
  if (url.pathname === '/unready') {
    state.ready = false
    return void response.end('ok')
  }
  if (url.pathname === '/echo') return void request.pipe(response)
  response.end(version)
})
server.listen(Number(process.env.PORT), process.env.HOST)
process.on('SIGTERM', () => {
  console.log('stopping')
  if (process.env.STUBBORN === undefined) server.close(() => process.exit(0))
})
