import { type Random, seeded } from '../../../packages/evidence/test/random.ts'
import { beta, normal, poisson } from './samplers.ts'

/** Of the requests that the route splits, and of those alone unless a truth says otherwise. */
export type Side = 'baseline' | 'canary'

/** A value by second since the canary's first weight; negative before it. */
export type Course = (second: number) => number

/**
 * What is true of a simulated release. The two sides' probabilities of a bad answer; everything else is the same on both sides unless it says so.
 * - `load`: by what the request rate is multiplied.
 * - `rho`: beta-binomial errors. Each side and interval has a probability of its own, drawn around the course with this correlation between two requests.
 * - `retries`: a client whose request failed asks so many times more, of the same pod, and is given the same answer.
 * - `bursts`: now and then (`every` seconds on average, of each pod by itself) a pod fails this `share` of its requests for 30 s.
 * - `podSpread`: the standard deviation of the log of what each pod's probability is multiplied by, for as long as it lives.
 * - `internal`: this share of all that the baseline counts are requests from inside, which no route splits and which do not fail.
 * - `late`: the source shows this side's counters as they were so many seconds ago; a multiple of the interval.
 */
export type Truth = {
  readonly baseline: Course
  readonly canary: Course
  readonly load?: Course
  readonly rho?: number
  readonly retries?: number
  readonly bursts?: { readonly every: number; readonly share: number }
  readonly podSpread?: number
  readonly internal?: number
  readonly late?: { readonly side: Side; readonly seconds: number }
}

/** A cumulative counter as a reader sees it. */
export type Counter = { readonly total: number; readonly bad: number }

/**
 * A release at the end of an interval. `at`: seconds since the canary's first weight. `weight`, `step`: in force during the interval. `pods`: each pod's own
 * counters. `read`: each side's sum as the source shows it. `ends`: the step's hold is over. `extra`: bad answers of the canary so far beyond those that
 * its requests would have been given by the baseline's course, in the same bursts and by the same pods. `asked`: requests that the canary answered so far. It is valid until the next interval, which writes over it.
 */
export type Moment = {
  readonly at: number
  readonly weight: number
  readonly step: number
  readonly ends: boolean
  readonly pods: { readonly [S in Side]: readonly Counter[] }
  readonly read: { readonly [S in Side]: Counter }
  readonly extra: number
  readonly asked: number
}

/** The usual schedule, seconds. */
export const STEPS: readonly { readonly weight: number; readonly hold: number }[] = [
  { weight: 5, hold: 600 },
  { weight: 25, hold: 600 },
  { weight: 50, hold: 300 },
]
/** How long stable is watched alone before, seconds. */
export const BEFORE = 1800
/** The finest interval between two reads, seconds. */
export const INTERVAL = 5
/** How many pods stable has. */
export const STABLE_PODS = 10
/** Intervals of a release, those before it with them. */
export const INTERVALS = (BEFORE + STEPS.reduce((sum, { hold }) => sum + hold, 0)) / INTERVAL

/** When a step begins, seconds. */
export const beginOf = (step: number): number => STEPS.slice(0, step).reduce((sum, { hold }) => sum + hold, 0)

/** Pods of a canary as a default plan sizes it: as many as its weight is of stable's, and never fewer than two. */
export const canaryPods = (weight: number): number => Math.max(2, Math.ceil((weight * STABLE_PODS) / 100))

/** How long a burst lasts, seconds. */
const BURST = 30

type Pod = { total: number; bad: number; readonly factor: number; burstUntil: number }

/**
 * Simulates one release. Each call plays the next interval, {@link INTERVALS} of them. Requests arrive independently (Poisson), spread evenly over a
 * side's pods; bad and good answers of independent requests are then independent Poisson counts themselves, so each is drawn alone and exactly.
 * @param rate requests per second of both sides together, without internal ones
 * @param seed the same seed gives the same release
 */
