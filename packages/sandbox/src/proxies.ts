import { type Call, type ResourceCall, type ServerWorld, STREAMED, send } from './calls.ts'
import { endpointsOf } from './endpoints.ts'
import { PODS, SERVICES } from './kinds.ts'
import type { Doc, Pod } from './objects.ts'
import { isRefusal, notFound, type Refusal, refuse } from './refusals.ts'

/** The name in `[scheme:]name[:port]`. */
export const bareName = (text: string): string => {
  const parts = text.split(':')
  return (parts.length === 3 || parts[0] === 'http' || parts[0] === 'https' ? parts[1] : parts[0]) ?? ''
}

/** Hands a request to a pod or to one of a Service's ready pods. */
export const proxy = (world: ServerWorld, call: Call, asked: ResourceCall): unknown => {
  const { request, response } = call
  const parts = (asked.name ?? '').split(':')
  if (parts[0] === 'http' || parts[0] === 'https' || parts[0] === '') parts.shift()
  const [name = '', port] = parts
  const found =
    asked.resource === PODS ? podPort(world, asked, { name, port }) : servicePort(world, asked, { name, port })
  if (isRefusal(found)) return found
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
  return STREAMED
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
