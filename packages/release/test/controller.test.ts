import { expect, test } from 'vitest'
import { differences } from '../src/foreign.ts'
import { next } from '../src/next.ts'
import type { Plan, ReleaseRecord, State, World } from '../src/record.ts'
import { startRelease } from '../src/start.ts'
import { CANARY, PREVIOUS, plan, start } from './simulation/release.ts'

/** With a split by a controller of the cluster, which makes the canary, sizes it and raises its first weight by itself. */
const record = (state: State, split: Plan['split'] = 'controller'): ReleaseRecord => {
  const started = startRelease(start({ plan: plan(2, { split }) }))
  if (started.kind === 'refused') throw new Error(started.why.text)
  return { ...started.record, state }
}
const world = (over: Partial<World> = {}): World => ({
  at: 1_000,
  weight: { written: 0, accepted: true, marked: true },
  stable: { desired: 4, available: 4, hash: PREVIOUS, rolledOut: true },
  canary: { desired: 1, ready: 1, restarts: 0, hash: CANARY },
  service: true,
  leftovers: 0,
  ...over,
})
const preparing: State = { phase: 'preparing', step: 0, since: 0 }
const raising: State = { phase: 'raising', step: 0, since: 0 }
const analysing: State = { phase: 'analysing', step: 0, since: 0 }

test('a release that is cancelled before its first weight withdraws what the controller is about to raise', () => {
  expect(next(record(preparing), { kind: 'cancelled', at: 1 }).commands).toEqual([{ do: 'weight', to: 0 }])
  expect(next(record(preparing, 'weights'), { kind: 'cancelled', at: 1 }).commands).toEqual([])
})

test('neither a Service nor a size is asked for: both are the controller’s', () => {
  const asked = next(record(preparing), { kind: 'observed', world: world({ service: false }) })
  expect(asked.record.state.phase).toBe('raising')
  expect(asked.commands).toEqual([{ do: 'weight', to: 5 }])
})

test('a weight that it has not come to yet, and a size that it changed, are nobody’s doing', () => {
  expect(differences({ weight: 5, mirror: 0, canary: 3 }, record(raising), world())).toEqual([])
})

test('a weight that another hand moved while a step is watched is', () => {
  const moved = world({ weight: { written: 25, accepted: true, marked: true } })
  expect(differences({ weight: 5, mirror: 0 }, record(analysing), moved)).toMatchObject([{ what: 'weight', wanted: 5 }])
})
