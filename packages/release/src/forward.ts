import { ENVIRONMENT, reasons } from './reasons.ts'
import type { Command, Plan, ReleaseRecord, State, StateIn, Step, World } from './record.ts'
import { canarySize, carries, stableNeed } from './sizing.ts'
import { askedMirror, askedWeight, type Moved, move, splitTo, stay, turnBack } from './way.ts'

type Climbing = StateIn<'preparing' | 'raising' | 'analysing' | 'holding'>

/**
 * Up to the verdict: ready, then weight, then watching. What each phase still needs is derived from the look alone.
 * Stable is untouched here, so a stable of another template means that somebody else released.
 */
export const climb = (record: ReleaseRecord, state: Climbing, world: World): Moved => {
  const { at } = world
  if (world.stable.hash !== record.stable.hash)
    return turnBack(record, at, { verdict: 'superseded', why: reasons.superseded(record, world) })
  if (at >= record.deadline) return turnBack(record, at, { verdict: 'inconclusive', why: reasons.deadline(record) })
  const broken = isSharedOutage(world) ? undefined : brokenCanary(record, world)
  if (broken) return turnBack(record, at, { verdict: 'rolled-back', why: broken })
  switch (state.phase) {
    case 'preparing':
      return prepare(record, state, world)
    case 'raising':
      return raise(record, state, world)
    case 'analysing':
      return watch(record, state, world)
    case 'holding': {
      const watched = watch(record, state, world)
      const over = watched.record === record && at - state.held >= record.plan.maxHold
      return over ? heldLongEnough(record, state, at) : watched
    }
  }
}

/** The next step of the plan, or the promotion after the last. */
export const advance = (record: ReleaseRecord, step: number, at: number): Moved =>
  step + 1 < record.plan.steps.length
    ? move(record, { phase: 'preparing', step: step + 1, since: at })
    : move(record, { phase: 'promoting', since: at, cancelled: false })

/** `max-hold` is over: `on-inconclusive` decides. Promoting still waits for the step's hold. */
export const heldLongEnough = (record: ReleaseRecord, state: StateIn<'holding'>, at: number): Moved => {
  switch (record.plan.onInconclusive) {
    case 'rollback':
      return turnBack(record, at, { verdict: 'inconclusive', why: state.why })
    case 'promote':
      return holdOver(record.plan, state, at) ? advance(record, state.step, at) : stay(record)
    case 'hold':
      return stay(record)
  }
}

/** Whether the step has been watched for its whole hold. */
export const holdOver = (plan: Plan, state: { readonly step: number; readonly since: number }, at: number): boolean =>
  at - state.since >= (plan.steps[state.step]?.hold ?? 0)

/** Why the canary's pods do not come, when that is the image's doing. What the environment does may heal and counts by time only. */
export const brokenCanary = (record: ReleaseRecord, { canary }: World) =>
  canary?.hash === record.canary.hash && canary.failed?.code !== ENVIRONMENT ? canary.failed : undefined

// Stable still runs the previous template here: when most of it is down too, the release is not to blame.
const isSharedOutage = ({ stable }: World): boolean => stable.available * 2 < stable.desired

const prepare = (record: ReleaseRecord, state: StateIn<'preparing'>, world: World): Moved => {
  const missing = missingParts(record, state.step, world)
  if (missing.length === 0 && allReady(world)) {
    const raised: State = { phase: 'raising', step: state.step, since: world.at }
    return move(record, raised, [stepSplit(record, state.step)])
  }
  if (world.at - state.since < record.plan.readyWithin) return stay(record, missing)
  return missing.length > 0
    ? turnBack(record, world.at, { verdict: 'error', why: reasons.notCreated(record) })
    : turnBackNotReady(record, world)
}

const raise = (record: ReleaseRecord, state: StateIn<'raising'>, world: World): Moved => {
  const { weight, mirror = 0 } = stepOf(record, state.step)
  const written = world.weight.written === weight && (world.weight.mirrored ?? 0) === mirror
  if (written && world.weight.accepted) return move(record, { phase: 'analysing', step: state.step, since: world.at })
  if (world.at - state.since >= record.plan.readyWithin)
    return allReady(world)
      ? turnBack(record, world.at, { verdict: 'error', why: reasons.notTaken(record, world) })
      : turnBackNotReady(record, world)
  if (written) return stay(record)
  // The clock goes on: pods that come and go must not keep the release between two phases for ever.
  if (missingParts(record, state.step, world).length > 0 || !allReady(world))
    return move(record, { phase: 'preparing', step: state.step, since: state.since })
  // Somebody raised it above what we asked: even the way to our own weight is down, and stable must carry the rest.
  const down = world.weight.written > weight
  if (down && !carries(world.stable.available, weight, stableNeed(record, world))) return stay(record)
  return stay(record, [splitTo(weight, mirror)])
}

const watch = (record: ReleaseRecord, state: StateIn<'analysing' | 'holding'>, world: World): Moved => {
  if (world.canary !== undefined && world.canary.hash !== record.canary.hash)
    return turnBack(record, world.at, { verdict: 'error', why: reasons.canaryChanged(record, world.canary.hash) })
  if (record.plan.split === 'weights' && !world.service)
    return turnBack(record, world.at, { verdict: 'error', why: reasons.serviceGone() })
  if ((world.canary?.ready ?? 0) === 0 && !isSharedOutage(world))
    return turnBack(record, world.at, { verdict: 'rolled-back', why: reasons.lostReadiness(world) })
  return world.weight.written === askedWeight(record) && (world.weight.mirrored ?? 0) === askedMirror(record)
    ? stay(record)
    : move(record, { phase: 'raising', step: state.step, since: world.at })
}

const missingParts = (record: ReleaseRecord, step: number, world: World): readonly Command[] => {
  const { canary } = world
  const split = record.plan.split !== 'weights'
  const { weight, mirror = 0 } = stepOf(record, step)
  // A copy is work as a share is: the canary has to carry it.
  const size = split ? 0 : canarySize(Math.max(weight, mirror), world.stable.desired, record.plan)
  const rightCanary = canary !== undefined && canary.hash === record.canary.hash && canary.desired >= size
  return [
    // While stable's share is smaller an autoscaler would shrink it, and what is left could not take everything back.
    ...(world.autoscalers?.frozen === false ? [{ do: 'freeze-autoscalers' } as const] : []),
    ...(split || world.service ? [] : [{ do: 'apply', role: 'service' } as const]),
    // Never shrunk on the way up: it may already carry the weight of the step before.
    ...(rightCanary ? [] : [{ do: 'apply', role: 'canary', replicas: Math.max(size, canary?.desired ?? 0) } as const]),
  ]
}

const allReady = ({ canary }: World): boolean => canary !== undefined && canary.ready >= canary.desired

const turnBackNotReady = (record: ReleaseRecord, world: World): Moved =>
  world.canary?.failed?.code === ENVIRONMENT
    ? turnBack(record, world.at, { verdict: 'error', why: world.canary.failed })
    : turnBack(record, world.at, { verdict: 'rolled-back', why: reasons.notReady(record, world) })

const stepOf = (record: ReleaseRecord, step: number): Step => record.plan.steps[step] ?? { weight: 0, hold: 0 }

const stepSplit = (record: ReleaseRecord, step: number): Command => {
  const { weight, mirror } = stepOf(record, step)
  return splitTo(weight, mirror)
}
