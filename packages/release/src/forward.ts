import { ENVIRONMENT, reasons } from './reasons.ts'
import type { Command, Plan, Pods, ReleaseRecord, State, StateIn, Step, World } from './record.ts'
import { canarySize, carries, stableNeed } from './sizing.ts'
import { isAsked, type Moved, move, splitTo, stay, turnBack } from './way.ts'

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
      // A judgement comes after each look and knows what was counted by now: it decides, unless none comes any more.
      const { maxHold, interval } = record.plan
      const over = watched.record === record && at - state.held >= maxHold + 2 * interval
      return over ? heldLongEnough(record, state, at) : watched
    }
  }
}

/** The next step of the plan, or the promotion after the last. */
export const advance = (record: ReleaseRecord, step: number, at: number): Moved =>
  step + 1 < record.plan.steps.length
    ? move(record, { phase: 'preparing', step: step + 1, since: at })
    : move(record, { phase: 'promoting', since: at, cancelled: false })

/**
 * `max-hold` is over: `on-inconclusive` decides. Promoting still waits for the step's hold, is remembered as what it is, and rests on something: a step in
 * which one side counted nothing turns back. Holding goes on until the judge passes the step, a person ends the release, or its deadline does.
 */
export const heldLongEnough = (record: ReleaseRecord, state: StateIn<'holding'>, at: number): Moved => {
  const { step, why, blind } = state
  switch (record.plan.onInconclusive) {
    case 'rollback':
      return turnBack(record, at, { verdict: 'inconclusive', why: reasons.heldTooLong(record, why) })
    case 'promote': {
      if (blind === true) return turnBack(record, at, { verdict: 'inconclusive', why: reasons.nothingToPromoteOn(why) })
      const overruled = [...(record.overruled ?? []), { step, why, at }]
      return holdOver(record.plan, state, at) ? advance({ ...record, overruled }, step, at) : stay(record)
    }
    case 'hold': {
      const waiting = { ...state, person: true } as const
      return isHeldAlike(record.state, waiting) ? stay(record) : move(record, waiting)
    }
  }
}

/** Whether a state is a holding of the same kind: its text may change from look to look, which nobody need save. */
export const isHeldAlike = (state: State, { why, blind, person }: StateIn<'holding'>): boolean =>
  state.phase === 'holding' && state.why.code === why.code && state.blind === blind && state.person === person

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
  if (missing.length === 0 && allReady(record, world)) {
    const raised: State = { phase: 'raising', step: state.step, since: world.at }
    return move(record, raised, mayAsk(record, state.step, world) ? [stepSplit(record, state.step)] : [])
  }
  if (world.at - state.since < record.plan.readyWithin) return stay(record, missing)
  return missing.length > 0
    ? turnBack(record, world.at, { verdict: 'error', why: reasons.notCreated(record) })
    : turnBackNotReady(record, world)
}

const raise = (record: ReleaseRecord, state: StateIn<'raising'>, world: World): Moved => {
  const written = isAsked(record, world)
  if (written && world.weight.accepted) return move(record, { phase: 'analysing', step: state.step, since: world.at })
  if (world.at - state.since >= record.plan.readyWithin)
    return allReady(record, world)
      ? turnBack(record, world.at, { verdict: 'error', why: reasons.notTaken(record, world) })
      : turnBackNotReady(record, world)
  if (written) return stay(record)
  // The clock goes on: pods that come and go must not keep the release between two phases for ever.
  if (missingParts(record, state.step, world).length > 0 || !allReady(record, world))
    return move(record, { phase: 'preparing', step: state.step, since: state.since })
  return stay(record, mayAsk(record, state.step, world) ? [stepSplit(record, state.step)] : [])
}

// Somebody raised it above what we asked: even the way to our own weight is down, and stable must carry the rest.
const mayAsk = (record: ReleaseRecord, step: number, world: World): boolean => {
  const { weight } = stepOf(record, step)
  const beside = isFresh(record) ? 2 * weight : weight
  const down = world.weight.written + (world.weight.baseline ?? 0) > beside
  return !down || carries(world.stable.available, beside, stableNeed(record, world))
}

