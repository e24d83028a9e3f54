import { expect, test } from 'vitest'
import {
  BEFORE,
  beginRelease,
  type Counter,
  canaryPods,
  INTERVALS,
  type Moment,
  type Side,
  type Truth,
} from './release.ts'

const healthy = (share: number): Truth => ({ baseline: () => share, canary: () => share })

type Kept = Pick<Moment, 'at' | 'weight' | 'step' | 'ends' | 'extra' | 'asked'> & {
  readonly sums: { readonly [S in Side]: Counter }
  readonly read: Moment['read']
  readonly pods: { readonly [S in Side]: readonly Counter[] }
}

/** A whole release, with copies of what a moment only lends. */
const moments = (seed: number, rate: number, truth: Truth): readonly Kept[] => {
  const next = beginRelease(seed, rate, truth)
  return Array.from({ length: INTERVALS }, () => {
    const moment = next()
    const copy = (side: Side): readonly Counter[] => moment.pods[side].map(({ total, bad }) => ({ total, bad }))
    const pods = { baseline: copy('baseline'), canary: copy('canary') }
    return { ...moment, pods, sums: { baseline: sum(pods.baseline), canary: sum(pods.canary) } }
  })
}

const sum = (counters: readonly Counter[]): Counter =>
  counters.reduce((all, { total, bad }) => ({ total: all.total + total, bad: all.bad + bad }), { total: 0, bad: 0 })

/** What was counted interval by interval. */
const steps = (counters: readonly Counter[]): readonly Counter[] =>
  counters.map(({ total, bad }, index) => {
    const before = counters[index - 1] ?? { total: 0, bad: 0 }
    return { total: total - before.total, bad: bad - before.bad }
  })

test('the schedule is stable alone for half an hour, then 5, 25 and 50 %, each step with its pods', () => {
  const all = moments(1, 50, healthy(0.01))
  const changes = all.filter(({ weight }, index) => weight !== all[index - 1]?.weight)
  expect(changes.map(({ at, weight, step, pods }) => [at, weight, step, pods.canary.length])).toEqual([
    [5 - BEFORE, 0, 0, 0],
    [5, 5, 0, 2],
    [605, 25, 1, 3],
    [1205, 50, 2, 5],
  ])
  expect(all.filter(({ ends }) => ends).map(({ at }) => at)).toEqual([600, 1200, 1500])
  expect(all.every(({ pods }) => pods.baseline.length === 10)).toBe(true)
})

test.each([
  [1, 2],
  [5, 2],
  [25, 3],
  [50, 5],
  [99, 10],
])('a canary of %d %% has %d pods', (weight, pods) => {
  expect(canaryPods(weight)).toBe(pods)
})

test('the same seed gives the same release, another one another', () => {
  expect(moments(7, 5, healthy(0.02))).toEqual(moments(7, 5, healthy(0.02)))
  expect(moments(8, 5, healthy(0.02))).not.toEqual(moments(7, 5, healthy(0.02)))
})

test('requests arrive at their rate, are split by the weight and fail by the course of their side', () => {
  const last = moments(2, 500, { baseline: () => 0.01, canary: () => 0.03 }).at(-1)
  const canary = 500 * (600 * 0.05 + 600 * 0.25 + 300 * 0.5)
  const baseline = 500 * (BEFORE + 1500) - canary
  const near = (value: number | undefined, expected: number): void =>
    expect(Math.abs((value ?? 0) - expected)).toBeLessThan(4 * Math.sqrt(expected))
  near(last?.sums.canary.total, canary)
  near(last?.sums.baseline.total, baseline)
  near(last?.sums.canary.bad, 0.03 * canary)
  near(last?.sums.baseline.bad, 0.01 * baseline)
})

test('extra bad answers are those of the canary beyond what the baseline would have given as many requests', () => {
  const all = moments(4, 50, { baseline: () => 0.01, canary: (at) => (at >= 1200 ? 0.2 : 0.01) })
  for (const { extra, asked, sums } of all) {
    expect(asked).toBe(sums.canary.total)
    expect(extra).toBeCloseTo(sums.canary.bad - 0.01 * sums.canary.total, 6)
  }
})

test.each<readonly [string, Partial<Truth>]>([
  ['independent requests', {}],
  ['clients that ask again', { retries: 3 }],
  ['bursts', { bursts: { every: 300, share: 0.5 } }],
  ['pods that differ', { podSpread: 0.3 }],
])('a healthy canary gives no extra bad answers on average: %s', (_, more) => {
  const extras = Array.from(
    { length: 60 },
    (_, seed) => moments(seed + 1, 50, { ...healthy(0.02), ...more }).at(-1)?.extra ?? 0,
  )
  const mean = extras.reduce((sum, extra) => sum + extra, 0) / 60
  const deviation = Math.sqrt(extras.reduce((sum, extra) => sum + (extra - mean) ** 2, 0) / 59)
  expect(Math.abs(mean)).toBeLessThan((3.5 * deviation) / Math.sqrt(60))
  expect(deviation).toBeLessThan(100)
})

