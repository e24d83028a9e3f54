import { add, type Count, type Pair, remember, share, zero } from './count.ts'
import { bet, type EProcess, logEvidence, start } from './eprocess.ts'
import { wilson } from './interval.ts'
import { logRatio } from './projection.ts'
import { ODDS_RATIOS, raise, WEIGHTS } from './ratio.ts'
import { SIDE_STAKE } from './spend.ts'

/** `recent`: the last requests of each side; `judged`: the canary's requests that were bet on. */
export type LimitState = { readonly process: EProcess; readonly recent: Pair; readonly judged: Count }

/** How an interval is bet on where the past was more uneven than chance. */
export type LimitBet = { readonly tempered: Count; readonly most: number }

/** Before any request. */
export const beginLimit = (): LimitState => ({
  process: start(WEIGHTS, SIDE_STAKE),
  recent: { baseline: zero, canary: zero },
  judged: zero,
})

/**
 * One interval of the always-valid test of an absolute limit. H0: in every interval the canary's probability of a bad answer is at most `max`.
 * E_θ[factor] rises with θ and is 1 at `max`, so it is an E-variable for all of H0: one unlucky error at small counts is no verdict.
 * Rejecting when the evidence reaches m/α is the same as a confidence sequence whose lower bound passes `max`.
 *
 * An interval in which the baseline itself is above `max`, in it or over its last few hundred requests, is not bet on: such a time is not the
 * release's fault. The canary's counts do not depend on the baseline's, so leaving intervals out by the baseline's counts keeps the test valid.
 * @param bets as in `compare`: the canary's counts as they are bet on, and the most that an alternative's log factor is taken for
 */
export const testLimit = (
  state: LimitState,
  interval: Pair,
  max: number,
  { tempered, most }: LimitBet = { tempered: interval.canary, most: Number.POSITIVE_INFINITY },
): LimitState => {
  const { baseline, canary } = interval
  const recent = {
    baseline: remember(state.recent.baseline, baseline, RECENT_OF_BASELINE),
    canary: canary.n > 0 ? remember(state.recent.canary, canary, RECENT_OF_CANARY) : state.recent.canary,
  }
  if (canary.n === 0 || max >= 1 || share(baseline) > max || share(recent.baseline) > max) return { ...state, recent }
  const edge = Math.max(max, 1e-9)
  const learned = (state.judged.k + 4 * edge) / (state.judged.n + 4)
  const bets = [...ODDS_RATIOS.map((ratio) => raise(edge, ratio)), Math.min(learned, 1 - 1e-9)]
  const factors = bets.map((q) => (q > edge ? Math.min(most, logRatio(tempered.n, tempered.k, q, edge)) : 0))
  return { process: bet(state.process, factors), recent, judged: add(state.judged, canary) }
}

/** The test without what the canary has shown so far. */
export const beginLimitAnew = (state: LimitState): LimitState => ({
  ...state,
  process: beginLimit().process,
  judged: zero,
})

/** Both sides are above `max` just now, beyond chance (lower end of Wilson's 95 % interval): hold, as going back would not mend it. */
export const bothBreak = (state: LimitState, max: number): boolean =>
  wilson(state.recent.baseline).low > max && wilson(state.recent.canary).low > max

/** The logarithm of the evidence that the canary breaks the limit: as it is, and its largest so far, which decides. */
export const limitEvidence = (state: LimitState): { readonly now: number; readonly peak: number } => ({
  now: logEvidence(state.process),
  peak: state.process.peak,
})

/** The baseline's is long enough to tell 8 % from 5 %; the canary's is short, as it has few requests and only says whether to hold. */
const RECENT_OF_BASELINE = 500
const RECENT_OF_CANARY = 100
