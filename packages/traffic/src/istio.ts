import { isDeepStrictEqual } from 'node:util'
import type { Cluster, KubernetesObject, PatchOperation } from '@sluice/kubernetes/cluster'
import { epochOf } from '@sluice/kubernetes/fenced'
import { mirroredRoute, mirroredShare } from './istio-mirror.ts'
import { type LocatedRoute, locateRoutes } from './istio-places.ts'
import {
  type Around,
  entriesSince,
  type IstioRoute,
  istioChange,
  percentOf,
  sameRoute,
  splitRoute,
  subsetsSplit,
  type VirtualService,
  withoutCanaryIn,
} from './istio-route.ts'
import { selectIstio, sidesIn } from './istio-selection.ts'
import { isSessionRoute, sessionRoute } from './istio-session.ts'
import { type ChangedLabel, type DestinationRule, twinChange, twinOf, twinPlace } from './istio-twins.ts'
import { isMade, make, stampMade, unmake } from './made.ts'
import { inTurn, liveObjects, withoutMark, writeObject, writeOutcome } from './objects.ts'
import { acceptedByAll, isNothing, type RulesReading, readTogether, refuseWrong } from './reading.ts'
import type { RouteAcceptance, RouteChange, Router, Split, Tester } from './router.ts'

/**
 * `route`: one name or several by commas, `namespace/name` when elsewhere; empty: the only VirtualService that reaches the Service. `rule`: the index of
 * one http route. `label`: the label by which the canary's pods differ, for the subsets of twins. `owner`: `runId/attempt`, on what is made.
 */
export type IstioGiven = {
  readonly namespace: string
  readonly service: string
  /** Default `<service>-canary`. */
  readonly canaryService?: string | undefined
  readonly route?: string | null | undefined
  readonly rule?: number | null | undefined
  readonly tester?: Tester | null | undefined
  readonly mirrors?: readonly number[] | undefined
  readonly label?: ChangedLabel | null | undefined
  readonly owner?: string | undefined
  /**
   * `namespace/name` of the Deployment: routes may be shared, so its marks have a key of their own, and subsets that are known to pick other pods than its
   * own are not split.
   */
  readonly release?: string | undefined
  /** Whether the saved record still has this epoch; asked before an object without a mark is written. */
  readonly owned?: ((epoch: number) => Promise<boolean>) | undefined
}

/**
 * Splits by the weights of VirtualServices' http routes, whose lists are atomic: read, computed from the saved originals, replaced by a JSON Patch that
 * tests version, UID and epoch. DestinationRules of the stable Service get a twin for the canary's, which is ours and goes with the release.
 * Source: VirtualService and DestinationRule of the Istio reference, networking.istio.io/v1.
 */