export const beginRelease = (seed: number, rate: number, truth: Truth): (() => Moment) => {
  const random = seeded(seed)
  const pods = { baseline: born(random, STABLE_PODS, truth), canary: [] as Pod[] }
  const sources = { baseline: source('baseline', truth), canary: source('canary', truth) }
  const internal = truth.internal ?? 0
  let at = -BEFORE
  let [extra, asked] = [0, 0]
  return () => {
    const step = at < 0 ? 0 : STEPS.findLastIndex((_, index) => at >= beginOf(index))
    const weight = at < 0 ? 0 : (STEPS[step]?.weight ?? 0)
    const missing = weight === 0 ? 0 : canaryPods(weight) - pods.canary.length
    if (missing > 0) pods.canary.push(...born(random, missing, truth))
    const requests = rate * INTERVAL * (truth.load?.(at) ?? 1)
    const ofCanary = (requests * weight) / 100
    serve(random, pods.baseline, { at, truth, mean: requests - ofCanary, course: truth.baseline })
    const canary = serve(random, pods.canary, { at, truth, mean: ofCanary, course: truth.canary })
    if (internal > 0) askInside(random, pods.baseline, ((requests - ofCanary) * internal) / (1 - internal))
    extra += canary.bad - canary.ordinary
    asked += canary.total
    at += INTERVAL
    return {
      at,
      weight,
      step,
      ends: weight > 0 && at === beginOf(step + 1),
      pods,
      read: { baseline: sources.baseline(pods.baseline), canary: sources.canary(pods.canary) },
      extra,
      asked,
    }
  }
}

const born = (random: Random, count: number, { podSpread = 0 }: Truth): Pod[] =>
  Array.from({ length: count }, () => ({
    total: 0,
    bad: 0,
    factor: podSpread === 0 ? 1 : Math.exp(podSpread * normal(random)),
    burstUntil: Number.NEGATIVE_INFINITY,
  }))

type Served = { readonly at: number; readonly truth: Truth; readonly mean: number; readonly course: Course }

/** Lets a side's pods answer an interval's requests, `mean` of them on average. `ordinary`: bad answers that so many requests are expected to get by the baseline's course. */
const serve = (
  random: Random,
  pods: readonly Pod[],
  { at, truth, mean, course }: Served,
): Counter & { readonly ordinary: number } => {
  const { rho, retries = 0, bursts } = truth
  let [total, bad, ordinary] = [0, 0, 0]
  if (mean <= 0) return { total, bad, ordinary }
  const share = rho === undefined ? course(at) : beta(random, course(at), rho)
  const each = mean / pods.length
  for (const pod of pods) {
    const least = bursts !== undefined && isBursting(random, pod, at, bursts.every) ? bursts.share : 0
    const p = Math.max(least, Math.min(1, share * pod.factor))
    const usual = Math.max(least, Math.min(1, truth.baseline(at) * pod.factor))
    const failed = poisson(random, each * p)
    const answered = poisson(random, each * (1 - p))
    const k = failed * (1 + retries)
    pod.total += answered + k
    pod.bad += k
    total += answered + k
    bad += k
    ordinary += ((answered + k) * usual * (1 + retries)) / (1 + retries * usual)
  }
  return { total, bad, ordinary }
}

const isBursting = (random: Random, pod: Pod, at: number, every: number): boolean => {
  if (at < pod.burstUntil) return true
  if (random() >= -Math.expm1(-INTERVAL / every)) return false
  pod.burstUntil = at + BURST
  return true
}

const askInside = (random: Random, pods: readonly Pod[], mean: number): void => {
  for (const pod of pods) pod.total += poisson(random, mean / pods.length)
}

/** The sum over a side's pods as its source shows it: that of some intervals ago where it is late. */
const source = (side: Side, { late }: Truth): ((pods: readonly Pod[]) => Counter) => {
  const delay = late?.side === side ? late.seconds / INTERVAL : 0
  const shown: Counter[] = Array.from({ length: delay }, () => ({ total: 0, bad: 0 }))
  return (pods) => {
    let [total, bad] = [0, 0]
    for (const pod of pods) {
      total += pod.total
      bad += pod.bad
    }
    shown.push({ total, bad })
    return shown.shift() ?? { total, bad }
  }
}
