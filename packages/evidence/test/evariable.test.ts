import fc from 'fast-check'
import { expect, test } from 'vitest'
import { logRatio, nearestNull, type Point } from '../src/projection.ts'

const choose = (n: number, k: number): number => {
  let value = 1
  for (let i = 1; i <= k; i++) value = (value * (n - k + i)) / i
  return value
}
const probability = (n: number, k: number, p: number) => choose(n, k) * p ** k * (1 - p) ** (n - k)

/** The expectation of the likelihood ratio at θ, by going through every outcome. */
const expectation = (theta: Point, alternative: Point, nearest: Point, { nb, nc }: { nb: number; nc: number }) => {
  let sum = 0
  for (let kb = 0; kb <= nb; kb++)
    for (let kc = 0; kc <= nc; kc++)
      sum +=
        probability(nb, kb, theta.baseline) *
        probability(nc, kc, theta.canary) *
        Math.exp(
          logRatio(nb, kb, alternative.baseline, nearest.baseline) +
            logRatio(nc, kc, alternative.canary, nearest.canary),
        )
  return sum
}

/** The same for any n, from the moments of independent requests. */
const logExpectation = (theta: Point, alternative: Point, nearest: Point, { nb, nc }: { nb: number; nc: number }) => {
  const part = (n: number, t: number, q: number, p: number) => n * Math.log1p(((t - p) * (q - p)) / (p * (1 - p)))
  return (
    part(nb, theta.baseline, alternative.baseline, nearest.baseline) +
    part(nc, theta.canary, alternative.canary, nearest.canary)
  )
}

/** Points of {canary ≤ baseline + margin}: its boundary finely, its inside coarsely, its corners. */
const nullPoints = (margin: number): Point[] => {
  const points: Point[] = []
  for (let i = 0; i <= 100; i++) {
    const baseline = i / 100
    const top = Math.min(1, baseline + margin)
    points.push({ baseline, canary: top })
    if (i % 5 === 0) for (let j = 0; j <= 10; j++) points.push({ baseline, canary: (top * j) / 10 })
  }
  for (const baseline of [1e-6, 1e-4, 0.001, 0.005, 0.02])
    points.push({ baseline, canary: Math.min(1, baseline + margin) })
  return points
}

test.each([
  [1, 1, 0.001, 0.01, 0.2],
  [5, 1, 0.001, 0.005, 0.1],
  [8, 3, 0, 0.02, 0.03],
  [3, 8, 0.05, 0.3, 0.9],
  [12, 2, 0.2, 0.7, 0.95],
  [6, 6, 0.9, 0.01, 0.95],
  [10, 4, 0.001, 1e-6, 0.9999],
])(
  'with %i baseline and %i canary requests no point of the null hypothesis expects more than 1',
  (nb, nc, margin, qb, qc) => {
    const alternative = { baseline: qb, canary: qc }
    const nearest = nearestNull(alternative, margin, nb, nc)
    if (nearest === undefined) throw new Error('the alternative lies outside the null hypothesis')
    const worst = Math.max(...nullPoints(margin).map((theta) => expectation(theta, alternative, nearest, { nb, nc })))
    expect(worst).toBeLessThanOrEqual(1 + 1e-9)
    expect(expectation(nearest, alternative, nearest, { nb, nc })).toBeCloseTo(1, 9)
    expect(expectation(alternative, alternative, nearest, { nb, nc })).toBeGreaterThan(1)
  },
)

test('for any alternative, margin and counts up to a million, no point of the null hypothesis expects more than 1', () => {
  const probabilities = fc.oneof(
    fc.double({ min: 1e-6, max: 0.9999, noNaN: true }),
    fc.double({ min: -13, max: -1e-6, noNaN: true }).map((log) => Math.max(1e-6, Math.min(0.9999, Math.exp(log)))),
  )
  const counts = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 1e6 }))
  fc.assert(
    fc.property(
      probabilities,
      probabilities,
      fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })),
      counts,
      counts,
      (baseline, canary, margin, nb, nc) => {
        const alternative = { baseline, canary }
        const nearest = nearestNull(alternative, margin, nb, nc)
        if (nearest === undefined) return canary <= baseline + margin + 1e-9
        if (canary - baseline - margin < 1e-9) return true
        return nullPoints(margin).every((theta) => logExpectation(theta, alternative, nearest, { nb, nc }) <= 1e-9)
      },
    ),
    { numRuns: 2000, seed: 1 },
  )
})

test('a denominator that is off the projection would not be one: the check can fail', () => {
  const alternative = { baseline: 0.005, canary: 0.1 }
  const wrong = { baseline: 0.02, canary: 0.021 }
  const worst = nullPoints(0.001).map((theta) => logExpectation(theta, alternative, wrong, { nb: 500, nc: 10 }))
  expect(Math.max(...worst)).toBeGreaterThan(0.01)
})

test('the projection is the nearest point of the boundary', () => {
  const divergence = (q: number, p: number) => q * Math.log(q / p) + (1 - q) * Math.log((1 - q) / (1 - p))
  fc.assert(
    fc.property(
      fc.double({ min: 0.001, max: 0.5, noNaN: true }),
      fc.double({ min: 0.01, max: 0.4, noNaN: true }),
      fc.double({ min: 0, max: 0.05, noNaN: true }),
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 1, max: 500 }),
      (baseline, more, margin, nb, nc) => {
        const canary = baseline + margin + more
        const nearest = nearestNull({ baseline, canary }, margin, nb, nc)
        if (nearest === undefined) return false
        const distance = (theta: number) => nb * divergence(baseline, theta) + nc * divergence(canary, theta + margin)
        const found = distance(nearest.baseline)
        return [1e-4, 1e-3, 1e-2].every((step) =>
          [nearest.baseline - step, nearest.baseline + step]
            .filter((theta) => theta > 0 && theta + margin < 1)
            .every((theta) => distance(theta) >= found - 1e-9),
        )
      },
    ),
    { seed: 2 },
  )
})

test('an alternative inside the null hypothesis, or a side without requests, says nothing', () => {
  expect(nearestNull({ baseline: 0.1, canary: 0.1 }, 0.001, 10, 10)).toBeUndefined()
  expect(nearestNull({ baseline: 0.5, canary: 0.99 }, 0.6, 10, 10)).toBeUndefined()
  expect(nearestNull({ baseline: 0.01, canary: 0.5 }, 0.001, 0, 10)).toBeUndefined()
  expect(nearestNull({ baseline: 0.01, canary: 0.5 }, 0.001, 10, 0)).toBeUndefined()
})
