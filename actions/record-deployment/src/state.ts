/** The states that are written here. */
export type State = 'in_progress' | 'error' | 'success' | 'failure' | 'inactive'

/** How a release may have ended, in the words of the actions that know. */
export const VERDICTS = [
  'promoted',
  'pass',
  'rolled-back',
  'fail',
  'superseded',
  'inconclusive',
  'nothing-to-check',
  'error',
] as const
/** One of `VERDICTS`. */
export type ReleaseVerdict = (typeof VERDICTS)[number]

/** What a release's verdict means for its deployment. None at all, and not begun either, is an end that nobody judged: `error`. */
export const stateFor = (state: '' | 'in_progress', verdict: '' | ReleaseVerdict): State =>
  state !== '' ? state : verdict === '' ? 'error' : MEANING[verdict]

/** The sentence of a status that was given no reason. */
export const sentenceFor = (state: '' | 'in_progress', verdict: '' | ReleaseVerdict): string =>
  state !== '' ? 'The release has begun' : verdict === '' ? 'The release ended without a verdict' : SENTENCES[verdict]

/**
 * Whether a deployment goes from one state to another: only ever forward, in_progress → error → success → failure → inactive. A job that reports late
 * takes nothing back; an end without a verdict gives way to one; a success can still be rolled back; what was replaced stays replaced.
 * @param from as GitHub has it; `undefined` for a deployment without a status
 */
export const moves = (from: string | undefined, to: State): boolean => rank(to) > rank(from)

const rank = (state: string | undefined): number => ORDER.indexOf(state as State)

/** queued and pending, which are not written here, come before all. */
const ORDER: readonly State[] = ['in_progress', 'error', 'success', 'failure', 'inactive']

const MEANING: Readonly<Record<ReleaseVerdict, State>> = {
  promoted: 'success',
  pass: 'success',
  'rolled-back': 'failure',
  fail: 'failure',
  superseded: 'inactive',
  inconclusive: 'error',
  'nothing-to-check': 'error',
  error: 'error',
}

const SENTENCES: Readonly<Record<ReleaseVerdict, string>> = {
  promoted: 'Promoted',
  pass: 'Deployed and checked',
  'rolled-back': 'Rolled back',
  fail: 'A check failed',
  superseded: 'A newer release took its place',
  inconclusive: 'The evidence did not suffice',
  'nothing-to-check': 'Nothing was checked',
  error: 'The release could not be judged',
}
