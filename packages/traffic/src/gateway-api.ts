import { isDeepStrictEqual } from 'node:util'
import type { Cluster, PatchOperation } from '@sluice/kubernetes/cluster'
import { epochOf } from '@sluice/kubernetes/fenced'
import { mirroredIn, mirroring, unmirrored } from './gateway-mirror.ts'
import { isSessionRule, sameSessions, sessionRule, withSessions } from './gateway-session.ts'
import { inTurn, liveObjects, refusedWrite, withoutMark, writeObject, writeOutcome } from './objects.ts'
import { acceptedByAll, isNothing, type RulesReading, readTogether, refuseWrong } from './reading.ts'
import { acceptance, changeOf, type HttpRoute, type Located, locate, type Rule, weightsIn } from './route.ts'
import type { RouteChange, Router, Split, Tester } from './router.ts'
import { selectRoutes, sidesSeenFrom } from './selection.ts'
import { type BackendRef, backToStable, baselineIn, type Sides, split, unsplit, weightIn } from './weights.ts'

/**
 * `route`: one name or several by commas, `namespace/name` when elsewhere; empty: the only one that reaches the Service. `rule`: the index of one rule.
 * `mirrors`: the percents of the plan's steps that mirror, so that preflight can say whether they can be.
 */
export type GatewayGiven = {
  readonly namespace: string
  readonly service: string
  /** Default `<service>-canary`. */
  readonly canaryService?: string | undefined
  /** The Service of a fresh baseline; absent: the release has none. */
  readonly baselineService?: string | undefined
  readonly route?: string | null | undefined
  readonly rule?: number | null | undefined
  readonly tester?: Tester | null | undefined
  readonly mirrors?: readonly number[] | undefined
  /** `namespace/name` of the Deployment: routes may be shared, so its marks have a key of their own. */
  readonly release?: string | undefined
  /** Whether the saved record still has this epoch; asked before a route without a mark is written. */
  readonly owned?: ((epoch: number) => Promise<boolean>) | undefined
}

/**
 * Splits by the weights of HTTPRoutes. Lists of rules and backends are atomic, so they are read, computed from the saved originals and what others wrote
 * since, and replaced by a JSON Patch that tests version, UID and epoch. A rule that is no longer to be recognised is refused, not overwritten; but the
 * canary comes out of every rule, whatever became of it.
 * Decision record: docs/decisions/0005-kubernetes-client.md. Source: Gateway API v1 reference, HTTPRoute.
 */
export const gatewayApi = (cluster: Cluster, given: GatewayGiven): Router => {
  const sidesOf = ({ ref }: RouteChange): Sides => sidesSeenFrom(given, ref.namespace)
  const write = (
    change: RouteChange,
    epoch: number,
    decide: Parameters<typeof writeObject<HttpRoute>>[3],
  ): ReturnType<typeof writeObject<HttpRoute>> =>
    writeObject(
      cluster,
      { ref: change.ref, plural: PLURAL },
      { epoch, owned: given.owned, release: given.release },
      decide,
    )

  return {
    name: 'gateway-api',
    preflight: async () => (await selectRoutes(cluster, given)).findings,

    changes: async () => {
      const { selected, findings } = await selectRoutes(cluster, given)
      refuseWrong(findings)
      return selected.map(({ route, rules }) => changeOf(route, rules, (given.mirrors ?? []).length > 0, given.release))
    },

    stamp: (changes, epoch) =>
      inTurn(changes, async (change) => {
        const result = await write(change, epoch, () => ({ kind: 'patch', operations: [], mark: 'keep' }))
        // A route that is gone sends nothing to anybody: there is nothing to keep others from.
        return result.kind === 'absent' ? { kind: 'written' } : writeOutcome(result, change.ref)
      }),

    set: (asked, changes, epoch) => {
      if (given.tester != null && 'cookie' in given.tester && !isNothing(asked))
        return Promise.resolve(refusedWrite('an HTTPRoute cannot match the cookie of a tester'))
      return inTurn(changes, async (change) => {
        const result = await write(change, epoch, (route) => {
          const sides = sidesOf(change)
          const wanted = isNothing(asked) ? unsent(route, change, sides, asked) : rulesFor(route, change, sides, asked)
          if (wanted === undefined) return { kind: 'refuse', text: changedByOthers(change) }
          return { kind: 'patch', operations: replaced(route, wanted), mark: 'keep' }
        })
        if (result.kind === 'absent' && isNothing(asked)) return { kind: 'written' }
        return writeOutcome(result, change.ref)
      })
    },

    current: async (changes) =>
      readTogether(
        (await liveObjects<HttpRoute>(cluster, changes, PLURAL)).map(({ object, change }) =>
          readingOf(object, change, sidesOf(change), given.release),
        ),
      ),

    verify: async (changes) =>
      acceptedByAll((await liveObjects<HttpRoute>(cluster, changes, PLURAL)).map(({ object }) => acceptance(object))),

    cleanup: (changes, epoch) =>
      inTurn(changes, async (change) => {
        const result = await write(change, epoch, (route) => {
          const { operations, mark } = withoutMark(route, change, given.release)
          const rules = replaced(route, originalRules(route, change, sidesOf(change)))
          return { kind: 'patch', operations: [...rules, ...operations], mark }
        })
        return result.kind === 'absent' ? { kind: 'written' } : writeOutcome(result, change.ref)
      }),
  }
}

const PLURAL = 'httproutes'

