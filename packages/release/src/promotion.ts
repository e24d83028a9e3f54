import { brokenCanary } from './forward.ts'
import { reasons } from './reasons.ts'
import type { Command, ReleaseRecord, StateIn, World } from './record.ts'
import { askedWeight, type Moved, move, stay, turnBack } from './way.ts'

/**
 * Stable gets the analysed template while the canary holds its weight. Once stable is seen rolled out with the analysed hash the weight may go down;
 * until the deadline everything else is waited for, after it the previous template is given back. Who puts the previous template back meanwhile has the
 * last word.
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
  return stay(record, missingForPromotion(record, world))
}

/** Whether stable is fully available with the analysed template: what success rests on. */
export const isPromoted = (record: ReleaseRecord, { stable }: World): boolean =>
  stable.hash === record.canary.hash && stable.rolledOut && stable.available >= record.stableReplicas

const missingForPromotion = (record: ReleaseRecord, world: World): readonly Command[] => {
  const { stable, weight, canary } = world
  const held = askedWeight(record)
  const mayRaise = canary !== undefined && canary.ready >= canary.desired
  return [
    // The canary carries its share until stable is through: without its Service that share goes nowhere.
    ...(record.plan.split === 'weights' && !world.service ? [{ do: 'apply', role: 'service' } as const] : []),
    ...(weight.written !== held && mayRaise ? [{ do: 'weight', to: held } as const] : []),
    ...(stable.hash === record.stable.hash ? [{ do: 'write-stable' } as const] : []),
    ...(stable.hash === record.canary.hash && stable.desired < record.stableReplicas
      ? [{ do: 'scale', role: 'stable', to: record.stableReplicas } as const]
      : []),
  ]
}
