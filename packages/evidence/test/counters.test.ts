import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Scrape as SourceScrape } from '../../metrics/src/reading.ts'
import { beginCounters, type CounterState, difference, forgetAbsent } from '../src/counters.ts'
import type { PodReading, Scrape } from '../src/reading.ts'
import { pod, pods } from './readings.ts'

const follow = (scrapes: readonly (readonly PodReading[])[], every = 1000) => {
  let state: CounterState = beginCounters()
  return scrapes.map((readings, index) => {
    const step = difference(state, pods(readings), (index + 1) * every)
    state = step.state
    return step.interval
  })
}
const last = (scrapes: readonly (readonly PodReading[])[], every?: number) => {
  const interval = follow(scrapes, every).at(-1)
  if (interval === undefined) throw new Error('no scrape')
  return interval
}
const none = { n: 0, k: 0 }

describe('what is counted between two reads', () => {
  test.each<[string, readonly (readonly PodReading[])[], { n: number; k: number }]>([
    ['the first read is the zero line', [[pod('baseline', 'a', [900, 9])]], none],
    [
      'the next counts what was added',
      [[pod('baseline', 'a', [900, 9])], [pod('baseline', 'a', [950, 11])]],
      { n: 50, k: 2 },
    ],
    [
      'pods of a side add up',
      [
        [pod('baseline', 'a', [10, 0]), pod('baseline', 'b', [20, 1])],
        [pod('baseline', 'a', [15, 0]), pod('baseline', 'b', [27, 3])],
      ],
      { n: 12, k: 2 },
    ],
    [
      'a pod that appears later counts from 0',
      [[pod('baseline', 'a', [900, 9])], [pod('baseline', 'a', [900, 9]), pod('baseline', 'b', [7, 7])]],
      { n: 7, k: 7 },
    ],
    [
      'a series that appears later on a known pod counts from 0',
      [[pod('baseline', 'a', [0, 0], { counters: {} })], [pod('baseline', 'a', [3, 3])]],
      { n: 3, k: 3 },
    ],
    [
      'a pod that is new to us but whose process is old begins with its zero line',
      [
        [pod('baseline', 'a', [900, 9])],
        [pod('baseline', 'a', [900, 9]), pod('baseline', 'b', [70_000, 700], { processStart: 1_000 })],
      ],
      none,
    ],
    [
      'a restarted container counts from 0',
      [[pod('baseline', 'a', [900, 9])], [pod('baseline', 'a', [4, 1], { restarts: 1, containerId: 'container-a-2' })]],
      { n: 4, k: 1 },
    ],
    [
      'a restarted container that already counts more than before still counts from 0',
      [[pod('baseline', 'a', [5, 0])], [pod('baseline', 'a', [8, 8], { restarts: 1, containerId: 'container-a-2' })]],
      { n: 8, k: 8 },
    ],
    [
      'a later process start counts from 0',
      [
        [pod('baseline', 'a', [900, 9], { processStart: 1_000 })],
        [pod('baseline', 'a', [4, 1], { processStart: 901_000 })],
      ],
      { n: 4, k: 1 },
    ],
    [
      'a pod that was not read keeps its line',
      [
        [pod('baseline', 'a', [10, 0]), pod('baseline', 'b', [10, 0])],
        [pod('baseline', 'a', [11, 0])],
        [pod('baseline', 'a', [12, 0]), pod('baseline', 'b', [16, 2])],
      ],
      { n: 7, k: 2 },
    ],
  ])('%s', (_, scrapes, counted) => {
    const { counts, untrusted } = last(scrapes, 200_000)
    expect(counts.errors?.baseline ?? none).toEqual(counted)
    expect(untrusted).toEqual({})
  })

  test('a bad answer that is shown before its request waits for it', () => {
    const seen = follow([[pod('canary', 'a', [0, 0])], [pod('canary', 'a', [2, 3])], [pod('canary', 'a', [4, 3])]]).map(
      ({ counts }) => counts.errors?.canary,
    )
    expect(seen).toEqual([none, { n: 2, k: 2 }, { n: 2, k: 1 }])
  })

  test.each<[string, Partial<PodReading>]>([
    ['a decrease without a restart', {}],
    ['an earlier process start with a decrease', { processStart: 500_000 }],
  ])('%s is several processes behind one endpoint', (_, more) => {
    const { counts, untrusted } = last([
      [pod('baseline', 'web-1', [900, 9], { processStart: 900_000 })],
      [pod('baseline', 'web-1', [400, 4], more)],
    ])
    expect(untrusted.errors).toBe(
      'pod web-1: its counter fell from 900 to 400 without a restart: several processes behind one endpoint',
    )
    expect(counts.errors).toBeUndefined()
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY, -1])(
    'a total of %d is not counted and the state stays sound',
    (total) => {
      let state = difference(beginCounters(), pods([pod('baseline', 'a', [10, 0])]), 0).state
      const broken = difference(state, pods([pod('baseline', 'a', [total, 0])]), 1)
      expect(broken.interval.untrusted.errors).toContain('no number')
      state = difference(broken.state, pods([pod('baseline', 'a', [12, 1])]), 2).state
      expect(JSON.parse(JSON.stringify(state))).toStrictEqual(state)
    },
  )

  test('every request is counted once, whatever is read when and in which order the pods come', () => {
    const steps = fc.array(fc.array(fc.tuple(fc.nat(50), fc.nat(50), fc.boolean()), { minLength: 3, maxLength: 3 }), {
      minLength: 1,
      maxLength: 12,
    })
    fc.assert(
      fc.property(steps, (all) => {
        const totals = [0, 0, 0].map(() => ({ total: 0, bad: 0 }))
        let state = difference(beginCounters(), pods(totals.map((_, i) => pod('canary', `p${i}`, [0, 0]))), 0).state
        let mirrored = state
        const sum = { n: 0, k: 0 }
        const grow = (added: readonly (readonly [number, number, boolean])[], readAll: boolean, at: number) => {
          for (const [index, [good, bad]] of added.entries()) {
            const counter = totals[index]
            if (counter !== undefined) {
              counter.total += good + bad
              counter.bad += bad
            }
          }
          const readings = totals.flatMap(({ total, bad }, i) =>
            readAll || added[i]?.[2] ? [pod('canary', `p${i}`, [total, bad])] : [],
          )
          const step = difference(state, pods(readings), at)
          const other = difference(mirrored, pods([...readings].reverse()), at)
          expect(other.interval).toEqual(step.interval)
          ;[state, mirrored] = [step.state, other.state]
          sum.n += step.interval.counts.errors?.canary.n ?? 0
          sum.k += step.interval.counts.errors?.canary.k ?? 0
        }
        for (const [index, added] of all.entries()) grow(added, index === all.length - 1, index + 1)
        expect(sum).toEqual({
          n: totals.reduce((total, counter) => total + counter.total, 0),
          k: totals.reduce((total, counter) => total + counter.bad, 0),
        })
      }),
      { seed: 5 },
    )
  })
})

