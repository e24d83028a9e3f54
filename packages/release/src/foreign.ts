import { reasons } from './reasons.ts'
import type { Command, Difference, Foreign, ReleaseRecord, Undone, World } from './record.ts'
import { canarySize } from './sizing.ts'
import { askedBaseline, askedMirror, askedWeight, isAsked, type Moved, splitTo, turnBack } from './way.ts'

/**
 * What this run knows to be in the cluster because it wrote it there, or saw it there as it was asked. Kept by the run alone: what changed while nobody
 * looked is put right by the phases, but nobody is blamed for it. `canary`, `pods`: the sizes of the canary's and the fresh baseline's Deployment; `baseline`: the share of the latter. `promoted`: stable was given the analysed template,
 * was seen with it, or was seen without it once after that.
 */
export type Written = {
  readonly weight?: number
  readonly mirror?: number
  readonly baseline?: number
  readonly canary?: number
  readonly pods?: number
  readonly promoted?: 'written' | 'seen' | 'doubted'
}

/** Before the first look. */
export const nothingWritten: Written = {}

/** What is known after a command: done as asked, or refused, with an answer that may have been lost after the write. */
export const afterCommand = (written: Written, command: Command, answer: 'done' | 'refused'): Written => {
  switch (command.do) {
    case 'weight': {
      // Split by replicas the router sizes the canary.
      const { weight: _weight, mirror: _mirror, baseline: _baseline, canary: _canary, ...rest } = written
      return answer === 'done'
        ? { ...rest, weight: command.to, mirror: command.mirror ?? 0, baseline: command.baseline ?? 0 }
        : rest
    }
    case 'apply':
    case 'scale': {
      if (command.role !== 'canary' && command.role !== 'baseline') return written
      const key = command.role === 'canary' ? 'canary' : 'pods'
      const { [key]: _, ...rest } = written
      const size = command.do === 'scale' ? command.to : command.replicas
      return answer === 'done' && size !== undefined ? { ...rest, [key]: size } : rest
    }
    case 'write-stable': {
      const { promoted: _, ...rest } = written
      return answer === 'done' ? { ...rest, promoted: 'written' } : rest
    }
    default:
      return written
  }
}

/** What is known after a look: what shows as it was asked, and the size of a canary that is large enough for its step. */
export const afterLook = (written: Written, record: ReleaseRecord, world: World): Written => {
  if (!isWatched(record)) return written
  const { state, plan } = record
  const [weight, mirror, baseline] = [askedWeight(record), askedMirror(record), askedBaseline(record)]
  const asAsked = isAsked(record, world)
  const least = plan.split !== 'weights' ? 0 : canarySize(Math.max(weight, mirror), record.stableReplicas, plan)
  const mayAdopt = state.phase === 'analysing' || state.phase === 'holding'
  const promoted = promotedIn(written, record, world)
  return {
    ...written,
    ...(promoted === undefined ? {} : { promoted }),
    ...(asAsked ? { weight, mirror, baseline } : {}),
    ...(mayAdopt && asAsked && written.canary === undefined && world.canary !== undefined
      ? { canary: Math.max(least, world.canary.desired) }
      : {}),
    ...(mayAdopt && asAsked && written.pods === undefined && world.baseline !== undefined
      ? { pods: Math.max(least, world.baseline.desired) }
      : {}),
  }
}

/**
 * What in the cluster is no longer what this run wrote. Somebody who makes stable larger, or the canary where a router splits, is let be: only less
 * than was written can hurt. Templates are not compared here: another one ends the release at once, as nothing that was not analysed is promoted. For the
 * previous one see `undone`.
 */
export const differences = (written: Written, record: ReleaseRecord, world: World): readonly Difference[] => {
  if (!isWatched(record)) return []
  const { stable, canary, baseline, weight } = world
  const found: Difference[] = []
  const [mirrored, share] = [weight.mirrored ?? 0, weight.baseline ?? 0]
  const isWritten =
    weight.written === written.weight && mirrored === written.mirror && share === (written.baseline ?? 0)
  if (written.weight !== undefined && !isWritten && !isAsked(record, world) && isHeld(record))
    found.push({
      what: 'weight',
      text: `the route sends the canary ${inWords(weight.written, mirrored, share)}, and this release wrote ${inWords(written.weight, written.mirror ?? 0, written.baseline ?? 0)}`,
      wanted: written.weight,
    })
  // Its controller sizes the canary, and does so again when stable's size changes.
  const size = record.plan.split === 'controller' ? undefined : written.canary
  if (size !== undefined && canary?.hash === record.canary.hash && isChanged(record, canary.desired, size))
    found.push({
      what: 'canary-replicas',
      text: `the canary was scaled to ${canary.desired}, and this release wrote ${size}`,
      wanted: size,
    })
  const pods = record.state.phase === 'promoting' ? undefined : written.pods
  if (pods !== undefined && baseline?.hash === record.stable.hash && baseline.desired < pods)
    found.push({
      what: 'baseline-replicas',
      text: `the fresh baseline was scaled to ${baseline.desired}, and this release wrote ${pods}`,
      wanted: pods,
    })
  if (stable.hash !== '' && stable.desired < record.stableReplicas && !isFirstStep(record))
    found.push({
      what: 'stable-replicas',
      text: `stable was scaled to ${stable.desired}, and all of the traffic needs the ${record.stableReplicas} that it had before the release`,
      wanted: record.stableReplicas,
    })
  return found
}

