import type { Admission } from './admitted.ts'
import { add, type Count, type Pair } from './count.ts'
import { beginDispersion, dispersionOf, learnDispersion } from './dispersion.ts'
import {
  type CountedEvidence,
  type CountedMetric,
  type Evidence,
  type JudgePlan,
  marginOf,
  type Precaution,
  tests,
} from './evidence.ts'
import { limitEvidence, testLimit } from './limit.ts'
import { own } from './own.ts'
import { compare, learnBaseline, ratioEvidence } from './ratio.ts'
import type { SampledCount } from './sampled.ts'
import { type Pending, waitFor } from './skew.ts'
import { logThreshold } from './spend.ts'

/** A counted metric after an interval, and the interval as it was taken in; absent while it waits, or is not to be trusted. */
export type WeighedCount = { readonly known: CountedEvidence; readonly sample?: SampledCount }

/** What an interval of a counted metric is weighed by. `guard`: intervals by which the sides may be read apart. */
export type Counting = {
  readonly metric: CountedMetric
  readonly plan: JudgePlan
  readonly guard: number
  /** The step that is in force now: an interval may have closed in an earlier one. */
  readonly present: number
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

/** What was in force when an interval was judged the first time; absent: it is found anew. */
export type Recorded = {
  readonly margin?: number | undefined
  readonly dispersion?: { readonly baseline: number; readonly canary: number } | undefined
}

/** Takes an interval in. One that closed in an earlier step is evidence, but no request of the present one. */
export const spend = (
  { metric, plan, present }: Counting,
  known: CountedEvidence,
  due: Pending,
  recorded: Recorded = {},
): WeighedCount => {
  const { pair, use, step, at = 0, lasted = 0, pods } = due
  const before = known.dispersion ?? beginDispersion()
  const canaries = pods?.canaries ?? 0
  const margin =
    recorded.margin ??
    marginOf(metric, { ratio: known.ratio, dispersion: before }, left('pod-spread', plan) ? 0 : canaries)
  const dispersion = learnDispersion(before, {
    at,
    baseline: pair.baseline,
    ...(pods === undefined ? {} : { pods: pods.baseline }),
  })
  const seen = { ...known, margin, dispersion }
  if (use !== 'judged') {
    const after = { ...seen, ratio: learnBaseline(known.ratio, pair.baseline) }
    return { known: after, sample: sampleOf(metric, after, due) }
  }
  const divisor = (count: Count, answering: number): number =>
    left('tempering', plan) ? 1 : dispersionOf(before, { n: count.n, lasted, pods: answering })
  const divisors = recorded.dispersion ?? {
    baseline: divisor(pair.baseline, Object.keys(pods?.baseline ?? {}).length),
    canary: divisor(pair.canary, canaries),
  }
  const tempered = {
    baseline: divided(pair.baseline, divisors.baseline),
    canary: divided(pair.canary, divisors.canary),
  }
  const limit = logThreshold(tests(plan), plan.alpha)
  const most = divisors.canary < EVEN ? Number.POSITIVE_INFINITY : (MOST * limit) / Math.min(UNEVEN, divisors.canary)
  const after = {
    ...seen,
    divisors,
    ratio: compare(known.ratio, pair, margin, { tempered, most }),
    limit:
      metric.max === undefined
        ? known.limit
        : testLimit(known.limit, pair, metric.max, { tempered: tempered.canary, most }),
    ...(step === present ? counted(known, pair, due.share ?? due.weight ?? 0) : {}),
  }
  return { known: after, sample: { ...sampleOf(metric, after, due), dispersion: divisors } }
}

const counted = (
  { step, asked }: CountedEvidence,
  pair: Pair,
  share: number,
): Pick<CountedEvidence, 'step' | 'asked'> => ({
  step: { baseline: add(step.baseline, pair.baseline), canary: add(step.canary, pair.canary) },
  asked: (asked ?? expectedOf(step, share)) + expectedOf(pair, share),
})

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
