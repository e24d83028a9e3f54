import type { PodReading, Scrape, Single } from '@sluice/evidence/reading'
import type { Reason, World } from '@sluice/release/record'

/**
 * What the always-on signals remember. Plain JSON. `starting`: restarts of canary containers before there was traffic (waiting for a database is no
 * failure under load). `first`: restarts by pod UID when the pod was first read. `unready`: looks in a row. `restarts`: the canary's at the look before,
 * and `short`: not all of its pods were ready then; absent in what was saved before they were kept. `partly`: looks in a row that read not all of the
 * baseline's pods; absent: none.
 */
export type SignalState = {
  readonly starting: number
  readonly first: Readonly<Record<string, number>>
  readonly baseline: { readonly restarts: number; readonly pods: number }
  readonly unready: number
  readonly restarts?: number
  readonly short?: boolean
  readonly partly?: number
}

/** The memory at the start of a release. */
export const noSignals: SignalState = { starting: 0, first: {}, baseline: { restarts: 0, pods: 0 }, unready: 0 }

/**
 * The signals that no counter of requests shows, and that need no plan: canary containers that restart more often than the baseline's, pod for pod,
 * and canary pods that stay unready for three looks while stable is whole. A node that takes both sides down is not the release's fault, nor is a
 * database that ends both sides' processes: restarts are compared only where stable is whole and its pods were read. They are sums, so the next such look
 * decides by all of them. The canary's are of this look's world: what an earlier look had asked for may not show yet what both sides had since.
 * @param unread the baseline's pods that were to be read at this look and did not answer; some that stay so for three looks are no crash, and are left out
 * @returns the new memory, and the reason to go back where there is one
 */
export const watchSignals = (
  state: SignalState,
  scrape: Scrape,
  world: World,
  unread: readonly string[] = [],
): { readonly state: SignalState; readonly why?: Reason } => {
  const canary = world.canary
  if (canary === undefined) return { state }
  const pods = baselinePods(scrape)
  const seen = baselineRestarts(state, pods, unread)
  // A fresh baseline is what the canary is compared with in everything.
  const beside = world.baseline ?? { desired: world.stable.desired, ready: world.stable.available }
  const stableWhole = beside.ready >= beside.desired
  const short = canary.ready < canary.desired
  const unready = short && stableWhole ? state.unready + 1 : 0
  const partly = unread.length > 0 && pods.length > 0 && stableWhole ? (state.partly ?? 0) + 1 : 0
  const after: SignalState = { ...seen, unready, partly, restarts: canary.restarts, short }
  const isComparable =
    stableWhole && pods.length > 0 && !isLate(scrape) && (unread.length === 0 || partly >= UNREADY_LOOKS)
  const perBaselinePod = seen.baseline.restarts / Math.max(1, seen.baseline.pods)
  const restarts = Math.max(0, canary.restarts - state.starting)
  const perCanaryPod = restarts / Math.max(1, canary.desired)
  if (isComparable && restarts > 0 && perCanaryPod > perBaselinePod) {
    return {
      state: after,
      why: {
        code: 'restarts',
        text: `containers of ${canary.desired} canary pods restarted ${times(restarts)} under traffic, those of ${seen.baseline.pods} baseline pods ${times(seen.baseline.restarts)}`,
        next: "Look at the canary pods' last state and logs: a crash, or memory beyond its limit.",
      },
    }
  }
  if (unready >= UNREADY_LOOKS) {
    return {
      state: after,
      why: {
        code: 'lost-readiness',
        text: `${canary.ready} of ${canary.desired} canary pods are ready, ${unready} looks in a row, while ${world.baseline === undefined ? 'stable' : 'the fresh baseline'} has all of its ${beside.desired}`,
        next: "Look at the canary pods' readiness probe and logs.",
      },
    }
  }
  return { state: after }
}

/**
 * The memory after a look at pods that are still being made: unready ones are no loss. Restarts count from here on, on both sides.
 * @param making `first`: no step has had traffic yet, and no restart counts. `more`: pods are added for a later step. What restarts while the canary is not
 *   whole is taken for one of them, which waits for its database; the price is that an old pod's restart in that time does not count either, as the cluster
 *   gives their sum. `none`: all are ready and the weight is on its way.
 */
export const whilePreparing = (
  state: SignalState,
  scrape: Scrape,
  world: World,
  { making, unread = [] }: { readonly making: 'first' | 'more' | 'none'; readonly unread?: readonly string[] },
): SignalState => {
  const pods = baselinePods(scrape)
  const seen = baselineRestarts(making === 'first' ? { ...state, first: {} } : state, pods, unread)
  if (world.canary === undefined) return { ...seen, unready: 0, starting: making === 'first' ? 0 : state.starting }
  const { restarts, ready, desired } = world.canary
  const short = ready < desired
  // One that restarted between two looks and is ready at the second was starting, too.
  const isStarting = making === 'more' && (short || state.short === true)
  const added = isStarting ? Math.max(0, restarts - (state.restarts ?? restarts)) : 0
  return { ...seen, unready: 0, starting: making === 'first' ? restarts : state.starting + added, restarts, short }
}

const UNREADY_LOOKS = 3
const times = (count: number): string => (count === 1 ? 'once' : `${count} times`)

/** Whether readings of the baseline's pods were begun before this look. */
const isLate = (scrape: Scrape): boolean =>
  singles(scrape).some(
    (single) =>
      single.kind === 'pods' && single.readings.some(({ side }) => side === 'baseline') && single.late === true,
  )

const singles = (scrape: Scrape): readonly Single[] =>
  scrape.kind === 'sources' ? scrape.parts.map((part) => part.scrape) : [scrape]

const baselinePods = (scrape: Scrape): readonly PodReading[] => {
  const readings = singles(scrape).flatMap((part) => (part.kind === 'pods' ? part.readings : []))
  // Two sources may show the same pod.
  return [...new Map(readings.map((reading) => [reading.pod.uid, reading])).values()].filter(
    ({ side }) => side === 'baseline',
  )
}

const baselineRestarts = (state: SignalState, pods: readonly PodReading[], unread: readonly string[]): SignalState => {
  if (pods.length === 0) return state
  const known = pods.map(({ pod, restarts }) => [pod.uid, state.first[pod.uid] ?? restarts] as const)
  // A pod that does not answer now keeps its line: it may come back with the restart that everybody had.
  const first = { ...(unread.length > 0 ? state.first : {}), ...Object.fromEntries(known) }
  const restarts = pods.reduce((sum, each) => sum + each.restarts - (first[each.pod.uid] ?? each.restarts), 0)
  return { ...state, first, baseline: { restarts: Math.max(restarts, 0), pods: pods.length } }
}
