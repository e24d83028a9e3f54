import { isDeepStrictEqual } from 'node:util'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { pointerOf } from '@sluice/kubernetes/json-pointer'
import { type IstioSides, isHost, renamed } from './istio-hosts.ts'
import { markBefore } from './objects.ts'
import { placesOf } from './places.ts'
import { orderless } from './portions.ts'
import type { RouteChange } from './router.ts'

/** Where a route sends to; fields that are not read here travel along. */
export type Destination = { readonly host: string; readonly subset?: string; readonly [field: string]: unknown }
/** One weighted entry of a route. */
export type Weighted = {
  readonly destination: Destination
  /** Relative to its neighbours. Absent means 0, but for the only entry, which gets everything. */
  readonly weight?: number
  readonly [field: string]: unknown
}
/** What is read of an http route of a VirtualService. */
export type IstioRoute = {
  readonly name?: string
  readonly match?: readonly Readonly<Record<string, unknown>>[]
  readonly route?: readonly Weighted[]
  readonly [field: string]: unknown
}
/** The parts of a VirtualService that are read. Source: networking.istio.io/v1. */
export type VirtualService = KubernetesObject & {
  readonly spec?: {
    readonly hosts?: readonly string[]
    readonly gateways?: readonly string[]
    readonly http?: readonly IstioRoute[]
    readonly tcp?: readonly { readonly route?: readonly Weighted[] }[]
    readonly tls?: readonly { readonly route?: readonly Weighted[] }[]
  }
}

/** What the names of hosts mean in one VirtualService: the Services, and the namespace of the object itself. */
export type Around = IstioSides & { readonly home: string }

/** Whether an entry sends to this Service. */
export const sendsTo = ({ destination }: Weighted, service: string, { namespace, home }: Around): boolean =>
  isHost(destination.host, service, namespace, home)

/** The indices of the http routes that send something to the stable Service; only `rule` when one is chosen. */
export const routesReaching = ({ spec }: VirtualService, around: Around, rule?: number): readonly number[] =>
  (spec?.http ?? []).flatMap(({ route = [] }, index) =>
    (rule === undefined || rule === index) && route.some((entry) => sendsTo(entry, around.stable, around))
      ? [index]
      : [],
  )

/** The largest sum of weights that can be scaled by 100 and still be added up in 32 bits, as Istio's validation does. */
export const MOST_WEIGHT = Math.floor((2 ** 31 - 1) / 100)

/**
 * The route's entries with `weight` percent of stable's portion going to the canary. Weights are relative: with others in the list all are scaled by
 * 100, so that each keeps its portion to the last digit, and divided by 100 again where all stay whole; alone, stable and canary share 100.
 * Source: HTTPRouteDestination.weight of the Istio reference.
 */
export const splitRoute = (original: readonly Weighted[], around: Around, weight: number): readonly Weighted[] => {
  const alone = original.length === 1
  const scaled = original.flatMap((entry): readonly Weighted[] => {
    const own = alone ? 1 : (entry.weight ?? 0)
    if (!sendsTo(entry, around.stable, around)) return [{ ...entry, weight: own * 100 }]
    return [
      { ...entry, weight: own * (100 - weight) },
      { ...forCanary(entry, around), weight: own * weight },
    ]
  })
  const whole = !alone && scaled.every(({ weight: scaledWeight = 0 }) => scaledWeight % 100 === 0)
  return whole ? scaled.map((entry) => ({ ...entry, weight: (entry.weight ?? 0) / 100 })) : scaled
}

/** The entry beside stable's: port, subset and headers are the same, the Service is the canary's. */
export const forCanary = (entry: Weighted, { canary }: Around): Weighted => ({
  ...entry,
  destination: { ...entry.destination, host: renamed(entry.destination.host, canary) },
})

