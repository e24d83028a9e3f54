import { LONGEST } from './idle.ts'
import { logRatio, nearestNull, type Point } from './projection.ts'
import { ODDS_RATIOS, raise, WEIGHTS } from './ratio.ts'

/**
 * Requests that both sides answer while one weight is in force, and how often the evidence is looked at meanwhile. `every`: ms between two looks, 5,000 where it is
 * not given.
 */
export type Traffic = {
  readonly baseline: number
  readonly canary: number
  readonly looks: number
  readonly every?: number
}

/** What a release's traffic was, or is expected to be, to ask what it reveals. */
export type PowerQuestion = {
  /** The baseline's ratio of bad answers, 0 … 1. */
  readonly baseline: number
  readonly margin: number
  /** One entry per weight. */
  readonly traffic: readonly Traffic[]
  /** The log of m/α. */
  readonly logLimit: number
}

/**
 * The power statement: the smallest increase over the baseline's ratio (absolute) that a comparison over this traffic reveals with about 95 %
 * probability; `undefined` when not even a canary that fails always would be revealed.
 * Approximate: it asks whether the evidence at the end, at the lower 5 % of what chance leaves of it, passes the limit. Earlier looks only add to
 * the probability. It presumes independent requests and a baseline that stays as it is. A canary's request tells something only beside requests of the
 * baseline's since the canary's last one, so requests that come singly may reveal less than their number says (`compared`).
 */
export const smallestIncrease = (question: PowerQuestion): number | undefined => {
  const baseline = Math.min(1 - 1e-6, Math.max(1e-6, question.baseline))
  const reveals = (canary: number) => lowerEvidence({ baseline, canary }, question) >= question.logLimit
  let [low, high] = [Math.min(1, baseline + question.margin), 1 - 1e-9]
  if (low >= high || !reveals(high)) return undefined
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (reveals(middle)) high = middle
    else low = middle
  }
  return high - baseline
}

/** The log evidence that is reached with about 95 % probability at the end, by the alternative that does best. */
const lowerEvidence = (truth: Point, question: PowerQuestion): number => {
  const edge = truth.baseline + question.margin
  const all = WEIGHTS.reduce((sum, weight) => sum + weight, 0)
  const sharing = Math.log1p(question.traffic.reduce((sum, { looks }) => sum + looks, 0) / 100)
  const canaryRequests = question.traffic.reduce((sum, { canary }) => sum + canary, 0)
  const fixed = ODDS_RATIOS.map((ratio) => ({ canary: raise(Math.min(edge, 1 - 1e-9), ratio), cost: 0 }))
  // The plug-in follows the truth, at the usual price of half a log of the sample size for what it has to learn.
  const plugIn = { canary: truth.canary, cost: Math.log1p(canaryRequests) / 2 }
  const reached = [...fixed, plugIn].map(({ canary, cost }, index) => {
    const part = Math.log((WEIGHTS[index] ?? 0) / all)
    return lowerSum({ baseline: truth.baseline, canary }, truth, question) - cost + part
  })
  return Math.max(...reached) - sharing
}

const lowerSum = (alternative: Point, truth: Point, { margin, traffic }: PowerQuestion): number => {
  const steps = traffic.map(compared).flatMap(({ baseline: nb, canary: nc }) => {
    const nearest = nearestNull(alternative, margin, nb, nc)
    if (nearest === undefined) return []
    const { baseline: qb, canary: qc } = alternative
    const ofBaseline = (k: number) => logRatio(nb, k, qb, nearest.baseline)
    const ofCanary = (k: number) => logRatio(nc, k, qc, nearest.canary)
    const mean = ofBaseline(nb * truth.baseline) + ofCanary(nc * truth.canary)
    const fall = ofCanary(nc * truth.canary) - ofCanary(lowerQuantile(nc, truth.canary))
    const swing = Z95 * deviation(nb, truth.baseline) * Math.abs(ofBaseline(1) - ofBaseline(0))
    return [{ mean, square: fall * fall + swing * swing }]
  })
  const mean = steps.reduce((sum, step) => sum + step.mean, 0)
  return mean - Math.sqrt(steps.reduce((sum, step) => sum + step.square, 0))
}

/**
 * What is compared of them, where both come by chance: the baseline's requests wait for one of the canary's, as long as `idle.ts` lets them; those of the canary
 * are lost that have none of the baseline's beside them, neither in their own interval nor in those that wait.
 */
const compared = ({ baseline, canary, looks, every = 5000 }: Traffic): Pick<Traffic, 'baseline' | 'canary'> => {
  if (looks === 0) return { baseline: 0, canary: 0 }
  const together = 1 + Math.floor(LONGEST / Math.max(1, every))
  const [noCanary, noBaseline] = [Math.exp(-canary / looks), Math.exp(-baseline / looks)]
  // A request of the canary comes after so many intervals without one, at most as many as wait.
  const both = noCanary * noBaseline
  const waited = both === 1 ? together - 1 : (1 - both ** (together - 1)) / (1 - both)
  const lost = (1 - noCanary) * noBaseline * waited + both ** (together - 1) * noBaseline
  return { baseline: baseline * (1 - noCanary ** together), canary: canary * (1 - lost) }
}

const Z95 = 1.6448536269514722

const deviation = (n: number, p: number): number => Math.sqrt(n * p * (1 - p))

/** The number of bad answers that is reached with 95 % probability: exact where they are few, else the normal approximation. */
const lowerQuantile = (n: number, p: number): number => {
  const requests = Math.round(n)
  const [mean, sd] = [requests * p, deviation(requests, p)]
  if (mean > 100 || requests - mean < 20) return Math.max(0, mean - Z95 * sd)
  let log = requests * Math.log1p(-p)
  let below = Math.exp(log)
  let k = 0
  while (below <= 0.05 && k < requests) {
    log += Math.log((requests - k) / (k + 1)) + Math.log(p) - Math.log1p(-p)
    k += 1
    below += Math.exp(log)
  }
  return k
}
