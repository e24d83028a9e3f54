import type { Api } from './api.ts'
import { GATEWAYS, ROUTES, SERVICES } from './kinds.ts'
import { type Condition, type Doc, type Service, withCondition } from './objects.ts'
import type { BackendRef, ParentRef, Route } from './routes.ts'

const CONTROLLER = 'sluice.dev/sandbox-gateway'

/** Whether a backend exists and may be named by the route: its own namespace, or one whose ReferenceGrant allows it. */
export const isPermitted = (api: Api, route: Route, ref: BackendRef): boolean =>
  problemOf(api, route, ref) === undefined

type Problem = { readonly reason: 'BackendNotFound' | 'RefNotPermitted' | 'InvalidKind'; readonly message: string }

const problemOf = (api: Api, route: Route, ref: BackendRef): Problem | undefined => {
  const home = route.metadata.namespace ?? ''
  const at = ref.namespace ?? home
  if ((ref.kind ?? 'Service') !== 'Service' || (ref.group ?? '') !== '') {
    return { reason: 'InvalidKind', message: `backend ${ref.name} is a ${ref.kind}, only Services are served` }
  }
  if (at !== home && !isGranted(api, home, { namespace: at, name: ref.name })) {
    return {
      reason: 'RefNotPermitted',
      message: `no ReferenceGrant in ${at} allows HTTPRoutes of ${home} to name Service ${ref.name}`,
    }
  }
  const service = api.store.get<Service>(SERVICES, at, ref.name)
  if (service === undefined) return { reason: 'BackendNotFound', message: `Service ${at}/${ref.name} not found` }
  if (service.spec.ports?.some((port) => port.port === ref.port)) return undefined
  return { reason: 'BackendNotFound', message: `Service ${at}/${ref.name} has no port ${ref.port}` }
}

type Grant = Doc & {
  spec: { from?: { kind: string; namespace: string }[]; to?: { kind: string; name?: string }[] }
}

const isGranted = (api: Api, from: string, to: { namespace: string; name: string }): boolean => {
  const kind = api.kinds.all().find((entry) => entry.resource === 'referencegrants')
  const grants = kind === undefined ? [] : api.store.list<Grant>(kind, to.namespace)
  return grants.some(
    (grant) =>
      grant.spec.from?.some((one) => one.kind === 'HTTPRoute' && one.namespace === from) &&
      grant.spec.to?.some((one) => one.kind === 'Service' && (one.name === undefined || one.name === to.name)),
  )
}

type RouteStatus = { parents: { parentRef: ParentRef; controllerName: string; conditions: Condition[] }[] }

/** The status of a route: one entry for each Gateway that exists, accepted and with its references resolved or not, for this generation. */
export const acceptedStatus = (api: Api, route: Route, now: number): RouteStatus => {
  const before = (route.status as RouteStatus | undefined)?.parents ?? []
  const generation = route.metadata.generation ?? 1
  const problem = (route.spec.rules ?? [])
    .flatMap((rule) => rule.backendRefs ?? [])
    .map((ref) => problemOf(api, route, ref))
    .find((one) => one !== undefined)
  const parents = (route.spec.parentRefs ?? []).flatMap((parentRef) => {
    const gateway = api.store.get(GATEWAYS, parentRef.namespace ?? route.metadata.namespace, parentRef.name)
    if (gateway === undefined) return []
    const listeners = (gateway.spec as { listeners?: { name: string }[] } | undefined)?.listeners ?? []
    const attached =
      parentRef.sectionName === undefined || listeners.some((listener) => listener.name === parentRef.sectionName)
    const earlier = before.find((one) => JSON.stringify(one.parentRef) === JSON.stringify(parentRef))?.conditions
    const accepted: Condition = attached
      ? {
          type: 'Accepted',
          status: 'True',
          reason: 'Accepted',
          message: 'Route is accepted',
          observedGeneration: generation,
        }
      : {
          type: 'Accepted',
          status: 'False',
          reason: 'NoMatchingParent',
          message: `no listener is named ${parentRef.sectionName}`,
          observedGeneration: generation,
        }
    const resolved: Condition =
      problem === undefined
        ? {
            type: 'ResolvedRefs',
            status: 'True',
            reason: 'ResolvedRefs',
            message: 'All references are resolved',
            observedGeneration: generation,
          }
        : { type: 'ResolvedRefs', status: 'False', ...problem, observedGeneration: generation }
    return [
      {
        parentRef,
        controllerName: CONTROLLER,
        conditions: withCondition(withCondition(earlier, accepted, now), resolved, now),
      },
    ]
  })
  return { parents }
}

/** The status of a Gateway: its address, accepted and programmed, and how many routes each listener has. */
export const gatewayStatus = (api: Api, gateway: Doc, now: number): unknown => {
  const before = gateway.status as
    | { conditions?: Condition[]; listeners?: { name: string; conditions: Condition[] }[] }
    | undefined
  const observedGeneration = gateway.metadata.generation ?? 1
  const listeners = (gateway.spec as { listeners?: { name: string }[] } | undefined)?.listeners ?? []
  const said = (conditions: Condition[] | undefined, types: readonly string[]): Condition[] =>
    types.reduce<Condition[]>(
      (all, type) => withCondition(all, { type, status: 'True', reason: type, message: '', observedGeneration }, now),
      conditions ?? [],
    )
  const attachedRoutes = api.store
    .list<Route>(ROUTES)
    .filter((route) =>
      route.spec.parentRefs?.some(
        (ref) =>
          ref.name === gateway.metadata.name &&
          (ref.namespace ?? route.metadata.namespace) === gateway.metadata.namespace,
      ),
    ).length
  return {
    addresses: [{ type: 'IPAddress', value: '127.0.0.1' }],
    conditions: said(before?.conditions, ['Accepted', 'Programmed']),
    listeners: listeners.map((listener) => ({
      name: listener.name,
      attachedRoutes,
      supportedKinds: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute' }],
      conditions: said(before?.listeners?.find((one) => one.name === listener.name)?.conditions, [
        'Accepted',
        'Programmed',
        'ResolvedRefs',
      ]),
    })),
  }
}
