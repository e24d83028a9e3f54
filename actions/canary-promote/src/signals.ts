import type { Scrape } from '@sluice/evidence/reading'
import type { Reason, World } from '@sluice/release/record'

/**
 * What the always-on signals remember. Plain JSON. `starting`: restarts of canary containers before there was traffic (waiting for a database is no
 * failure under load). `first`: restarts by pod UID when the pod was first read. `unready`: looks in a row.
 */
export type SignalState = {
  readonly starting: number
  readonly first: Readonly<Record<string, number>>
  readonly baseline: { readonly restarts: number; readonly pods: number }
  readonly unready: number
}

/** The memory at the start of a release. */
export const noSignals: SignalState = { starting: 0, first: {}, baseline: { restarts: 0, pods: 0 }, unready: 0 }

/**
 * The signals that no counter of requests shows, and that need no plan: canary containers that restart more often than the baseline's, pod for pod,
 * and canary pods that stay unready for three looks while stable is whole. A node that takes both sides down is not the release's fault.
 * @returns the new memory, and the reason to go back where there is one
 */
export const watchSignals = (
  state: SignalState,
  scrape: Scrape,
  world: World,
): { readonly state: SignalState; readonly why?: Reason } => {
  const canary = world.canary
  if (canary === undefined) return { state }
  const seen = baselineRestarts(state, scrape)
  const stableWhole = world.stable.available >= world.stable.desired
  const unready = canary.ready < canary.desired && stableWhole ? state.unready + 1 : 0
  const after: SignalState = { ...seen, unready }
  const perBaselinePod = seen.baseline.restarts / Math.max(1, seen.baseline.pods)
  const restarts = Math.max(0, canary.restarts - state.starting)
  const perCanaryPod = restarts / Math.max(1, canary.desired)
  if (restarts > 0 && perCanaryPod > perBaselinePod) {
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
        text: `${canary.ready} of ${canary.desired} canary pods are ready, ${unready} looks in a row, while stable has all of its ${world.stable.desired}`,
        next: "Look at the canary pods' readiness probe and logs.",
      },
    }
  }
  return { state: after }
}

/** The memory after a look at pods that are still being made: unready ones are no loss. `first`: no step has had traffic yet. */
export const whilePreparing = (state: SignalState, world: World, first: boolean): SignalState => ({
  ...state,
  unready: 0,
  starting: first ? (world.canary?.restarts ?? 0) : state.starting,
})

const UNREADY_LOOKS = 3
const times = (count: number): string => (count === 1 ? 'once' : `${count} times`)

const baselineRestarts = (state: SignalState, scrape: Scrape): SignalState => {
  const parts = scrape.kind === 'sources' ? scrape.parts.map((part) => part.scrape) : [scrape]
  const readings = parts.flatMap((part) => (part.kind === 'pods' ? part.readings : []))
  // Two sources may show the same pod.
  const pods = [...new Map(readings.map((reading) => [reading.pod.uid, reading])).values()].filter(
    ({ side }) => side === 'baseline',
  )
  if (pods.length === 0) return state
  const known = pods.map(({ pod, restarts }) => [pod.uid, state.first[pod.uid] ?? restarts] as const)
  const first = Object.fromEntries(known)
  const restarts = pods.reduce((sum, each) => sum + each.restarts - (first[each.pod.uid] ?? each.restarts), 0)
  return { ...state, first, baseline: { restarts: Math.max(restarts, 0), pods: pods.length } }
}
