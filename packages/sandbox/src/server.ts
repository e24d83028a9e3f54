import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { parse } from 'yaml'
import type { Api, DeleteOptions, Patch } from './api.ts'
import { discovery } from './discovery.ts'
import { endpointsOf } from './endpoints.ts'
import type { ActiveFaults } from './faults.ts'
import type { Forwarder } from './forward.ts'
import { apiVersionOf, type Kind, PODS, SERVICES } from './kinds.ts'
import type { Kubelet } from './kubelet.ts'
import { type Doc, type Fields, isFields, type Json, type Pod } from './objects.ts'
import { type Attempt, allows, forbidden, type Tokens, type User } from './rbac.ts'
import { badRequest, isRefusal, notFound, notServed, type Refusal, refuse } from './refusals.ts'
import { type Asked, isTrue, readPath, verbOf } from './requests.ts'
import { scaled, scaleOf } from './scale.ts'
import { fieldTest, labelTest } from './selectors.ts'
import { createWatches, type Watches } from './watches.ts'

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

export type ApiServer = { readonly url: string; dropWatches(): void; stop(): Promise<void> }

type Call = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly query: URLSearchParams
  readonly user: User
  readonly verb: string
}
type ResourceCall = Extract<Asked, { kind: 'resource' }>

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
  const user = world.faults.tokensExpired()
    ? undefined
    : world.tokens.userOf(request.headers.authorization, world.now())
  const target = asked?.kind === 'resource' ? asked : { name: undefined }
  const verb = verbOf(request.method ?? 'GET', target, url.searchParams)
  const proceed = await meetFaults(world, { request, response }, asked, verb)
  if (proceed === 'stop') return
  if (user === undefined) return send(response, refuse(401, 'Unauthorized', 'Unauthorized'))
  if (asked === undefined)
    return send(response, refuse(404, 'NotFound', 'the server could not find the requested resource'))
  const call: Call = { request, response, query: url.searchParams, user, verb }
  if (asked.kind === 'resource') await answerResource(world, watches, call, asked)
  else if (asked.kind === 'review') await review(world, call, asked.resource)
  else if (asked.kind === 'unknown') send(response, unknown(asked))
  else send(response, discovery(world.api.kinds, asked))
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

