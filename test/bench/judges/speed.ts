import { beginEvidence, type Evidence, type JudgePlan, judge } from '../../../packages/evidence/src/judge.ts'
import type { PodReading, Scrape } from '../../../packages/evidence/src/reading.ts'
import { seeded } from '../../../packages/evidence/test/random.ts'
import { five } from '../rollback/statistics.ts'
import { STABLE_PODS } from './release.ts'
import { poisson } from './samplers.ts'

const METRICS = 20
const LOOKS = 1_000
const ROUNDS = 10

const plan: JudgePlan = {
  metrics: Array.from({ length: METRICS }, (_, index) => ({ name: `m${index}`, kind: 'ratio', max: 0.05 })),
  alpha: 0.01,
  warmUp: 0,
  settle: 10_000,
  missing: 'silence',
  interval: 5_000,
}

/**
 * How long a decision takes in a release that has been looked at 1,000 times: 20 counted metrics with limits, 12 pods. Each of the last looks of some
 * rounds is timed by itself, milliseconds. `all`: the 1,000 looks of a round together.
 */
export const decisionTime = (): { readonly text: string; readonly median: number } => {
  const last: number[] = []
  const whole: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const looks = scrapes(round + 1)
    let evidence: Evidence = beginEvidence(plan)
    const begun = performance.now()
    for (const [index, scrape] of looks.entries()) {
      const from = performance.now()
      evidence = judge(evidence, { at: index * 5_000, scrape, weight: 5, step: 0 }, plan).evidence
      if (index >= LOOKS - 10) last.push(performance.now() - from)
    }
    whole.push(performance.now() - begun)
  }
  const [one, all] = [five(last), five(whole)]
  const ms = (value = Number.NaN): string => (value < 10 ? value.toFixed(2) : value.toFixed(0))
  return {
    median: one?.median ?? Number.NaN,
    text: `${ms(one?.median)} ms (quartiles ${ms(one?.q1)} to ${ms(one?.q3)}, most ${ms(one?.most)}; n ${last.length}), as what was judged is kept in constant memory and a decision takes in the last interval; all 1,000 from the first on ${ms(all?.median)} ms (n ${ROUNDS})`,
  }
}

const scrapes = (seed: number): readonly Scrape[] => {
  const random = seeded(seed)
  const pods = Array.from({ length: STABLE_PODS + 2 }, () =>
    Array.from({ length: METRICS }, () => ({ total: 0, bad: 0 })),
  )
  return Array.from({ length: LOOKS }, (_, look) => ({
    kind: 'pods',
    missing: [],
    readings: pods.map((counters, pod): PodReading => {
      for (const counter of counters) {
        const bad = poisson(random, 0.1)
        counter.bad += bad
        counter.total += poisson(random, 20) + bad
      }
      return {
        side: pod < STABLE_PODS ? 'baseline' : 'canary',
        pod: { name: `pod-${pod}`, uid: `pod-${pod}` },
        containerId: `pod-${pod}`,
        restarts: 0,
        readAt: look * 5_000,
        counters: Object.fromEntries(counters.map((counter, metric) => [`m${metric}`, { ...counter }])),
        gauges: {},
      }
    }),
  }))
}
