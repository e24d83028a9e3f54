import { Fault } from '@sluice/kit/faults'
import type { Cluster, PatchOperation, Resource } from '@sluice/kubernetes/cluster'
import { EPOCH, epochOf, type FencedResult, fencedPatch } from '@sluice/kubernetes/fenced'
import { pointerOf } from '@sluice/kubernetes/json-pointer'
import { acceptance, changeOf, type HttpRoute, locate, weightsIn } from './route.ts'
import type { RouteAcceptance, RouteChange, RouteReading, Router, RouteWrite } from './router.ts'
import { selectRoutes, sidesSeenFrom } from './selection.ts'
import { type BackendRef, type Sides, split, weightIn, withoutCanary } from './weights.ts'

/** `route`: one name or several by commas, `namespace/name` when elsewhere; empty: the only one that reaches the Service. `rule`: the index of one rule. */
export type GatewayGiven = {
  readonly namespace: string
  readonly service: string
  /** Default `<service>-canary`. */
  readonly canaryService?: string | undefined
  readonly route?: string | null | undefined
  readonly rule?: number | null | undefined
  /** Whether the saved record still has this epoch; asked before a route without a mark is written. */
  readonly owned?: ((epoch: number) => Promise<boolean>) | undefined
}

const ROUTES = { apiVersion: 'gateway.networking.k8s.io/v1', resource: 'httproutes' }

/**
 * Splits by the weights of HTTPRoutes. `backendRefs` is an atomic list, so it is read, computed from the saved originals and replaced by a JSON
 * Patch that tests version, UID and epoch. Others may write the route meanwhile: a rule that is no longer to be recognised is refused, not overwritten.
 * Decision record: docs/decisions/0005-kubernetes-client.md. Source: Gateway API v1 reference, HTTPRoute.
 */
export const gatewayApi = (cluster: Cluster, given: GatewayGiven): Router => {
  const sidesOf = ({ ref }: RouteChange): Sides => sidesSeenFrom(given, ref.namespace)

  const write = (
    change: RouteChange,
    epoch: number,
    decide: (
      route: HttpRoute,
    ) => Parameters<typeof fencedPatch<HttpRoute>>[3] extends (object: HttpRoute) => infer C ? C : never,
  ): Promise<FencedResult<HttpRoute>> =>
    fencedPatch<HttpRoute>(
      cluster,
      { resource: routesIn(change.ref.namespace), name: change.ref.name, uid: change.ref.uid },
      { epoch, owned: given.owned && (() => given.owned?.(epoch) ?? Promise.resolve(true)) },
      decide,
    )

  /** The routes of the changes as they are now; one that is gone, or was made anew, sends nothing to anybody. */
  const look = async (
    changes: readonly RouteChange[],
  ): Promise<readonly { readonly route: HttpRoute; readonly change: RouteChange }[]> => {
    const found = await Promise.all(
      changes.map(async (change) => {
        const route = await cluster.get<HttpRoute>(routesIn(change.ref.namespace), change.ref.name)
        return route === undefined || route.metadata.uid !== change.ref.uid ? [] : [{ route, change }]
      }),
    )
    return found.flat()
  }

  return {
    name: 'gateway-api',
    preflight: async () => (await selectRoutes(cluster, given)).findings,

    changes: async () => {
      const { selected, findings } = await selectRoutes(cluster, given)
      const wrong = findings.filter(({ level }) => level === 'error')
      if (wrong.length > 0) throw new Fault('input', wrong.map(({ text }) => text).join('\n  '), wrong[0]?.hint)
      return selected.map(({ route, rules }) => changeOf(route, rules))
    },

    stamp: (changes, epoch) =>
      each(changes, async (change) => {
        const result = await write(change, epoch, () => ({ kind: 'patch', operations: [], mark: 'keep' }))
        // A route that is gone sends nothing to anybody: there is nothing to keep others from.
        return result.kind === 'absent' ? { kind: 'written' } : outcome(result, change)
      }),

    set: ({ weight }, changes, epoch) =>
      each(changes, async (change) => {
        const around = sidesOf(change)
        const result = await write(change, epoch, (route) => {
          const places = locate(route, change, around)
          const lost = places.filter(({ at }) => at === undefined)
          if (lost.length > 0) return { kind: 'refuse', text: changedByOthers(change) }
          const operations = places.flatMap(({ refs, at = 0 }) =>
            replace(route, at, split(refs, around, weight), weight === 0 ? isZero(around) : undefined),
          )
          return { kind: 'patch', operations, mark: 'keep' }
        })
        if (result.kind === 'absent' && weight === 0) return { kind: 'written' }
        return outcome(result, change)
      }),

    current: async (changes) =>
      together((await look(changes)).map(({ route, change }) => readingOf(route, change, sidesOf(change)))),

    verify: async (changes) => accepted((await look(changes)).map(({ route }) => acceptance(route))),

    cleanup: (changes, epoch) =>
      each(changes, async (change) => {
        const around = sidesOf(change)
        const result = await write(change, epoch, (route) => ({
          kind: 'patch',
          operations: [...originals(route, change, around), ...emptyAnnotations(route, change)],
          mark: wasWithoutAnnotations(route, change) ? 'as-is' : 'remove',
        }))
        return result.kind === 'absent' ? { kind: 'written' } : outcome(result, change)
      }),
  }
}

