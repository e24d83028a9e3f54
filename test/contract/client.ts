import { request as http, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import { request as https } from 'node:https'

/** An API server to hold the contract against. Nothing here knows which one it is. */
export type Target = {
  readonly server: string
  readonly token: string
  /** PEM of the certificate authority, for a server on https. */
  readonly ca?: string
  /** `name@sha256:…` of an image that answers GET / with 200 on `port` and ends on SIGTERM. */
  readonly image: string
  readonly port: number
  /** Makes a namespace that nobody else uses. */
  namespace(): Promise<string>
}

/** An answer of the API server: status code, body as JSON, and as text. */
export type Answer = { readonly code: number; readonly body: Body; readonly text: string }

/** A body of any shape: what a test reads it compares, so a wrong shape fails there. */
export type Body = { readonly [field: string]: Body } & {
  readonly length: number
  map<T>(of: (item: Body) => T): T[]
  find(test: (item: Body) => boolean): Body
  filter(test: (item: Body) => boolean): Body[]
}

/** A client that sends what it is told, and nothing of its own. */
export type Client = {
  call(method: string, path: string, body?: unknown, options?: { type?: string; token?: string }): Promise<Answer>
  /** Lines of a watch until `enough` says stop; then the watch is closed. */
  watch(path: string, enough: (events: readonly Event[]) => boolean): Promise<readonly Event[]>
}

/** One line of a watch. */
export type Event = { readonly type: string; readonly object: Body }

const LIMIT_MS = 20_000

/** A client of this API server. A request that hangs ends after 20 s with an error. */
export const clientOf = (target: Target): Client => {
  const open = (
    method: string,
    path: string,
    headers: OutgoingHttpHeaders,
    body: string | undefined,
  ): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const send = target.server.startsWith('https:') ? https : http
      const call = send(
        `${target.server}${path}`,
        { method, headers, agent: false, ...(target.ca === undefined ? {} : { ca: target.ca }) },
        resolve,
      )
      call.once('error', reject)
      call.end(body)
    })
  return {
    call: async (method, path, body, options = {}) => {
      const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
      const headers = {
        authorization: `Bearer ${options.token ?? target.token}`,
        ...(text === undefined
          ? {}
          : { 'content-type': options.type ?? 'application/json', 'content-length': Buffer.byteLength(text) }),
      }
      const answer = await open(method, path, headers, text)
      const parts: Buffer[] = []
      for await (const part of answer) parts.push(part as Buffer)
      const given = Buffer.concat(parts).toString()
      const json = (answer.headers['content-type'] ?? '').includes('json') ? JSON.parse(given) : {}
      return { code: answer.statusCode ?? 0, body: json as Body, text: given }
    },
    watch: async (path, enough) => {
      const answer = await open('GET', path, { authorization: `Bearer ${target.token}` }, undefined)
      const events: Event[] = []
      const limit = setTimeout(() => answer.destroy(new Error('the watch gave too little')), LIMIT_MS)
      let rest = ''
      answer.setEncoding('utf8')
      for await (const text of answer) {
        const lines = (rest + String(text)).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) if (line !== '') events.push(JSON.parse(line) as Event)
        if (enough(events)) break
      }
      clearTimeout(limit)
      answer.destroy()
      return events
    },
  }
}

/** Asks until the answer is as wanted. @throws with the last answer when it never is */
export const eventually = async (
  ask: () => Promise<Answer>,
  wanted: (answer: Answer) => boolean,
  ms = LIMIT_MS,
): Promise<Answer> => {
  const end = performance.now() + ms
  for (;;) {
    const answer = await ask()
    if (wanted(answer)) return answer
    if (performance.now() > end) throw new Error(`never as wanted; last: ${answer.code} ${answer.text.slice(0, 2_000)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
