import { type Count, type Pair, remember, share, zero } from './count.ts'
import { bet, type EProcess, logEvidence, start } from './eprocess.ts'
import { logRatio, nearestNull, type Point } from './projection.ts'

/**
 * Odds ratios of the fixed alternatives, counted from the edge of what is tolerated (baseline + margin), so that none lies inside it.
 * The small ones find small regressions, the large ones stop a gross failure after two or three bad answers. docs/decisions/0003-evidence.md.
 */
export const ODDS_RATIOS: readonly number[] = [2, 5, 20, 200]

/** How the capital is spread over them, and over the plug-in that follows: most on what a release breaks most often without anybody seeing it. */
export const WEIGHTS: readonly number[] = [0.5, 1, 0.6, 0.4, 0.5]

/** The comparison's whole memory: capital, what both sides did in the past (it forgets), and everything that was judged. */
export type RatioState = {
  readonly process: EProcess
  readonly baseline: Past
  readonly canary: Count
  readonly judged: Pair
}

/** The last 10,000 or so requests, and the last 500: when they disagree the longer past is over and is dropped. */
export type Past = { readonly long: Count; readonly short: Count }

/**
 * Starts the comparison.
 * @param history what the baseline did before the canary began: a first idea of its ratio, it is not judged
 */
export const beginRatio = (history: Count = zero): RatioState => ({
  process: start(WEIGHTS),
  baseline: learn({ long: zero, short: zero }, scaled(history, BASELINE_MEMORY)),
  canary: zero,
  judged: { baseline: zero, canary: zero },
})

/** Remembers an interval of the baseline's that is not judged, such as one before the canary had traffic. */
export const learnBaseline = (state: RatioState, baseline: Count): RatioState => ({
  ...state,
  baseline: learn(state.baseline, baseline),
})

/**
 * How an interval is bet on where the past was more uneven than chance. `tempered`: its counts, each side's divided by a number that only the past decides
 * (`dispersionOf`). `most`: no alternative's log factor is taken for more. Either only makes an E-variable smaller, or a power below one of itself.
 */
export type Bet = { readonly tempered: Pair; readonly most: number }

/**
 * One interval of the always-valid comparison. H0: in every interval the canary's probability of a bad answer is at most the baseline's plus
 * `margin` (absolute, 0 … 1), while the baseline's own may move as it likes. Exact for independent requests, any counts, and for looking
 * after every interval: P(evidence ever reaches 1/α) ≤ α under H0. `margin` may depend on the past, never on this interval.
 * @param interval what both sides counted: it is learned from as it is
 */
export const compare = (
  state: RatioState,
  interval: Pair,
  margin: number,
  { tempered: { baseline: b, canary: c }, most }: Bet = { tempered: interval, most: Number.POSITIVE_INFINITY },
): RatioState => {
  const { baseline, canary } = interval
  const factors = alternatives(state, margin).map((alternative) => {
    const nearest = nearestNull(alternative, margin, b.n, c.n)
    if (nearest === undefined) return 0
    const gained =
      logRatio(b.n, b.k, alternative.baseline, nearest.baseline) +
      logRatio(c.n, c.k, alternative.canary, nearest.canary)
    return Math.min(gained, most)
  })
  return {
    process: bet(state.process, factors),
    baseline: learn(state.baseline, baseline),
    canary: remember(state.canary, canary, CANARY_MEMORY),
    judged: sum(state.judged, interval),
  }
}

/** The comparison without what the canary has shown so far; what was learned of the baseline stays. */
export const beginAnew = (state: RatioState): RatioState => ({ ...state, process: start(WEIGHTS), canary: zero })

/** The log of the evidence now, and the largest it ever was: once past the threshold is past it for good. */
export const ratioEvidence = (state: RatioState): { readonly now: number; readonly peak: number } => ({
  now: logEvidence(state.process),
  peak: state.process.peak,
})

/** The baseline's ratio as far as the past tells, pulled towards 1 % with the weight of ten requests. In (0, 1). */
export const baselineRatio = (state: RatioState): number => {
  const { n, k } = state.baseline.long
  return inside((k + PRIOR_REQUESTS * PRIOR_RATIO) / (n + PRIOR_REQUESTS))
}

/** The alternatives that the next interval is bet on: fixed odds ratios, then a plug-in from the canary's own past. */
export const alternatives = (state: RatioState, margin: number): readonly Point[] => {
  const baseline = baselineRatio(state)
  const edge = inside(baseline + margin)
  const { n, k } = state.canary
  const plugIn = inside((k + PLUG_IN_PRIOR * edge) / (n + PLUG_IN_PRIOR))
  return [...ODDS_RATIOS.map((ratio) => raise(edge, ratio)), plugIn].map((canary) => ({ baseline, canary }))
}

/** The probability whose odds are `ratio` times those of `probability`. */
export const raise = (probability: number, ratio: number): number =>
  inside((ratio * probability) / (1 - probability + ratio * probability))

/** Requests after which the past no longer weighs: long enough for a ratio of 0.1 %, short enough to follow a drift. */
const BASELINE_MEMORY = 10_000
const SHORT_MEMORY = 500
/** The same in intervals, where one has very many requests: a single interval is no new level. */
const BASELINE_INTERVALS = 60
const SHORT_INTERVALS = 4
const CANARY_MEMORY = 2_000
const PRIOR_REQUESTS = 10
const PRIOR_RATIO = 0.01
const PLUG_IN_PRIOR = 4
const EDGE = 1e-6

/**
 * Follows the baseline. An outage that began or ended would else colour the estimate for minutes: when the short past is more than four standard
 * deviations from the long one, the long one starts anew from it.
 */
const learn = (past: Past, interval: Count): Past => {
  const short = remember(past.short, interval, Math.max(SHORT_MEMORY, SHORT_INTERVALS * interval.n))
  const long = remember(past.long, interval, Math.max(BASELINE_MEMORY, BASELINE_INTERVALS * interval.n))
  const both = (long.k + 1) / (long.n + 2)
  const spread = Math.sqrt(both * (1 - both) * (1 / Math.max(1, short.n) + 1 / Math.max(1, long.n)))
  return Math.abs(share(short) - share(long)) > 4 * spread ? { long: short, short } : { long, short }
}

const scaled = ({ n, k }: Count, most: number): Count => (n > most ? { n: most, k: (k / n) * most } : { n, k })

const inside = (probability: number): number => Math.min(1 - EDGE, Math.max(EDGE, probability))

const sum = (a: Pair, b: Pair): Pair => ({
  baseline: { n: a.baseline.n + b.baseline.n, k: a.baseline.k + b.baseline.k },
  canary: { n: a.canary.n + b.canary.n, k: a.canary.k + b.canary.k },
})
