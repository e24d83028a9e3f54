import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Api } from './api.ts'
import { roundRobin, weighted } from './balance.ts'
import { endpointsOf } from './endpoints.ts'
import type { ActiveFaults } from './faults.ts'
import type { Forwarder } from './forward.ts'
import { GATEWAYS, ROUTES, SERVICES } from './kinds.ts'
import type { Kubelet } from './kubelet.ts'
import type { Listeners } from './listeners.ts'
import { type Doc, same } from './objects.ts'
import type { Queue } from './queue.ts'
import {
  type BackendRef,
  durationMs,
  type Entry,
  type HeaderEdit,
  inOrder,
  matching,
  type Route,
  type Rule,
} from './routes.ts'
import { acceptedStatus, gatewayStatus, isPermitted } from './routestatus.ts'

/** The running data planes, by Gateway. */
export type Gateways = {
  /** Where a Gateway listens. Undefined while there is no such Gateway. */
  url(namespace: string, name: string): string | undefined
  stop(): void
}

/** What a data plane needs: the objects, the endpoints, the faults and the reload delay in ms. */
export type GatewayWorld = {
  readonly api: Api
  readonly kubelet: Kubelet
  readonly listeners: Listeners
  readonly forwarder: Forwarder
  readonly queue: Queue
  readonly faults: ActiveFaults
  /** From a change of a route to the data plane that acts by it. */
  readonly reloadMs: number
}

type Target = {
  readonly key: string
  readonly rule: Rule
  readonly backends: readonly (BackendRef & { readonly at: string; readonly valid: boolean })[]
  readonly choose: () => number
}
type Plane = { readonly url: string; readonly uid: string; entries: readonly Entry<Target>[]; close(): void }

type Answer = { readonly status: number; readonly text: string }
type Chosen = { readonly rule: Rule; readonly backend: BackendRef; readonly port: number }

const DEFAULT_TIMEOUT_MS = 15_000

/**
 * A proxy per Gateway object. Status is written as soon as a route is read; the data plane follows `reloadMs` later, as real ones do:
 * a weight that was read back as accepted is not yet the weight that requests see.
 */
export const createGateways = (world: GatewayWorld): Gateways => {
  const planes = new Map<string, Plane>()
  const timers = new Set<NodeJS.Timeout>()
  const turn = roundRobin()
  const { api } = world

  const reconcile = (): void => {
    const gateways = api.store.list(GATEWAYS)
    const uids = new Set(gateways.map((gateway) => gateway.metadata.uid))
    for (const [key, plane] of planes) {
      if (!uids.has(plane.uid)) {
        plane.close()
        planes.delete(key)
      }
    }
    for (const gateway of gateways) ensure(gateway)
    for (const route of api.store.list<Route>(ROUTES))
      writeStatus(ROUTES, route, acceptedStatus(api, route, Date.now()))
    for (const gateway of gateways) writeStatus(GATEWAYS, gateway, gatewayStatus(api, gateway, Date.now()))
    // What is read now takes effect then, not what may have changed meanwhile: each change has the whole delay.
    const routes = api.store.list<Route>(ROUTES)
    const timer = setTimeout(() => {
      timers.delete(timer)
      reload(routes)
    }, world.reloadMs)
    timers.add(timer)
  }

  const ensure = (gateway: Doc): Plane => {
    const key = `${gateway.metadata.namespace}/${gateway.metadata.name}`
    const found = planes.get(key)
    if (found !== undefined) return found
    const taken = world.listeners.take((request, response) => serve(key, request, response))
    const plane: Plane = { url: taken.url, uid: gateway.metadata.uid ?? '', entries: [], close: taken.close }
    planes.set(key, plane)
    return plane
  }

  const writeStatus = (kind: typeof ROUTES, object: Doc, status: unknown): void => {
    if (!same(object.status, status))
      api.update(kind, { ...object, status }, { manager: 'sandbox-gateway', subresource: 'status' })
  }

  const reload = (routes: readonly Route[]): void => {
    for (const [key, plane] of planes) {
      const before = new Map(plane.entries.map((entry) => [entry.target.key, entry.target]))
      plane.entries = inOrder(
        routes.filter((route) => attaches(route, key)).flatMap((route) => entriesOf(api, route, before)),
      )
    }
  }

  const serve = (key: string, request: IncomingMessage, response: ServerResponse): void => {
    const [namespace = '', name = ''] = key.split('/')
    let delay = 0
    for (const fault of world.faults.gateway(namespace, name)) {
      if (fault.kind === 'latency') delay += fault.ms
      else if (Math.random() < fault.share) {
        answer(response, { status: fault.status ?? 500, text: 'fault injected by the gateway' })
        return
      }
    }
    if (delay > 0) setTimeout(() => pass(key, request, response), delay)
    else pass(key, request, response)
  }

  const pass = (key: string, request: IncomingMessage, response: ServerResponse): void => {
    const chosen = choose(key, request)
    if ('status' in chosen) {
      answer(response, chosen)
      return
    }
    const { rule, backend, port } = chosen
    const filters = [...(rule.filters ?? []), ...(backend.filters ?? [])]
    let headers: OutgoingHttpHeaders = { ...request.headers, 'x-forwarded-for': forwardedFor(request) }
    for (const filter of filters) headers = edited(headers, filter.requestHeaderModifier)
    const timeoutMs = durationMs(rule.timeouts?.request) ?? durationMs(rule.timeouts?.backendRequest)
    world.forwarder.forward(
      request,
      response,
      {
        port,
        path: request.url ?? '/',
        headers,
        timeoutMs: timeoutMs ?? DEFAULT_TIMEOUT_MS,
        answerHeaders: (given) => filters.reduce((all, filter) => edited(all, filter.responseHeaderModifier), given),
      },
      (why, text) => answer(response, { status: why === 'timed-out' ? 504 : 502, text }),
    )
  }

  const choose = (key: string, request: IncomingMessage): Chosen | Answer => {
    const entry = matching(planes.get(key)?.entries ?? [], {
      host: request.headers.host ?? '',
      method: request.method ?? 'GET',
      url: request.url ?? '/',
      headers: request.headers,
    })
    if (entry === undefined) return { status: 404, text: 'no route matches' }
    const { rule, backends, choose: next } = entry.target
    const backend = backends[next()]
    if (backend === undefined) return { status: 500, text: 'no backend has a weight' }
    if (!backend.valid) return { status: 500, text: `backend ${backend.name} is not valid` }
    const found = endpointsOf(api, world.kubelet, { namespace: backend.at, name: backend.name }, backend.port ?? 0)
    if (found.kind === 'invalid') return { status: 500, text: found.text }
    const endpoint = turn(`${backend.at}/${backend.name}:${backend.port}`, found.endpoints)
    return endpoint === undefined
      ? { status: 503, text: `no ready endpoint of ${backend.name}` }
      : { rule, backend, port: endpoint.port }
  }

  const unsubscribe = api.store.subscribe((change) => {
    const { kind } = change
    if (change.type === 'ADDED' && kind === GATEWAYS) ensure(change.object)
    const statusOnly =
      change.type === 'MODIFIED' &&
      change.previous !== undefined &&
      change.object.metadata.generation !== undefined &&
      change.previous.metadata.generation === change.object.metadata.generation
    if ((kind === GATEWAYS || kind === ROUTES) && !statusOnly) world.queue.add('gateway', reconcile)
    if (kind === SERVICES || kind.resource === 'referencegrants') world.queue.add('gateway', reconcile)
  })
  return {
    url: (namespace, name) => planes.get(`${namespace}/${name}`)?.url,
    stop: () => {
      unsubscribe()
      for (const timer of timers) clearTimeout(timer)
    },
  }
}

