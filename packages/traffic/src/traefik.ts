import type { Cluster } from '@sluice/kubernetes/cluster'
import { type Change, epochOf } from '@sluice/kubernetes/fenced'
import { inTurn, liveObjects, refusedWrite, withoutMark, writeObject, writeOutcome } from './objects.ts'
import { baseOf, orderless, percentIn, portioned, sameEntries, withoutTheCanary } from './portions.ts'
import { readTogether, refuseWrong } from './reading.ts'
import type { RouteChange, Router, RouteWrite } from './router.ts'
import {
  changeOfService,
  entriesIn,
  originalEntries,
  pairOf,
  SERVICES,
  selectServices,
  type TraefikGiven,
  type TraefikService,
  WEIGHTED,
  type WeightedEntry,
} from './traefik-services.ts'
import { selectTesters, testersOf } from './traefik-tester.ts'

/**
 * Splits by the weights of TraefikServices. The list is always computed from the saved original and replaced by a JSON Patch that tests version, UID
 * and epoch; at weight 0 it is the original again, because Traefik drops a TraefikService of which it cannot resolve one Service.
 * A tester's session is an IngressRoute of our own beside each that leads here. Source: Traefik 3.5 reference, kind TraefikService.
 */
export const traefik = (cluster: Cluster, given: TraefikGiven): Router => {
  const pair = pairOf(given)
  const testers = testersOf(cluster, given)
  const ofKind = (changes: readonly RouteChange[], kind: string) => changes.filter(({ ref }) => ref.kind === kind)
  const split = (changes: readonly RouteChange[]) => ofKind(changes, 'TraefikService')
  const dialectOf = ({ ref }: RouteChange) => entriesIn(ref.namespace, given)

  const each = (
    changes: readonly RouteChange[],
    epoch: number,
    decide: (object: TraefikService, change: RouteChange) => Change,
    absent: 'fine' | 'refused',
  ): Promise<RouteWrite> =>
    inTurn(split(changes), async (change) => {
      const target = { ref: change.ref, plural: SERVICES.resource }
      const fence = { epoch, owned: given.owned, release: given.release }
      const result = await writeObject<TraefikService>(cluster, target, fence, (object) => decide(object, change))
      // One that is gone sends nothing to anybody: there is nothing to keep others from, and nothing to give back.
      return result.kind === 'absent' && absent === 'fine' ? { kind: 'written' } : writeOutcome(result, change.ref)
    })

  const known = (object: TraefikService, change: RouteChange): boolean =>
    sameEntries(listOf(object), originalEntries(change), dialectOf(change), pair)
  /** The saved list with the weights that somebody gave other services meanwhile. */
  const base = (object: TraefikService, change: RouteChange): readonly WeightedEntry[] => {
    const [original, dialect] = [originalEntries(change), dialectOf(change)]
    const split = (weight: number) => portioned(original, dialect, pair, weight)
    return baseOf(original, listOf(object), pair, { dialect, split })
  }
  const freed = (object: TraefikService, change: RouteChange): readonly WeightedEntry[] =>
    known(object, change) ? base(object, change) : withoutTheCanary(listOf(object), dialectOf(change), pair)

  /** Naming a Service that does not exist would take stable's traffic down with it. */
  const canaryStands = async (): Promise<boolean> =>
    (await cluster.get({ apiVersion: 'v1', resource: 'services', namespace: given.namespace }, pair.canary)) !==
    undefined

  return {
    name: 'traefik',
    preflight: async () => {
      const { selected, findings } = await selectServices(cluster, given)
      return [...findings, ...(await selectTesters(cluster, given, selected)).findings]
    },

    changes: async () => {
      const { selected, findings } = await selectServices(cluster, given)
      const testing = await selectTesters(cluster, given, selected)
      refuseWrong([...findings, ...testing.findings])
      return [...selected.map((service) => changeOfService(service, given.release)), ...testing.changes]
    },

    stamp: async (changes, epoch) => {
      const marked = await each(changes, epoch, () => ({ kind: 'patch', operations: [], mark: 'keep' }), 'fine')
      return marked.kind === 'refused' ? marked : testers.stamp(changes, epoch)
    },

    set: async ({ weight, mirror = 0 }, changes, epoch) => {
      if (mirror > 0) return refusedWrite('this router cannot copy requests to the canary: use gateway-api or istio')
      if (weight > 0 && !(await canaryStands()))
        return refusedWrite(
          `Service ${given.namespace}/${pair.canary} does not exist: Traefik would drop all that names it`,
        )
      const written = await each(
        changes,
        epoch,
        (object, change) => {
          if (weight === 0) return { kind: 'patch', operations: replaced(object, freed(object, change)), mark: 'keep' }
          if (!known(object, change)) return { kind: 'refuse', text: changedByOthers }
          const wanted = portioned(base(object, change), dialectOf(change), pair, weight)
          return { kind: 'patch', operations: replaced(object, wanted), mark: 'keep' }
        },
        weight === 0 ? 'fine' : 'refused',
      )
      if (written.kind === 'refused') return written
      return weight === 0 ? testers.remove(changes, epoch) : testers.put(changes, epoch)
    },

    current: async (changes) => {
      const live = await liveObjects<TraefikService>(cluster, split(changes), SERVICES.resource)
      const percents = live.map(({ object, change }) => percentIn(listOf(object), dialectOf(change), pair))
      const tested = await testers.exist(changes)
      const named = percents.some((percent) => percent !== undefined)
      return readTogether([
        {
          weights: percents.map((percent) => percent ?? 0),
          mirrors: [],
          tested,
          marked: named || tested || live.some(({ object }) => epochOf(object, given.release) !== undefined),
        },
      ])
    },

    verify: async (changes) => {
      const live = await liveObjects<TraefikService>(cluster, split(changes), SERVICES.resource)
      if (live.every(({ object, change }) => percentIn(listOf(object), dialectOf(change), pair) === undefined))
        return { accepted: true }
      if (!(await canaryStands()))
        return {
          accepted: false,
          text: `Service ${given.namespace}/${pair.canary} does not exist: Traefik drops all that names it`,
        }
      return { accepted: true, text: UNSEEN }
    },

    cleanup: async (changes, epoch) => {
      const restored = await each(
        changes,
        epoch,
        (object, change) => {
          const { operations, mark } = withoutMark(object, change, given.release)
          return { kind: 'patch', operations: [...replaced(object, freed(object, change)), ...operations], mark }
        },
        'fine',
      )
      return restored.kind === 'refused' ? restored : testers.remove(changes, epoch)
    },
  }
}

const UNSEEN =
  'written; Traefik reports nothing of a TraefikService, so that it has taken it up cannot be seen: by its settings it does so within 2 s'
const changedByOthers = 'its services are not those that the release began with: someone else changed them'

const listOf = ({ spec }: TraefikService): readonly WeightedEntry[] => spec?.weighted?.services ?? []

const replaced = (object: TraefikService, wanted: readonly WeightedEntry[]) => {
  const live = object.spec?.weighted?.services
  // Someone made it another kind of service: there is no list to write to.
  if (live === undefined || orderless(live) === orderless(wanted)) return []
  return [{ op: 'replace' as const, path: WEIGHTED, value: wanted }]
}
