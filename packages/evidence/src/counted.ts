import type { Admission } from './admitted.ts'
import { add, type Count, type Pair } from './count.ts'
import { beginDispersion, correlationsOf, dispersionOf, learnDispersion } from './dispersion.ts'
import {
  type CountedEvidence,
  type CountedMetric,
  type Evidence,
  type JudgePlan,
  marginOf,
  type Precaution,
} from './evidence.ts'
import { type Idle, meet, type Terms } from './idle.ts'
import { limitEvidence, testLimit } from './limit.ts'
import { waitForOutliers } from './outliers.ts'
import { own } from './own.ts'
import { compare, learnBaseline, type RatioState, ratioEvidence } from './ratio.ts'
import type { SampledCount } from './sampled.ts'
import { type Pending, waitFor } from './skew.ts'

/** A counted metric after an interval, and the interval as it was taken in; absent while it waits, or is not to be trusted. */
export type WeighedCount = { readonly known: CountedEvidence; readonly sample?: SampledCount }

/** What an interval of a counted metric is weighed by. `guard`: intervals by which the sides may be read apart. */
export type Counting = {
  readonly metric: CountedMetric
  readonly plan: JudgePlan
  readonly guard: number
  /** The step that is in force now: an interval may have closed in an earlier one. */
  readonly present: number
  /** The log of m/α. */
  readonly limit: number
}

/** Takes in an interval that has closed, or the one that was waiting for it; what cannot be trusted stays so. */
export const weighCounted = (
  counting: Counting,
  known: CountedEvidence,
  looked: Admission & { readonly at: number; readonly lasted: number } & Pick<Evidence, 'step' | 'weight' | 'share'>,
): WeighedCount => {
  const { use, interval, at, lasted, step, weight, share } = looked
  const { name } = counting.metric
  const untrusted = own(interval.untrusted, name)
  if (untrusted !== undefined) return { known: { ...known, unreliable: known.unreliable ?? untrusted } }
  const pair = own(interval.counts, name)
  if (pair === undefined) return { known }
  const pods = own(interval.pods, name)
  const closed: Pending = {
    ...{ pair, use, step, weight, at, lasted },
    ...(share === undefined ? {} : { share }),
    ...(pods === undefined ? {} : { pods }),
  }
  if (counting.guard === 0) return spend(counting, known, closed)
  const { waiting, due } = waitFor(known.waiting ?? [], closed, counting.guard, known.margin)
  const after = { ...known, waiting }
  return due === undefined ? { known: after } : spend(counting, after, due)
}

/** What was in force when an interval was judged the first time; absent: it is found anew. `margin` is of every interval that a canary has judged. */
export type Recorded = {
  readonly margin?: number | undefined
  readonly dispersion?: { readonly baseline: number; readonly canary: number } | undefined
  readonly outliers?: SampledCount['outliers'] | undefined
  readonly idle?: boolean | undefined
}

/** Takes an interval in. One that closed in an earlier step is evidence, but no request of the present one. */
export const spend = (
  counting: Counting,
  known: CountedEvidence,
  due: Pending,
  recorded: Recorded = {},
): WeighedCount => {
  const { metric, plan } = counting
  const { pair, at = 0, lasted = 0, pods } = due
  const before = known.dispersion ?? beginDispersion()
  const { ratio } = known
  const canaries = left('pod-spread', plan) ? 0 : Object.keys(pods?.canary ?? {}).length
  const now: Terms = {
    since: at - lasted,
    margin: recorded.margin ?? marginOf(metric, { ratio, dispersion: before }, canaries),
    correlations: correlationsOf(before),
  }
  const dispersion = learnDispersion(before, {
    at,
    baseline: pair.baseline,
    ...(pods === undefined ? {} : { pods: pods.baseline }),
  })
  const { idle, ...rest } = { ...known, dispersion }
  if (due.use !== 'judged') {
    const after = { ...rest, margin: now.margin, ratio: learnAll(ratio, [idle?.baseline, pair.baseline]) }
    return { known: after, sample: sampleOf(metric, after, due) }
  }
  const waits = recorded.margin === undefined ? counting.guard === 0 : recorded.idle === true
  // Read apart, the baseline's own jump around an interval decides whether it is judged: what waits would be chosen by its answers.
  const met = waits || idle !== undefined ? meet(idle, pair, now) : { due: { pair, terms: now } }
  const ready = { ...rest, ratio: learnAll(ratio, [met.late]), ...stepAfter(counting, known, due) }
  return met.due === undefined
    ? wait(counting, ready, { due, idle: met.idle, recorded })
    : betOn(counting, ready, { due, ...met.due, recorded })
}

const learnAll = (ratio: RatioState, baselines: readonly (Count | undefined)[]): RatioState =>
  baselines.reduce<RatioState>((so, baseline) => (baseline === undefined ? so : learnBaseline(so, baseline)), ratio)

