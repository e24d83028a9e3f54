import { isRestored, missingOfStable, servesNobody } from './back.ts'
import { isPromoted } from './promotion.ts'
import { reasons } from './reasons.ts'
import type { Command, ReleaseRecord, StateIn, World } from './record.ts'
import { end, isOut, type Moved, move, stay } from './way.ts'

type Leaving = StateIn<'draining' | 'cleaning'>

/**
 * After weight 0: requests under way end (at most `plan.drain`), then the canary's pods, our part of the route and our objects go, one look between each.
 * `done` is said only for a stable seen whole; for one that stays short after `readyWithin` the verdict is `error`.
 */
export const cleanUpAfter = (record: ReleaseRecord, before: Leaving, world: World): Moved => {
  const state = superseded(record, before, world)
  if (!isOut(world)) return move(record, { ...wayOf(state), phase: 'lowering', weight: 0, since: world.at })
  if (state !== before) return move(record, state)
  return state.phase === 'draining' ? drain(record, state, world) : clean(record, state, world)
}

const superseded = (record: ReleaseRecord, state: Leaving, world: World): Leaving =>
  state.to === 'forward' && world.stable.hash !== record.canary.hash
    ? { ...state, to: 'back', verdict: 'superseded', why: reasons.superseded(record, world) }
    : state

const drain = (record: ReleaseRecord, state: Leaving, world: World): Moved =>
  world.drained === true || isEmpty(world) || world.at - state.since >= record.plan.drain
    ? move(record, { ...wayOf(state), phase: 'cleaning', since: world.at })
    : stay(record)

/** No pod beside stable's is there to end a request. */
const isEmpty = (world: World): boolean => servesNobody(world) && (world.baseline?.ready ?? 0) === 0

const clean = (record: ReleaseRecord, state: StateIn<'cleaning'>, world: World): Moved => {
  const { canary, baseline, weight, leftovers } = world
  // Its controller has not taken weight 0: without our part the route may be well again, and only then nobody asks the canary.
  if (weight.marked && !weight.accepted) return stay(record, [{ do: 'restore-route' }])
  const sized: readonly Command[] = [
    ...(canary && canary.desired > 0 ? [{ do: 'scale', role: 'canary', to: 0 } as const] : []),
    ...(baseline && baseline.desired > 0 ? [{ do: 'scale', role: 'baseline', to: 0 } as const] : []),
  ]
  if (sized.length > 0) return stay(record, sized)
  if (!isEmpty(world)) return stay(record)
  if (weight.marked) return stay(record, [{ do: 'restore-route' }])
  if (canary || baseline || leftovers > 0) return stay(record, [{ do: 'remove-created' }])
  // From here on an autoscaler decides how large stable is.
  const size = state.whole ? Math.min(record.stableReplicas, world.stable.desired) : record.stableReplicas
  if (isWhole({ ...record, stableReplicas: size }, state, world)) return release(record, state, world)
  if (world.at - state.since >= record.plan.readyWithin)
    return release(
      record,
      { ...state, verdict: 'error', why: reasons.stableUnavailable(record, world, state.why) },
      world,
    )
  if (!state.whole) return stay(record, missingOfStable(record, state, world))
  return stay(record, world.autoscalers?.marked === true ? restored : [])
}

/** Autoscalers are given back last: until now they would have shrunk a stable that had just been made whole. */
const release = (record: ReleaseRecord, state: StateIn<'cleaning'>, world: World): Moved => {
  if (world.autoscalers?.marked !== true) return end(record, world.at, state)
  return state.whole ? stay(record, restored) : move(record, { ...state, whole: true, since: world.at }, restored)
}

const restored: readonly Command[] = [{ do: 'restore-autoscalers' }]

const wayOf = ({ to, verdict, why, restore }: Leaving) => ({ to, verdict, why, restore })

const isWhole = (record: ReleaseRecord, state: Leaving, world: World): boolean =>
  state.to === 'forward' ? isPromoted(record, world) : isRestored(record, state, world)
