import { describe, expect, test } from 'vitest'
import { differences } from '../src/foreign.ts'
import { next } from '../src/next.ts'
import type { ReleaseRecord, State, World } from '../src/record.ts'
import { startRelease } from '../src/start.ts'
import { CANARY, freshPlan, PREVIOUS, plan, start } from './simulation/release.ts'
import { play, type Schedule, verdictIn } from './simulation/schedule.ts'

/** A release beside a fresh baseline, whose steps give both 35 % and then 50 %. */
const record = (state: State): ReleaseRecord => {
  const started = startRelease(start({ plan: freshPlan(2) }))
  if (started.kind === 'refused') throw new Error(started.why.text)
  return { ...started.record, state }
}
const pods = (ready: number, hash: string) => ({ desired: 2, ready, restarts: 0, hash })
const world = (over: Partial<World> = {}): World => ({
  at: 1_000,
  weight: { written: 35, baseline: 35, accepted: true, marked: true },
  stable: { desired: 4, available: 4, hash: PREVIOUS, rolledOut: true },
  canary: pods(2, CANARY),
  baseline: pods(2, PREVIOUS),
  service: true,
  baselineService: true,
  leftovers: 4,
  ...over,
})
const before: Pick<World, 'weight' | 'leftovers'> = {
  weight: { written: 0, accepted: true, marked: false },
  leftovers: 0,
}
const preparing: State = { phase: 'preparing', step: 0, since: 0 }
const analysing: State = { phase: 'analysing', step: 0, since: 0 }
const promoting: State = { phase: 'promoting', since: 0, cancelled: false }
const why = { code: 'errors', text: 'errors', next: '' }
const lowering: State = {
  phase: 'lowering',
  to: 'back',
  weight: 35,
  baseline: 35,
  since: 0,
  verdict: 'rolled-back',
  why,
  restore: false,
}
const see = (state: State, over: Partial<World> = {}) => next(record(state), { kind: 'observed', world: world(over) })

describe('on the way up', () => {
  test('canary and baseline are made in one look, of one size, each with a Service', () => {
    const {
      canary: _canary,
      baseline: _baseline,
      ...bare
    } = world({ ...before, service: false, baselineService: false })
    expect(next(record(preparing), { kind: 'observed', world: bare }).commands).toEqual([
      { do: 'apply', role: 'service' },
      { do: 'apply', role: 'baseline-service' },
      { do: 'apply', role: 'canary', replicas: 2 },
      { do: 'apply', role: 'baseline', replicas: 2 },
    ])
  })

  test('a canary that somebody made larger gets a baseline of that size', () => {
    const larger = { ...before, canary: { ...pods(5, CANARY), desired: 5 } }
    expect(see(preparing, larger).commands).toEqual([{ do: 'apply', role: 'baseline', replicas: 5 }])
  })

  test.each([
    ['the canary', { canary: pods(1, CANARY) }],
    ['the baseline', { baseline: pods(1, PREVIOUS) }],
  ])('no weight is asked for while a pod of %s is not ready', (_, unready) => {
    expect(see(preparing, { ...before, ...unready }).commands).toEqual([])
  })

  test('both weights are one write', () => {
    expect(see(preparing, before).commands).toEqual([{ do: 'weight', to: 35, baseline: 35 }])
  })

  test('a baseline that does not start is an error of the environment, never a failed digest', () => {
    const late = see(preparing, { ...before, at: 6_000, baseline: pods(0, PREVIOUS) }).record.state
    expect(late).toMatchObject({ phase: 'lowering', verdict: 'error', why: { code: 'environment' } })
  })
})

describe('while a step is watched', () => {
  test.each([
    ['has another template', { baseline: pods(2, 'foreign') }, 'error', 'baseline-changed'],
    ['has no Service', { baselineService: false }, 'error', 'baseline-changed'],
    ['has no ready pod', { baseline: pods(0, PREVIOUS) }, 'inconclusive', 'baseline-lost'],
  ] as const)('a baseline that %s ends the release, which is not to blame', (_, over, verdict, code) => {
    expect(see(analysing, over).record.state).toMatchObject({ phase: 'lowering', to: 'back', verdict, why: { code } })
  })

  test('a baseline that fell with most of stable is a shared outage, and is waited for', () => {
    const stable = { desired: 4, available: 1, hash: PREVIOUS, rolledOut: false }
    expect(see(analysing, { stable, baseline: pods(0, PREVIOUS) }).record.state).toEqual(analysing)
  })

  test('a baseline with another share than the canary is written again', () => {
    const uneven = { weight: { written: 35, baseline: 20, accepted: true, marked: true } }
    expect(see(analysing, uneven).record.state.phase).toBe('raising')
  })

  test('who scales it down is found, once this run knows its size', () => {
    const smaller = world({ baseline: { ...pods(1, PREVIOUS), desired: 1 } })
    expect(differences({ weight: 35, mirror: 0, baseline: 35, pods: 2 }, record(analysing), smaller)).toMatchObject([
      { what: 'baseline-replicas', wanted: 2 },
    ])
  })

  test('a cancelled run takes both weights back with its one write', () => {
    expect(next(record(analysing), { kind: 'cancelled', at: 1 }).commands).toEqual([{ do: 'weight', to: 0 }])
  })
})

