import { beginEvidence, type Decision, type Evidence, type JudgePlan, judge } from '../src/judge.ts'
import type { PodReading, Side } from '../src/reading.ts'
import { binomial, poisson, seeded } from './random.ts'

/** A release on independent Poisson traffic. Times in seconds since the canary's first weight; probabilities of a bad answer per side. */
export type Scenario = {
  /** Requests per second, both sides together. */
  readonly rate: number
  /** Seconds between reads. */
  readonly interval: number
  readonly seconds: number
  /** Seconds for which the baseline is watched before. */
  readonly before: number
  readonly weight: (second: number) => number
  readonly baseline: (second: number) => number
  readonly canary: (second: number) => number
  /** Seconds by which the canary's counter is read before the baseline's. */
  readonly skew?: number
}

/** How a simulated release ended. */
export type Ended = {
  readonly decision: Decision
  /** Seconds; infinite when nothing stopped it. */
  readonly stoppedAt: number
  readonly held: number
  readonly badAnswers: number
  /** Failed requests beyond what the baseline would have failed. */
  readonly extra: number
  readonly evidence: Evidence
}

/** A plan as most releases have it. */
export const usualPlan: JudgePlan = {
  metrics: [
    { name: 'errors', kind: 'ratio', max: 0.05 },
    { name: 'latency', kind: 'latency' },
  ],
  alpha: 0.01,
  warmUp: 0,
  settle: 5000,
  missing: 'share',
}

/** 5 % for ten minutes, 25 % for ten, 50 % for five. */
export const usualSteps = (second: number): number => (second < 600 ? 5 : second < 1200 ? 25 : 50)

/** Runs a release through the judge, read after read, until it rejects or the time is over. */
export const simulate = (seed: number, scenario: Scenario, plan: JudgePlan = usualPlan): Ended => {
  const { rate, interval, skew = 0 } = scenario
  const random = seeded(seed)
  const counters = { baseline: { total: 0, bad: 0 }, canary: { total: 0, bad: 0 } }
  const serve = (side: Side, mean: number, p: number) => {
    const n = poisson(random, mean)
    const k = binomial(random, n, p)
    counters[side].total += n
    counters[side].bad += k
    return { n, k }
  }
  let evidence = beginEvidence(plan)
  let [held, badAnswers, extra] = [0, 0, 0]
  for (let at = -scenario.before; at < scenario.seconds; at += interval) {
    const weight = at < 0 ? 0 : scenario.weight(at)
    const [theta, ours] = [scenario.baseline(at), scenario.canary(at)]
    const canaryRate = (rate * weight) / 100
    if (weight > 0) {
      const early = serve('canary', canaryRate * (interval - skew), ours)
      badAnswers += early.k
      extra += early.k - early.n * theta
    }
    const readings = [reading('canary', counters.canary)]
    serve('baseline', (rate - canaryRate) * interval, theta)
    readings.push(reading('baseline', counters.baseline))
    if (skew > 0 && weight > 0) serve('canary', canaryRate * skew, ours)
    const now = at + interval
    const judged = judge(
      evidence,
      { at: now * 1000, scrape: { kind: 'pods', readings, missing: [] }, weight, step: weight },
      plan,
    )
    evidence = judged.evidence
    if (judged.decision.kind === 'hold') held += interval
    if (judged.decision.kind === 'reject')
      return { decision: judged.decision, stoppedAt: now, held, badAnswers, extra, evidence }
  }
  return { decision: { kind: 'continue' }, stoppedAt: Number.POSITIVE_INFINITY, held, badAnswers, extra, evidence }
}

/** The p-quantile of a sample. */
export const quantile = (values: readonly number[], p: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * p))] ?? Number.NaN

const reading = (side: Side, counter: { readonly total: number; readonly bad: number }): PodReading => ({
  side,
  pod: { name: side, uid: side },
  containerId: side,
  restarts: 0,
  readAt: 0,
  counters: { errors: { ...counter }, latency: { total: counter.total, bad: 0 } },
  gauges: {},
})
