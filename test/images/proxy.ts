import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * What goes wrong with a request. `when` is held against `METHOD /path?query`; absent: any. `status` answers in the registry's place, with `headers`, and
 * with the registry's kind of body (`says` is its message), or of 5xx with the page of a load balancer.
 * `from` is held against the User-Agent, since not only BuildKit asks. `drop`: the connection is cut, with the `request` never passed on, or with the `answer` never passed back though the registry did what was asked.
 * `delayMs` comes before any of it, or before the request is passed on as it is.
 */
export type Fault = {
  readonly when?: RegExp
  readonly from?: RegExp
  readonly status?: number
  readonly says?: string
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
  limit(ms: number, begins: Pick<Fault, 'when' | 'from'>): void
  /** Every request since the start or the last `clear`, in the order of their answers. */
  seen(): readonly Seen[]
  /** How many requests match `METHOD /path?query`. */
  count(pattern: RegExp): number
  /** Forgets what was seen and what was to go wrong. */
  clear(): void
  close(): Promise<void>
}

type Call = { readonly line: string; readonly agent: string }

const ERRORS: Readonly<Record<number, string>> = {
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'MANIFEST_UNKNOWN',
  429: 'TOOMANYREQUESTS',
}

const bodyOf = (status: number, says = 'said by the test'): readonly [type: string, body: string] => {
  if (status >= 500) return ['text/html', `<html><head><title>${status} ${says}</title></head></html>`]
  return ['application/json', JSON.stringify({ errors: [{ code: ERRORS[status] ?? 'UNKNOWN', message: says }] })]
}

/** @param upstream the registry, as `127.0.0.1:port` */
export const startFaultyProxy = async (upstream: string): Promise<FaultyProxy> => {
  const [hostname, port] = upstream.split(':')
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  let seen: Seen[] = []
  let faults: { left: number; readonly fault: Fault }[] = []
  let limited: { readonly ms: number; readonly begins: Pick<Fault, 'when' | 'from'>; until?: number } | undefined
  const matches = ({ when, from }: Pick<Fault, 'when' | 'from'>, { line, agent }: Call): boolean =>
    (when?.test(line) ?? true) && (from?.test(agent) ?? true)
  const overLimit = (call: Call): Fault | undefined => {
    if (limited === undefined) return undefined
    if (limited.until === undefined && matches(limited.begins, call)) limited.until = performance.now() + limited.ms
    const left = (limited.until ?? 0) - performance.now()
    return left <= 0 ? undefined : { status: 429, headers: { 'retry-after': String(Math.ceil(left / 1000)) } }
  }
  const faultOf = (call: Call): Fault | undefined => {
    const over = overLimit(call)
    if (over !== undefined) return over
    const found = faults.find(({ left, fault }) => left > 0 && matches(fault, call))
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
    // The body is read to its end: a client that is still sending would see a broken connection instead of the answer, or of the end.
    if (fault?.drop === 'request' || fault?.status !== undefined) await read(incoming)
    if (fault?.drop === 'request') return cut(incoming)
    if (fault?.status !== undefined) {
      const [type, body] = bodyOf(fault.status, fault.says)
      response.writeHead(fault.status, { 'content-type': type, ...fault.headers })
      response.end(incoming.method === 'HEAD' ? undefined : body)
      return fault.status
    }
    const answer = await passOn(incoming)
    if (fault?.drop === 'answer') {
      await read(answer)
      return cut(incoming)
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
    await new Promise((resolve) => response.on('close', resolve))
    return answer.statusCode ?? 502
  }

  const server = createServer((incoming, response) => {
    const { method = '', url: path = '', headers } = incoming
    const fault = faultOf({ line: `${method} ${path}`, agent: headers['user-agent'] ?? '' })
    handle(incoming, response, fault)
      .catch(() => cut(incoming))
      .then((answer) => seen.push({ at: performance.now(), method, path, answer, faulty: fault !== undefined }))
  })
  server.keepAliveTimeout = 30_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    next: (times, fault) => faults.push({ left: times, fault }),
    limit: (ms, begins) => {
      limited = { ms, begins }
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

const read = (message: IncomingMessage): Promise<void> =>
  new Promise((resolve) => {
    message.on('close', resolve)
    message.on('end', resolve)
    message.resume()
    if (message.readableEnded) resolve()
  })

const cut = (incoming: IncomingMessage): 'cut' => {
  incoming.socket.destroy()
  return 'cut'
}
