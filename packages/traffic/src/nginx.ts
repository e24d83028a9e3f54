import type { Cluster } from '@sluice/kubernetes/cluster'
import { isMade, make, stampMade, unmake } from './made.ts'
import {
  anothers,
  askedOf,
  canaryIngress,
  canaryPlace,
  type Ingress,
  type IngressSides,
  isOwn,
  reaches,
  silenced,
} from './nginx-ingress.ts'
import { type NginxQuestion, selectIngresses } from './nginx-selection.ts'
import { inTurn, refusedWrite } from './objects.ts'
import { acceptedByAll, isNothing, readTogether, refuseWrong } from './reading.ts'
import type { RouteAcceptance, RouteChange, Router, RouteWrite } from './router.ts'

/** `route`: one name or several by commas; empty: the only Ingress that reaches the Service. `owner`: `runId/attempt`, on what is made. */
export type NginxGiven = NginxQuestion & {
  readonly owner?: string | undefined
  /** Whether the saved record still has this epoch; asked before an Ingress is made. */
  readonly owned?: ((epoch: number) => Promise<boolean>) | undefined
}

/**
 * Splits by an Ingress of our own beside the user's, marked as a canary for ingress-nginx. The user's stays untouched: it is read for what to copy, and
 * what others change in it is copied with the next weight. Source: ingress-nginx user guide, Annotations, Canary.
 */
export const nginx = (cluster: Cluster, given: NginxGiven): Router => {
  const sides: IngressSides = {
    stable: given.service,
    canary: given.canaryService ?? `${given.service}-canary`,
    rule: given.rule,
  }
  const tester = given.tester ?? undefined
  const fenceOf = (epoch: number) => ({
    epoch,
    release: given.release,
    owned: given.owned && (() => given.owned?.(epoch) ?? Promise.resolve(true)),
  })
  const stableOf = async ({ ref }: RouteChange): Promise<Ingress | undefined> => {
    const found = await cluster.get<Ingress>(canaryPlace({ ref }).resource, ref.name)
    return found?.metadata.uid === ref.uid ? found : undefined
  }
  const standingBy = async (change: RouteChange): Promise<Ingress | undefined> => {
    const { resource, name } = canaryPlace(change)
    return cluster.get<Ingress>(resource, name)
  }
  const canaryOf = async (change: RouteChange): Promise<Ingress | undefined> => {
    const found = await standingBy(change)
    return found !== undefined && isOwn(found, sides, given.release) ? found : undefined
  }
  /** What is not this release's is left alone. */
  const ifOurs = (changes: readonly RouteChange[], act: (change: RouteChange) => Promise<RouteWrite>) =>
    inTurn(changes, async (change) => ((await canaryOf(change)) === undefined ? { kind: 'written' } : act(change)))

  const ask = async (change: RouteChange, weight: number, epoch: number): Promise<RouteWrite> => {
    const stable = await stableOf(change)
    const where = `Ingress ${change.ref.namespace}/${change.ref.name}`
    if (stable === undefined) return refusedWrite(`${where} was deleted, or made anew, while the release was going on`)
    if (!reaches(stable, sides))
      return refusedWrite(`${where} sends nothing to Service ${sides.stable} any more: someone else changed it`)
    const found = await standingBy(change)
    if (found !== undefined && isMade(found, given.release) && !isOwn(found, sides, given.release))
      return refusedWrite(`${anothers(found)}; it is to be waited for`)
    const { owner = 'sluice' } = given
    const wanted = canaryIngress({ ...stable, apiVersion: change.ref.apiVersion }, sides, weight, tester)
    return make(cluster, canaryPlace(change), wanted, { ...fenceOf(epoch), owner })
  }

  const silence = async (change: RouteChange, epoch: number): Promise<RouteWrite> => {
    const canary = await canaryOf(change)
    if (canary === undefined) return { kind: 'written' }
    const { owner = 'sluice' } = given
    return make(cluster, canaryPlace(change), silenced(canary), { ...fenceOf(epoch), owner })
  }

  return {
    name: 'nginx',
    preflight: async () => (await selectIngresses(cluster, given)).findings,

    changes: async () => {
      const { selected, findings } = await selectIngresses(cluster, given)
      refuseWrong(findings)
      return selected.map(({ apiVersion, metadata }) => ({
        ref: {
          apiVersion,
          kind: 'Ingress',
          namespace: metadata.namespace ?? given.namespace,
          name: metadata.name,
          uid: metadata.uid ?? '',
        },
        before: [],
      }))
    },

    stamp: (changes, epoch) => ifOurs(changes, (change) => stampMade(cluster, canaryPlace(change), fenceOf(epoch))),

    set: async (asked, changes, epoch) => {
      if ((asked.mirror ?? 0) > 0) return refusedWrite('ingress-nginx cannot copy requests to a canary')
      if (tester !== undefined && 'cookie' in tester && tester.value !== 'always')
        return refusedWrite(`ingress-nginx matches a cookie's value always alone, not ${tester.value}`)
      return inTurn(changes, (change) => (isNothing(asked) ? silence(change, epoch) : ask(change, asked.weight, epoch)))
    },

    current: async (changes) => {
      const canaries = await Promise.all(changes.map(canaryOf))
      return readTogether(
        canaries.map((canary) => {
          if (canary === undefined) return { weights: [0], mirrors: [], tested: false, marked: false }
          const { percent, tested } = askedOf(canary)
          return { weights: [percent], mirrors: [], tested, marked: true }
        }),
      )
    },

    verify: async (changes) =>
      acceptedByAll(
        await Promise.all(changes.map(async (change) => acceptanceOf(await canaryOf(change), await stableOf(change)))),
      ),

    cleanup: (changes, epoch) => ifOurs(changes, (change) => unmake(cluster, canaryPlace(change), fenceOf(epoch))),
  }
}

/**
 * All that the controller tells: once a minute its leader writes its addresses to the Ingresses that it serves. Where it does so for stable's, the
 * canary's without them is not served yet; whether it has loaded the weight that is written now is said nowhere.
 */
const acceptanceOf = (canary: Ingress | undefined, stable: Ingress | undefined): RouteAcceptance => {
  if (canary === undefined) return { accepted: true }
  const where = `Ingress ${canary.metadata.namespace}/${canary.metadata.name}`
  const text = `${where} is written; ingress-nginx does not report which weight it has loaded`
  if (isServed(canary) || !isServed(stable) || askedOf(canary).percent === 0) return { accepted: true, text }
  return {
    accepted: false,
    text: `${where}: ingress-nginx has not written its address to it yet, which it does once a minute`,
  }
}

const isServed = (ingress: Ingress | undefined): boolean => (ingress?.status?.loadBalancer?.ingress ?? []).length > 0
