import type { Interval } from './counters.ts'

/** What decides whether an interval may be judged. Times in ms. */
export type Circumstances = {
  readonly at: number
  readonly weight: number
  /** The weight at the read before; differs when this interval straddles a change. `undefined`: one that is known not to have been 0. */
  readonly weightBefore: number | undefined
  /** When the present weight was first seen. */
  readonly weightSince: number
  /** Where the interval began, known of a bucket: it may close long after a change that it straddles. */
  readonly began?: number | undefined
  /** When the canary's counter first moved; absent while it has not. */
  readonly firstMoved?: number | undefined
  /** After its first request the canary's answers are not judged for so long. */
  readonly warmUp: number
}

/** `judged`: both sides count. `learned`: only the baseline's estimate learns from it. */
export type Admission = { readonly use: 'judged' | 'learned'; readonly interval: Interval }

/**
 * What an interval passes through before it is judged, in order:
 * 1. nothing is judged at weight 0;
 * 2. a change from one weight to another cuts: the interval that straddles it is not judged. The first one, from 0, is, because all of the
 *    canary's requests in it belong to the new weight. A bucket is if it began at the present weight;
 * 3. warm-up requests are not judged.
 * A stage that drops skewed intervals, and after it one that weighs counts by the dispersion of the baseline's own past, come last in this list.
 */
export const admit = (interval: Interval, circumstances: Circumstances): Admission => {
  const stages = [withTraffic, afterTheCut, warmedUp]
  return { use: stages.every((stage) => stage(circumstances)) ? 'judged' : 'learned', interval }
}

const withTraffic = ({ weight, firstMoved }: Circumstances): boolean => weight > 0 && firstMoved !== undefined

const afterTheCut = ({ weight, weightBefore, weightSince, began }: Circumstances): boolean =>
  began === undefined ? weightBefore === 0 || weightBefore === weight : began >= weightSince

const warmedUp = ({ at, firstMoved, warmUp }: Circumstances): boolean =>
  warmUp === 0 || (firstMoved !== undefined && at > firstMoved + warmUp)
