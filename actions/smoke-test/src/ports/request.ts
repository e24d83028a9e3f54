import { type IncomingMessage, request as plain } from 'node:http'
import { request as tls } from 'node:https'
import type { Answer, Request } from '../answer.ts'
import { crossesTo } from '../redirect.ts'

const MAX_BYTES = 4 * 1024 * 1024
const MAX_REDIRECTS = 5

/**
 * Sends a request to an address and follows its redirects. Node's own client, since only its socket tells whether a connection was made
 * before it failed. Each request has a connection of its own, as a new visitor's would.
 * @param base what the paths are joined to
 * @param userAgent so that the service's own metrics can leave these requests out
 */
export const asker =
  (base: URL, userAgent: string, cancelled: AbortSignal) =>
  async (request: Request): Promise<Answer> => {
    const begun = performance.now()
    let url = join(base, request.path)
    let headers: Readonly<Record<string, string>> = {
      'user-agent': userAgent,
      accept: '*/*',
      'accept-encoding': 'identity',
      ...request.headers,
    }
    let { method, body } = request
    let redirect: string | undefined
    for (let hops = 0; ; hops++) {
      const left = request.timeoutMs - (performance.now() - begun)
      const answer = await once(url, { method, headers, ...(body === undefined ? {} : { body }) }, left, cancelled)
      const tookMs = performance.now() - begun
      if (answer.kind !== 'answered') return { ...answer, tookMs }
      const final: Answer = { ...answer, tookMs, ...(redirect === undefined ? {} : { redirect }) }
      const location = answer.headers.location
      if (!request.followRedirects || ![301, 302, 303, 307, 308].includes(answer.status) || location === undefined) {
        return final
      }
      if (!URL.canParse(location, url.href)) return { ...final, redirect: 'its Location is not an address' }
      const next = new URL(location, url)
      if (!/^https?:$/.test(next.protocol)) return { ...final, redirect: 'its Location is not http or https' }
      if (hops >= MAX_REDIRECTS) return { ...final, redirect: `more than ${MAX_REDIRECTS} redirects` }
      const step = crossesTo({ from: url, to: next, status: answer.status, method, headers, body })
      if (step.kind === 'stop') return { ...final, redirect: step.why }
      redirect = `redirected to ${next.origin}${next.pathname}`
      url = next
      method = step.method
      headers = step.headers
      body = step.body
    }
  }

type Sent = { readonly method: string; readonly headers: Readonly<Record<string, string>>; readonly body?: string }
type Received =
  | { kind: 'answered'; status: number; headers: Record<string, string>; body: string; cut?: boolean }
  | { kind: 'unreachable' | 'no-answer'; text: string }

const once = (url: URL, sent: Sent, timeoutMs: number, cancelled: AbortSignal): Promise<Received> =>
  new Promise((resolve) => {
    let connected = false
    const failed = (text: string): void =>
      resolve({
        kind: connected ? 'no-answer' : 'unreachable',
        text: connected ? `connected to ${url.host}, but ${text}` : `could not connect to ${url.host}: ${text}`,
      })
    const length = sent.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(sent.body)) }
    const send = url.protocol === 'https:' ? tls : plain
    const ask = send(url, { method: sent.method, headers: { ...length, ...sent.headers }, agent: false })
    const timer = setTimeout(() => stop(`no whole answer within ${Math.round(timeoutMs)} ms`), Math.max(1, timeoutMs))
    const stop = (text: string): void => {
      failed(text)
      ask.destroy()
    }
    const onCancel = (): void => stop('it was cancelled')
    cancelled.addEventListener('abort', onCancel, { once: true })
    const done = (): void => {
      clearTimeout(timer)
      cancelled.removeEventListener('abort', onCancel)
    }
    ask.on('socket', (socket) => {
      socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
        connected = true
      })
    })
    ask.on('error', (error) => failed(reasonOf(error, connected)))
    ask.on('close', done)
    ask.on('response', (message) => {
      read(message).then(
        (body) => resolve({ kind: 'answered', status: message.statusCode ?? 0, headers: headersOf(message), ...body }),
        (error: Error) => failed(reasonOf(error, connected)),
      )
    })
    ask.end(sent.body)
  })

const read = async (message: IncomingMessage): Promise<{ body: string; cut?: boolean }> => {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of message as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.length
    if (size > MAX_BYTES) return { body: Buffer.concat(chunks).subarray(0, MAX_BYTES).toString(), cut: true }
  }
  return { body: Buffer.concat(chunks).toString() }
}

const headersOf = (message: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  )

const reasonOf = (error: Error, connected: boolean): string => {
  const code = 'code' in error ? String(error.code) : ''
  const known = REASONS[code]
  if (known !== undefined) return connected ? (BROKEN[code] ?? known) : known
  // A host with several addresses fails with all their errors at once, and an empty message.
  if (error instanceof AggregateError) return error.errors.map(({ message }) => message).join('; ')
  return code.startsWith('ERR_TLS') || /certificate|SSL|TLS/i.test(`${code} ${error.message}`)
    ? `TLS: ${error.message}`
    : error.message || code
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused (nothing listens there)',
  ENOTFOUND: 'the name is not known to DNS',
  EAI_AGAIN: 'DNS did not answer',
  ETIMEDOUT: 'the network did not answer',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ECONNRESET: 'the connection was reset',
}
const BROKEN: Readonly<Record<string, string>> = {
  ECONNRESET: 'the connection broke before a whole answer came',
}

const join = (base: URL, path: string): URL => {
  if (path === '') return base
  const folder = base.pathname.replace(/\/$/, '')
  return new URL(`${base.origin}${folder}${path}`)
}