/** Without a request of the canary there is nothing to compare yet. The limit still hears of the baseline, and pods that are waited for may have fallen silent. */
const wait = (
  counting: Counting,
  known: CountedEvidence,
  { due, idle, recorded }: { readonly due: Pending; readonly idle: Idle; readonly recorded: Recorded },
): WeighedCount => {
  const { max } = counting.metric
  const limit = max === undefined ? known.limit : testLimit(known.limit, due.pair, max)
  const after = { ...known, limit, margin: idle.margin, idle }
  const { known: waited, sample } = weighOutliers(counting, after, { due, recorded })
  return { known: waited, sample: { ...sample, idle: true } }
}

/** `pair`, `terms`: what is compared, by what; the limit is tested by the interval alone. */
type Ready = {
  readonly due: Pending
  readonly pair: Pair
  readonly terms: Terms
  readonly recorded: Recorded
}

const betOn = (
  { metric, plan, limit }: Counting,
  known: CountedEvidence,
  { due, pair, terms, recorded }: Ready,
): WeighedCount => {
  const { at = 0, lasted = 0, pods } = due
  const divisor = (count: Count, over: number, answering: number): number =>
    left('tempering', plan) ? 1 : dispersionOf(terms.correlations, { n: count.n, lasted: over, pods: answering })
  const divisors = recorded.dispersion ?? {
    baseline: divisor(pair.baseline, at - terms.since, Object.keys(pods?.baseline ?? {}).length),
    canary: divisor(pair.canary, lasted, Object.keys(pods?.canary ?? {}).length),
  }
  const tempered = {
    baseline: divided(pair.baseline, divisors.baseline),
    canary: divided(pair.canary, divisors.canary),
  }
  const most = divisors.canary < EVEN ? Number.POSITIVE_INFINITY : (MOST * limit) / Math.min(UNEVEN, divisors.canary)
  const after = {
    ...known,
    margin: terms.margin,
    divisors,
    ratio: compare(known.ratio, pair, terms.margin, { tempered, most }),
    limit:
      metric.max === undefined
        ? known.limit
        : testLimit(known.limit, due.pair, metric.max, { tempered: tempered.canary, most }),
  }
  const { known: waited, sample } = weighOutliers({ metric, plan, limit }, after, { due, recorded })
  return { known: waited, sample: { ...sample, dispersion: divisors } }
}

const weighOutliers = (
  { metric, plan, limit }: Pick<Counting, 'metric' | 'plan' | 'limit'>,
  known: CountedEvidence,
  { due, recorded }: { readonly due: Pending; readonly recorded: Recorded },
): { readonly known: CountedEvidence; readonly sample: SampledCount } => {
  const { known: after, outliers } = left('outlier-pods', plan)
    ? { known }
    : waitForOutliers(metric, known, due, { limit, outliers: recorded.outliers })
  const sample = sampleOf(metric, after, due)
  return { known: after, sample: outliers === undefined ? sample : { ...sample, outliers } }
}

/** The present step's requests, with those of an interval that closed in it. */
const stepAfter = (
  { present }: Counting,
  { step, asked }: CountedEvidence,
  { pair, step: closedIn, share, weight = 0 }: Pending,
): Partial<Pick<CountedEvidence, 'step' | 'asked'>> => {
  if (closedIn !== present) return {}
  const expected = share ?? weight
  return {
    step: { baseline: add(step.baseline, pair.baseline), canary: add(step.canary, pair.canary) },
    asked: (asked ?? expectedOf(step, expected)) + expectedOf(pair, expected),
  }
}

const expectedOf = ({ baseline, canary }: Pair, share: number): number => ((baseline.n + canary.n) * share) / 100

/** A past that is hardly uneven, as it is by chance, too. */
const EVEN = 1.5
/**
 * Of the limit, what one interval may add at most where the past is uneven, by how uneven it is; down to a quarter. A single interval of a kind that the
 * baseline has, too, is no verdict, however far out it lies.
 */
const MOST = 2
const UNEVEN = 8

const divided = ({ n, k }: Count, by: number): Count => ({ n: n / by, k: k / by })

const sampleOf = ({ name, max }: CountedMetric, after: CountedEvidence, due: Pending): SampledCount => ({
  metric: name,
  kind: 'counted',
  at: due.at ?? 0,
  weight: due.weight ?? 0,
  ...(due.share === undefined ? {} : { share: due.share }),
  step: due.step,
  use: due.use,
  baseline: due.pair.baseline,
  canary: due.pair.canary,
  margin: after.margin,
  logE: ratioEvidence(after.ratio).now,
  ...(max === undefined ? {} : { limitLogE: limitEvidence(after.limit).now }),
})

/** Whether a plan leaves a precaution out. */
export const left = (precaution: Precaution, { without = [] }: JudgePlan): boolean => without.includes(precaution)