const watch = (record: ReleaseRecord, state: StateIn<'analysing' | 'holding'>, world: World): Moved => {
  if (world.canary !== undefined && world.canary.hash !== record.canary.hash)
    return turnBack(record, world.at, { verdict: 'error', why: reasons.canaryChanged(record, world.canary.hash) })
  if (record.plan.split === 'weights' && !world.service)
    return turnBack(record, world.at, { verdict: 'error', why: reasons.serviceGone() })
  if ((world.canary?.ready ?? 0) === 0 && !isSharedOutage(world))
    return turnBack(record, world.at, { verdict: 'rolled-back', why: reasons.lostReadiness(world) })
  if (isFresh(record)) {
    const lost = lostBaseline(record, world)
    if (lost !== undefined) return lost
  }
  return isAsked(record, world) ? stay(record) : move(record, { phase: 'raising', step: state.step, since: world.at })
}

/** What befalls a fresh baseline says nothing of the release, but without it there is nothing to compare with, and its share is answered by nobody. */
const lostBaseline = (record: ReleaseRecord, world: World): Moved | undefined => {
  const { baseline, at } = world
  if (baseline !== undefined && baseline.hash !== record.stable.hash)
    return turnBack(record, at, { verdict: 'error', why: reasons.baselineChanged(record, baseline.hash) })
  if (world.baselineService !== true)
    return turnBack(record, at, { verdict: 'error', why: reasons.baselineServiceGone() })
  if ((baseline?.ready ?? 0) === 0 && !isSharedOutage(world))
    return turnBack(record, at, { verdict: 'inconclusive', why: reasons.lostBaseline(world) })
  return undefined
}

const missingParts = (record: ReleaseRecord, step: number, world: World): readonly Command[] => {
  const { canary, baseline } = world
  const split = record.plan.split !== 'weights'
  const fresh = isFresh(record)
  const { weight, mirror = 0 } = stepOf(record, step)
  // A copy is work as a share is: the canary has to carry it.
  const least = split ? 0 : canarySize(Math.max(weight, mirror), world.stable.desired, record.plan)
  // Never shrunk on the way up: it may already carry the weight of the step before. A fresh baseline is the canary's size whoever made that larger.
  const size = Math.max(least, canary?.desired ?? 0, fresh ? (baseline?.desired ?? 0) : 0)
  const isRight = (pods: Pods | undefined, hash: string): boolean => pods?.hash === hash && pods.desired >= size
  return [
    // While stable's share is smaller an autoscaler would shrink it, and what is left could not take everything back.
    ...(world.autoscalers?.frozen === false ? [{ do: 'freeze-autoscalers' } as const] : []),
    ...(split || world.service ? [] : [{ do: 'apply', role: 'service' } as const]),
    ...(fresh && world.baselineService !== true ? [{ do: 'apply', role: 'baseline-service' } as const] : []),
    ...(isRight(canary, record.canary.hash) ? [] : [{ do: 'apply', role: 'canary', replicas: size } as const]),
    // In the same look as the canary, so that its pods are as old and as cold.
    ...(!fresh || isRight(baseline, record.stable.hash)
      ? []
      : [{ do: 'apply', role: 'baseline', replicas: size } as const]),
  ]
}

const isFresh = ({ plan }: ReleaseRecord): boolean => plan.baseline === 'fresh'

const areReady = (pods: Pods | undefined): boolean => pods !== undefined && pods.ready >= pods.desired

const allReady = (record: ReleaseRecord, { canary, baseline }: World): boolean =>
  areReady(canary) && (!isFresh(record) || areReady(baseline))

const turnBackNotReady = (record: ReleaseRecord, world: World): Moved => {
  if (world.canary?.failed?.code === ENVIRONMENT)
    return turnBack(record, world.at, { verdict: 'error', why: world.canary.failed })
  // The previous template is what stable runs: that it does not come up a second time is no fault of the release.
  return areReady(world.canary)
    ? turnBack(record, world.at, { verdict: 'error', why: reasons.baselineNotReady(record, world) })
    : turnBack(record, world.at, { verdict: 'rolled-back', why: reasons.notReady(record, world) })
}

const stepOf = (record: ReleaseRecord, step: number): Step => record.plan.steps[step] ?? { weight: 0, hold: 0 }

const stepSplit = (record: ReleaseRecord, step: number): Command => {
  const { weight, mirror = 0 } = stepOf(record, step)
  return splitTo(weight, { mirror, baseline: isFresh(record) ? weight : 0 })
}
