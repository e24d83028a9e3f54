import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as it came. */
export type Call = {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** An answer in place of the registry's own. */
export type Answer = {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** Who is let in. `ms`: how long a token holds; `says`: what `expires_in` tells, seconds; `identity`: the refresh token that is taken. */
export type Door =
  | { readonly kind: 'open' }
  | { readonly kind: 'basic'; password: string }
  | {
      readonly kind: 'bearer'
      password: string
      ms: number
      says?: number | undefined
      identity?: string
      field?: string
    }

/** A registry in memory, of the documented form, and what it was asked. `door`, `before` and `immutable` may be changed while it runs. */
export type TestRegistry = {
  readonly host: string
  readonly calls: Call[]
  door: Door
  before: (call: Call) => Answer | undefined
  immutable: boolean
  pageSize: number
  close(): Promise<void>
}

/** The user of every door. */
export const USER = 'robot'
/** What is let in through every door: for what a test sets up. */
export const MASTER = 'Bearer master'

const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`
const error = (status: number, code: string, message: string, headers = {}): Answer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify({ errors: [{ code, message }] }),
})

type Store = {
  readonly blobs: Set<string>
  readonly texts: Map<string, string>
  readonly manifests: Map<string, { text: string; type: string }>
  readonly tags: Map<string, string>
}

/** Starts one on a port of its own. @param now ms UTC, for the end of tokens */
export const startRegistry = async (now: () => number = Date.now): Promise<TestRegistry> => {
  const stores = new Map<string, Store>()
  const tokens = new Map<string, { scopes: readonly string[]; until: number }>()
  const registry: TestRegistry = {
    host: '',
    calls: [],
    door: { kind: 'open' },
    before: () => undefined,
    immutable: false,
    pageSize: 1000,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
  const storeOf = (path: string, make = false): Store | undefined => {
    if (!stores.has(path) && make)
      stores.set(path, { blobs: new Set(), texts: new Map(), manifests: new Map(), tags: new Map() })
    return stores.get(path)
  }

  const token = ({ method, url, headers, body }: Call): Answer => {
    const { door } = registry
    if (door.kind !== 'bearer') return { status: 404 }
    const query = method === 'POST' ? new URLSearchParams(body) : new URL(url, 'http://x').searchParams
    const basic = `Basic ${Buffer.from(`${USER}:${door.password}`).toString('base64')}`
    const right = method === 'POST' ? query.get('refresh_token') === door.identity : headers.authorization === basic
    const anonymous = method === 'GET' && headers.authorization === undefined
    if (!right && !anonymous) return error(401, 'UNAUTHORIZED', 'incorrect username or password')
    const name = `token-${tokens.size + 1}-of-${door.password}`
    tokens.set(name, {
      scopes: anonymous ? [] : query.getAll('scope').flatMap((one) => one.split(' ')),
      until: now() + door.ms,
    })
    const field = door.field ?? (method === 'POST' ? 'access_token' : 'token')
    return {
      status: 200,
      body: JSON.stringify({ [field]: name, ...(door.says === undefined ? {} : { expires_in: door.says }) }),
    }
  }

  const turnedAway = ({ method, headers }: Call, path: string): Answer | undefined => {
    const { door } = registry
    const shown = headers.authorization
    if (door.kind === 'open' || shown === MASTER) return undefined
    if (door.kind === 'basic') {
      if (shown === `Basic ${Buffer.from(`${USER}:${door.password}`).toString('base64')}`) return undefined
      return error(401, 'UNAUTHORIZED', 'authentication required', {
        'www-authenticate': 'Basic realm="registry, of tests"',
      })
    }
    const action = method === 'GET' || method === 'HEAD' ? 'pull' : 'pull,push'
    const scope = `repository:${path}:${action}`
    const held = tokens.get(shown?.replace('Bearer ', '') ?? '')
    if (
      held !== undefined &&
      held.until > now() &&
      held.scopes.some((one) => one === scope || one === `repository:${path}:pull,push`)
    )
      return undefined
    const challenge = `Bearer realm="http://${registry.host}/token",service="tests",scope="${scope}"`
    return error(401, 'UNAUTHORIZED', `authentication required, not ${shown ?? 'nothing'}`, {
      'www-authenticate': challenge,
    })
  }

  const uploads = (call: Call, path: string): Answer => {
    if (call.method === 'POST') return { status: 202, headers: { location: `/v2/${path}/blobs/uploads/1?state=x` } }
    const digest = new URL(call.url, 'http://x').searchParams.get('digest') ?? ''
    if (digestOf(call.body) !== digest) return error(400, 'DIGEST_INVALID', 'digest did not match')
    storeOf(path, true)?.texts.set(digest, call.body)
    return { status: 201, headers: { 'docker-content-digest': digest } }
  }

  const put = ({ headers, body }: Call, path: string, reference: string): Answer => {
    const store = storeOf(path)
    if (store === undefined) return error(404, 'NAME_UNKNOWN', `The repository with name '${path}' does not exist`)
    const manifest = JSON.parse(body)
    const named = [manifest.config, ...(manifest.layers ?? [])].filter(Boolean).map(({ digest }) => digest)
    const lost = [
      ...named.filter((one) => !store.texts.has(one)),
      ...(manifest.manifests ?? [])
        .map(({ digest }: { digest: string }) => digest)
        .filter((one: string) => !store.manifests.has(one)),
    ]
    if (lost.length > 0) return error(400, 'MANIFEST_BLOB_UNKNOWN', `blob unknown to registry: ${lost[0]}`)
    const digest = digestOf(body)
    if (!reference.startsWith('sha256:')) {
      if (registry.immutable && store.tags.has(reference))
        return error(
          400,
          'TAG_INVALID',
          `The image tag '${reference}' already exists in the '${path}' repository and cannot be overwritten because the tag is immutable.`,
        )
      store.tags.set(reference, digest)
    }
    store.manifests.set(digest, { text: body, type: headers['content-type'] ?? '' })
    return { status: 201, headers: { 'docker-content-digest': digest } }
  }

  const list = ({ url }: Call, path: string): Answer => {
    const store = storeOf(path)
    if (store === undefined) return error(404, 'NAME_UNKNOWN', 'repository name not known to registry')
    const query = new URL(url, 'http://x').searchParams
    const size = Math.min(registry.pageSize, Number(query.get('n')))
    const left = [...store.tags.keys()].sort().filter((tag) => tag > (query.get('last') ?? ''))
    const tags = left.slice(0, size)
    const next = `</v2/${path}/tags/list?last=${tags.at(-1)}&n=${size}>; rel="next"`
    return {
      status: 200,
      ...(left.length > size ? { headers: { link: next } } : {}),
      body: JSON.stringify({ name: path, tags }),
    }
  }

  const answerTo = (call: Call): Answer => {
    const other = registry.before(call)
    if (other !== undefined) return other
    if (call.url.startsWith('/token')) return token(call)
    const [, path = '', kind = '', reference = ''] = /^\/v2\/(.+)\/(manifests|blobs|tags)\/([^?]+)/.exec(call.url) ?? []
    const turned = turnedAway(call, path)
    if (turned !== undefined) return turned
    if (kind === 'tags') return list(call, path)
    if (reference.startsWith('uploads/')) return uploads(call, path)
    if (kind === 'manifests' && call.method === 'PUT') return put(call, path, reference)
    const store = storeOf(path)
    if (kind === 'blobs') {
      const text = store?.texts.get(reference)
      return text === undefined ? error(404, 'BLOB_UNKNOWN', 'blob unknown to registry') : { status: 200, body: text }
    }
    const digest = store?.tags.get(reference) ?? reference
    const found = store?.manifests.get(digest)
    if (found === undefined) return error(404, 'MANIFEST_UNKNOWN', 'manifest unknown')
    return { status: 200, headers: { 'content-type': found.type, 'docker-content-digest': digest }, body: found.text }
  }

  const respond = (outgoing: ServerResponse, { status, headers = {}, body = '' }: Answer, head: boolean): void => {
    outgoing.writeHead(status, headers)
    outgoing.end(head ? undefined : body)
  }
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const { method = '', url = '', headers } = incoming
      const call = { method, url, headers, body: Buffer.concat(chunks).toString('utf8') }
      registry.calls.push(call)
      respond(outgoing, answerTo(call), method === 'HEAD')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(registry, { host: `127.0.0.1:${(server.address() as AddressInfo).port}` })
}