/** The canary's percent of what stable and canary get together; `undefined` when the list has no canary. */
export const percentOf = (entries: readonly Weighted[], around: Around): number | undefined => {
  const portion = (service: string): number =>
    entries
      .filter((entry) => sendsTo(entry, service, around))
      .reduce((sum, { weight }) => sum + (weight ?? (entries.length === 1 ? 100 : 0)), 0)
  if (!entries.some((entry) => sendsTo(entry, around.canary, around))) return undefined
  const ours = portion(around.canary)
  return ours === 0 ? 0 : (100 * ours) / (ours + portion(around.stable))
}

/** The entries without the canary; a list of the canary alone becomes stable's, because a route must send somewhere. */
export const withoutCanaryIn = (entries: readonly Weighted[], around: Around): readonly Weighted[] => {
  const rest = entries.filter((entry) => !sendsTo(entry, around.canary, around))
  if (rest.length > 0) return rest
  return entries.map((entry) => ({
    ...entry,
    destination: { ...entry.destination, host: renamed(entry.destination.host, around.stable) },
  }))
}

/** Whether two lists are the same entries with the same weights; a weight of 0 may be left out. */
export const sameRoute = (a: readonly Weighted[], b: readonly Weighted[]): boolean =>
  isDeepStrictEqual(a.map(weighed), b.map(weighed))

/** The fields of an http route that say where copies of its requests go. */
export const MIRRORS = ['mirror', 'mirrors', 'mirrorPercentage', 'mirrorPercent', 'mirror_percent'] as const

/** What a release changes in a VirtualService, with the values to give back. */
export const istioChange = (service: VirtualService, rules: readonly number[], mirrors: boolean): RouteChange => {
  const { name, namespace = '', uid = '' } = service.metadata
  const before = rules.flatMap((index) => {
    const http = service.spec?.http?.[index] ?? {}
    const at = (field: string): string => pointerOf('spec', 'http', index, field)
    return [
      { path: at('route'), value: http.route },
      ...MIRRORS.flatMap((field) => {
        if (http[field] !== undefined) return [{ path: at(field), value: http[field] }]
        return mirrors ? [{ path: at(field) }] : []
      }),
    ]
  })
  return {
    ref: { apiVersion: service.apiVersion, kind: 'VirtualService', namespace, name, uid },
    before: [...before, markBefore(service)],
  }
}

/** One of the change's routes: its entries and mirrors as they were, and where it is now. */
export type LocatedRoute = {
  readonly entries: readonly Weighted[]
  readonly mirrors: Readonly<Record<string, unknown>>
  readonly at: number | undefined
}

/** Where each of the change's routes is now, by its entries. @param http without testers' routes of ours */
export const locateRoutes = (
  http: readonly IstioRoute[],
  change: RouteChange,
  around: Around,
): readonly LocatedRoute[] => {
  const originals = change.before.flatMap(({ path, value }) => {
    const index = /^\/spec\/http\/(\d+)\/route$/.exec(path)?.[1]
    return index === undefined || !Array.isArray(value) ? [] : [{ index: Number(index), entries: value as Weighted[] }]
  })
  const places = placesOf(
    originals,
    http.map(({ route = [] }) => route),
    (now, { entries }) => identity(now, around) === identity(entries, around),
  )
  return originals.map(({ index, entries }, nth) => ({
    entries,
    mirrors: savedMirrors(change, index),
    at: places[nth],
  }))
}

const weighed = (entry: Weighted): Weighted => ({ ...entry, weight: entry.weight ?? 0 })

const identity = (entries: readonly Weighted[], around: Around): string =>
  orderless(entries.filter((entry) => !sendsTo(entry, around.canary, around)).map(({ weight: _, ...entry }) => entry))

const savedMirrors = ({ before }: RouteChange, index: number): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    MIRRORS.flatMap((field) => {
      const saved = before.find(({ path }) => path === pointerOf('spec', 'http', index, field))
      return saved?.value === undefined ? [] : [[field, saved.value]]
    }),
  )
