import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createSocketServer, type Server } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { request } from '../src/request.ts'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

const listening = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    if ('closeAllConnections' in server && typeof server.closeAllConnections === 'function')
      server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}
const serving = async (listener: RequestListener): Promise<string> =>
  `http://127.0.0.1:${await listening(createServer(listener))}`

describe('an answer', () => {
  test('comes with its status, headers and body, whatever the status', async () => {
    const url = await serving((incoming, outgoing) => {
      outgoing.writeHead(503, { 'retry-after': '7', 'set-cookie': ['a=1', 'b=2'] })
      incoming.pipe(outgoing)
    })
    const result = await request({ url, method: 'POST', body: 'wörd', timeoutMs: 2000 })
    expect(result).toMatchObject({
      kind: 'answered',
      status: 503,
      headers: { 'retry-after': '7', 'set-cookie': 'a=1, b=2' },
      body: 'wörd',
    })
  })

  test.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
  ])('is unpacked when it comes as %s, asked for or not', async (encoding, pack) => {
    const url = await serving((_, outgoing) => {
      outgoing.writeHead(200, { 'content-encoding': encoding }).end(pack('{"wörd": 1}'))
    })
    expect(await request({ url, timeoutMs: 2000 })).toMatchObject({ kind: 'answered', body: '{"wörd": 1}' })
  })

  test('is too large when it unpacks to more than the limit, and no answer when it is not what it says', async () => {
    const bomb = await serving((_, outgoing) => {
      outgoing.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(1_000_000)))
    })
    expect(await request({ url: bomb, timeoutMs: 2000, maxBytes: 10_000 })).toMatchObject({ kind: 'too-large' })
    const liar = await serving((_, outgoing) => {
      outgoing.writeHead(200, { 'content-encoding': 'gzip' }).end('plain')
    })
    expect(await request({ url: liar, timeoutMs: 2000 })).toMatchObject({ kind: 'no-answer', connected: true })
  })

  test('is waited for however large the given time is', async () => {
    const url = await serving((_, outgoing) => void setTimeout(() => outgoing.end('late'), 50))
    expect(await request({ url, timeoutMs: 1e10 })).toMatchObject({ kind: 'answered', body: 'late' })
  })

  test('is cut off as too large as soon as it passes the limit', async () => {
    const url = await serving((_, outgoing) => {
      const more = () => outgoing.write('x'.repeat(64_000)) && setImmediate(more)
      outgoing.on('drain', more)
      more()
    })
    expect(await request({ url, timeoutMs: 2000, maxBytes: 100_000 })).toMatchObject({ kind: 'too-large' })
  })
})

describe('no answer', () => {
  test('because nobody listens is told as refused, and nothing was sent', async () => {
    const server = createServer()
    const port = await listening(server)
    await new Promise((resolve) => server.close(resolve))
    const result = await request({ url: `http://127.0.0.1:${port}`, timeoutMs: 2000 })
    expect(result).toMatchObject({ kind: 'no-answer', cause: 'refused', connected: false })
  })

  test('because the name has no address is told as dns', async () => {
    const result = await request({ url: 'http://nowhere.invalid/', timeoutMs: 5000 })
    expect(result).toMatchObject({ kind: 'no-answer', cause: 'dns', connected: false })
    expect(result.kind === 'no-answer' && result.text).toContain('nowhere.invalid')
  })

  test('in time is told apart from no connection: the other side may have acted', async () => {
    const url = await serving(() => {})
    const result = await request({ url, timeoutMs: 50 })
    expect(result).toMatchObject({ kind: 'no-answer', cause: 'timeout', connected: true })
  })

  test('counts a body that never ends as a timeout too', async () => {
    const url = await serving((_, outgoing) => void outgoing.write('half'))
    expect(await request({ url, timeoutMs: 80 })).toMatchObject({ kind: 'no-answer', cause: 'timeout' })
  })

  test('because the connection broke is told as reset', async () => {
    const port = await listening(createSocketServer((socket) => socket.once('data', () => socket.resetAndDestroy())))
    const result = await request({ url: `http://127.0.0.1:${port}`, timeoutMs: 2000 })
    expect(result).toMatchObject({ kind: 'no-answer', cause: 'reset', connected: true })
  })

  test('because the body broke off half way is no answer', async () => {
    const url = await serving((_, outgoing) => {
      outgoing.writeHead(200, { 'content-length': '100' })
      outgoing.write('half')
      setTimeout(() => outgoing.destroy(), 20)
    })
    expect(await request({ url, timeoutMs: 2000 })).toMatchObject({ kind: 'no-answer', connected: true })
  })

  test('because no certificate can be agreed on is told as tls', async () => {
    const bare = await listening(createTlsServer({}, () => {}))
    const plain = new URL(await serving((_, outgoing) => outgoing.end()))
    for (const port of [bare, plain.port])
      expect(await request({ url: `https://127.0.0.1:${port}`, timeoutMs: 2000 })).toMatchObject({
        kind: 'no-answer',
        cause: 'tls',
        connected: false,
      })
  })

  test('because our own certificate cannot be read is told as tls, before anything is sent', async () => {
    const call = { url: 'https://127.0.0.1:1', timeoutMs: 2000, tls: { cert: 'no certificate' } }
    expect(await request(call)).toMatchObject({ kind: 'no-answer', cause: 'tls', connected: false })
  })
})

test('a call whose signal was aborted before it began is not made, and ends with its reason', async () => {
  const ended = request({
    url: 'http://127.0.0.1:1/',
    timeoutMs: 5000,
    signal: AbortSignal.abort(new Error('too late')),
  })
  await expect(ended).rejects.toThrow('too late')
  // An error of the socket that nobody listened for would come now, and end the process.
  await new Promise((resolve) => setTimeout(resolve, 10))
})

test('an aborted signal ends the call with its reason', async () => {
  const url = await serving(() => {})
  const stop = new AbortController()
  const call = request({ url, timeoutMs: 5000, signal: stop.signal })
  setTimeout(() => stop.abort(new Error('cancelled')), 20)
  await expect(call).rejects.toThrow('cancelled')
})
