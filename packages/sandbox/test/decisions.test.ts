import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { weighted } from '../src/balance.ts'
import type { Deployment } from '../src/objects.ts'
import { bounds, newSize, oldSizes, proportional } from '../src/rollout.ts'
import { durationMs, inOrder, matching } from '../src/routes.ts'
import { labelTest } from '../src/selectors.ts'

describe('smooth weighted round robin', () => {
  test('gives every entry its weight in each run of the sum, and is never more than one off on the way', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 5 }), (weights) => {
        const sum = weights.reduce((all, weight) => all + weight, 0)
        const next = weighted(weights)
        if (sum === 0) return next() === -1
        const counts = weights.map(() => 0)
        for (let i = 1; i <= sum * 2; i += 1) {
          const index = next()
          counts[index] = (counts[index] ?? 0) + 1
          // With n entries the count of each stays within n - 1 of its exact share.
          expect(counts.every((count, at) => Math.abs(count - ((weights[at] ?? 0) * i) / sum) <= weights.length)).toBe(
            true,
          )
        }
        expect(counts).toEqual(weights.map((weight) => weight * 2))
        return true
      }),
    )
  })
})

const spec = (replicas: number, maxSurge: number | string, maxUnavailable: number | string): Deployment['spec'] =>
  ({ replicas, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } } }) as Deployment['spec']

describe('rollout sizes', () => {
  test.each([
    { replicas: 10, surge: '25%', unavailable: '25%', is: { surge: 3, unavailable: 2 } },
    { replicas: 1, surge: '25%', unavailable: '25%', is: { surge: 1, unavailable: 0 } },
    { replicas: 3, surge: '0%', unavailable: '10%', is: { surge: 0, unavailable: 1 } },
    { replicas: 4, surge: 2, unavailable: 0, is: { surge: 2, unavailable: 0 } },
  ])('$surge and $unavailable of $replicas are $is', ({ replicas, surge, unavailable, is }) => {
    expect(bounds(spec(replicas, surge, unavailable))).toEqual(is)
  })

  test('keep the bounds and end with the new template alone, whatever gets ready when', () => {
    const cases = fc.record({
      replicas: fc.integer({ min: 1, max: 12 }),
      surge: fc.nat(4),
      unavailable: fc.nat(4),
      order: fc.infiniteStream(fc.nat(3)),
    })
    fc.assert(
      fc.property(cases, ({ replicas, surge, unavailable, order }) => {
        const wanted = spec(replicas, surge, unavailable)
        const limit = bounds(wanted)
        let now = { name: 'new', wanted: 0, available: 0, created: '2' }
        let old = { name: 'old', wanted: replicas, available: replicas, created: '1' }
        for (let i = 0; i < 500 && !(now.available === replicas && old.wanted === 0); i += 1) {
          now = { ...now, wanted: newSize(wanted, now, [old]) }
          const size = oldSizes(wanted, now, [old]).get('old') ?? 0
          old = { ...old, wanted: size, available: Math.min(old.available, size) }
          expect(now.wanted + old.wanted).toBeLessThanOrEqual(replicas + limit.surge)
          expect(now.available + old.available).toBeGreaterThanOrEqual(replicas - limit.unavailable)
          const more = order.next().value ?? 1
          now = { ...now, available: Math.min(now.wanted, now.available + more) }
        }
        expect([now.available, old.wanted]).toEqual([replicas, 0])
      }),
    )
  })

  test('keep shares when the count changes in the middle', () => {
    const sets = [
      { name: 'a', wanted: 8, available: 8, created: '1' },
      { name: 'b', wanted: 2, available: 2, created: '2' },
    ]
    expect(Object.fromEntries(proportional(spec(20, 0, 1), sets))).toEqual({ a: 16, b: 4 })
    expect(Object.fromEntries(proportional(spec(0, 0, 1), sets))).toEqual({ a: 0, b: 0 })
  })
})

describe('routes', () => {
  test('a wildcard host meets names below it only, an exact host comes first', () => {
    const entries = inOrder([
      { hostname: '*.example.com', match: {}, created: '1', target: 'wild' },
      { hostname: 'a.example.com', match: {}, created: '2', target: 'exact' },
      { match: {}, created: '0', target: 'any' },
    ])
    const target = (host: string) => matching(entries, { host, method: 'GET', url: '/', headers: {} })?.target
    expect(['a.example.com:8080', 'b.example.com', 'example.com'].map(target)).toEqual(['exact', 'wild', 'any'])
  })

  test.each([
    ['1h30m', 5_400_000],
    ['1s500ms', 1_500],
    ['0s', undefined],
    [undefined, undefined],
  ])('a duration of %s is %s ms', (text, ms) => expect(durationMs(text)).toBe(ms))
})

test.each([
  ['a=1', true],
  ['a==1,b!=2', true],
  ['a in (1,2)', true],
  ['a notin (1)', false],
  ['a', true],
  ['!a', false],
  ['c', false],
  ['c!=1', true],
])('the label selector %s meets a=1,b=1: %s', (text, meets) => {
  const test = labelTest(text)
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', labels: { a: '1', b: '1' } } }
  expect(typeof test === 'function' && test(object)).toBe(meets)
})