const routesIn = (namespace: string): Resource => ({ ...ROUTES, namespace })

/** One after another: the first refusal ends it. */
const each = async (
  changes: readonly RouteChange[],
  act: (change: RouteChange) => Promise<RouteWrite>,
): Promise<RouteWrite> => {
  for (const change of changes) {
    const result = await act(change)
    if (result.kind === 'refused') return result
  }
  return { kind: 'written' }
}

const outcome = (result: FencedResult<HttpRoute>, { ref }: RouteChange): RouteWrite => {
  const where = `HTTPRoute ${ref.namespace}/${ref.name}`
  if (result.kind === 'written') return { kind: 'written' }
  if (result.kind === 'fenced') return { kind: 'refused', cause: 'fenced', text: `${where}: ${result.text}` }
  if (result.kind === 'absent')
    return {
      kind: 'refused',
      cause: 'environment',
      text: `${where} was deleted, or made anew, while the release was going on`,
    }
  return { kind: 'refused', cause: result.cause, text: `${where}: ${result.text}` }
}

const changedByOthers = ({ ref }: RouteChange): string =>
  `the backends of its rules are not those that the release began with: someone else changed ${ref.name}`

const replace = (
  route: HttpRoute,
  at: number,
  wanted: readonly BackendRef[],
  enough?: (live: readonly BackendRef[]) => boolean,
): readonly PatchOperation[] => {
  const live = route.spec?.rules?.[at]?.backendRefs ?? []
  if (JSON.stringify(live) === JSON.stringify(wanted) || sameWeights(live, wanted) || enough?.(live)) return []
  return [{ op: 'replace', path: pointerOf('spec', 'rules', at, 'backendRefs'), value: wanted }]
}

/** Without a canary in the list nothing is to be taken from it. */
const isZero =
  (around: Sides) =>
  (live: readonly BackendRef[]): boolean =>
    weightIn(live, around) === undefined

/** The API server fills in defaults of its own (group, kind), which are no difference. */
const sameWeights = (live: readonly BackendRef[], wanted: readonly BackendRef[]): boolean =>
  live.length === wanted.length &&
  live.every((ref, index) => {
    const other = wanted[index]
    return other !== undefined && plain(ref) === plain(other)
  })
const plain = (ref: BackendRef): string =>
  JSON.stringify(
    Object.entries({ ...ref, group: ref.group ?? '', kind: ref.kind ?? 'Service', weight: ref.weight ?? 1 }).sort(
      ([a], [b]) => (a < b ? -1 : 1),
    ),
  )

/** The saved lists again, exactly; where a rule is no longer to be recognised, what is there without the canary. */
const originals = (route: HttpRoute, change: RouteChange, around: Sides): readonly PatchOperation[] => {
  const places = locate(route, change, around)
  const known = new Set(places.map(({ at }) => at))
  const others = (route.spec?.rules ?? []).flatMap(({ backendRefs = [] }, at) =>
    !known.has(at) && weightIn(backendRefs, around) !== undefined
      ? [{ at, refs: withoutCanary(backendRefs, around) }]
      : [],
  )
  return [...places, ...others].flatMap(({ at, refs }) => {
    if (at === undefined) return []
    const live = route.spec?.rules?.[at]?.backendRefs ?? []
    if (JSON.stringify(live) === JSON.stringify(refs)) return []
    return [{ op: 'replace' as const, path: pointerOf('spec', 'rules', at, 'backendRefs'), value: refs }]
  })
}

const wasWithoutAnnotations = (route: HttpRoute, { before }: RouteChange): boolean => {
  const keys = Object.keys(route.metadata.annotations ?? {})
  return (
    before.some(({ path, value }) => path === '/metadata/annotations' && value === undefined) &&
    keys.every((key) => key === EPOCH)
  )
}

const emptyAnnotations = (route: HttpRoute, change: RouteChange): readonly PatchOperation[] =>
  route.metadata.annotations !== undefined && wasWithoutAnnotations(route, change)
    ? [{ op: 'remove', path: '/metadata/annotations' }]
    : []

const readingOf = (route: HttpRoute, change: RouteChange, around: Sides) => {
  const weights = weightsIn(route, change, around)
  const hasCanary = (route.spec?.rules ?? []).some(
    ({ backendRefs = [] }) => weightIn(backendRefs, around) !== undefined,
  )
  return { weights, marked: hasCanary || epochOf(route) !== undefined }
}

/** Rules and routes that disagree give a number between them that is no whole percent, so that it is never taken for a weight that was asked. */
const together = (readings: readonly ReturnType<typeof readingOf>[]): RouteReading => {
  const weights = readings.flatMap((reading) => reading.weights)
  const [most, least] = [Math.max(0, ...weights), Math.min(100, ...weights)]
  const agree = weights.length === 0 || most - least < 1e-9
  return {
    written: agree ? most : Math.ceil(most) - 0.5,
    marked: readings.some(({ marked }) => marked),
    ...(agree ? {} : { text: `the rules disagree: ${weights.map((weight) => `${weight} %`).join(', ')}` }),
  }
}

const accepted = (answers: readonly RouteAcceptance[]): RouteAcceptance => {
  const texts = answers.flatMap(({ text }) => (text === undefined ? [] : [text]))
  return { accepted: answers.every((one) => one.accepted), ...(texts.length === 0 ? {} : { text: texts.join('; ') }) }
}
