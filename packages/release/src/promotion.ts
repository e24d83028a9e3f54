import { brokenCanary } from './forward.ts'
import { reasons } from './reasons.ts'
import type { Command, ReleaseRecord, StateIn, World } from './record.ts'
import { carries, stableNeed } from './sizing.ts'
import { askedWeight, type Moved, move, splitTo, stay, turnBack } from './way.ts'

/**
 * Stable gets the analysed template while the canary holds its weight. Once stable is seen rolled out with the analysed hash the weight may go down;
 * until the deadline everything else is waited for, after it the previous template is given back. Who puts the previous template back meanwhile has the
 * last word. A fresh baseline leaves first: its share goes to stable before stable changes, and its pods when they have drained.
 */
export const promote = (record: ReleaseRecord, state: StateIn<'promoting'>, world: World): Moved => {
  if (state.cancelled) return stay(record)
  const { at, stable } = world
  if (stable.hash !== record.stable.hash && stable.hash !== record.canary.hash)
    return turnBack(record, at, {
      verdict: 'superseded',
      why: reasons.superseded(record, world),
      restore: false,
    })
  if (world.undone !== undefined)
    return world.undone.sure
      ? turnBack(record, at, { verdict: 'superseded', why: reasons.superseded(record, world), restore: false })
      : stay(record)
  if (isPromoted(record, world))
    return move(record, {
      phase: 'lowering',
      to: 'forward',
      weight: askedWeight(record),
      since: at,
      verdict: 'promoted',
      why: reasons.promoted(record),
      restore: false,
    })
  if (at >= record.deadline) return turnBack(record, at, { verdict: 'rolled-back', why: reasons.deadline(record) })
  const broken = brokenCanary(record, world)
  if (broken) return turnBack(record, at, { verdict: 'rolled-back', why: broken })
  if ((world.canary?.ready ?? 0) === 0)
    return turnBack(record, at, { verdict: 'rolled-back', why: reasons.lostReadiness(world) })
  if ((world.weight.baseline ?? 0) > 0) return part(record, state, world)
  const missing = [...missingForPromotion(record, world), ...partedPods(record, state, world)]
  const isParted = world.baseline !== undefined && world.weight.accepted && state.parted === undefined
  return isParted ? move(record, { ...state, parted: at }, missing) : stay(record, missing)
}

/** One write gives the fresh baseline's share to stable, as soon as stable can carry it; the canary keeps its own. */
const part = (record: ReleaseRecord, state: StateIn<'promoting'>, world: World): Moved => {
  const { stable, weight } = world
  const held = askedWeight(record)
  const size = stable.desired < record.stableReplicas ? [scaleTo(record)] : []
  const mayWrite = weight.written === held || areAllReady(world)
  if (!mayWrite || !carries(stable.available, held, stableNeed(record, world))) return stay(record, size)
  const { parted: _, ...rest } = state
  const asked = [...size, splitTo(held)]
  return state.parted === undefined ? stay(record, asked) : move(record, rest, asked)
}

/** Once the route has been without it for as long as a drain takes, nobody waits for an answer of the fresh baseline any more. */
const partedPods = (
  { plan }: ReleaseRecord,
  { parted }: StateIn<'promoting'>,
  { at, baseline }: World,
): readonly Command[] =>
  baseline !== undefined && baseline.desired > 0 && parted !== undefined && at - parted >= plan.drain
    ? [{ do: 'scale', role: 'baseline', to: 0 }]
    : []

/** Whether stable is fully available with the analysed template: what success rests on. */
export const isPromoted = (record: ReleaseRecord, { stable }: World): boolean =>
  stable.hash === record.canary.hash && stable.rolledOut && stable.available >= record.stableReplicas

const missingForPromotion = (record: ReleaseRecord, world: World): readonly Command[] => {
  const { stable, weight } = world
  const held = askedWeight(record)
  return [
    // The canary carries its share until stable is through: without its Service that share goes nowhere.
    ...(record.plan.split === 'weights' && !world.service ? [{ do: 'apply', role: 'service' } as const] : []),
    // Somebody raised it above: the way to our own weight is down, and stable must carry the rest.
    ...(weight.written !== held &&
    areAllReady(world) &&
    (weight.written < held || carries(stable.available, held, stableNeed(record, world)))
      ? [{ do: 'weight', to: held } as const]
      : []),
    ...(stable.hash === record.stable.hash ? [{ do: 'write-stable' } as const] : []),
    ...(stable.hash === record.canary.hash && stable.desired < record.stableReplicas ? [scaleTo(record)] : []),
  ]
}

const areAllReady = ({ canary }: World): boolean => canary !== undefined && canary.ready >= canary.desired

const scaleTo = ({ stableReplicas }: ReleaseRecord): Command => ({ do: 'scale', role: 'stable', to: stableReplicas })
