import { type CheckReport, duration } from './ended.ts'

/** A gate's words that checks can end in. */
export type Verdict = 'pass' | 'fail' | 'nothing-to-check' | 'error'
/** `code` is stable API; `text` says what happened, `next` what to do. */
export type Reason = { readonly code: string; readonly text: string; readonly next: string }
/** A verdict with its reason. */
export type Decided = { readonly verdict: Verdict; readonly reason: Reason }

/** What the checks prove: all passed, some failed, there were none, or the run was cancelled and nothing is known. */
export const decide = (reports: readonly CheckReport[]): Decided => {
  if (reports.length === 0) return { verdict: 'nothing-to-check', reason: NOTHING }
  const bad = failing(reports)
  const count = `${reports.length} ${reports.length === 1 ? 'check' : 'checks'}`
  const first = bad[0]
  const problem = first === undefined ? '' : `: ${first.name}: ${first.text}`
  if (reports.some(({ result }) => result === 'cancelled' || result === 'not-run')) {
    const done = reports.filter(({ result }) => result === 'passed').length
    const also = bad.length === 0 ? '' : `, ${bad.length} failed${problem}`
    const text = `Cancelled: of ${count} ${done} passed${also}`
    return { verdict: 'error', reason: { code: 'cancelled', text, next: 'Run it again.' } }
  }
  if (first === undefined) {
    const took = duration(reports.reduce((sum, { tookMs }) => sum + tookMs, 0))
    const text = reports.length === 1 ? `The one check passed in ${took}` : `All ${count} passed in ${took}`
    return { verdict: 'pass', reason: { code: 'passed', text, next: 'Nothing to do.' } }
  }
  const slow = bad.every(({ result }) => result === 'timed-out')
  const text = `${bad.length} of ${count} failed${problem}`
  return { verdict: 'fail', reason: { code: slow ? 'timed-out' : 'check-failed', text, next: slow ? SLOW : FAILED } }
}

/** The checks that ran, or could not be started, and did not pass. */
export const failing = (reports: readonly CheckReport[]): readonly CheckReport[] =>
  reports.filter(({ result }) => result === 'failed' || result === 'timed-out' || result === 'not-started')

const NOTHING: Reason = {
  code: 'nothing-to-check',
  text: 'The service names no checks, so nothing was proven',
  next: 'Add checks to it: a name and a command each.',
}
const SLOW = 'See its last lines for what it waited for; the key timeout of a check gives it more time.'
const FAILED = 'See the last lines of each failing check below; the same command in the same folder shows it locally.'