const answerResource = async (world: ServerWorld, watches: Watches, call: Call, asked: ResourceCall): Promise<void> => {
  const { response, verb, user } = call
  const { resource, name, namespace, subresource } = asked
  const proxied = subresource === 'proxy' ? bareName(name ?? '') : name
  const attempt: Attempt = {
    verb,
    group: resource.group,
    resource: subresource === undefined ? resource.resource : `${resource.resource}/${subresource}`,
    namespace: resource.namespaced ? namespace : undefined,
    name: proxied ?? named(call.query.get('fieldSelector')),
  }
  if (!allows(user.rules, attempt)) return send(response, forbidden(user, attempt))
  if (resource.namespaced && namespace === undefined && verb !== 'list' && verb !== 'watch') {
    return send(
      response,
      refuse(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource'),
    )
  }
  if (subresource === 'proxy') return proxy(world, call, asked)
  if (subresource === 'log' && resource === PODS) return log(world, call, asked)
  if (subresource === 'scale' && resource.scale) return send(response, await scale(world, call, asked))
  if (subresource !== undefined && !(subresource === 'status' && resource.status)) {
    return send(response, notServed(`${resource.resource}/${subresource}`))
  }
  if (verb === 'watch') return watch(world, watches, call, asked)
  if (verb === 'list') return send(response, list(world, call, asked))
  const result = await act(world, call, asked)
  send(response, result, verb === 'create' && !isRefusal(result) ? 201 : undefined)
}

const named = (fieldSelector: string | null): string | undefined =>
  /^metadata\.name=([^,]+)$/.exec(fieldSelector ?? '')?.[1]

const act = async (world: ServerWorld, call: Call, asked: ResourceCall): Promise<unknown> => {
  const { api } = world
  const { resource, namespace, subresource, name } = asked
  const at = { namespace, name: name ?? '' }
  if (call.verb === 'get') return api.store.get(resource, namespace, at.name) ?? notFound(resource, at.name)
  const body = await readBody(call.request)
  if (isRefusal(body)) return body
  const options = writeOptions(call, subresource)
  if (isRefusal(options)) return options
  if (call.verb === 'delete') return removed(world, asked, deleteOptions(body, call.query))
  if (call.verb === 'deletecollection') {
    const items = selected(world, call, asked)
    if (isRefusal(items)) return items
    for (const item of items)
      api.remove(
        resource,
        { namespace: item.metadata.namespace, name: item.metadata.name },
        deleteOptions(body, call.query),
      )
    return listOf(world, resource, items)
  }
  if (call.verb === 'patch') return patch(world, call, asked, { body, options })
  const object = asObject(resource, namespace, body)
  if (isRefusal(object)) return object
  if (call.verb === 'create') return api.create(resource, object, options)
  if (object.metadata.name !== at.name) {
    return badRequest(
      `the name of the object (${object.metadata.name}) does not match the name on the URL (${at.name})`,
    )
  }
  return api.update(resource, object, options)
}

const writeOptions = (
  call: Call,
  subresource: string | undefined,
): { manager: string; subresource?: string; dryRun: boolean } | Refusal => {
  const dryRun = call.query.get('dryRun')
  if (dryRun !== null && dryRun !== 'All' && dryRun !== '') {
    return refuse(
      422,
      'Invalid',
      `CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: "${dryRun}": supported values: "All"`,
    )
  }
  const agent = (call.request.headers['user-agent'] ?? 'unknown').split('/')[0] ?? 'unknown'
  const manager = call.query.get('fieldManager') ?? agent
  return { manager, dryRun: dryRun === 'All', ...(subresource === undefined ? {} : { subresource }) }
}

const patch = (
  world: ServerWorld,
  call: Call,
  asked: ResourceCall,
  given: { body: Json; options: { manager: string; dryRun: boolean } },
): unknown => {
  const { api } = world
  const at = { namespace: asked.namespace, name: asked.name ?? '' }
  const type = (call.request.headers['content-type'] ?? '').split(';')[0]?.trim()
  const patches: Readonly<Record<string, Patch>> = {
    'application/json-patch+json': { type: 'json', body: given.body },
    'application/merge-patch+json': { type: 'merge', body: given.body },
    'application/strategic-merge-patch+json': { type: 'strategic', body: given.body },
    'application/apply-patch+yaml': { type: 'apply', body: given.body, force: isTrue(call.query.get('force')) },
  }
  const chosen = patches[type ?? '']
  if (chosen === undefined) {
    return refuse(
      415,
      'UnsupportedMediaType',
      'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml, application/apply-patch+cbor',
    )
  }
  if (chosen.type === 'apply') {
    if (call.query.get('fieldManager') === null) {
      return refuse(
        422,
        'Invalid',
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
        {
          group: 'meta.k8s.io',
          kind: 'PatchOptions',
          causes: [
            {
              reason: 'FieldValueRequired',
              message: 'Required value: is required for apply patch',
              field: 'fieldManager',
            },
          ],
        },
      )
    }
    const isNew = api.store.get(asked.resource, at.namespace, at.name) === undefined
    if (isNew) {
      const attempt: Attempt = {
        verb: 'create',
        group: asked.resource.group,
        resource: asked.resource.resource,
        namespace: asked.namespace,
        name: at.name,
      }
      if (!allows(call.user.rules, attempt)) return forbidden(call.user, attempt)
      const made = api.patch(asked.resource, at, chosen, given.options)
      if (!isRefusal(made)) call.response.statusCode = 201
      return made
    }
  }
  return api.patch(asked.resource, at, chosen, given.options)
}

const scale = async (world: ServerWorld, call: Call, asked: ResourceCall): Promise<unknown> => {
  const { api } = world
  const at = { namespace: asked.namespace, name: asked.name ?? '' }
  const object = api.store.get(asked.resource, at.namespace, at.name)
  if (object === undefined) return notFound(asked.resource, at.name)
  if (call.verb === 'get') return scaleOf(object)
  const body = await readBody(call.request)
  if (isRefusal(body)) return body
  const type = (call.request.headers['content-type'] ?? '').split(';')[0]?.trim()
  const next = scaled(asked.resource, object, { verb: call.verb, type: type ?? '', body })
  if (isRefusal(next)) return next
  const options = writeOptions(call, 'scale')
  if (isRefusal(options)) return options
  const written = api.update(asked.resource, next, options)
  return isRefusal(written) ? written : scaleOf(written)
}

const removed = (world: ServerWorld, asked: ResourceCall, options: DeleteOptions): unknown => {
  const { resource } = asked
  const at = { namespace: asked.namespace, name: asked.name ?? '' }
  const result = world.api.remove(resource, at, options)
  if (isRefusal(result)) return result
  const left = world.api.store.get(resource, at.namespace, at.name)
  if (left !== undefined && left.metadata.uid === result.metadata.uid) return result
  if (resource === PODS) return result
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: at.name,
      ...(resource.group === '' ? {} : { group: resource.group }),
      kind: resource.resource,
      uid: result.metadata.uid,
    },
  }
}

