import { isDeepStrictEqual } from 'node:util'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { pointerOf } from '@sluice/kubernetes/json-pointer'
import { type IstioSides, isHost, renamed } from './istio-hosts.ts'
import { markBefore } from './objects.ts'
import { baseOf, type Dialect, orderless, withoutTheCanary } from './portions.ts'
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

/**
 * What the names of hosts mean in one VirtualService: the Services, and the namespace of the object itself. `subsets`: those of the stable Service that
 * are split, beside the whole of it; absent: all.
 */
export type Around = IstioSides & { readonly home: string; readonly subsets?: readonly string[] | undefined }

/** Whether an entry sends to this Service. */
export const sendsTo = ({ destination }: Weighted, service: string, { namespace, home }: Around): boolean =>
  isHost(destination.host, service, namespace, home)

/** Whether an entry is split: it sends to the stable Service, and not to a subset of another Deployment's pods, of which there is no canary. */
export const isSplit = (entry: Weighted, around: Around): boolean => {
  const { subset } = entry.destination
  return sendsTo(entry, around.stable, around) && (!subset || around.subsets?.includes(subset) !== false)
}

/** The subsets that a VirtualService names, of whatever Service. */
export const subsetsNamed = ({ spec }: VirtualService): readonly string[] =>
  [...(spec?.http ?? []), ...(spec?.tcp ?? []), ...(spec?.tls ?? [])].flatMap(({ route = [] }) =>
    route.flatMap(({ destination: { subset } }) => (subset ? [subset] : [])),
  )

/** The indices of the http routes of which something is split; only `rule` when one is chosen. */
export const routesReaching = ({ spec }: VirtualService, around: Around, rule?: number): readonly number[] =>
  (spec?.http ?? []).flatMap(({ route = [] }, index) =>
    (rule === undefined || rule === index) && route.some((entry) => isSplit(entry, around)) ? [index] : [],
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
    if (!isSplit(entry, around)) return [{ ...entry, weight: own * 100 }]
    return [
      { ...entry, weight: own * (100 - weight) },
      { ...forCanary(entry, around), weight: own * weight },
    ]
  })
  const whole = !alone && scaled.every(({ weight: scaledWeight = 0 }) => scaledWeight % 100 === 0)
  return whole ? scaled.map((entry) => ({ ...entry, weight: (entry.weight ?? 0) / 100 })) : scaled
}

/** The entry beside stable's: port, subset and headers are the same, the Service is the canary's. */
export const forCanary = (entry: Weighted, around: Around): Weighted =>
  destinationsAround(around).renamed(entry, around.canary)

/** The canary's percent of what it and the entries that are split get together; `undefined` when the list has no canary. */
export const percentOf = (entries: readonly Weighted[], around: Around): number | undefined => {
  const sum = (some: readonly Weighted[]): number =>
    some.reduce((total, { weight }) => total + (weight ?? (entries.length === 1 ? 100 : 0)), 0)
  const canary = entries.filter((entry) => sendsTo(entry, around.canary, around))
  if (canary.length === 0) return undefined
  const ours = sum(canary)
  return ours === 0 ? 0 : (100 * ours) / (ours + sum(entries.filter((entry) => isSplit(entry, around))))
}

/** How a VirtualService writes the entries of a route; stable's are those that are split. */
export const destinationsAround = (around: Around): Dialect<Weighted> => ({
  names: (entry, service) => (service === around.stable ? isSplit(entry, around) : sendsTo(entry, service, around)),
  weight: ({ weight = 0 }) => weight,
  weighted: (entry, weight) => ({ ...entry, weight }),
  renamed: (entry, service) => ({
    ...entry,
    destination: { ...entry.destination, host: renamed(entry.destination.host, service) },
  }),
  identity: ({ weight: _, ...entry }) => orderless(entry),
})

/** The saved entries as the next split is to find them: with the weights that somebody gave other destinations meanwhile. @param live as they are now */
export const entriesSince = (
  original: readonly Weighted[],
  live: readonly Weighted[],
  around: Around,
): readonly Weighted[] =>
  baseOf(original, live, around, {
    dialect: destinationsAround(around),
    split: (weight) => splitRoute(original, around, weight),
  })

/** The entries without the canary, whose portion goes back to stable. */
export const withoutCanaryIn = (entries: readonly Weighted[], around: Around): readonly Weighted[] =>
  withoutTheCanary(entries, destinationsAround(around), around)

/** Whether two lists are the same entries with the same weights; a weight of 0 may be left out. */
export const sameRoute = (a: readonly Weighted[], b: readonly Weighted[]): boolean =>
  isDeepStrictEqual(a.map(weighed), b.map(weighed))

/** The fields of an http route that say where copies of its requests go. */
export const MIRRORS = ['mirror', 'mirrors', 'mirrorPercentage', 'mirrorPercent', 'mirror_percent'] as const

/**
 * What a release changes in a VirtualService, with the values to give back. Where not all that names the Service is split, the entries that are stand
 * there by themselves too, so that whoever goes on splits the same ones, whatever becomes of the DestinationRules meanwhile.
 */
export const istioChange = (
  service: VirtualService,
  rules: readonly number[],
  around: Around,
  { mirrors, release }: { readonly mirrors: boolean; readonly release?: string | undefined },
): RouteChange => {
  const { name, namespace = '', uid = '' } = service.metadata
  const routeAt = (index: number): readonly Weighted[] => service.spec?.http?.[index]?.route ?? []
  const some = rules.some((index) =>
    routeAt(index).some((entry) => sendsTo(entry, around.stable, around) && !isSplit(entry, around)),
  )
  const before = rules.flatMap((index) => {
    const http = service.spec?.http?.[index] ?? {}
    const at = (field: string): string => pointerOf('spec', 'http', index, field)
    return [
      { path: at('route'), value: http.route },
      ...(some ? routeAt(index) : []).flatMap((entry, nth) =>
        isSplit(entry, around) ? [{ path: `${at('route')}/${nth}`, value: entry }] : [],
      ),
      ...MIRRORS.flatMap((field) => {
        if (http[field] !== undefined) return [{ path: at(field), value: http[field] }]
        return mirrors ? [{ path: at(field) }] : []
      }),
    ]
  })
  return {
    ref: { apiVersion: service.apiVersion, kind: 'VirtualService', namespace, name, uid },
    before: [...before, markBefore(service, release)],
  }
}

/** The subsets that a change splits; `undefined` when it splits all that names the Service. */
export const subsetsSplit = ({ before }: RouteChange): readonly string[] | undefined => {
  const entries = before.flatMap(({ path, value }) =>
    /^\/spec\/http\/\d+\/route\/\d+$/.test(path) ? [value as Weighted] : [],
  )
  return entries.length === 0 ? undefined : entries.flatMap(({ destination: { subset } }) => (subset ? [subset] : []))
}

const weighed = (entry: Weighted): Weighted => ({ ...entry, weight: entry.weight ?? 0 })
