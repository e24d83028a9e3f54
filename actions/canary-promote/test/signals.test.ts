import type { PodReading } from '@sluice/evidence/reading'
import type { World } from '@sluice/release/record'
import { describe, expect, test } from 'vitest'
import { beginDrain, type DrainState, isDrained, watchDrain } from '../src/drain.ts'
import { noSignals, type SignalState, watchSignals, whilePreparing } from '../src/signals.ts'

const world = (canary: Partial<NonNullable<World['canary']>>, available = 3): World => ({
  at: 0,
  weight: { written: 5, accepted: true, marked: true },
  stable: { desired: 3, available, hash: 'a', rolledOut: true },
  canary: { desired: 2, ready: 2, restarts: 0, hash: 'b', ...canary },
  service: true,
  leftovers: 2,
})
const reading = (side: PodReading['side'], uid: string, restarts: number, total = 0): PodReading => ({
  side,
  pod: { name: uid, uid },
  containerId: uid,
  restarts,
  readAt: 0,
  counters: { errors: { total, bad: 0 } },
  gauges: {},
})
const scrape = (...readings: PodReading[]) => ({ kind: 'pods' as const, readings, missing: [] })
const looks = (...seen: readonly [restarts: readonly number[], world: World][]) => {
  let state: SignalState = noSignals
  const codes = seen.map(([restarts, look]) => {
    const pods = restarts.map((count, index) => reading('baseline', `pod-${index}`, count))
    const watched = watchSignals(state, scrape(...pods), look)
    state = watched.state
    return watched.why?.code
  })
  return codes
}

describe('the signals that need no metric', () => {
  test('are quiet while all is well, whatever restarts the baseline has had before', () => {
    expect(looks([[4, 9], world({})], [[4, 9], world({})])).toEqual([undefined, undefined])
  })

  test('see a canary container that restarted', () => {
    expect(looks([[0, 0], world({})], [[0, 0], world({ restarts: 1 })])).toEqual([undefined, 'restarts'])
  })

  test('do not count what restarted before there was traffic', () => {
    const started = whilePreparing(noSignals, world({ restarts: 2 }), true)
    expect(watchSignals(started, scrape(), world({ restarts: 2 })).why).toBeUndefined()
    expect(watchSignals(started, scrape(), world({ restarts: 3 })).why?.text).toMatch(/restarted once under traffic/)
    const later = whilePreparing(started, world({ restarts: 3 }), false)
    expect(watchSignals(later, scrape(), world({ restarts: 3 })).why?.code).toBe('restarts')
  })

  test('do not blame the release when the baseline restarts as often', () => {
    expect(looks([[0, 0], world({})], [[1, 1], world({ restarts: 2 })])).toEqual([undefined, undefined])
  })

  test('see readiness that stays lost for three looks', () => {
    const lost = world({ ready: 1 })
    expect(looks([[0], lost], [[0], lost], [[0], lost])).toEqual([undefined, undefined, 'lost-readiness'])
  })

  test('forgive readiness that comes back, and readiness that stable lost too', () => {
    const lost = world({ ready: 1 })
    expect(looks([[0], lost], [[0], lost], [[0], world({})], [[0], lost])).not.toContain('lost-readiness')
    const both = world({ ready: 1 }, 2)
    expect(looks([[0], both], [[0], both], [[0], both])).not.toContain('lost-readiness')
  })
})

describe('the drain', () => {
  const after = (before: readonly number[], ...totals: readonly (number | undefined)[]) =>
    [...before, ...totals].reduce<DrainState>(
      (state, total, second) =>
        watchDrain(state, total === undefined ? scrape() : scrape(reading('canary', 'c', 0, total)), {
          at: second * 1000,
          draining: second >= before.length,
        }),
      beginDrain,
    )

  test.each([
    ['is not over while requests arrive', [], [10, 20, 30, 40], 3000, false],
    ['is not over after one flat read', [], [10, 20, 20], 2000, false],
    ['is over when the counters stood still for two intervals', [], [10, 20, 20, 20], 3000, true],
    ['takes a pod that went away for no request', [], [10, 20, 20, undefined], 3000, true],
    ['does not count the time before the weight was 0', [10, 10, 10, 10], [10, 10], 5000, false],
    ['is over for a canary that never had a request', [], [0, 0, 0], 2000, true],
  ] as const)('%s', (_, before, totals, at, expected) => {
    expect(isDrained(after(before, ...totals), at, 1000)).toBe(expected)
  })

  test('is never over without a read', () => expect(isDrained(beginDrain, 1e9, 1000)).toBe(false))
})