export const istio = (cluster: Cluster, given: IstioGiven): Router => {
  const aroundOf = (change: RouteChange): Around => ({
    ...sidesIn(given, change.ref.namespace),
    subsets: subsetsSplit(change),
  })
  const fenceOf = (epoch: number) => ({
    epoch,
    release: given.release,
    owned: given.owned && (() => given.owned?.(epoch) ?? Promise.resolve(true)),
  })
  const write = (
    change: RouteChange,
    epoch: number,
    decide: Parameters<typeof writeObject<VirtualService>>[3],
  ): ReturnType<typeof writeObject<VirtualService>> =>
    writeObject(
      cluster,
      { ref: change.ref, plural: PLURAL },
      { epoch, owned: given.owned, release: given.release },
      decide,
    )

  return {
    name: 'istio',
    preflight: async () => (await selectIstio(cluster, given)).findings,

    changes: async () => {
      const { selected, twins, findings } = await selectIstio(cluster, given)
      refuseWrong(findings)
      const mirrors = (given.mirrors ?? []).length > 0
      const { release } = given
      return [
        ...selected.map(({ service, rules, around }) => istioChange(service, rules, around, { mirrors, release })),
        ...twins.map(twinChange),
      ]
    },

    stamp: (changes, epoch) =>
      inTurn(changes, async (change) => {
        if (isTwin(change)) return stampMade(cluster, twinPlace(change), fenceOf(epoch))
        const result = await write(change, epoch, () => ({ kind: 'patch', operations: [], mark: 'keep' }))
        // A route that is gone sends nothing to anybody: there is nothing to keep others from.
        return result.kind === 'absent' ? { kind: 'written' } : writeOutcome(result, change.ref)
      }),

    set: async (asked, changes, epoch) => {
      const twins = isNothing(asked) ? [] : changes.filter(isTwin)
      // A subset that nobody defines is answered with 503: the twins come before the weight.
      const made = await inTurn(twins, async (change) => {
        const rule = await cluster.get<DestinationRule>(...placeOf(change))
        if (rule === undefined) return { kind: 'written' }
        const { owner = 'sluice' } = given
        const wanted = twinOf(
          { ...rule, apiVersion: change.ref.apiVersion },
          aroundOf(change),
          given.label ?? undefined,
        )
        return make(cluster, twinPlace(change), wanted, { ...fenceOf(epoch), owner })
      })
      if (made.kind === 'refused') return made
      return inTurn(changes.filter(isService), async (change) => {
        const result = await write(change, epoch, (service) => {
          const around = aroundOf(change)
          // Nothing stands in the way of taking the canary out: a release that may not would never end.
          const wanted = isNothing(asked)
            ? originalRoutes(service, change, around)
            : routesFor(service, change, around, { asked, tester: given.tester ?? undefined })
          if (wanted === undefined) return { kind: 'refuse', text: changedByOthers(change) }
          return { kind: 'patch', operations: replaced(service, wanted), mark: 'keep' }
        })
        if (result.kind === 'absent' && isNothing(asked)) return { kind: 'written' }
        return writeOutcome(result, change.ref)
      })
    },

    current: async (changes) => {
      const live = await liveObjects<VirtualService>(cluster, changes.filter(isService), PLURAL)
      const twins = await Promise.all(
        changes.filter(isTwin).map(async (change) => {
          const { resource, name } = twinPlace(change)
          return cluster.get(resource, name)
        }),
      )
      const standing = twins.some((twin) => twin !== undefined && isMade(twin, given.release))
      const read = readTogether(
        live.map(({ object, change }) => readingOf(object, change, aroundOf(change), given.release)),
      )
      return { ...read, marked: read.marked || standing }
    },

    verify: async (changes) => {
      const live = await liveObjects<VirtualService>(cluster, changes.filter(isService), PLURAL)
      return acceptedByAll(live.map(({ object }) => acceptanceOf(object)))
    },

    cleanup: async (changes, epoch) => {
      const restored = await inTurn(changes.filter(isService), async (change) => {
        const result = await write(change, epoch, (service) => {
          const { operations, mark } = withoutMark(service, change, given.release)
          const routes = replaced(service, originalRoutes(service, change, aroundOf(change)))
          return { kind: 'patch', operations: [...routes, ...operations], mark }
        })
        return result.kind === 'absent' ? { kind: 'written' } : writeOutcome(result, change.ref)
      })
      if (restored.kind === 'refused') return restored
      return inTurn(changes.filter(isTwin), (change) => unmake(cluster, twinPlace(change), fenceOf(epoch)))
    },
  }
}

const PLURAL = 'virtualservices'

const isTwin = ({ ref }: RouteChange): boolean => ref.kind === 'DestinationRule'
const isService = ({ ref }: RouteChange): boolean => ref.kind === 'VirtualService'
const placeOf = ({ ref }: RouteChange) =>
  [{ apiVersion: ref.apiVersion, resource: 'destinationrules', namespace: ref.namespace }, ref.name] as const

const changedByOthers = ({ ref }: RouteChange): string =>
  `the destinations of its http routes are not those that the release began with: someone else changed ${ref.name}`

const httpOf = ({ spec }: VirtualService): readonly IstioRoute[] => spec?.http ?? []

const replaced = (service: VirtualService, wanted: readonly IstioRoute[]): readonly PatchOperation[] =>
  isDeepStrictEqual(httpOf(service), wanted) ? [] : [{ op: 'replace', path: '/spec/http', value: wanted }]

/** The http routes for a split that asks something of the canary; `undefined` when one of the change's is no longer to be recognised. */
const routesFor = (
  service: VirtualService,
  change: RouteChange,
  around: Around,
  { asked, tester }: { readonly asked: Split; readonly tester: Tester | undefined },
): readonly IstioRoute[] | undefined => {
  const users = httpOf(service).filter((http) => !isSessionRoute(http, around))
  const places = locateRoutes(users, change, around)
  if (places.some(({ at }) => at === undefined)) return undefined
  const located = new Map(places.map((place) => [place.at, place]))
  return users.flatMap((http, index) => {
    const place = located.get(index)
    if (place === undefined) return [http]
    const session = tester === undefined ? undefined : sessionRoute(http, place, around, tester)
    return [...(session === undefined ? [] : [session]), splitHttp(http, place, around, asked)]
  })
}