test('the load multiplies the rate', () => {
  const twice = moments(5, 50, { ...healthy(0.01), load: () => 2 }).at(-1)?.sums.baseline.total ?? 0
  const once = moments(5, 50, healthy(0.01)).at(-1)?.sums.baseline.total ?? 0
  expect(twice / once).toBeCloseTo(2, 1)
})

/** The correlation between two requests of an interval, by the method of moments over many intervals. */
const correlation = (truth: Truth, side: Side): number => {
  const counts = Array.from({ length: 20 }, (_, seed) =>
    steps(moments(seed + 1, 500, truth).map(({ sums }) => sums[side])),
  )
    .flat()
    .filter(({ total }) => total > 500)
  const n = counts.reduce((all, { total }) => all + total, 0) / counts.length
  const square = counts.reduce((all, { total, bad }) => all + (bad - 0.01 * total) ** 2 / (total * 0.01 * 0.99), 0)
  return (square / counts.length - 1) / (n - 1)
}

test.each(['baseline', 'canary'] as const)(
  'beta-binomial errors of the %s have the correlation that was asked for',
  (side) => {
    expect(correlation({ ...healthy(0.01), rho: 0.02 }, side)).toBeGreaterThan(0.016)
    expect(correlation({ ...healthy(0.01), rho: 0.02 }, side)).toBeLessThan(0.024)
    expect(Math.abs(correlation(healthy(0.01), side))).toBeLessThan(0.0005)
  },
)

test('a client that asks three times more is given the same answer by the same pod', () => {
  const last = moments(6, 50, { ...healthy(0.02), retries: 3 }).at(-1)
  expect(last?.pods.baseline.every(({ bad }) => bad > 0 && bad % 4 === 0)).toBe(true)
  const { total = 0, bad = 0 } = last?.sums.baseline ?? {}
  expect(bad / total).toBeCloseTo((4 * 0.02) / (1 + 3 * 0.02), 2)
})

test('a burst lasts 30 s, of one pod by itself, as often as asked for', () => {
  const all = moments(9, 500, { ...healthy(0), bursts: { every: 900, share: 0.5 } })
  const failing = Array.from({ length: 10 }, (_, pod) =>
    steps(all.map(({ pods }) => pods.baseline[pod] ?? { total: 0, bad: 0 })).map(({ bad }) => bad > 0),
  )
  const begins = failing.map((pod) => pod.filter((now, index) => now && pod[index - 1] !== true).length)
  const lasting = failing.flat().filter((now) => now).length
  const bursts = begins.reduce((sum, count) => sum + count, 0)
  // 10 pods over 55 min.
  expect(bursts).toBeGreaterThan(18)
  expect(bursts).toBeLessThan(58)
  // The end of the release may cut one short, and two may meet.
  expect(lasting / bursts).toBeGreaterThan(5.5)
  expect(lasting / bursts).toBeLessThan(7)
  expect(new Set(begins).size).toBeGreaterThan(1)
})

test('pods that differ keep their own ratio for the whole release', () => {
  const all = moments(10, 5_000, { ...healthy(0.02), podSpread: 0.2 })
  const ratios = (from: number, to: number): readonly number[] =>
    Array.from({ length: 10 }, (_, pod) => {
      const [a, b] = [all[from]?.pods.baseline[pod], all[to]?.pods.baseline[pod]]
      return ((b?.bad ?? 0) - (a?.bad ?? 0)) / ((b?.total ?? 0) - (a?.total ?? 0))
    })
  const [early, late] = [ratios(0, 100).map(Math.log), ratios(101, 300).map(Math.log)]
  for (const [pod, log] of early.entries()) expect(Math.abs(log - (late[pod] ?? 0))).toBeLessThan(0.1)
  const mean = early.reduce((sum, log) => sum + log, 0) / early.length
  const deviation = Math.sqrt(early.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (early.length - 1))
  expect(deviation).toBeGreaterThan(0.1)
  expect(deviation).toBeLessThan(0.35)
})

test('internal requests are that share of all that the baseline counts, and none of them fails', () => {
  const last = moments(12, 500, { ...healthy(0.02), internal: 0.3 }).at(-1)
  const alone = moments(12, 500, healthy(0.02)).at(-1)
  const { total = 0, bad = 0 } = last?.sums.baseline ?? {}
  expect(1 - (alone?.sums.baseline.total ?? 0) / total).toBeCloseTo(0.3, 2)
  expect(bad / total).toBeCloseTo(0.7 * 0.02, 3)
  expect((last?.sums.canary.bad ?? 0) / (last?.sums.canary.total ?? 1)).toBeCloseTo(0.02, 2)
})

test.each(['baseline', 'canary'] as const)('a %s that is read late shows what it had counted so long ago', (side) => {
  const all = moments(13, 50, { ...healthy(0.02), late: { side, seconds: 15 } })
  const other = side === 'baseline' ? 'canary' : 'baseline'
  for (const [index, { read, sums }] of all.entries()) {
    expect(read[side]).toEqual(all[index - 3]?.sums[side] ?? { total: 0, bad: 0 })
    expect(read[other]).toEqual(sums[other])
  }
})
