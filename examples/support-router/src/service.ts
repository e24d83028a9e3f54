import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Metrics } from './metrics.ts'
import type { Classification } from './model.ts'

/** What answers the requests. Given as parts, so that a rehearsal can put faults around them and a test can hold them still. */
export type Parts = {
  /** A rejection ends the request with 500. */
  classify(text: string): Promise<Classification>
  /** False until the model is loaded, and again once the process is told to stop. */
  ready(): boolean
  /** The loaded model's version, empty before it is loaded. */
  modelVersion(): string
  readonly release: string
  readonly metrics: Metrics
  log(line: string): void
}

/** Largest request body in bytes, and longest ticket in characters. */
export const LIMITS = { body: 16_384, text: 4_000 } as const

/**
 * The service's routes. `POST /classify` takes `{"text": "…"}` and gives `{intent, scores, model}`; `GET /health` says that the process
 * lives, `GET /ready` that it can answer, `GET /metrics` counts in Prometheus text. Every answer names the release in `x-release`.
 */
export const createService = (parts: Parts): RequestListener => {
  return (request, response) => {
    const path = (request.url ?? '/').split('?')[0] ?? '/'
    const known = ROUTES[path]
    const end = parts.metrics.begin()
    const over = (): void =>
      end({
        method: METHODS.has(request.method ?? '') ? (request.method ?? '') : 'other',
        route: known ? path : 'other',
        code: response.statusCode,
      })
    // A client that goes away before the answer is counted as 499, not as the 200 that was never sent.
    response.once('close', () => {
      if (!response.writableFinished) response.statusCode = 499
      over()
    })
    response.once('finish', over)
    if (known === undefined) return send(response, parts, { code: 404, body: { error: `No such path: ${path}` } })
    if (request.method !== known.method && !(request.method === 'HEAD' && known.method === 'GET')) {
      response.setHeader('allow', known.method)
      return send(response, parts, { code: 405, body: { error: `${path} takes ${known.method}` } })
    }
    known.answer(request, parts).then(
      (answer) => send(response, parts, answer),
      (error: unknown) => {
        parts.log(`${request.method} ${path} failed: ${error instanceof Error ? error.message : String(error)}`)
        send(response, parts, { code: 500, body: { error: 'The ticket could not be classified' } })
      },
    )
  }
}

type Answer = { readonly code: number; readonly body: unknown }
type Route = { readonly method: 'GET' | 'POST'; answer(request: IncomingMessage, parts: Parts): Promise<Answer> }

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

const ROUTES: Readonly<Record<string, Route>> = {
  '/classify': {
    method: 'POST',
    answer: async (request, parts) => {
      const body = await readBody(request)
      if (body === 'too large') return { code: 413, body: { error: `A body has at most ${LIMITS.body} bytes` } }
      const text = readText(body)
      if (typeof text !== 'string') return { code: 400, body: { error: text.problem } }
      if (!parts.ready()) return { code: 503, body: { error: 'The model is not loaded' } }
      const { intent, scores } = await parts.classify(text)
      parts.metrics.classified(intent)
      return { code: 200, body: { intent, scores, model: parts.modelVersion() } }
    },
  },
  '/health': { method: 'GET', answer: async () => ({ code: 200, body: { status: 'alive' } }) },
  '/ready': {
    method: 'GET',
    answer: async (_, parts) =>
      parts.ready()
        ? { code: 200, body: { status: 'ready', model: parts.modelVersion(), release: parts.release } }
        : { code: 503, body: { status: 'not ready' } },
  },
  '/metrics': { method: 'GET', answer: async (_, parts) => ({ code: 200, body: parts.metrics.render() }) },
}

const send = (response: ServerResponse, parts: Parts, { code, body }: Answer): void => {
  if (response.writableEnded || response.destroyed) return
  const text = typeof body === 'string' ? body : `${JSON.stringify(body)}\n`
  const kind = typeof body === 'string' ? 'text/plain; version=0.0.4; charset=utf-8' : 'application/json'
  response.writeHead(code, {
    'content-type': kind,
    'content-length': Buffer.byteLength(text),
    'x-release': parts.release,
    // What is left of a body that was refused cannot be read as the next request.
    ...(code === 413 ? { connection: 'close' } : {}),
  })
  response.end(response.req.method === 'HEAD' ? undefined : text)
}

const readBody = async (request: IncomingMessage): Promise<Buffer | 'too large'> => {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size > LIMITS.body) return 'too large'
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const readText = (body: Buffer): string | { readonly problem: string } => {
  let parsed: unknown
  try {
    parsed = JSON.parse(body.toString('utf8'))
  } catch {
    return { problem: 'The body is not JSON; {"text": "…"} is expected' }
  }
  const text = typeof parsed === 'object' && parsed !== null && 'text' in parsed ? parsed.text : undefined
  if (typeof text !== 'string' || text.trim() === '') return { problem: '"text" must be a text that is not empty' }
  return text.length > LIMITS.text ? { problem: `"text" has at most ${LIMITS.text} characters` } : text
}
