import http from 'node:http'
import https from 'node:https'
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'

/** One HTTP request. `timeoutMs` bounds it from the first packet to the last byte of the body. */
export type HttpRequest = {
  readonly url: string | URL
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMs: number
  /** A longer body ends the request as `too-large`; default 16 MiB. */
  readonly maxBytes?: number
  readonly signal?: AbortSignal
  /** Certificates, authorities, agent: as node:https takes them. */
  readonly tls?: https.RequestOptions
}

/** An answer, whatever its status. Header names are in lower case. */
export type HttpAnswer = {
  readonly kind: 'answered'
  readonly status: number
  /** Names in lower case; repeated ones joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly tookMs: number
}

/**
 * Why there is no answer. `refused`: nobody listens; `dns`: the name has no address; `tls`: the certificate or handshake;
 * `timeout`: nothing in time; `reset`: the connection broke; `network`: no route and the like.
 */
export type NoAnswerCause = 'refused' | 'dns' | 'tls' | 'timeout' | 'reset' | 'network'

/** `connected`: a connection stood, so the other side may have seen the request and acted on it. */
export type NoAnswer = {
  readonly kind: 'no-answer'
  readonly cause: NoAnswerCause
  readonly connected: boolean
  readonly text: string
}
/** The body was longer than was asked for. */
export type TooLarge = { readonly kind: 'too-large'; readonly text: string }
/** What came of one request; nothing is thrown. */
export type HttpResult = HttpAnswer | NoAnswer | TooLarge

/**
 * Sends one request and reads the whole answer, whatever its status; a compressed body is unpacked. Redirects are not followed.
 * Having no answer is a value: "could not connect" and "answered wrongly" are different findings.
 * @throws only what `signal` was aborted with, and TypeError for a URL that is none
 */
export const request = (call: HttpRequest, monotonic: () => number = () => performance.now()): Promise<HttpResult> => {
  const url = new URL(call.url)
  const send = url.protocol === 'https:' ? https.request : http.request
  const maxBytes = call.maxBytes ?? 16 * 1024 * 1024
  const started = monotonic()
  return new Promise((resolve, reject) => {
    let connected = false
    const end = (result: HttpResult): void => {
      clearTimeout(timer)
      call.signal?.removeEventListener('abort', abort)
      resolve(result)
      outgoing?.destroy()
    }
    const fail = (error: Error): void => end(noAnswer(error, url, connected))
    const timer = setTimeout(
      () =>
        end({
          kind: 'no-answer',
          cause: 'timeout',
          connected,
          text: connected
            ? `${url.host} accepted the connection and did not answer within ${seconds(call.timeoutMs)}`
            : `no connection to ${url.host} within ${seconds(call.timeoutMs)}`,
        }),
      // A longer timer would fire at once.
      Math.min(call.timeoutMs, 2 ** 31 - 1),
    )
    const abort = (): void => {
      clearTimeout(timer)
      outgoing?.destroy()
      reject(call.signal?.reason)
    }
    let outgoing: http.ClientRequest | undefined
    try {
      outgoing = send(url, {
        ...call.tls,
        method: call.method ?? 'GET',
        headers: {
          ...call.tls?.headers,
          ...call.headers,
          ...(call.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(call.body)) }),
        },
      })
    } catch (error) {
      // Certificates that cannot be read are found while the socket is made, before anything is sent.
      fail(error instanceof Error ? error : new Error(String(error)))
      return
    }
    // Before anything can destroy it: an error that nobody listens for ends the process.
    outgoing.on('error', fail)
    call.signal?.addEventListener('abort', abort, { once: true })
    if (call.signal?.aborted) {
      abort()
      return
    }
    outgoing.on('socket', (socket) => {
      const ready = url.protocol === 'https:' ? 'secureConnect' : 'connect'
      if (socket.connecting) socket.once(ready, () => (connected = true))
      else connected = true
    })
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = []
      let size = 0
      incoming.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > maxBytes) end({ kind: 'too-large', text: `the answer of ${url.host} is over ${maxBytes} bytes` })
        else chunks.push(chunk)
      })
      incoming.on('error', fail)
      incoming.on('end', () => {
        clearTimeout(timer)
        call.signal?.removeEventListener('abort', abort)
        const tookMs = monotonic() - started
        const headers = flat(incoming.headers)
        const body = decoded(Buffer.concat(chunks), { encoding: headers['content-encoding'], maxBytes, host: url.host })
        resolve(
          typeof body === 'string'
            ? { kind: 'answered', status: incoming.statusCode ?? 0, headers, body, tookMs }
            : body,
        )
      })
    })
    outgoing.end(call.body)
  })
}

/** The text of a body; servers send compressed ones unasked as well. It is bounded, since a few bytes can stand for gigabytes. */
const decoded = (
  bytes: Buffer,
  { encoding = '', maxBytes, host }: { encoding: string | undefined; maxBytes: number; host: string },
): string | NoAnswer | TooLarge => {
  const inflate = INFLATES[encoding.trim().toLowerCase()]
  if (inflate === undefined || bytes.length === 0) return bytes.toString('utf8')
  try {
    return inflate(bytes, { maxOutputLength: maxBytes }).toString('utf8')
  } catch (error) {
    if (error instanceof Error && codeOf(error) === 'ERR_BUFFER_TOO_LARGE') {
      return { kind: 'too-large', text: `the answer of ${host} is over ${maxBytes} bytes` }
    }
    const text = `${host} answered with a body that is not ${encoding}, as its Content-Encoding says`
    return { kind: 'no-answer', cause: 'reset', connected: true, text }
  }
}

const INFLATES: Readonly<Record<string, (bytes: Buffer, options: { maxOutputLength: number }) => Buffer>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
}

const noAnswer = (error: Error, url: URL, connected: boolean): NoAnswer => {
  const code = codeOf(error)
  const cause = CAUSES[code] ?? (/^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|EPROTO)/.test(code) ? 'tls' : undefined)
  return {
    kind: 'no-answer',
    cause: cause ?? (/certificate|self.signed|TLS/i.test(error.message) ? 'tls' : 'network'),
    connected,
    text: `${url.host}: ${SENTENCES[code] ?? error.message}`,
  }
}

/** Node tries several addresses of one name; the error of all of them carries the code of the first. */
const codeOf = (error: Error): string => {
  if ('code' in error && typeof error.code === 'string' && error.code !== '') return error.code
  const first = error instanceof AggregateError ? error.errors[0] : undefined
  return first instanceof Error ? codeOf(first) : ''
}

const CAUSES: Readonly<Record<string, NoAnswerCause>> = {
  ECONNREFUSED: 'refused',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_NODATA: 'dns',
  ETIMEDOUT: 'timeout',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls',
  UNABLE_TO_GET_ISSUER_CERT: 'tls',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls',
}

const SENTENCES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused, nothing listens there',
  ENOTFOUND: 'the host name has no address in DNS',
  EAI_AGAIN: 'the DNS server did not answer',
  ETIMEDOUT: 'no connection in time',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed',
}

const flat = (headers: http.IncomingHttpHeaders): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  )

const seconds = (ms: number): string => (ms < 1000 ? `${ms} ms` : `${ms / 1000} s`)