const changedByOthers = ({ ref }: RouteChange): string =>
  `the backends of its rules are not those that the release began with: someone else changed ${ref.name}`

const rulesOf = ({ spec }: HttpRoute): readonly Rule[] => spec?.rules ?? []

/** The rules without testers' rules of ours. */
const usersOf = (route: HttpRoute, sides: Sides): readonly Rule[] =>
  rulesOf(route).filter((rule) => !isSessionRule(rule, sides))

const replaced = (route: HttpRoute, wanted: readonly Rule[]): readonly PatchOperation[] =>
  isDeepStrictEqual(rulesOf(route), wanted) ? [] : [{ op: 'replace', path: '/spec/rules', value: wanted }]

/** The rules for a split; `undefined` when one of the change's is no longer to be recognised. */
const rulesFor = (route: HttpRoute, change: RouteChange, sides: Sides, asked: Split): readonly Rule[] | undefined => {
  const [live, users] = [rulesOf(route), usersOf(route, sides)]
  const places = locate(users, change, sides)
  if (places.some(({ at }) => at === undefined)) return undefined
  const changed = new Map(places.map((place) => [place.at, place]))
  const rules = users.map((rule, index) => {
    const place = changed.get(index)
    return place === undefined ? rule : splitRule(rule, place, sides, asked)
  })
  const { tester } = sides
  const sessions =
    tester === undefined || !('header' in tester)
      ? []
      : places.flatMap(({ at = 0, refs }) => {
          // A tester's requests are not copied to the canary: it gets them anyway.
          const session = sessionRule(unmirrored(users[at] ?? {}, sides, undefined), refs, sides, tester)
          return session === undefined ? [] : [session]
        })
  const all = withSessions(rules, sessions)
  const standing = live.filter((rule) => isSessionRule(rule, sides))
  if (!sameSessions(all.slice(rules.length), standing)) return all
  // Those that stand are as wanted: the list keeps the order that it has.
  const next = rules.values()
  return live.map((rule) => (isSessionRule(rule, sides) ? rule : (next.next().value ?? rule)))
}

const splitRule = (rule: Rule, { refs, filters }: Located, sides: Sides, asked: Split): Rule => {
  const { weight, mirror = 0, baseline = 0 } = asked
  const live = rule.backendRefs ?? []
  const wanted = split(refs, sides, asked, live)
  // Without anything of ours in the list nothing is to be taken from it.
  const enough = sameWeights(live, wanted) || (weight + baseline === 0 && weightIn(live, sides) === undefined)
  const weighted = enough ? rule : { ...rule, backendRefs: wanted }
  if (mirror === 0) return unmirrored(weighted, sides, filters)
  return mirroredIn(rule, sides) === mirror ? weighted : mirroring(weighted, refs, sides, mirror)
}

/** The API server fills in defaults of its own (group, kind), which are no difference. */
const sameWeights = (live: readonly BackendRef[], wanted: readonly BackendRef[]): boolean =>
  isDeepStrictEqual(live.map(plain), wanted.map(plain))
const plain = (ref: BackendRef): BackendRef => ({ group: '', kind: 'Service', weight: 1, ...ref })

/**
 * Nothing for the canary: it stays in the change's rules with weight 0, so that what is under way can end, and leaves all others. Testers' rules go. A fresh
 * baseline keeps what is asked for it in the change's rules.
 */
const unsent = (route: HttpRoute, change: RouteChange, sides: Sides, asked: Split): readonly Rule[] =>
  settled(route, change, sides, (rule, place) => splitRule(rule, place, sides, asked))

/** The saved lists again, but for other backends' weights that others wrote since; where a rule is no longer to be recognised, what is there without the canary. */
const originalRules = (route: HttpRoute, change: RouteChange, sides: Sides): readonly Rule[] =>
  settled(route, change, sides, (rule, { refs, filters }) => ({
    ...unmirrored(rule, sides, filters),
    backendRefs: unsplit(refs, sides, rule.backendRefs ?? []),
  }))

const settled = (
  route: HttpRoute,
  change: RouteChange,
  sides: Sides,
  ours: (rule: Rule, place: Located) => Rule,
): readonly Rule[] => {
  const users = usersOf(route, sides)
  const places = new Map(locate(users, change, sides).map((place) => [place.at, place]))
  return users.map((rule, index) => {
    const place = places.get(index)
    if (place !== undefined) return ours(rule, place)
    const { backendRefs = [] } = rule
    const bare = unmirrored(rule, sides, undefined)
    return weightIn(backendRefs, sides) === undefined
      ? bare
      : { ...bare, backendRefs: backToStable(backendRefs, sides) }
  })
}

const readingOf = (route: HttpRoute, change: RouteChange, sides: Sides, release?: string): RulesReading => {
  const [all, users] = [rulesOf(route), usersOf(route, sides)]
  const places = locate(users, change, sides).map(({ at }) => at)
  const mirrors = users.flatMap((rule, index) => {
    const percent = mirroredIn(rule, sides)
    return percent > 0 || places.includes(index) ? [percent] : []
  })
  const named = all.some(({ backendRefs = [] }) => weightIn(backendRefs, sides) !== undefined)
  return {
    weights: weightsIn(users, change, sides, weightIn),
    ...(sides.baseline === undefined ? {} : { baselines: weightsIn(users, change, sides, baselineIn) }),
    mirrors,
    tested: users.length < all.length,
    marked: named || mirrors.some((percent) => percent > 0) || epochOf(route, release) !== undefined,
  }
}
