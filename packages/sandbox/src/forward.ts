import { Agent, request as call, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'

/** One request on its way to a pod. */
export type Forwarding = {
  readonly port: number
  readonly path: string
  readonly headers: OutgoingHttpHeaders
  /** Until the answer's head; the body may stream for as long as it likes. */
  readonly timeoutMs: number
  readonly answerHeaders?: (headers: OutgoingHttpHeaders) => OutgoingHttpHeaders
}

/** Hands a request to a loopback port and streams the answer back. */
export type Forwarder = {
  /** `failed` answers for a target that refused or was too slow; it is not called once the answer has begun. */
  forward(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    to: Forwarding,
    failed: (why: 'refused' | 'timed-out', text: string) => void,
  ): void
  stop(): void
}

const HOP = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'te', 'trailer']
const REPLAYABLE_BYTES = 65_536

/** Hands requests on over kept connections. */
export const createForwarder = (): Forwarder => {
  const agent = new Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 64, scheduling: 'lifo' })
  const forward: Forwarder['forward'] = (incoming, outgoing, to, failed) => {
    const headers = { ...to.headers }
    for (const name of HOP) delete headers[name]
    const length = Number(
      incoming.headers['content-length'] ?? (incoming.headers['transfer-encoding'] === undefined ? 0 : Number.NaN),
    )
    // A small body is kept, so that a request that met a connection which its target had just closed can be sent once more.
    const body = length <= REPLAYABLE_BYTES ? collected(incoming) : undefined
    const send = (again: boolean): void => {
      let over = false
      const out = call(
        { host: '127.0.0.1', port: to.port, method: incoming.method, path: to.path, headers, agent },
        (answer) => {
          over = true
          clearTimeout(timer)
          const given: OutgoingHttpHeaders = { ...answer.headers }
          for (const name of HOP) delete given[name]
          outgoing.writeHead(answer.statusCode ?? 502, to.answerHeaders?.(given) ?? given)
          answer.pipe(outgoing)
          // The head is sent: all that can still be told to the client is that the body broke off.
          answer.once('error', () => outgoing.destroy())
          answer.once('aborted', () => outgoing.destroy())
        },
      )
      const end = (why: 'refused' | 'timed-out', text: string): void => {
        if (over) return
        over = true
        clearTimeout(timer)
        out.destroy()
        if (!outgoing.headersSent && !outgoing.destroyed) failed(why, text)
      }
      const timer = setTimeout(() => end('timed-out', `no answer within ${to.timeoutMs} ms`), to.timeoutMs)
      out.once('error', (error: NodeJS.ErrnoException) => {
        if (over) return
        if (
          again &&
          body !== undefined &&
          out.reusedSocket &&
          (error.code === 'ECONNRESET' || error.code === 'EPIPE')
        ) {
          over = true
          clearTimeout(timer)
          send(false)
        } else end('refused', error.message)
      })
      outgoing.once('close', () => {
        clearTimeout(timer)
        if (!outgoing.writableFinished) {
          over = true
          out.destroy()
        }
      })
      if (body === undefined) incoming.pipe(out)
      else void body.then((bytes) => out.end(bytes))
    }
    send(true)
  }
  return { forward, stop: () => agent.destroy() }
}

const collected = async (incoming: IncomingMessage): Promise<Buffer> => {
  const parts: Buffer[] = []
  try {
    for await (const part of incoming) parts.push(part as Buffer)
  } catch {
    // The client left in the middle of its body; its own connection ends the forwarding.
  }
  return Buffer.concat(parts)
}