/**
 * Whether somebody put stable's previous template back while it was being promoted: a rollback by hand, or a tool that follows Git. A run that neither wrote
 * nor saw the analysed one there knows nothing, and asks for it. The first look may be a late answer, so nothing is written over it until the second.
 */
export const undone = (written: Written, record: ReleaseRecord, world: World): Undone | undefined => {
  const { promoted } = written
  const isBack = record.state.phase === 'promoting' && world.stable.hash === record.stable.hash
  if (!isBack || promoted === undefined || !isTold(record, promoted)) return undefined
  return { sure: promoted === 'doubted' }
}

/**
 * What a look at foreign changes does: the first one is noted and put right, the second ends the release on the safe way back. One that stands until it
 * is put right counts once. The record is the same object when there is nothing to note.
 */
export const faceForeign = (record: ReleaseRecord, world: World): Moved => {
  const found = world.foreign ?? []
  const known = record.foreign ?? []
  const still = (what: Foreign['what']) => found.some((difference) => difference.what === what)
  const settled = known.map((each) => (each.open && !still(each.what) ? { ...each, open: false } : each))
  const fresh = found.filter(({ what }) => !known.some((each) => each.open && each.what === what))
  const noted = [
    ...settled,
    ...fresh.map(({ what, text, by }) => ({
      what,
      text,
      ...(by === undefined ? {} : { by }),
      at: world.at,
      open: true,
    })),
  ]
  const changed = fresh.length > 0 || settled.some((each, n) => each !== known[n])
  const next = changed ? { ...record, foreign: noted } : record
  const [last] = noted.slice(-1)
  if (fresh.length > 0 && last !== undefined && noted.length > 1)
    return turnBack(next, world.at, { verdict: 'error', why: reasons.foreignChange(noted) })
  return { record: next, commands: found.flatMap((difference) => putRight(record, difference)) }
}

const promotedIn = (written: Written, record: ReleaseRecord, { stable }: World): Written['promoted'] => {
  if (record.state.phase !== 'promoting') return written.promoted
  if (stable.hash === record.canary.hash) return 'seen'
  const { promoted } = written
  return promoted !== undefined && isTold(record, promoted) ? 'doubted' : promoted
}

// A controller that was told to promote shows the new template when it is through.
const isTold = ({ plan }: ReleaseRecord, promoted: Written['promoted']): boolean =>
  plan.split !== 'controller' || promoted !== 'written'

const isWatched = ({ state }: ReleaseRecord): boolean =>
  ['preparing', 'raising', 'analysing', 'holding', 'promoting'].includes(state.phase)

// A controller gets to a weight in its own time: what it shows on the way is nobody's doing.
const isHeld = ({ plan, state }: ReleaseRecord): boolean =>
  plan.split !== 'controller' || state.phase === 'analysing' || state.phase === 'holding'

// Before the first weight stable's autoscaler may still be free, and nothing depends on stable's size yet.
const isFirstStep = ({ state }: ReleaseRecord): boolean => state.phase === 'preparing' && state.step === 0

// Without a router every canary pod is a share of the traffic.
const isChanged = ({ plan }: ReleaseRecord, live: number, size: number): boolean =>
  plan.split === 'replicas' ? live !== size : live < size

const putRight = (record: ReleaseRecord, { what, wanted }: Difference): readonly Command[] => {
  switch (what) {
    case 'weight':
      // The phases ask for it, and know whether stable carries the rest.
      return []
    case 'canary-replicas':
      return record.plan.split === 'replicas'
        ? [splitTo(askedWeight(record))]
        : [{ do: 'scale', role: 'canary', to: wanted }]
    case 'baseline-replicas':
      return [{ do: 'scale', role: 'baseline', to: wanted }]
    case 'stable-replicas':
      return [{ do: 'scale', role: 'stable', to: wanted }]
  }
}

const inWords = (weight: number, mirror: number, baseline: number): string =>
  `${weight} %${mirror > 0 ? ` and a copy of ${mirror} %` : ''}${baseline > 0 ? ` and the fresh baseline ${baseline} %` : ''}`