const deleteOptions = (body: Json, query: URLSearchParams): DeleteOptions => {
  const given = isFields(body) ? body : {}
  const grace = given.gracePeriodSeconds ?? query.get('gracePeriodSeconds')
  const policy = given.propagationPolicy ?? query.get('propagationPolicy') ?? 'Background'
  const dry = Array.isArray(given.dryRun) ? given.dryRun.includes('All') : query.get('dryRun') === 'All'
  return {
    ...(isFields(given.preconditions) ? { preconditions: given.preconditions as { uid?: string } } : {}),
    propagationPolicy: policy as 'Foreground' | 'Background' | 'Orphan',
    ...(grace === null || grace === undefined ? {} : { gracePeriodSeconds: Number(grace) }),
    dryRun: dry,
  }
}

const selected = (world: ServerWorld, call: Call, asked: ResourceCall): readonly Doc[] | Refusal => {
  const labels = labelTest(call.query.get('labelSelector') ?? '')
  if (isRefusal(labels)) return labels
  const fields = fieldTest(call.query.get('fieldSelector') ?? '')
  if (isRefusal(fields)) return fields
  return world.api.store.list(asked.resource, asked.namespace).filter((object) => labels(object) && fields(object))
}

const listOf = (world: ServerWorld, resource: Kind, items: readonly Doc[]): unknown => ({
  kind: `${resource.kind}List`,
  apiVersion: apiVersionOf(resource),
  metadata: { resourceVersion: String(world.api.store.version()) },
  items: [...items].sort((a, b) =>
    `${a.metadata.namespace}/${a.metadata.name}`.localeCompare(`${b.metadata.namespace}/${b.metadata.name}`),
  ),
})

const list = (world: ServerWorld, call: Call, asked: ResourceCall): unknown => {
  const items = selected(world, call, asked)
  return isRefusal(items) ? items : listOf(world, asked.resource, items)
}

const watch = (_world: ServerWorld, watches: Watches, call: Call, asked: ResourceCall): void => {
  const labels = labelTest(call.query.get('labelSelector') ?? '')
  const fields = fieldTest(call.query.get('fieldSelector') ?? '')
  if (isRefusal(labels)) return send(call.response, labels)
  if (isRefusal(fields)) return send(call.response, fields)
  const name = asked.name
  watches.start(call.response, {
    kind: asked.resource,
    namespace: asked.namespace,
    from: call.query.get('resourceVersion') ?? '',
    bookmarks: isTrue(call.query.get('allowWatchBookmarks')),
    initialEvents: isTrue(call.query.get('sendInitialEvents')),
    timeoutMs: Number(call.query.get('timeoutSeconds') ?? 1_800) * 1000,
    test: (object) => labels(object) && fields(object) && (name === undefined || object.metadata.name === name),
  })
}