const splitHttp = (
  http: IstioRoute,
  place: LocatedRoute,
  around: Around,
  { weight, mirror = 0 }: Split,
): IstioRoute => {
  const live = http.route ?? []
  const wanted = splitRoute(entriesSince(place.entries, live, around), around, weight)
  // Without a canary in the list nothing is to be taken from it.
  const enough = sameRoute(live, wanted) || (weight === 0 && percentOf(live, around) === undefined)
  const weighted = enough ? http : { ...http, route: wanted }
  return mirroredShare(http, around) === mirror ? weighted : mirroredRoute(weighted, place, around, mirror)
}

/** The saved lists again, but for other destinations' weights that others wrote since; where a route is no longer to be recognised, what is there without the canary. Testers' routes go. */
const originalRoutes = (service: VirtualService, change: RouteChange, around: Around): readonly IstioRoute[] => {
  const users = httpOf(service).filter((http) => !isSessionRoute(http, around))
  const places = new Map(locateRoutes(users, change, around).map((place) => [place.at, place]))
  return users.map((http, index) => {
    const place = places.get(index)
    const { route = [] } = http
    const bare = mirroredRoute(http, place ?? { entries: [], mirrors: {} }, around, 0)
    if (place !== undefined) return { ...bare, route: entriesSince(place.entries, route, around) }
    return percentOf(route, around) === undefined ? bare : { ...bare, route: withoutCanaryIn(route, around) }
  })
}

const readingOf = (service: VirtualService, change: RouteChange, around: Around, release?: string): RulesReading => {
  const all = httpOf(service)
  const users = all.filter((http) => !isSessionRoute(http, around))
  const ours = locateRoutes(users, change, around).map(({ at }) => at)
  const tested = users.length < all.length
  const weights = users.flatMap(({ route = [] }, index) => {
    const percent = percentOf(route, around)
    return percent === undefined ? (ours.includes(index) ? [0] : []) : [percent]
  })
  const mirrors = users.flatMap((http, index) => {
    const percent = mirroredShare(http, around)
    return percent > 0 || ours.includes(index) ? [percent] : []
  })
  const named = users.some(({ route = [] }) => percentOf(route, around) !== undefined)
  const marked = named || tested || mirrors.some((percent) => percent > 0) || epochOf(service, release) !== undefined
  return { weights, mirrors, tested, marked }
}

type Status = {
  readonly observedGeneration?: number | string
  readonly conditions?: readonly {
    readonly type?: string
    readonly status?: string
    readonly message?: string
    readonly observedGeneration?: number | string
  }[]
  readonly validationMessages?: readonly {
    readonly level?: string
    readonly type?: { readonly code?: string; readonly name?: string }
  }[]
}

/**
 * What Istio says of this generation. It reports nothing by default, so that an API server which took the object is all there is to know; where it
 * reports, an error of its analyzers or a condition Reconciled that is not True is believed. Source: IstioStatus of istio.io/api.
 */
const acceptanceOf = ({ metadata, status }: KubernetesObject): RouteAcceptance => {
  const where = `VirtualService ${metadata.namespace}/${metadata.name}`
  const { conditions = [], validationMessages = [], observedGeneration } = (status ?? {}) as Status
  const wrong = validationMessages.filter(({ level }) => level === 'ERROR')
  if (wrong.length > 0 && isCurrent(observedGeneration, metadata.generation)) {
    const said = wrong.map(({ type }) => `${type?.code ?? ''} ${type?.name ?? ''}`.trim()).join(', ')
    return { accepted: false, text: `${where}: Istio finds errors: ${said}` }
  }
  const condition = conditions.find(({ type }) => type === 'Reconciled')
  if (condition === undefined)
    return {
      accepted: true,
      text: `${where} is written; Istio does not report whether its proxies have taken it`,
    }
  const seen = condition.observedGeneration ?? observedGeneration
  if (seen !== undefined && !isCurrent(seen, metadata.generation))
    return { accepted: false, text: `${where}: Istio has not looked at generation ${metadata.generation} yet` }
  const text = `${where}: Istio reports Reconciled ${condition.status}: ${condition.message ?? 'without a message'}`
  return { accepted: condition.status === 'True', text }
}

const isCurrent = (seen: number | string | undefined, generation: number | undefined): boolean =>
  seen === undefined || Number(seen) >= (generation ?? 0)
