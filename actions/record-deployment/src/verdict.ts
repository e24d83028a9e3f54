import type { Outcome, Recorded } from './run.ts'

/** A record's words. */
export type Verdict = 'pass' | 'error'
/** `code` is stable API; `text` says what happened, `next` what to do. */
export type Reason = { readonly code: string; readonly text: string; readonly next: string }

/**
 * What is said about a record. It is an `error` as soon as GitHub could not be told something, although the state of the release's own
 * deployment may be right by then.
 */
export const decide = (
  recorded: Recorded,
  { service, environment }: { readonly service: string; readonly environment: string },
): { readonly verdict: Verdict; readonly reason: Reason } => {
  const { refused, outcome, id, state } = recorded
  if (refused !== undefined || outcome === undefined) {
    const why = refused ?? { code: 'bug', text: 'it ended without an outcome', next: '' }
    const text = `The release of ${service} to ${environment} is not recorded: ${why.text}`
    return { verdict: 'error', reason: { code: why.code, text, next: why.next } }
  }
  const subject = `Deployment ${id} of ${service} to ${environment}`
  return {
    verdict: 'pass',
    reason: { code: outcome, text: `${subject} ${TEXT[outcome](state ?? 'unknown')}`, next: NOTHING },
  }
}

const NOTHING = 'Nothing to do.'

const TEXT: Readonly<Record<Outcome, (state: string) => string>> = {
  recorded: (state) => `is ${state}`,
  unchanged: (state) => `was ${state} already`,
  kept: (state) => `stays ${state}: a state only moves forward`,
  replaced: (state) => `is ${state}: a newer release has succeeded already`,
}
