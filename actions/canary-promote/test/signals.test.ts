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
    const stable = scrape(reading('baseline', 'pod-0', 0))
    const started = whilePreparing(noSignals, stable, world({ restarts: 2 }), { making: 'first' })
    expect(watchSignals(started, stable, world({ restarts: 2 })).why).toBeUndefined()
    expect(watchSignals(started, stable, world({ restarts: 3 })).why?.text).toMatch(/restarted once under traffic/)
    const later = whilePreparing(started, stable, world({ restarts: 3 }), { making: 'more' })
    expect(watchSignals(later, stable, world({ restarts: 3 })).why?.code).toBe('restarts')
  })

  test('do not count what pods that are added for a later step restart before they are ready', () => {
    const stable = scrape(reading('baseline', 'pod-0', 0))
    const grown = [
      world({ restarts: 0 }),
      world({ desired: 4, ready: 2, restarts: 0 }),
      world({ desired: 4, ready: 2, restarts: 1 }),
      // Restarted once more since, and ready.
      world({ desired: 4, ready: 4, restarts: 2 }),
    ].reduce((state, look) => whilePreparing(state, stable, look, { making: 'more' }), noSignals)
    expect(watchSignals(grown, stable, world({ desired: 4, ready: 4, restarts: 2 })).why).toBeUndefined()
    expect(watchSignals(grown, stable, world({ desired: 4, ready: 4, restarts: 3 })).why?.text).toMatch(
      /^containers of 4 canary pods restarted once under traffic/,
    )
    const raising = whilePreparing(grown, stable, world({ desired: 4, ready: 3, restarts: 3 }), { making: 'none' })
    expect(watchSignals(raising, stable, world({ desired: 4, ready: 4, restarts: 3 })).why?.code).toBe('restarts')
  })

  test('go on from what was saved before the look before was remembered', () => {
    const stable = scrape(reading('baseline', 'pod-0', 0))
    const later = whilePreparing(noSignals, stable, world({ ready: 1, restarts: 3 }), { making: 'more' })
    expect(watchSignals(later, stable, world({ restarts: 3 })).why?.code).toBe('restarts')
  })

  describe('in a crash of both sides', () => {
    const before = scrape(reading('baseline', 'a', 0), reading('baseline', 'b', 0), reading('baseline', 'c', 0))
    const crashed = world({ restarts: 2 })
    const calm = watchSignals(noSignals, before, world({})).state

    test('wait while no baseline pod answers, or stable is short, and find nothing when all are back', () => {
      const outage = { kind: 'outage', query: 'pods', text: 'connection refused' } as const
      const refused = watchSignals(calm, outage, crashed)
      expect(refused.why).toBeUndefined()
      const short = watchSignals(refused.state, before, { ...crashed, stable: { ...crashed.stable, available: 1 } })
      expect(short.why).toBeUndefined()
      const back = scrape(reading('baseline', 'a', 1), reading('baseline', 'b', 1), reading('baseline', 'c', 1))
      expect(watchSignals(short.state, back, crashed).why).toBeUndefined()
      expect(watchSignals(short.state, before, crashed).why?.code).toBe('restarts')
    })

    test('wait while what is known of the baseline was asked for before this look', () => {
      const late = { ...before, late: true } as const
      const parts = [{ source: 'pods', metrics: ['errors'], scrape: before }]
      expect(watchSignals(calm, late, crashed).why).toBeUndefined()
      const within = { kind: 'sources', parts: parts.map((part) => ({ ...part, scrape: late })) } as const
      expect(watchSignals(calm, within, crashed).why).toBeUndefined()
      expect(watchSignals(watchSignals(calm, late, crashed).state, before, crashed).why?.code).toBe('restarts')
    })

    test('wait while some baseline pods do not answer, and know their restarts when they do', () => {
      const partly = watchSignals(calm, scrape(reading('baseline', 'a', 0)), crashed, ['b', 'c'])
      expect(partly.why).toBeUndefined()
      const back = scrape(reading('baseline', 'a', 1), reading('baseline', 'b', 1), reading('baseline', 'c', 1))
      const all = watchSignals(partly.state, back, crashed)
      expect(all.why).toBeUndefined()
      expect(all.state.baseline).toEqual({ restarts: 3, pods: 3 })
    })

    test('compare with the others where one never answers', () => {
      const look = (state: SignalState) => watchSignals(state, scrape(reading('baseline', 'a', 0)), crashed, ['b'])
      const [first, second] = [look(calm), look(look(calm).state)]
      expect([first.why, second.why]).toEqual([undefined, undefined])
      expect(look(second.state).why?.code).toBe('restarts')
    })

    test('count the baseline’s restarts from where the canary’s are counted: since its first pods were ready', () => {
      const all = (restarts: number) =>
        scrape(
          reading('baseline', 'a', restarts),
          reading('baseline', 'b', restarts),
          reading('baseline', 'c', restarts),
        )
      const made = whilePreparing(noSignals, all(4), world({ restarts: 1 }), { making: 'first' })
      const ready = whilePreparing(made, all(5), world({ restarts: 1 }), { making: 'first' })
      const raised = whilePreparing(ready, all(6), world({ restarts: 3 }), { making: 'none' })
      expect(raised.baseline).toEqual({ restarts: 3, pods: 3 })
      expect(watchSignals(raised, all(6), world({ restarts: 3 })).why).toBeUndefined()
    })
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
