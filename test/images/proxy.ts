import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * What goes wrong with a request. `when` is held against `METHOD /path?query`; absent: any. `status` answers in the registry's place, with `headers`.
 * `drop`: the connection is cut, with the `request` never passed on, or with the `answer` never passed back though the registry did what was asked.
 * `delayMs` comes before any of it, or before the request is passed on as it is.
 */
export type Fault = {
  readonly when?: RegExp
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly drop?: 'request' | 'answer'
  readonly delayMs?: number
}

/** One request as the proxy saw it. `at`: milliseconds of the monotonic clock. `answer`: what the client got; `cut`: nothing. */
export type Seen = {
  readonly at: number
  readonly method: string
  readonly path: string
  readonly answer: number | 'cut'
  readonly faulty: boolean
}

/** A server before a registry that passes everything on but what it is told to get wrong. */
export type FaultyProxy = {
  /** As in a reference: `127.0.0.1:port`. */
  readonly host: string
  /** The next `times` requests that match go wrong; what was told first is looked at first. */
  next(times: number, fault: Fault): void
  /**
   * The registry has had enough: from the first request that matches on, and for as long as is said, every request is answered with 429 and a Retry-After
   * of the seconds that are left, rounded up.
   */
  limit(ms: number, from: RegExp): void
  /** Every request since the start or the last `clear`, in the order of their answers. */
  seen(): readonly Seen[]
  /** How many requests match `METHOD /path?query`. */
  count(pattern: RegExp): number
  /** Forgets what was seen and what was to go wrong. */
  clear(): void
  close(): Promise<void>
}

const ERRORS: Readonly<Record<number, string>> = {
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'MANIFEST_UNKNOWN',
  429: 'TOOMANYREQUESTS',
}

/** @param upstream the registry, as `127.0.0.1:port` */
export const startFaultyProxy = async (upstream: string): Promise<FaultyProxy> => {
  const [hostname, port] = upstream.split(':')
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  let seen: Seen[] = []
  let faults: { left: number; readonly fault: Fault }[] = []
  let limited: { readonly ms: number; readonly from: RegExp; until?: number } | undefined
  const overLimit = (line: string): Fault | undefined => {
    if (limited === undefined) return undefined
    if (limited.until === undefined && limited.from.test(line)) limited.until = performance.now() + limited.ms
    const left = (limited.until ?? 0) - performance.now()
    return left <= 0 ? undefined : { status: 429, headers: { 'retry-after': String(Math.ceil(left / 1000)) } }
  }
  const faultOf = (line: string): Fault | undefined => {
    const over = overLimit(line)
    if (over !== undefined) return over
    const found = faults.find(({ left, fault }) => left > 0 && (fault.when?.test(line) ?? true))
    if (found !== undefined) found.left--
    return found?.fault
  }

  /** Resolves with the registry's answer once it has all of the request. The Host of the client goes along, so that redirects lead here again. */
  const passOn = (incoming: IncomingMessage): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const { method, url: path, headers } = incoming
      const outgoing = request({ hostname, port, method, path, headers, agent }, resolve)
      outgoing.on('error', reject)
      incoming.on('error', reject)
      incoming.on('aborted', () => outgoing.destroy(new Error('the client is gone')))
      incoming.pipe(outgoing)
    })

  const handle = async (
    incoming: IncomingMessage,
    response: ServerResponse,
    fault: Fault | undefined,
  ): Promise<Seen['answer']> => {
    if (fault?.delayMs !== undefined) await pause(fault.delayMs)
    if (fault?.drop === 'request') return cut(incoming)
    if (fault?.status !== undefined) {
      // The body is read to its end: a client that is still sending would see a broken connection instead of the answer.
      incoming.resume()
      await new Promise((resolve) => (incoming.readableEnded ? resolve(undefined) : incoming.on('end', resolve)))
      const errors = [{ code: ERRORS[fault.status] ?? 'UNKNOWN', message: 'said by the test' }]
      response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers })
      response.end(incoming.method === 'HEAD' ? undefined : JSON.stringify({ errors }))
      return fault.status
    }
    const answer = await passOn(incoming)
    if (fault?.drop === 'answer') {
      answer.resume()
      await new Promise((resolve) => answer.on('close', resolve))
      return cut(incoming)
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
    await new Promise((resolve) => response.on('close', resolve))
    return answer.statusCode ?? 502
  }

  const server = createServer((incoming, response) => {
    const { method = '', url: path = '' } = incoming
    const fault = faultOf(`${method} ${path}`)
    handle(incoming, response, fault)
      .catch(() => cut(incoming))
      .then((answer) => seen.push({ at: performance.now(), method, path, answer, faulty: fault !== undefined }))
  })
  server.keepAliveTimeout = 30_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    next: (times, fault) => faults.push({ left: times, fault }),
    limit: (ms, from) => {
      limited = { ms, from }
    },
    seen: () => seen,
    count: (pattern) => seen.filter(({ method, path }) => pattern.test(`${method} ${path}`)).length,
    clear: () => {
      seen = []
      faults = []
      limited = undefined
    },
    close: () =>
      new Promise((resolve) => {
        agent.destroy()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const cut = (incoming: IncomingMessage): 'cut' => {
  incoming.socket.destroy()
  return 'cut'
}
