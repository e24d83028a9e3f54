import { isRestored, missingOfStable, servesNobody } from './back.ts'
import { isPromoted } from './promotion.ts'
import { reasons } from './reasons.ts'
import type { ReleaseRecord, StateIn, World } from './record.ts'
import { end, type Moved, move, stay } from './way.ts'

type Leaving = StateIn<'draining' | 'cleaning'>

/**
 * After weight 0: requests under way end (at most `plan.drain`), then the canary's pods, our part of the route and our objects go, one look between each.
 * `done` is said only for a stable seen whole; for one that stays short after `readyWithin` the verdict is `error`.
 */
export const cleanUpAfter = (record: ReleaseRecord, before: Leaving, world: World): Moved => {
  const state = superseded(record, before, world)
  if (world.weight.written !== 0) return move(record, { ...state, phase: 'lowering', weight: 0, since: world.at })
  if (state !== before) return move(record, state)
  return state.phase === 'draining' ? drain(record, state, world) : clean(record, state, world)
}

const superseded = (record: ReleaseRecord, state: Leaving, world: World): Leaving =>
  state.to === 'forward' && world.stable.hash !== record.canary.hash
    ? { ...state, to: 'back', verdict: 'superseded', why: reasons.superseded(record, world) }
    : state

const drain = (record: ReleaseRecord, state: Leaving, world: World): Moved =>
  world.drained === true || servesNobody(world) || world.at - state.since >= record.plan.drain
    ? move(record, { ...state, phase: 'cleaning', since: world.at })
    : stay(record)

const clean = (record: ReleaseRecord, state: Leaving, world: World): Moved => {
  const { canary, weight, leftovers } = world
  // Its controller has not taken weight 0: without our part the route may be well again, and only then nobody asks the canary.
  if (weight.marked && !weight.accepted) return stay(record, [{ do: 'restore-route' }])
  if (canary && canary.desired > 0) return stay(record, [{ do: 'scale', role: 'canary', to: 0 }])
  if (canary && canary.ready > 0) return stay(record)
  if (weight.marked) return stay(record, [{ do: 'restore-route' }])
  if (canary || leftovers > 0) return stay(record, [{ do: 'remove-created' }])
  if (isWhole(record, state, world)) return end(record, world.at, state)
  if (world.at - state.since >= record.plan.readyWithin)
    return end(record, world.at, { verdict: 'error', why: reasons.stableUnavailable(record, world, state.why) })
  return stay(record, missingOfStable(record, state, world))
}

const isWhole = (record: ReleaseRecord, state: Leaving, world: World): boolean =>
  state.to === 'forward' ? isPromoted(record, world) : isRestored(record, state, world)
