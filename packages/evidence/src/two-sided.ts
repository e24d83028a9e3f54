import { type Count, type Pair, zero } from './count.ts'
import { bet, type EProcess, logEvidence, start } from './eprocess.ts'
import { logRatio, nearestNull, type Point } from './projection.ts'
import {
  baselineRatio,
  beginRatio,
  compare,
  ODDS_RATIOS,
  type RatioState,
  raise,
  ratioEvidence,
  WEIGHTS,
} from './ratio.ts'

/** Half of the capital against "not higher", which also keeps what both sides did, half against "not lower". `peak`: of the log of both together. */
export type TwoSidedState = { readonly higher: RatioState; readonly lower: EProcess; readonly peak: number }

/**
 * Starts the two-sided comparison.
 * @param history what the baseline did before the canary began: learned from, not judged
 */
export const beginTwoSided = (history: Count = zero): TwoSidedState => ({
  higher: beginRatio(history),
  lower: start(WEIGHTS),
  peak: 0,
})

/**
 * One interval of the two-sided always-valid comparison. H0: in every interval the canary's probability of a bad answer differs from the baseline's
 * by at most `margin` (absolute, 0 … 1) either way, while the baseline's own may move as it likes. H0 lies in both one-sided hypotheses, so the
 * factors of either are E-variables for it, and half of the capital on each is an E-process: P(evidence ever reaches 1/α) ≤ α. That of "not lower"
 * is the same projection with the sides in each other's place: canary ≥ baseline − margin is baseline ≤ canary + margin.
 *
 * It tells that two versions differ, as where an experiment's sides should be alike. A stop for benefit is not offered: a release that fails less
 * is promoted by its plan like any other, and evidence that it is better must not cut short the time in which it could show that it is worse.
 * `margin` may depend on the past, never on this interval.
 */
export const compareTwoSided = (state: TwoSidedState, interval: Pair, margin: number): TwoSidedState => {
  const { baseline, canary } = interval
  const factors = lowerAlternatives(state.higher, margin).map((alternative) => {
    const mirrored = { baseline: alternative.canary, canary: alternative.baseline }
    const nearest = nearestNull(mirrored, margin, canary.n, baseline.n)
    if (nearest === undefined) return 0
    return (
      logRatio(baseline.n, baseline.k, alternative.baseline, nearest.canary) +
      logRatio(canary.n, canary.k, alternative.canary, nearest.baseline)
    )
  })
  const after = { higher: compare(state.higher, interval, margin), lower: bet(state.lower, factors) }
  return { ...after, peak: Math.max(state.peak, logMean(after)) }
}

/** The log of the evidence now and the largest it ever was, which decides; and in which direction more of it lies. */
export const twoSidedEvidence = (
  state: TwoSidedState,
): { readonly now: number; readonly peak: number; readonly direction: 'higher' | 'lower' } => ({
  now: logMean(state),
  peak: state.peak,
  direction: ratioEvidence(state.higher).now >= logEvidence(state.lower) ? 'higher' : 'lower',
})

/**
 * The alternatives of a canary that fails less: the fixed odds ratios turned over, from the edge baseline − margin, and a plug-in from the canary's
 * own past. None where the baseline's ratio is not above the margin: nobody can fail less than never.
 */
export const lowerAlternatives = (state: RatioState, margin: number): readonly Point[] => {
  const baseline = baselineRatio(state)
  const edge = baseline - margin
  if (edge <= SMALLEST) return []
  const { n, k } = state.canary
  const plugIn = (k + PLUG_IN_PRIOR * edge) / (n + PLUG_IN_PRIOR)
  return [...ODDS_RATIOS.map((ratio) => raise(edge, 1 / ratio)), Math.max(SMALLEST, plugIn)].map((canary) => ({
    baseline,
    canary,
  }))
}

const SMALLEST = 1e-6
const PLUG_IN_PRIOR = 4

const logMean = ({ higher, lower }: Pick<TwoSidedState, 'higher' | 'lower'>): number => {
  const [one, other] = [ratioEvidence(higher).now, logEvidence(lower)]
  const top = Math.max(one, other)
  return top + Math.log((Math.exp(one - top) + Math.exp(other - top)) / 2)
}
