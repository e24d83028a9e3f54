import { describe, Fault } from '@sluice/kit/faults'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { type Change, effectOf, patchTo, restored } from './change.ts'
import type { Ports } from './ports.ts'
import { nameOf } from './resource.ts'

/** What became of one change on the way back. */
export type Undone = {
  readonly change: Change
  readonly state: 'restored' | 'deleted' | 'left' | 'unchanged'
  /** Why it was left. */
  readonly why?: string
}

const TRIES = 5

/**
 * Takes changes back, the latest first: what was created is deleted (only the very object, by its UID), what was changed is patched to what it
 * was before. An object that somebody else has changed since is left alone and said.
 */
export const goBack = async (changes: readonly Change[], ports: Ports): Promise<readonly Undone[]> => {
  const undone: Undone[] = []
  for (const change of [...changes].reverse()) {
    const effect = effectOf(change)
    if (effect === 'unchanged') {
      undone.push({ change, state: 'unchanged' })
      continue
    }
    try {
      undone.push(effect === 'created' ? await remove(change, ports) : await restore(change, ports))
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      undone.push({ change, state: 'left', why: describe(thrown) })
    }
    const { state, why } = undone.at(-1) ?? { state: 'left' }
    ports.say(`${nameOf(change.target)}: ${state}${why === undefined ? '' : `: ${why}`}`)
  }
  return undone.reverse()
}

const remove = async (change: Change, { cluster }: Ports): Promise<Undone> => {
  const { uid } = change.after.metadata
  const options = { propagation: 'Background' as const, ...(uid === undefined ? {} : { uid }) }
  const result = await cluster.remove(change.target, change.target.name, options)
  return result === 'conflict'
    ? { change, state: 'left', why: 'another object has its name now' }
    : { change, state: 'deleted' }
}

const restore = async (change: Change, { cluster }: Ports): Promise<Undone> => {
  const { before, target } = change
  if (before === undefined) return { change, state: 'unchanged' }
  for (let tries = 0; tries < TRIES; tries++) {
    const live = await cluster.get<KubernetesObject>(target, target.name)
    if (live === undefined) return { change, state: 'left', why: 'it is gone' }
    const wanted = restored(live, { before, after: change.after })
    if (wanted === undefined) return { change, state: 'left', why: 'somebody else has changed it since' }
    const written = await cluster.jsonPatch(target, target.name, patchTo(live, wanted))
    if (written.kind === 'written') return { change, state: 'restored' }
    if (written.kind === 'absent') return { change, state: 'left', why: 'it is gone' }
    // Somebody wrote one of these fields between the two calls: read it again.
  }
  return { change, state: 'left', why: `it changed ${TRIES} times while it was written` }
}
