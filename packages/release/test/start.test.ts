import { expect, test } from 'vitest'
import type { ReleaseRecord } from '../src/record.ts'
import { longestRun, startRelease } from '../src/start.ts'
import { plan, start, template } from './simulation/release.ts'

const started = (over: Parameters<typeof start>[0] = {}): ReleaseRecord => {
  const result = startRelease(start(over))
  if (result.kind === 'refused') throw new Error(result.why.text)
  return result.record
}

const done = (epoch: number): ReleaseRecord => ({
  ...started(),
  epoch,
  state: { phase: 'done', verdict: 'rolled-back', why: { code: 'errors', text: '', next: '' }, at: 5 },
  history: [{ image: template('x', 'c').image, hash: 'x', verdict: 'rolled-back', at: 5 }],
})

test('a release starts without weight, preparing its first step, and owns the first epoch', () => {
  const record = started({ at: 1_000 })
  expect(record.state).toEqual({ phase: 'preparing', step: 0, since: 1_000 })
  expect(record.epoch).toBe(1)
  expect(record.deadline).toBe(1_000 + longestRun(record.plan))
  expect(record.history).toEqual([])
})

test('the epoch goes on from the record that it replaces, and so does the history', () => {
  const record = started({ previous: done(7) })
  expect(record.epoch).toBe(8)
  expect(record.history).toEqual(done(7).history)
  expect(record).not.toHaveProperty('previous')
})

test('the epoch is above the mark that stable carries, also when the record was deleted', () => {
  expect(started({ marked: 5 }).epoch).toBe(6)
  expect(started({ marked: 5, previous: done(7) }).epoch).toBe(8)
})

test('the deadline leaves room for every hold and every wait', () => {
  const short = plan(2)
  expect(longestRun(short)).toBe(2 * (2_000 + 4_000 + 2 * 6_000) + 4 * 6_000 + 1_500)
})

const steps = (...weights: readonly number[]) => weights.map((weight) => ({ weight, hold: 0 }))

const copy = (mirror: number) => ({ weight: 0, mirror, hold: 0 })

test('copies before shares are a plan', () => {
  expect(started({ plan: plan(2, { steps: [copy(100), copy(10), ...steps(5, 50)] }) }).plan.steps).toHaveLength(4)
})

test.each([
  ['no step', { plan: plan(2, { steps: [] }) }, 'plan'],
  ['a weight of 0', { plan: plan(2, { steps: steps(0, 5) }) }, 'plan'],
  ['weights that fall', { plan: plan(2, { steps: steps(25, 5) }) }, 'plan'],
  ['a weight above 100', { plan: plan(2, { steps: steps(101) }) }, 'plan'],
  ['weight 100 by replicas', { plan: plan(2, { steps: steps(100), split: 'replicas' }) }, 'plan'],
  ['copies after a share', { plan: plan(2, { steps: [...steps(5), copy(10), ...steps(50)] }) }, 'plan'],
  ['nothing but copies', { plan: plan(2, { steps: [copy(10)] }) }, 'plan'],
  ['copies without a router', { plan: plan(2, { steps: [copy(10), ...steps(50)], split: 'replicas' }) }, 'plan'],
  ['more copies than requests', { plan: plan(2, { steps: [copy(101), ...steps(50)] }) }, 'plan'],
  ['the template that is live', { canary: template('previous', 'a') }, 'already-live'],
  [
    'a release that is not done',
    { previous: { ...done(1), state: { phase: 'analysing', step: 0, since: 0 } } },
    'unfinished',
  ],
] as const)('%s is refused', (_, over, code) => {
  expect(startRelease(start(over))).toMatchObject({ kind: 'refused', why: { code } })
})
