import { expect, test } from 'vitest'
import { type Random, seeded } from '../../../packages/evidence/test/random.ts'
import { beta, logFactorial, normal, poisson } from './samplers.ts'

const DRAWS = 60_000

/** How far the drawn counts are from a Poisson distribution: (χ² − f)/√(2f) over cells with 40 or more expected, about standard normal. */
const distance = (draw: (random: Random) => number, mean: number): number => {
  const random = seeded(11)
  const seen = new Map<number, number>()
  for (let i = 0; i < DRAWS; i += 1) {
    const k = draw(random)
    seen.set(k, (seen.get(k) ?? 0) + 1)
  }
  const from = Math.max(0, Math.floor(mean - 12 * Math.sqrt(mean)))
  let [square, cells, expected, counted, left] = [0, 0, 0, 0, DRAWS]
  for (let k = from; k < mean + 12 * Math.sqrt(mean) + 20; k += 1) {
    expected += DRAWS * Math.exp(k * Math.log(mean) - mean - logFactorial(k))
    counted += seen.get(k) ?? 0
    if (expected < 40) continue
    square += (counted - expected) ** 2 / expected
    cells += 1
    left -= counted
    expected = 0
    counted = 0
  }
  expect(left).toBeLessThan(200)
  return (square - (cells - 1)) / Math.sqrt(2 * (cells - 1))
}

test.each([0.02, 0.3, 4, 9.99, 10, 12.5, 250, 2_500, 30_000])('counts with mean %d are Poisson', (mean) => {
  expect(Math.abs(distance((random) => poisson(random, mean), mean))).toBeLessThan(4)
})

test('a rounded normal count is told from a Poisson one', () => {
  expect(distance((random) => Math.round(12.5 + Math.sqrt(12.5) * normal(random)), 12.5)).toBeGreaterThan(20)
})

test('nothing arrives where nothing is expected', () => {
  expect(poisson(seeded(1), 0)).toBe(0)
})

test.each([0, 1, 5, 29, 30, 31, 200, 5_000])('ln %d! is the sum of logarithms', (k) => {
  const sum = Array.from({ length: k }, (_, index) => Math.log(index + 1)).reduce((a, b) => a + b, 0)
  expect(Math.abs(logFactorial(k) - sum)).toBeLessThan(1e-9 * Math.max(1, sum))
})

/** The largest gap between the drawn distribution and a known one, times √n: above 1.95 once in a thousand (Kolmogorov). */
const gap = (draw: (random: Random) => number, known: (x: number) => number): number => {
  const random = seeded(5)
  const drawn = Float64Array.from({ length: DRAWS }, () => draw(random)).sort()
  const gaps = drawn.map((x, index) =>
    Math.max(Math.abs(known(x) - index / DRAWS), Math.abs(known(x) - (index + 1) / DRAWS)),
  )
  return Math.max(...[...gaps].reduce((most, each) => (each > (most[0] ?? 0) ? [each] : most), [0])) * Math.sqrt(DRAWS)
}

test.each([
  ['Beta(1, 3)', 0.25, 0.2, (x: number) => 1 - (1 - x) ** 3],
  ['Beta(1/2, 1/2)', 0.5, 0.5, (x: number) => (2 / Math.PI) * Math.asin(Math.sqrt(x))],
  ['Beta(1/2, 1)', 1 / 3, 0.4, (x: number) => Math.sqrt(x)],
])('probabilities are %s at mean %d and ρ %d', (_, mean, rho, known) => {
  expect(gap((random) => beta(random, mean, rho), known)).toBeLessThan(1.95)
  expect(gap((random) => beta(random, mean, rho * 1.1), known)).toBeGreaterThan(1.95)
})

test('probabilities around 0.5 % keep their mean and their correlation', () => {
  const random = seeded(3)
  const drawn = Array.from({ length: 400_000 }, () => beta(random, 0.005, 0.02))
  const mean = drawn.reduce((sum, p) => sum + p, 0) / drawn.length
  const variance = drawn.reduce((sum, p) => sum + (p - mean) ** 2, 0) / drawn.length
  expect(mean).toBeCloseTo(0.005, 4)
  expect(variance / (0.005 * 0.995)).toBeCloseTo(0.02, 3)
})
