import type { Undone } from './back.ts'
import { effectOf } from './change.ts'
import type { Explanation } from './ports.ts'
import { nameOf } from './resource.ts'
import type { Result } from './run.ts'

/** A gate's words that a deploy can end in. */
export type Verdict = 'pass' | 'fail' | 'error'
/** `code` is stable API; `text` says what happened, `next` what to do. */
export type Reason = { readonly code: string; readonly text: string; readonly next: string }
/** A verdict with its reason. */
export type Decided = { readonly verdict: Verdict; readonly reason: Reason }

/**
 * What a deploy's end means. A rollout that failed is the release's failure, unless the cluster stopped it (quota, scheduling) before the
 * release could show anything; then nothing is said about the release.
 */
export const decide = (result: Result): Decided => {
  const { end, changes } = result
  if (end === 'cancelled') return { verdict: 'error', reason: cancelled(result) }
  if (end === 'exists') {
    const name = result.found === undefined ? 'The Deployment' : nameOf(result.found.target)
    const text = `${name} is already there, so nothing was changed (existing: skip)`
    return { verdict: 'pass', reason: { code: 'exists', text, next: 'Nothing to do.' } }
  }
  if (end === 'deployed') {
    const rolled = (result.waited?.looks ?? []).map(({ name }) => name)
    const moved = changes.filter((change) => effectOf(change) !== 'unchanged').length
    const out = rolled.length === 0 ? '' : `; ${rolled.join(', ')} fully rolled out`
    if (moved === 0) {
      const text = `Everything was already as asked for (${objects(changes.length)})${out}`
      return { verdict: 'pass', reason: { code: 'unchanged', text, next: 'Nothing to do.' } }
    }
    return {
      verdict: 'pass',
      reason: { code: 'deployed', text: `${objects(moved)} written${out}`, next: 'Nothing to do.' },
    }
  }
  const suffix = wayBack(result)
  if (end === 'apply-failed') {
    const text = `The API server took ${objects(changes.length)} and refused the next: ${result.problem}. ${after(result)}`
    return { verdict: 'error', reason: { code: `apply-failed-${suffix}`, text, next: next(result) } }
  }
  const environment = result.explanations.length > 0 && result.explanations.every((each) => each.environment)
  const text = `${stuck(result)}${because(result.explanations)}. ${after(result)}`
  return environment
    ? {
        verdict: 'error',
        reason: {
          code: `environment-${suffix}`,
          text,
          next: `Mend the cluster (room, access), then deploy again. ${next(result)}`,
        },
      }
    : { verdict: 'fail', reason: { code: `rollout-failed-${suffix}`, text, next: next(result) } }
}

const changedNothing = (undone: readonly Undone[]): boolean => undone.every(({ state }) => state === 'unchanged')

type WayBack = 'rolled-back' | 'kept' | 'rollback-failed'

/** How the way back ended, read from what was written and from the rollout of it. */
export const wayBack = ({ undone, backWaited }: Result): WayBack => {
  if (undone === undefined || changedNothing(undone)) return 'kept'
  const whole = undone.every(({ state }) => state !== 'left') && backWaited?.kind === 'done'
  return whole ? 'rolled-back' : 'rollback-failed'
}

/** In which state the way back left the cluster. */
const after = (result: Result): string => {
  const way = wayBack(result)
  const { undone = [], backWaited } = result
  if (way === 'kept') {
    return changedNothing(undone) && undone.length > 0
      ? 'This deploy changed nothing (all was so already), so there is nothing to go back to'
      : 'It was left as it is (on-failure: keep)'
  }
  if (way === 'rolled-back') {
    return wasThere(result)
      ? 'What was there before is back, and its rollout is complete'
      : 'Nothing was there before, and what was created is deleted again'
  }
  const left = undone
    .filter(({ state }) => state === 'left')
    .map(({ change, why }) => `${nameOf(change.target)} was left: ${why}`)
  const how = backWaited?.kind === 'cancelled' ? 'when it was cancelled' : 'when the time was up'
  const open = (backWaited?.looks ?? []).filter(({ look }) => look.kind !== 'done')
  const slow = open.map(({ name, look }) => `${name} has its previous template again, ${how} with ${look.text}`)
  return `GOING BACK DID NOT COMPLETE: ${[...left, ...slow].join('; ')}`
}

const next = (result: Result): string => {
  const way = wayBack(result)
  if (way === 'kept') return 'Mend the release and deploy again, or undo it by deploying the previous image.'
  if (way === 'rollback-failed') return 'Look at these objects now: the previous release may not be serving in full.'
  return wasThere(result)
    ? 'Mend the release and deploy again; the previous one serves.'
    : 'Mend the release and deploy again.'
}

const wasThere = ({ undone = [] }: Result): boolean =>
  undone.some(({ state }) => state === 'restored' || state === 'unchanged')

const stuck = ({ waited }: Result): string => {
  const open = (waited?.looks ?? []).filter(({ look }) => look.kind !== 'done')
  const how = waited?.kind === 'timed-out' ? `was not rolled out in ${seconds(waited.tookMs)}` : 'failed to roll out'
  return open.map(({ name, look }) => `Deployment ${name} ${how}: ${look.text}`).join('; ')
}

const because = (explanations: readonly Explanation[]): string => {
  const [first] = explanations
  return first === undefined ? '' : `. ${first.about}: ${first.text}`
}

const cancelled = ({ changes, waited }: Result): Reason => {
  const moved = changes.filter((change) => effectOf(change) !== 'unchanged')
  const next = 'To go on, run it again: it continues from there. To go back, deploy the previous image or manifests.'
  if (moved.length === 0)
    return { code: 'cancelled', text: 'Cancelled; nothing had been changed', next: 'Run it again.' }
  const where = (waited?.looks ?? []).map(({ name, look }) => `${name}: ${look.text}`)
  const written = moved.map(({ target }) => nameOf(target)).join(', ')
  const text = `Cancelled after ${objects(moved.length)} had been written (${written}), which stay as they are; Kubernetes goes on rolling out${where.length === 0 ? '' : `. At the end: ${where.join('; ')}`}`
  return { code: 'cancelled', text, next }
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`

const objects = (count: number): string => `${count} ${count === 1 ? 'object' : 'objects'}`
