import { describe, expect, test } from 'vitest'
import type { Count } from '../src/count.ts'
import {
  beginDispersion,
  correlationsOf,
  type DispersionState,
  dispersionOf,
  learnDispersion,
  podSpread,
} from '../src/dispersion.ts'
import { binomial, poisson, type Random, seeded } from './random.ts'

/** Half an hour of a baseline of ten pods, in intervals of five seconds: what each pod answers by second and number. */
const past = (seed: number, share: (random: Random, second: number, pod: number) => number, perPod = 24) => {
  const random = seeded(seed)
  let state = beginDispersion()
  for (let second = 5; second <= 1800; second += 5) {
    const pods = Array.from({ length: 10 }, (_, pod) => {
      const n = poisson(random, perPod)
      return [`pod-${pod}`, { n, k: binomial(random, n, share(random, second, pod)) }] as const
    })
    const baseline = pods.reduce<Count>((sum, [, { n, k }]) => ({ n: sum.n + n, k: sum.k + k }), { n: 0, k: 0 })
    state = learnDispersion(state, { at: second * 1000, baseline, pods: Object.fromEntries(pods) })
  }
  return state
}
/** By what a canary's 60 requests of five seconds, of two pods, are divided. */
const divisor = (state: DispersionState): number =>
  dispersionOf(correlationsOf(state), { n: 60, lasted: 5000, pods: 2 })

test('without a past, requests are taken for independent', () => {
  expect(divisor(beginDispersion())).toBe(1)
  expect(podSpread(beginDispersion())).toBe(0)
})

test.each([0.001, 0.005, 0.02, 0.3])('independent requests at %d are hardly divided', (p) => {
  const all = Array.from({ length: 20 }, (_, seed) => divisor(past(seed + 1, () => p)))
  expect(all.reduce((sum, each) => sum + each / all.length, 0)).toBeLessThan(1.15)
  expect(Math.max(...all)).toBeLessThan(2)
})

describe('a past that is uneven', () => {
  test('all pods together, every five seconds anew: half of the intervals are twice as bad', () => {
    let now = 0
    let share = 0
    const state = past(1, (random, second) => {
      if (second !== now) share = random() < 0.5 ? 0 : 0.2
      now = second
      return share
    })
    // ρ = Var θ / (p q) = 0.01 / 0.09; φ = 1 + 59 ρ = 7.6, and four times that in a minute of which each twelfth is its own.
    expect(divisor(state)).toBeGreaterThan(5)
    expect(divisor(state)).toBeLessThan(10)
  })

  test('one pod at a time, for half a minute: nothing that the sum of all would show so clearly', () => {
    const state = past(2, (_, second, pod) => (pod === Math.floor(second / 90) % 10 && second % 90 < 30 ? 0.5 : 0.005))
    expect(divisor(state)).toBeGreaterThan(10)
  })

  test('a shared outage is none: its beginning and its end are levels that change', () => {
    const state = past(3, (_, second) => (second >= 600 && second < 960 ? 0.5 : 0.005))
    expect(divisor(state)).toBeLessThan(1.6)
  })

  test.each([30, 60, 120, 180])(
    'nor is a short one of %d s, which nobody knows for a burst until there is another',
    (length) => {
      const once = past(3, (_, second) => (second >= 600 && second < 600 + length ? 0.5 : 0.005))
      expect(divisor(once)).toBeLessThan(1.6)
      const twice = past(3, (_, second) => (second % 900 >= 600 && second % 900 < 600 + length ? 0.5 : 0.005))
      expect(divisor(twice)).toBeGreaterThan(3)
    },
  )

  test('a drift is none', () => {
    expect(divisor(past(4, (_, second) => 0.005 + second / 60_000))).toBeLessThan(1.3)
  })
})

describe('pods that differ for good', () => {
  test.each([
    [0, 0],
    [0.5, 0.01],
    [1, 0.02],
  ])('%d times as far apart: the spread is %d', (far, expected) => {
    const state = past(5, (_, __, pod) => 0.05 + far * (pod % 2 === 0 ? 0.02 : -0.02))
    expect(podSpread(state)).toBeGreaterThanOrEqual(expected * 0.7)
    expect(podSpread(state)).toBeLessThanOrEqual(expected * 1.4 + 0.002)
  })

  test('two pods say nothing of what is usual', () => {
    const pods = { a: { n: 1000, k: 10 }, b: { n: 1000, k: 100 } }
    expect(podSpread(learnDispersion(beginDispersion(), { at: 5000, baseline: { n: 2000, k: 110 }, pods }))).toBe(0)
  })
})

test('it forgets within hours, and its state does not grow with the intervals', () => {
  let state = past(1, (random) => (random() < 0.5 ? 0 : 0.2))
  const size = JSON.stringify(state).length
  const random = seeded(9)
  for (let at = 1_805_000; at < 4 * 3_600_000; at += 5000) {
    const pods = Array.from(
      { length: 10 },
      (_, pod) => [`pod-${pod}`, { n: 24, k: binomial(random, 24, 0.01) }] as const,
    )
    const k = pods.reduce((sum, [, each]) => sum + each.k, 0)
    state = learnDispersion(state, { at, baseline: { n: 240, k }, pods: Object.fromEntries(pods) })
  }
  expect(divisor(state)).toBeLessThan(1.2)
  expect(JSON.stringify(state).length).toBeLessThan(size + 500)
})

test('of many pods the most used are kept', () => {
  const pods = Object.fromEntries(Array.from({ length: 200 }, (_, pod) => [`pod-${pod}`, { n: 10 + pod, k: 1 }]))
  const state = learnDispersion(beginDispersion(), { at: 5000, baseline: { n: 21_900, k: 200 }, pods })
  expect(Object.keys(state.spread)).toHaveLength(50)
  expect(state.spread['pod-199']).toBeDefined()
})

test('an interval in which nobody asked anything changes nothing that was learned', () => {
  const before = past(1, () => 0.02)
  const after = learnDispersion(before, { at: 1_805_000, baseline: { n: 0, k: 0 } })
  expect(divisor(after)).toBeCloseTo(divisor(before), 1)
})

test('hours without a bad answer leave numbers that JSON has', () => {
  let state = beginDispersion()
  const kept: DispersionState[] = []
  for (let second = 1; second <= 14_500; second++) {
    state = learnDispersion(state, { at: second * 1000, baseline: { n: 50, k: second <= 200 ? second % 2 : 0 } })
    if (second % 250 === 0) kept.push(state)
  }
  expect(JSON.parse(JSON.stringify(kept))).toEqual(kept)
})
