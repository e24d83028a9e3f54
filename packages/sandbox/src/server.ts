import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type Call, type ResourceCall, type ServerWorld, STREAMED, send } from './calls.ts'
import { discovery } from './discovery.ts'
import { NAMESPACES, PODS, SERVICES } from './kinds.ts'
import { log } from './logs.ts'
import { bareName, proxy } from './proxies.ts'
import { type Attempt, allows, forbidden } from './rbac.ts'
import { list, watch } from './reads.ts'
import { notServed, type Refusal, refuse } from './refusals.ts'
import { type Asked, readPath, verbOf } from './requests.ts'
import { review } from './reviews.ts'
import { createWatches, type Watches } from './watches.ts'
import { act, scale } from './writes.ts'

/** The HTTP server in front of the API. */
export type ApiServer = { readonly url: string; dropWatches(): void; stop(): Promise<void> }

/** The API server over HTTP on a free loopback port. */
export const startServer = async (world: ServerWorld): Promise<ApiServer> => {
  const watches = createWatches(world.api.store)
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    answer(world, watches, request, response).catch((error: unknown) => {
      world.failed(error)
      if (!response.headersSent)
        send(response, refuse(500, 'InternalError', `Internal error occurred: ${String(error)}`))
      else response.destroy()
    })
  })
  server.keepAliveTimeout = 65_000
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await listening(server)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    dropWatches: watches.drop,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

const listening = (server: Server): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })

const answer = async (
  world: ServerWorld,
  watches: Watches,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const url = new URL(request.url ?? '/', 'http://sandbox')
  const asked = readPath(url.pathname, world.api.kinds)
  const expired = world.faults.tokensExpired()
  const user = expired ? undefined : world.tokens.userOf(request.headers.authorization, world.now())
  const verb = verbOf(
    request.method ?? 'GET',
    asked?.kind === 'resource' ? asked : { name: undefined },
    url.searchParams,
  )
  if ((await meetFaults(world, { request, response }, asked, verb)) === 'stop') return
  const reply =
    user === undefined
      ? refuse(401, 'Unauthorized', 'Unauthorized')
      : await answerUser(world, watches, { request, response, query: url.searchParams, user, verb }, asked)
  if (reply === STREAMED) return
  const made = verb === 'create' && (asked?.kind === 'resource' || asked?.kind === 'review')
  send(response, reply, made ? 201 : undefined)
}

const answerUser = async (
  world: ServerWorld,
  watches: Watches,
  call: Call,
  asked: Asked | undefined,
): Promise<unknown> => {
  if (asked === undefined) return refuse(404, 'NotFound', 'the server could not find the requested resource')
  if (asked.kind === 'resource') return answerResource(world, watches, call, asked)
  if (asked.kind === 'review') return review(call, asked.resource)
  return asked.kind === 'unknown' ? unknown(asked) : discovery(world.api.kinds, asked)
}

const unknown = (asked: Extract<Asked, { kind: 'unknown' }>): Refusal =>
  notServed(asked.group === '' ? `resource ${asked.resource}` : `resource ${asked.resource}.${asked.group}`)

/** A fault answers, delays or breaks the request before the API sees it; a reset `after` lets it act and keeps the answer. */
const meetFaults = async (
  world: ServerWorld,
  http: { request: IncomingMessage; response: ServerResponse },
  asked: Asked | undefined,
  verb: string,
): Promise<'go' | 'stop'> => {
  const resource =
    asked?.kind === 'resource' ? [asked.resource.resource, asked.subresource].filter(Boolean).join('/') : ''
  const namespace = asked?.kind === 'resource' ? asked.namespace : undefined
  for (const fault of world.faults.meeting({ verb, resource, namespace })) {
    if (fault.kind === 'latency') await new Promise((resolve) => setTimeout(resolve, fault.ms))
    else if (fault.kind === 'hang') return 'stop'
    else if (fault.kind === 'reset') {
      if (!fault.after) {
        http.request.socket.resetAndDestroy()
        return 'stop'
      }
      http.response.end = () => {
        http.request.socket.resetAndDestroy()
        return http.response
      }
    } else {
      if (fault.retryAfterSeconds !== undefined) http.response.setHeader('retry-after', String(fault.retryAfterSeconds))
      http.request.resume()
      send(
        http.response,
        refuse(fault.code, REASONS[fault.code], fault.message ?? 'fault injected by the embedded cluster'),
      )
      return 'stop'
    }
  }
  return 'go'
}

const REASONS = {
  401: 'Unauthorized',
  403: 'Forbidden',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
} as const

const answerResource = async (
  world: ServerWorld,
  watches: Watches,
  call: Call,
  asked: ResourceCall,
): Promise<unknown> => {
  const { verb, user } = call
  const { resource, name, namespace, subresource } = asked
  const attempt: Attempt = {
    verb,
    group: resource.group,
    resource: subresource === undefined ? resource.resource : `${resource.resource}/${subresource}`,
    // A namespace is asked for in itself: a Role in it may allow to read it.
    namespace: resource.namespaced ? namespace : resource === NAMESPACES ? name : undefined,
    name: (subresource === 'proxy' ? bareName(name ?? '') : name) ?? named(call.query.get('fieldSelector')),
  }
  if (!allows(user.rules, attempt)) return forbidden(user, attempt)
  if (
    (resource.namespaced && namespace === undefined && verb !== 'list' && verb !== 'watch') ||
    (verb === 'update' && name === undefined)
  ) {
    return refuse(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource')
  }
  if (subresource === 'proxy' && (resource === PODS || resource === SERVICES)) return proxy(world, call, asked)
  if (subresource === 'log' && resource === PODS) return log(world, call, asked)
  if (subresource === 'scale' && resource.scale) return scale(world, call, asked)
  if (subresource !== undefined && !(subresource === 'status' && resource.status)) {
    return notServed(`${resource.resource}/${subresource}`)
  }
  if (verb === 'watch') return watch(watches, call, asked)
  return verb === 'list' ? list(world, call, asked) : act(world, call, asked)
}

const named = (fieldSelector: string | null): string | undefined =>
  /^metadata\.name=([^,]+)$/.exec(fieldSelector ?? '')?.[1]
