import type { PodReading, Scrape, Single } from '@sluice/evidence/reading'
import { describe, expect, test } from 'vitest'
import { beginDrain, type DrainState, isDrained, watchDrain } from '../src/drain.ts'

const pod = (total: number | undefined): PodReading => ({
  side: 'canary',
  pod: { name: 'c', uid: 'c' },
  containerId: 'c',
  restarts: 0,
  readAt: 0,
  counters: total === undefined ? {} : { errors: { total, bad: 0 } },
  gauges: {},
})
const pods = (total: number | undefined): Single => ({ kind: 'pods', readings: [pod(total)], missing: [] })
const sums = (at: number, total: number): Single => ({
  kind: 'buckets',
  lag: 4000,
  buckets: [{ side: 'canary', metric: 'errors', from: at - 1000, to: at, total, bad: 0 }],
})
const part = (source: string, scrape: Single): Scrape => ({
  kind: 'sources',
  parts: [{ source, metrics: ['errors'], scrape }],
})
const watched = (looks: readonly Scrape[]): DrainState =>
  looks.reduce(
    (state, scrape, index) => watchDrain(state, scrape, { at: (index + 1) * 1000, draining: true }),
    beginDrain,
  )
const drained = (looks: readonly Scrape[]): boolean => isDrained(watched(looks), looks.length * 1000, 1000)
const times = (count: number, scrape: (at: number) => Scrape): readonly Scrape[] =>
  Array.from({ length: count }, (_, index) => scrape((index + 1) * 1000))

describe('the drain is over', () => {
  test('when the counters of pods stood still for two intervals', () => {
    expect(drained(times(2, () => pods(7)))).toBe(false)
    expect(drained(times(3, () => pods(7)))).toBe(true)
    expect(drained([pods(7), pods(8), pods(9), pods(10)])).toBe(false)
  })

  test('where sums are read, only after what may still show has had its time', () => {
    expect(drained(times(5, (at) => part('prometheus', sums(at, 0))))).toBe(false)
    expect(drained(times(6, (at) => part('prometheus', sums(at, 0))))).toBe(true)
    expect(drained(times(6, (at) => part('prometheus', sums(at, at === 3000 ? 2 : 0))))).toBe(false)
  })

  test('never, where nothing counts the users’ requests: pods without counters, a probe, a source that gives nothing', () => {
    expect(drained(times(9, () => part('cluster', pods(undefined))))).toBe(false)
    expect(drained(times(9, () => part('probe', pods(7))))).toBe(false)
    expect(drained(times(9, () => part('prometheus', { kind: 'outage', query: 'q', text: 't' })))).toBe(false)
    expect(drained(times(9, () => part('datadog', { kind: 'buckets', buckets: [] })))).toBe(false)
  })
})
