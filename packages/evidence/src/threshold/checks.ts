import { beginFailures, countFailure, exceeded, type Failures } from './allowance.ts'
import { inRange, type Range, type Reading } from './reading.ts'

/** One metric at one look: what was read, and where it must lie. A success rate of at least 99 %: `{ min: 99 }`. */
export type Check = { readonly name: string; readonly reading: Reading; readonly range: Range }

/** `failedBy`: the check that failed at the last look, the first of them. `phase` is final once it is `rolled-back`. */
export type ChecksState = {
  readonly phase: 'running' | 'rolled-back'
  readonly failures: Failures
  readonly failedBy?: string
}

/** Before any look. */
export const beginChecks = (): ChecksState => ({ phase: 'running', failures: beginFailures() })

/**
 * One look, judged as Flagger does: it fails with the first check that lies outside its range, and with one that has no number, be it an empty result,
 * NaN or a source that does not answer. Failed looks add up over the whole run, whatever comes between; with the `threshold`-th of them the release is
 * rolled back.
 * @param threshold failed looks that end the run; below 1: 1
 * Source: Flagger, "How it works: canary analysis"; docs/decisions/0015-judges-of-peers.md.
 */
export const lookChecks = (state: ChecksState, checks: readonly Check[], threshold: number): ChecksState => {
  if (state.phase !== 'running') return state
  const failed = checks.find(({ reading, range }) => typeof reading !== 'number' || !inRange(reading, range))
  const failures = countFailure(state.failures, failed !== undefined)
  const over = exceeded(failures, { allowed: Math.max(1, threshold) - 1, of: 'total' })
  return {
    phase: over ? 'rolled-back' : 'running',
    failures,
    ...(failed === undefined ? {} : { failedBy: failed.name }),
  }
}