test('a canary pod that took minutes to load a model counts from 0 when it first appears', () => {
  const first = difference(beginCounters(), pods([pod('baseline', 'a', [9, 0])]), 600_000)
  const loaded = pods([pod('baseline', 'a', [9, 0]), pod('canary', 'c', [2, 2], { processStart: 300_000 })])
  expect(difference(first.state, loaded, 601_000).interval.counts.errors?.canary).toEqual({ n: 2, k: 2 })
})

test('pods that are gone are forgotten when a step begins', () => {
  const { state } = difference(beginCounters(), pods([pod('canary', 'a', [1, 0]), pod('canary', 'b', [1, 0])]), 0)
  const left = forgetAbsent(state, pods([pod('canary', 'b', [2, 0])]))
  expect(Object.keys(left.pods)).toEqual(['uid-b'])
  const missed = forgetAbsent(state, pods([pod('canary', 'b', [2, 0])], ['a']))
  expect(Object.keys(missed.pods)).toEqual(['uid-a', 'uid-b'])
})

test('a closed bucket counts once, however often it is delivered', () => {
  const bucket = { side: 'canary', metric: 'errors', from: 0, to: 60, total: 30, bad: 2 } as const
  const later = { ...bucket, from: 60, to: 120, total: 10, bad: 1 }
  const first = difference(beginCounters(), { kind: 'buckets', buckets: [bucket] }, 60)
  const second = difference(first.state, { kind: 'buckets', buckets: [later, bucket] }, 120)
  expect(first.interval.counts.errors?.canary).toEqual({ n: 30, k: 2 })
  expect(second.interval.counts.errors?.canary).toEqual({ n: 10, k: 1 })
  expect(difference(second.state, { kind: 'buckets', buckets: [later] }, 180).interval.counts).toEqual({})
})

test('what metric sources return is what the judge takes', () => {
  const fromSource: SourceScrape = { kind: 'outage', query: 'q', text: 'gone' }
  const taken: Scrape = fromSource
  expect(taken).toBe(fromSource)
})
