import { describe, expect, test } from 'vitest'
import { quantile, type Scenario, simulate, usualSteps } from './simulation.ts'

const steady = (p: number) => () => p
const outage = (during: number) => (at: number) => (at >= 300 && at < 660 ? during : 0.005)
const quick: Omit<Scenario, 'baseline' | 'canary'> = {
  rate: 80,
  interval: 1,
  seconds: 120,
  before: 10,
  weight: steady(5),
}
const usual: Omit<Scenario, 'baseline' | 'canary'> = {
  rate: 50,
  interval: 5,
  seconds: 1500,
  before: 60,
  weight: usualSteps,
}
const runs = (count: number, scenario: Scenario) =>
  Array.from({ length: count }, (_, index) => simulate(index + 1, scenario))
const times = (all: ReturnType<typeof runs>) => all.map(({ stoppedAt }) => stoppedAt)

describe('four canary requests a second, read each second, α = 1 % over four tests', () => {
  // No test at this α can be quicker than log(400)/KL: 2.8 s of requests for 0.5 % → 20 % on average.
  test.each([
    [0, 4, 8],
    [0.001, 4, 9],
    [0.005, 5, 11],
  ])('from %d to 20 %% errors: stopped after a median of %i seconds', (theta, median, late) => {
    const all = runs(300, { ...quick, baseline: steady(theta), canary: steady(0.2) })
    expect(quantile(times(all), 0.5)).toBeLessThanOrEqual(median)
    expect(quantile(times(all), 0.9)).toBeLessThanOrEqual(late)
    expect(
      quantile(
        all.map(({ badAnswers }) => badAnswers),
        0.5,
      ),
    ).toBeLessThanOrEqual(5)
  })

  test('a canary that always fails is stopped in one second or two', () => {
    const all = runs(200, { ...quick, baseline: steady(0.005), canary: steady(1) })
    expect(quantile(times(all), 0.9)).toBeLessThanOrEqual(2)
    expect(Math.max(...times(all))).toBeLessThanOrEqual(4)
  })

  test('a fault that begins after ten healthy minutes is found as well', () => {
    const late = (at: number) => (at >= 600 ? 0.2 : 0.005)
    const all = runs(40, { ...quick, seconds: 720, baseline: steady(0.005), canary: late })
    expect(quantile(times(all), 0.5) - 600).toBeLessThanOrEqual(13)
    expect(Math.min(...times(all))).toBeGreaterThan(600)
  })
})

describe('a healthy release over 25 minutes is stopped in at most one of a hundred', () => {
  test.each<[string, Scenario]>([
    ['at 0.5 %', { ...usual, baseline: steady(0.005), canary: steady(0.005) }],
    ['at 2 %', { ...usual, baseline: steady(0.02), canary: steady(0.02) }],
    ['in a shared outage of 8 %', { ...usual, baseline: outage(0.08), canary: outage(0.08) }],
    ['in a shared outage of 50 %', { ...usual, baseline: outage(0.5), canary: outage(0.5) }],
    [
      'in a shared outage of 50 %, both sides read a quarter of a second apart',
      { ...usual, skew: 0.25, baseline: outage(0.5), canary: outage(0.5) },
    ],
    ['with one request in two seconds', { ...usual, rate: 0.5, baseline: steady(0.02), canary: steady(0.02) }],
    [
      'with one request in two seconds, half of them bad',
      { ...usual, rate: 0.5, baseline: steady(0.5), canary: steady(0.5) },
    ],
    ['when nothing ever fails', { ...usual, baseline: steady(0), canary: steady(0) }],
  ])('%s', (_, scenario) => {
    const all = runs(200, scenario)
    expect(all.filter(({ decision }) => decision.kind === 'reject').length).toBeLessThanOrEqual(2)
  })

  test('a shared outage above the absolute limit is held, not blamed', () => {
    const all = runs(20, { ...usual, baseline: outage(0.5), canary: outage(0.5) })
    for (const { held, decision } of all) {
      expect(decision.kind).toBe('continue')
      expect(held).toBeGreaterThan(300)
      expect(held).toBeLessThan(420)
    }
  })
})

describe('at 50 requests a second in the usual steps', () => {
  test.each([
    [0.015, 30],
    [0.03, 12],
    [0.1, 8],
    [0.5, 10],
  ])('0.5 %% → %d is stopped within %i failed requests more', (theta, most) => {
    const all = runs(60, { ...usual, baseline: steady(0.005), canary: steady(theta) })
    expect(all.every(({ decision }) => decision.kind === 'reject')).toBe(true)
    expect(all.reduce((sum, { extra }) => sum + extra, 0) / all.length).toBeLessThanOrEqual(most)
  })

  test('a regression that begins after a shared outage is found too', () => {
    const canary = (at: number) => (at >= 700 ? 0.03 : outage(0.5)(at))
    const all = runs(40, { ...usual, baseline: outage(0.5), canary })
    expect(quantile(times(all), 0.9) - 700).toBeLessThanOrEqual(300)
    expect(Math.min(...times(all))).toBeGreaterThan(700)
  })
})
