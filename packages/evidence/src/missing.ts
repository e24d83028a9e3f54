import type { Pair } from './count.ts'
import { bet, type EProcess, logEvidence, start } from './eprocess.ts'
import { logRatio } from './projection.ts'
import { SIDE_STAKE } from './spend.ts'

/**
 * Requests that never reached a canary pod's counter: crashed, refused, hanging.
 * `silent`: the baseline's requests since the canary last counted one, and since when (ms). `heard`: what both sides counted at the present
 * weight up to then.
 */
export type MissingState = {
  readonly process: EProcess
  readonly silent: { readonly baseline: number; readonly since: number }
  readonly heard: { readonly baseline: number; readonly canary: number }
}

/** Before any request. @param at ms UTC, from when on silence is counted */
export const beginMissing = (at: number): MissingState => ({
  process: start(
    SHORTFALLS.map(() => 1),
    SIDE_STAKE,
  ),
  silent: { baseline: 0, since: at },
  heard: { baseline: 0, canary: 0 },
})

/** Starts the silence anew, for a weight that has just changed: nothing could be expected before. */
export const restartSilence = (state: MissingState, at: number): MissingState => ({
  ...beginMissing(at),
  process: state.process,
})

/**
 * One interval of the share test. H0: each request goes to the canary with probability at least `tolerated` × weight; alternatives are shares
 * far below. Exact for requests that are routed independently; a round-robin splitter varies less, which only makes it safer.
 * It presumes that both counters see only the requests that the router splits.
 * @param weight the canary's share of the traffic as the router was told, whole percent
 */
export const testShare = (state: MissingState, interval: Pair, weight: number): MissingState => {
  const expected = tolerated(weight)
  const n = interval.baseline.n + interval.canary.n
  if (expected <= 0 || n === 0) return state
  const factors = SHORTFALLS.map((part) => logRatio(n, interval.canary.n, expected * part, expected))
  return { ...state, process: bet(state.process, factors) }
}

/** Keeps count of how long the canary has said nothing while the baseline answered. */
export const listen = (state: MissingState, { baseline, canary }: Pair, at: number): MissingState => {
  const silentFor = state.silent.baseline + baseline.n
  if (canary.n === 0) return { ...state, silent: { ...state.silent, baseline: silentFor } }
  const heard = { baseline: state.heard.baseline + silentFor, canary: state.heard.canary + canary.n }
  return { ...state, heard, silent: { baseline: 0, since: at } }
}

/**
 * Silence that chance does not explain: so many baseline requests in a row with none for the canary have probability ≤ α/m even if such a run
 * could have begun at any of a thousand places. What may be expected is half of the weight, or half of what the canary really got where that is
 * less, as a baseline may serve callers that the router never sees. It must last `settle` ms, three times that where the canary has counted nothing
 * at this weight yet. A signal, not an exact test.
 * @param logLimit the log of m/α
 */
export const silent = (
  state: MissingState,
  weight: number,
  { logLimit, at, settle }: { readonly logLimit: number; readonly at: number; readonly settle: number },
): boolean =>
  weight > 0 &&
  at - state.silent.since >= (state.heard.canary > 0 ? settle : 3 * settle) &&
  -state.silent.baseline * Math.log1p(-expectedShare(state, weight)) >= logLimit + Math.log(1000)

/** How many canary requests the silence should have held, by what the canary got before or else by its weight. */
export const expectedInSilence = (state: MissingState, weight: number): number => {
  const part = 2 * expectedShare(state, weight)
  return (state.silent.baseline * part) / (1 - part)
}

const expectedShare = ({ heard }: MissingState, weight: number): number =>
  heard.canary > 0
    ? Math.min(tolerated(weight), (0.5 * heard.canary) / (heard.baseline + heard.canary))
    : tolerated(weight)

/** The logarithm of the evidence that requests do not arrive: as it is, and its largest so far, which decides. */
export const missingEvidence = (state: MissingState): { readonly now: number; readonly peak: number } => ({
  now: logEvidence(state.process),
  peak: state.process.peak,
})

const SHORTFALLS: readonly number[] = [0.6, 0.2, 0.01]

/** Routers drift, connections stick: a share of half the weight is still no failure of the release. */
const tolerated = (weight: number): number => Math.min(0.49, (weight / 100) * 0.5)