describe('on the way back', () => {
  test('both weights go to 0 in one write where stable carries everything', () => {
    expect(see(lowering).commands).toEqual([{ do: 'weight', to: 0 }])
  })

  test('what a short stable cannot carry the baseline keeps: it runs the previous template', () => {
    const stable = { desired: 4, available: 3, hash: PREVIOUS, rolledOut: false }
    expect(see(lowering, { stable }).commands).toEqual([{ do: 'weight', to: 0, baseline: 25 }])
    const shorter = { ...stable, available: 2 }
    expect(see(lowering, { stable: shorter }).commands).toEqual([{ do: 'weight', to: 15, baseline: 35 }])
  })

  test('nothing is drained while the baseline still has a share', () => {
    expect(see(lowering, { weight: { written: 0, baseline: 5, accepted: true, marked: true } }).commands).toEqual([
      { do: 'weight', to: 0 },
    ])
  })

  test('both are scaled to nothing together, and nothing is removed before both have ended', () => {
    const cleaning: State = { phase: 'cleaning', to: 'back', since: 0, verdict: 'rolled-back', why, restore: false }
    const out = { weight: { written: 0, accepted: true, marked: true } }
    expect(see(cleaning, out).commands).toEqual([
      { do: 'scale', role: 'canary', to: 0 },
      { do: 'scale', role: 'baseline', to: 0 },
    ])
    const ended = { desired: 0, ready: 0, restarts: 0 }
    const ending = { ...out, canary: { ...ended, hash: CANARY }, baseline: { ...ended, ready: 1, hash: PREVIOUS } }
    expect(see(cleaning, ending).commands).toEqual([])
  })
})

describe('a promotion', () => {
  test('gives the baseline’s share to stable in one write, the canary’s untouched, before stable changes', () => {
    expect(see(promoting, { weight: { written: 50, baseline: 50, accepted: true, marked: true } }).commands).toEqual([
      { do: 'weight', to: 50 },
    ])
    expect(see(promoting, { weight: { written: 50, accepted: false, marked: true } }).commands).toEqual([
      { do: 'write-stable' },
    ])
  })

  test('waits until stable can carry that share, and makes it large enough', () => {
    const stable = { desired: 1, available: 1, hash: PREVIOUS, rolledOut: true }
    const parting = { weight: { written: 50, baseline: 50, accepted: true, marked: true }, stable }
    expect(see(promoting, parting).commands).toEqual([{ do: 'scale', role: 'stable', to: 4 }])
  })

  test('removes the baseline’s pods when they have had the time of a drain, counted from when the route was taken', () => {
    const stable = { desired: 4, available: 4, hash: CANARY, rolledOut: false }
    const out = { weight: { written: 50, accepted: true, marked: true }, stable }
    const parted = see(promoting, { ...out, at: 5_000 })
    expect(parted.record.state).toEqual({ ...promoting, parted: 5_000 })
    expect(parted.commands).toEqual([])
    expect(see(parted.record.state, { ...out, at: 6_400 }).commands).toEqual([])
    expect(see(parted.record.state, { ...out, at: 6_500 }).commands).toEqual([{ do: 'scale', role: 'baseline', to: 0 }])
  })
})

describe('somebody who ends the release', () => {
  test.each([
    ['while a step is watched', analysing, 35],
    ['when promotion has begun and the baseline still has its share', promoting, 50],
  ] as const)('%s has both weights at 0 in one write', (_, state, share) => {
    const aborted = next(record(state), { kind: 'aborted', at: 1 }).record
    const weight = { written: share, baseline: share, accepted: true, marked: true }
    const moved = next(aborted, { kind: 'observed', world: world({ weight }) })
    expect(moved.commands).toEqual([{ do: 'weight', to: 0 }])
  })

  test('and has the previous template put back first where stable carries the new one already', () => {
    const aborted = next(record({ ...promoting, parted: 1 }), { kind: 'aborted', at: 1 }).record
    const stable = { desired: 4, available: 4, hash: CANARY, rolledOut: true }
    const weight = { written: 50, accepted: true, marked: true }
    const moved = next(aborted, { kind: 'observed', world: world({ weight, stable }) })
    expect(moved.commands).toEqual([{ do: 'restore-stable' }])
  })
})

describe('a route that may not be written any more', () => {
  test('has both Services led to stable’s pods, and neither gets a request while it is so', () => {
    const stuck = { scenario: 'bad-1', plan: freshPlan(2), recovery: 'reap', routeForbidden: true, faults: [] } as const
    const outcome = play(stuck satisfies Schedule)
    expect(outcome.broken).toEqual([])
    expect(outcome.stuck).toMatchObject({ share: 0, beside: 0, written: 35 })
    expect(verdictIn(outcome)).toBe('error')
  })
})

describe('a plan', () => {
  test.each([
    ['weights above 50', freshPlan(1, { steps: [{ weight: 51, hold: 1 }] }), '51'],
    [
      'a step that copies',
      freshPlan(1, {
        steps: [
          { weight: 0, mirror: 5, hold: 1 },
          { weight: 5, hold: 1 },
        ],
      }),
      'copies',
    ],
    ['a split that is not by weights', plan(1, { split: 'replicas', baseline: 'fresh' }), 'not by weights'],
  ])('with a fresh baseline and %s is refused', (_, given, said) => {
    const started = startRelease(start({ plan: given }))
    expect(started).toMatchObject({ kind: 'refused', why: { code: 'plan', text: expect.stringContaining(said) } })
  })
})
