import { expect, test } from 'vitest'
import type { Count, Pair } from '../src/count.ts'
import { logEvidence } from '../src/eprocess.ts'
import type { CountedEvidence } from '../src/evidence.ts'
import { meet, type Terms } from '../src/idle.ts'
import { beginEvidence, type JudgePlan, judge } from '../src/judge.ts'
import { replay } from '../src/replay.ts'
import { pod, pods } from './readings.ts'

const terms = (since: number, margin = 0.01): Terms => ({
  since,
  margin,
  correlations: { interval: { time: 0, pods: 0 }, minute: { time: 0, pods: 0 } },
})
const count = (n: number, k: number): Count => ({ n, k })
const none = count(0, 0)
const alone = (n: number, k: number): Pair => ({ baseline: count(n, k), canary: none })

test('the baseline waits for a request of the canary, which is compared with all of it, by the terms of the beginning', () => {
  const first = meet(undefined, alone(10, 1), terms(0))
  expect(first).toEqual({ idle: { ...terms(0), baseline: count(10, 1) } })
  const second = meet(first.due === undefined ? first.idle : undefined, alone(20, 3), terms(5000, 0.5))
  expect(second).toEqual({ idle: { ...terms(0), baseline: count(30, 4) } })
  const idle = second.due === undefined ? second.idle : undefined
  expect(meet(idle, { baseline: count(5, 0), canary: count(1, 1) }, terms(10_000, 0.5))).toEqual({
    due: { pair: { baseline: count(35, 4), canary: count(1, 1) }, terms: terms(0) },
  })
})

test('what has waited for more than a minute and a quarter is no longer compared', () => {
  const idle = { ...terms(0), baseline: count(100, 7) }
  const pair = { baseline: count(5, 0), canary: count(1, 1) }
  expect(meet(idle, pair, terms(75_000)).late).toBeUndefined()
  expect(meet(idle, pair, terms(75_001))).toEqual({ late: count(100, 7), due: { pair, terms: terms(75_001) } })
  expect(meet(idle, alone(5, 0), terms(75_001))).toEqual({
    late: count(100, 7),
    idle: { ...terms(75_001), baseline: count(5, 0) },
  })
})

test('a clock that was set back lets nothing wait for it to catch up', () => {
  const idle = { ...terms(3_600_000), baseline: count(100, 7) }
  expect(meet(idle, alone(5, 0), terms(0)).late).toEqual(count(100, 7))
})

const plan: JudgePlan = {
  metrics: [{ name: 'errors', kind: 'ratio', margin: 0.05 }],
  alpha: 0.01,
  warmUp: 0,
  settle: 5000,
  missing: 'off',
}

/** A canary's evidence after looks at cumulative counters, five seconds apart: what each side answered since the one before, and the weight. */
const after = (looks: readonly (readonly [pair: Pair, weight?: number])[]): CountedEvidence => {
  const sums = { baseline: count(1000, 10), canary: none }
  let evidence = beginEvidence(plan)
  const all = [[{ baseline: none, canary: none }, 0] as const, ...looks]
  for (const [index, [pair, weight = 5]] of all.entries()) {
    for (const side of ['baseline', 'canary'] as const)
      sums[side] = count(sums[side].n + pair[side].n, sums[side].k + pair[side].k)
    const scrape = pods([
      pod('baseline', 'stable', [sums.baseline.n, sums.baseline.k]),
      pod('canary', 'canary', [sums.canary.n, sums.canary.k]),
    ])
    evidence = judge(evidence, { at: index * 5000, scrape, weight, step: weight }, plan).evidence
  }
  const known = evidence.metrics.errors
  if (known?.kind !== 'counted') throw new Error('errors are counted')
  return known
}
const begun = [{ baseline: count(400, 4), canary: count(1, 0) }, 5] as const

test('looks in which the canary answered nothing and the one in which it did tell as much as one look at all of it', () => {
  const apart = after([begun, [alone(20, 0)], [alone(30, 1)], [{ baseline: count(10, 0), canary: count(2, 1) }]])
  const once = after([begun, [{ baseline: count(60, 1), canary: count(2, 1) }]])
  expect(logEvidence(apart.ratio.process)).toBe(logEvidence(once.ratio.process))
  expect(apart.ratio).toEqual(once.ratio)
  expect(apart.step).toEqual(once.step)
  expect(apart.idle).toBeUndefined()
})

test('what waits when the weight changes is learned from and compared with nothing', () => {
  const changed = after([
    begun,
    [alone(20, 7)],
    [alone(10, 2), 25],
    [{ baseline: count(10, 0), canary: count(3, 1) }, 25],
  ])
  expect(changed.ratio.judged).toEqual({ baseline: count(410, 4), canary: count(4, 1) })
  expect(changed.ratio.baseline.long.n).toBe(440)
})

/** Every outcome of so many requests with so much probability each. */
const outcomes = (n: number, p: number): readonly { readonly k: number; readonly chance: number }[] =>
  Array.from({ length: n + 1 }, (_, k) => {
    const ways = Array.from({ length: k }, (_, i) => (n - i) / (i + 1)).reduce((all, each) => all * each, 1)
    return { k, chance: ways * p ** k * (1 - p) ** (n - k) }
  })

test.each([0.02, 0.2, 0.5, 0.9])(
  'a canary just at what is tolerated (baseline %d) gains nothing on average, over every outcome of an interval that waited and the next two',
  (p) => {
    const tolerated = Math.min(1, p + 0.05)
    let mean = 0
    for (const waited of outcomes(4, p))
      for (const b of outcomes(2, p))
        for (const c of outcomes(2, tolerated))
          for (const last of outcomes(2, p))
            for (const lastOfCanary of outcomes(1, tolerated)) {
              const [end] = replay(
                [
                  {
                    name: 'errors',
                    kind: 'ratio',
                    samples: [5, 10, 15].map((second) => ({
                      at: new Date(second * 1000).toISOString(),
                      weight: 5,
                      step: 0,
                    })),
                    baseline: [count(4, waited.k), count(2, b.k), count(2, last.k)],
                    canary: [none, count(2, c.k), count(1, lastOfCanary.k)],
                  },
                ],
                plan,
              ).slice(-1)
              const [errors] = end?.metrics ?? []
              if (errors?.kind !== 'ratio') throw new Error('errors are judged')
              const chance = [waited, b, c, last, lastOfCanary].reduce((all, outcome) => all * outcome.chance, 1)
              mean += chance * Math.exp(errors.logE)
            }
    expect(mean).toBeLessThanOrEqual(1 + 1e-9)
    expect(mean).toBeGreaterThan(0.2)
  },
)