const log = (world: ServerWorld, call: Call, asked: ResourceCall): void => {
  const pod = world.api.store.get<Pod>(PODS, asked.namespace, asked.name ?? '')
  if (pod === undefined) return send(call.response, notFound(PODS, asked.name ?? ''))
  const wanted = call.query.get('container') ?? undefined
  if (wanted === undefined && pod.spec.containers.length > 1) {
    const names = pod.spec.containers.map((container) => container.name).join(' ')
    return send(
      call.response,
      badRequest(`a container name must be specified for pod ${pod.metadata.name}, choose one of: [${names}]`),
    )
  }
  const container = world.kubelet.container(pod, wanted)
  if (container === undefined)
    return send(call.response, badRequest(`container ${wanted} is not valid for pod ${pod.metadata.name}`))
  const status = container.status()
  const previous = isTrue(call.query.get('previous'))
  if (previous && status.restartCount === 0 && !('terminated' in status.lastState)) {
    return send(
      call.response,
      badRequest(`previous terminated container "${status.name}" in pod "${pod.metadata.name}" not found`),
    )
  }
  if ('waiting' in status.state && container.log(false) === '' && !('terminated' in status.lastState)) {
    return send(
      call.response,
      badRequest(
        `container "${status.name}" in pod "${pod.metadata.name}" is waiting to start: ${status.state.waiting.reason}`,
      ),
    )
  }
  const text = lastLines(container.log(previous), call.query.get('tailLines'))
  const limit = Number(call.query.get('limitBytes') ?? Number.POSITIVE_INFINITY)
  call.response.writeHead(200, { 'content-type': 'text/plain' })
  if (!isTrue(call.query.get('follow'))) {
    call.response.end(text.slice(0, limit))
    return
  }
  call.response.write(text)
  call.response.once(
    'close',
    container.onLog((more) => call.response.write(more)),
  )
}

const lastLines = (text: string, count: string | null): string => {
  if (count === null) return text
  const lines = text.split('\n')
  const closed = lines[lines.length - 1] === ''
  const wanted = Number(count)
  if (wanted === 0) return ''
  return lines.slice(-(wanted + (closed ? 1 : 0))).join('\n')
}

const bareName = (text: string): string => {
  const parts = text.split(':')
  return (parts.length === 3 || parts[0] === 'http' || parts[0] === 'https' ? parts[1] : parts[0]) ?? ''
}

const proxy = (world: ServerWorld, call: Call, asked: ResourceCall): void => {
  const { request, response } = call
  const parts = (asked.name ?? '').split(':')
  if (parts[0] === 'http' || parts[0] === 'https' || parts[0] === '') parts.shift()
  const [name = '', port] = parts
  const found =
    asked.resource === PODS ? podPort(world, asked, { name, port }) : servicePort(world, asked, { name, port })
  if (isRefusal(found)) return send(response, found)
  const { authorization: _, ...headers } = request.headers
  const query = (request.url ?? '').split('?')[1]
  world.forwarder.forward(
    request,
    response,
    { port: found, path: `${asked.rest}${query === undefined ? '' : `?${query}`}`, headers, timeoutMs: 30_000 },
    (why, text) =>
      send(
        response,
        why === 'timed-out'
          ? refuse(504, 'Timeout', `error trying to reach service: ${text}`)
          : refuse(503, 'ServiceUnavailable', `error trying to reach service: ${text}`),
      ),
  )
}

