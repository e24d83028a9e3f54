import { reasons } from './reasons.ts'
import type { Command, ReleaseRecord, StateIn, World } from './record.ts'
import { carries, lowestWeight, stableNeed } from './sizing.ts'
import { isOut, type Moved, move, splitTo, stay } from './way.ts'

type Lowering = StateIn<'lowering'>

/** Weights on the way down after a promotion, percent: each is gated on stable. */
const DOWN = [50, 25, 0] as const

/** The weight goes down as far as stable carries what it is given; the last read-back of 0 starts the draining. */
export const lower = (record: ReleaseRecord, state: Lowering, world: World): Moved => {
  // A route that is not taken for so long is one that only giving it back can mend.
  const taken = world.weight.accepted || isOverdue(record, state, world)
  if (isOut(world) && taken && mayLeave(record, state, world))
    return move(record, { ...wayOf(state), phase: 'draining', since: world.at })
  return state.to === 'forward' ? lowerForward(record, state, world) : lowerBack(record, state, world)
}

/** Whether a canary gets traffic in vain: with no ready pod its share is lost, whatever stable can carry. */
export const servesNobody = ({ canary }: World): boolean => (canary?.ready ?? 0) === 0

/**
 * What stable still needs to be the release's end of the way back: its previous template if promotion had begun and ours is live, and its size.
 * A template of somebody else is left alone.
 */
export const missingOfStable = (
  record: ReleaseRecord,
  { restore }: { readonly restore: boolean },
  { stable }: World,
): readonly Command[] => {
  if (restore && stable.hash === record.canary.hash) return [{ do: 'restore-stable' }]
  return stable.desired < record.stableReplicas ? [{ do: 'scale', role: 'stable', to: record.stableReplicas }] : []
}

/** Whether stable is back as it was; somebody else's template counts as theirs to judge. */
export const isRestored = (
  record: ReleaseRecord,
  { restore }: { readonly restore: boolean },
  { stable }: World,
): boolean => {
  if (restore && stable.hash === record.canary.hash) return false
  if (stable.hash !== record.stable.hash) return true
  return (stable.rolledOut || !restore) && stable.available >= record.stableReplicas
}

const wayOf = ({ to, verdict, why, restore }: Lowering) => ({ to, verdict, why, restore })

const mayLeave = (record: ReleaseRecord, state: Lowering, world: World): boolean =>
  state.to === 'forward' || servesNobody(world) || !mustKeep(record, state, world)

// A canary whose template passed carries its share until stable has its own again. Somebody else's template on stable is not ours to wait for.
const mustKeep = (record: ReleaseRecord, state: Lowering, world: World): boolean =>
  isPassed(record, state, world) && !isRestored(record, state, world)

const isPassed = (record: ReleaseRecord, { restore }: Lowering, { stable }: World): boolean =>
  restore && (stable.hash === record.stable.hash || stable.hash === record.canary.hash)

const lowerForward = (record: ReleaseRecord, state: Lowering, world: World): Moved => {
  if (world.stable.hash !== record.canary.hash)
    return backFromForward(record, state, world, { verdict: 'superseded', why: reasons.superseded(record, world) })
  const { written, accepted } = world.weight
  // The last weight before 0 need not be taken for ever: going lower is gated on stable alone. Only 0 itself must be taken.
  const settled = accepted || servesNobody(world) || isOverdue(record, state, world)
  const isDown = written === 0 && (world.weight.baseline ?? 0) === 0
  if (isDown || (written <= state.weight && !settled)) return stay(record)
  const need = stableNeed(record, world)
  // A route that somebody changed may refuse every weight but 0, which names no canary.
  const mayEnd = state.refused !== undefined && carries(world.stable.available, 0, need)
  const to = mayEnd ? 0 : (DOWN.find((weight) => weight < written) ?? 0)
  if (carries(world.stable.available, to, need)) return ask(record, state, world, [{ do: 'weight', to }])
  if (world.at >= record.deadline)
    return backFromForward(record, state, world, {
      verdict: 'rolled-back',
      why: reasons.deadline(record),
      restore: true,
    })
  return stay(record, missingOfStable(record, state, world))
}

// What the route refused on the way forward says nothing about the weights of the way back.
const backFromForward = (
  record: ReleaseRecord,
  { refused: _, ...state }: Lowering,
  world: World,
  way: Pick<Lowering, 'verdict' | 'why'> & { readonly restore?: boolean },
): Moved => move(record, { ...state, to: 'back', since: world.at, ...way })

const lowerBack = (record: ReleaseRecord, state: Lowering, world: World): Moved => {
  const missing = missingOfStable(record, state, world)
  const { written, baseline: share = 0 } = world.weight
  const { to, baseline } = lowestBack(record, state, world)
  // Copies go with the next write, whatever stable carries: their answers reach nobody.
  if (to === written && baseline === share && (world.weight.mirrored ?? 0) === 0) return stay(record, missing)
  const mayDivert = to === 0 && baseline === 0
  const around = mayDivert ? diversion(record, state, world) : []
  return ask(record, state, world, [...missing, ...around, splitTo(to, { baseline })])
}

/**
 * A route that may not be written goes on naming the canary; the canary's own Service may still be led to stable's pods. Only where stable could take
 * everything back, and never for mere copies: stable would answer the same request twice.
 */
const diversion = (record: ReleaseRecord, state: Lowering, world: World): readonly Command[] =>
  state.refused !== undefined &&
  record.plan.split === 'weights' &&
  world.weight.written + (world.weight.baseline ?? 0) > 0 &&
  // Copies that were asked for before may still be on their way out of the route.
  (world.weight.accepted || isOverdue(record, state, world)) &&
  world.service &&
  world.diverted !== true
    ? [{ do: 'divert-service' }]
    : []

/** How low both weights may go. What stable cannot carry yet the fresh baseline keeps before the canary does: it runs the previous template. */
const lowestBack = (
  record: ReleaseRecord,
  state: Lowering,
  world: World,
): { readonly to: number; readonly baseline: number } => {
  // Their shares are answered by stable's pods already.
  if (world.diverted === true) return { to: 0, baseline: 0 }
  const { written, baseline: share = 0 } = world.weight
  const least = lowestBeside(record, state, world)
  const baseline = (world.baseline?.ready ?? 0) === 0 ? 0 : Math.min(share, least)
  return { to: servesNobody(world) ? 0 : Math.min(written, Math.max(0, least - baseline)), baseline }
}

/** The least that what stands beside stable keeps of the requests, percent. */
const lowestBeside = (record: ReleaseRecord, state: Lowering, world: World): number => {
  if (mustKeep(record, state, world)) return 100
  // A rejected canary is not kept for a stable that stays short, but for one that is not there at all: then nothing else answers anybody.
  const served = world.stable.available > 0
  if (isOverdue(record, state, world) && !isPassed(record, state, world) && served) return 0
  return lowestWeight(world.stable.available, stableNeed(record, world))
}

const ask = (record: ReleaseRecord, state: Lowering, world: World, commands: readonly Command[]): Moved => {
  const asked = commands.findLast((command) => command.do === 'weight')
  const weight = asked?.to ?? state.weight
  if (weight === state.weight && (asked?.baseline ?? 0) === (state.baseline ?? 0)) return stay(record, commands)
  const { baseline: _, ...rest } = state
  const baseline = asked?.baseline === undefined ? {} : { baseline: asked.baseline }
  return move(record, { ...rest, weight, ...baseline, since: world.at }, commands)
}

const isOverdue = (record: ReleaseRecord, state: Lowering, world: World): boolean =>
  world.at - state.since >= record.plan.readyWithin