const attaches = (route: Route, key: string): boolean =>
  (route.spec.parentRefs ?? []).some(
    (parent) =>
      (parent.kind ?? 'Gateway') === 'Gateway' &&
      `${parent.namespace ?? route.metadata.namespace}/${parent.name}` === key,
  )

const entriesOf = (api: Api, route: Route, before: ReadonlyMap<string, Target>): Entry<Target>[] =>
  (route.spec.rules ?? []).flatMap((rule, index) => {
    const backends = (rule.backendRefs ?? []).map((ref) => {
      const at = ref.namespace ?? route.metadata.namespace ?? ''
      return { ...ref, at, valid: isPermitted(api, route, ref) }
    })
    const key = `${route.metadata.uid}/${index}/${JSON.stringify(rule)}`
    // A rule that did not change keeps its turn, so that reloads do not favour the first backend.
    const kept = before.get(key)
    const target: Target = {
      key,
      rule,
      backends,
      choose: kept?.choose ?? weighted(backends.map((ref) => ref.weight ?? 1)),
    }
    const created = `${route.metadata.creationTimestamp}/${route.metadata.namespace}/${route.metadata.name}/${String(index).padStart(3, '0')}`
    const hostnames: readonly (string | undefined)[] = route.spec.hostnames ?? [undefined]
    return hostnames.flatMap((hostname) =>
      (rule.matches ?? [{}]).map((match) => ({
        ...(hostname === undefined ? {} : { hostname }),
        match,
        created,
        target,
      })),
    )
  })

const forwardedFor = (request: IncomingMessage): string => {
  const before = request.headers['x-forwarded-for']
  const client = request.socket.remoteAddress ?? '127.0.0.1'
  return before === undefined ? client : `${String(before)}, ${client}`
}

const edited = (headers: OutgoingHttpHeaders, edit: HeaderEdit | undefined): OutgoingHttpHeaders => {
  if (edit === undefined) return headers
  const result = { ...headers }
  for (const { name, value } of edit.set ?? []) result[name.toLowerCase()] = value
  for (const { name, value } of edit.add ?? []) {
    const before = result[name.toLowerCase()]
    result[name.toLowerCase()] = before === undefined ? value : `${String(before)},${value}`
  }
  for (const name of edit.remove ?? []) delete result[name.toLowerCase()]
  return result
}

const answer = (response: ServerResponse, { status, text }: Answer): void => {
  response.writeHead(status, { 'content-type': 'text/plain', server: 'sandbox-gateway' }).end(`${text}\n`)
}