const podPort = (
  world: ServerWorld,
  asked: ResourceCall,
  to: { name: string; port: string | undefined },
): number | Refusal => {
  const pod = world.api.store.get<Pod>(PODS, asked.namespace, to.name)
  if (pod === undefined) return notFound(PODS, to.name)
  const port = world.kubelet.port(pod, to.port ?? pod.spec.containers[0]?.ports?.[0]?.containerPort ?? 80)
  return (
    port ??
    refuse(
      503,
      'ServiceUnavailable',
      `error trying to reach service: dial tcp 127.0.0.1:${to.port ?? 80}: connect: connection refused`,
    )
  )
}

let turn = 0
const servicePort = (
  world: ServerWorld,
  asked: ResourceCall,
  to: { name: string; port: string | undefined },
): number | Refusal => {
  const service = world.api.store.get<Doc & { spec: { ports?: { port: number }[] } }>(
    SERVICES,
    asked.namespace,
    to.name,
  )
  if (service === undefined) return notFound(SERVICES, to.name)
  const ports = service.spec.ports ?? []
  const port = to.port ?? (ports.length === 1 ? String(ports[0]?.port) : '')
  const found = endpointsOf(world.api, world.kubelet, { namespace: asked.namespace ?? '', name: to.name }, port)
  if (found.kind === 'invalid') return refuse(503, 'ServiceUnavailable', found.text)
  turn += 1
  const endpoint = found.endpoints[turn % Math.max(1, found.endpoints.length)]
  return endpoint?.port ?? refuse(503, 'ServiceUnavailable', `no endpoints available for service "${to.name}"`)
}

const review = async (_world: ServerWorld, call: Call, resource: string): Promise<void> => {
  const body = await readBody(call.request)
  if (isRefusal(body)) return send(call.response, body)
  const object: Fields = isFields(body) ? body : {}
  if (resource === 'selfsubjectreviews') {
    return send(
      call.response,
      { ...object, status: { userInfo: { username: call.user.name, groups: ['system:authenticated'] } } },
      201,
    )
  }
  const spec = isFields(object.spec) ? object.spec : {}
  const wanted = isFields(spec.resourceAttributes) ? spec.resourceAttributes : {}
  const text = (name: string): string | undefined =>
    typeof wanted[name] === 'string' && wanted[name] !== '' ? wanted[name] : undefined
  const subresource = text('subresource')
  const allowed = allows(call.user.rules, {
    verb: text('verb') ?? '',
    group: text('group') ?? '',
    resource: `${text('resource') ?? ''}${subresource === undefined ? '' : `/${subresource}`}`,
    namespace: text('namespace'),
    name: text('name'),
  })
  send(call.response, { ...object, metadata: {}, status: { allowed } }, 201)
}

const asObject = (kind: Kind, namespace: string | undefined, body: Json): Doc | Refusal => {
  if (!isFields(body)) return badRequest(`the object provided is unrecognized (must be of type ${kind.kind})`)
  const object = { apiVersion: apiVersionOf(kind), kind: kind.kind, ...body } as unknown as Doc
  if (object.apiVersion !== apiVersionOf(kind) || object.kind !== kind.kind) {
    return badRequest(
      `${object.kind} in version "${object.apiVersion}" cannot be handled as a ${kind.kind}: the API version in the data (${object.apiVersion}) does not match the expected API version (${apiVersionOf(kind)})`,
    )
  }
  const metadata = isFields(body.metadata) ? object.metadata : ({} as Doc['metadata'])
  if (kind.namespaced && metadata.namespace !== undefined && metadata.namespace !== namespace) {
    return badRequest(`the namespace of the provided object does not match the namespace sent on the request`)
  }
  return { ...object, metadata: { ...metadata, ...(kind.namespaced && namespace !== undefined ? { namespace } : {}) } }
}

const MOST_BYTES = 3 * 1024 * 1024

const readBody = async (request: IncomingMessage): Promise<Json | Refusal> => {
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

const send = (response: ServerResponse, body: unknown, code?: number): void => {
  if (response.headersSent || response.destroyed) return
  const status = isRefusal(body) ? body.code : (code ?? response.statusCode)
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}
