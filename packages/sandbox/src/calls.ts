import type { IncomingMessage, ServerResponse } from 'node:http'
import { parse } from 'yaml'
import type { Api } from './api.ts'
import type { ActiveFaults } from './faults.ts'
import type { Forwarder } from './forward.ts'
import type { Kubelet } from './kubelet.ts'
import type { Json } from './objects.ts'
import type { Tokens, User } from './rbac.ts'
import { badRequest, isRefusal, type Refusal, refuse } from './refusals.ts'
import type { Asked } from './requests.ts'

/** What the API server works on. */
export type ServerWorld = {
  readonly api: Api
  readonly kubelet: Kubelet
  readonly tokens: Tokens
  readonly faults: ActiveFaults
  readonly forwarder: Forwarder
  readonly now: () => number
  /** Told of whatever was thrown while answering: a bug of ours. */
  readonly failed: (error: unknown) => void
}

/** A request that is let in, and who asks. */
export type Call = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly query: URLSearchParams
  readonly user: User
  readonly verb: string
}
/** A call on a resource, as its path and query name it. */
export type ResourceCall = Extract<Asked, { kind: 'resource' }>

/** What a call gives when it has answered by itself, in pieces, and nothing is left to send. */
export const STREAMED = Symbol('streamed')

const MOST_BYTES = 3 * 1024 * 1024

/** The body of a request as JSON (YAML where the content type says so); `null` for none. */
export const readBody = async (request: IncomingMessage): Promise<Json | Refusal> => {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request) {
    size += (part as Buffer).length
    if (size > MOST_BYTES)
      return refuse(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${MOST_BYTES}`)
    parts.push(part as Buffer)
  }
  const text = Buffer.concat(parts).toString()
  if (text.trim() === '') return null
  try {
    return (request.headers['content-type'] ?? '').includes('yaml') ? (parse(text) as Json) : (JSON.parse(text) as Json)
  } catch (error) {
    return badRequest(
      `couldn't get version/kind; json parse error: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

/** Sends an answer, a refusal with its own code. What was answered already stays. */
export const send = (response: ServerResponse, body: unknown, code?: number): void => {
  if (response.headersSent || response.destroyed) return
  const status = isRefusal(body) ? body.code : (code ?? response.statusCode)
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}
