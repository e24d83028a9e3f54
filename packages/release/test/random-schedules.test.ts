import fc from 'fast-check'
import { expect, test } from 'vitest'
import { freshPlan, plan } from './simulation/release.ts'
import { type Fault, play, verdictIn } from './simulation/schedule.ts'

const kinds: readonly Fault['kind'][] = [
  'kill-before',
  'kill-after',
  'zombie',
  'conflict-lost',
  'conflict-landed',
  'upstream',
  'forbidden',
  'cancel',
  'stable-pod-dies',
  'canary-dies',
  'baseline-dies',
  'autoscaler-shrinks-stable',
  'foreign-deploy',
  'human-sets-weight-0',
  'human-sets-weight-90',
  'human-scales-canary-to-0',
  'human-scales-canary-to-1',
  'human-scales-canary-up',
  'human-scales-baseline-to-1',
  'human-removes-baseline-service',
  'human-scales-stable-to-1',
  'human-scales-stable-up',
  'human-frees-autoscaler',
]

const fault = fc.record(
  { at: fc.nat(70), kind: fc.constantFrom(...kinds), wake: fc.nat(12) },
  { requiredKeys: ['at', 'kind'] },
)

const schedule = fc.record({
  scenario: fc.constantFrom(
    'good',
    'good',
    'bad-0',
    'bad-1',
    'bad-2',
    'never-ready',
    'baseline-never-ready',
    'stuck-promotion',
    'outage',
    'unclear',
    'route-not-taken',
  ),
  plan: fc
    .record({
      steps: fc.integer({ min: 1, max: 4 }),
      split: fc.constantFrom('weights', 'replicas'),
      mirror: fc.constantFrom(undefined, 20, 100),
      fresh: fc.boolean(),
      onInconclusive: fc.constantFrom('rollback', 'promote', 'hold'),
    })
    .map(({ steps, mirror, fresh, ...over }) =>
      fresh && over.split === 'weights'
        ? freshPlan(steps, over)
        : mirror === undefined || over.split === 'replicas'
          ? plan(steps, over)
          : plan(steps, { ...over, steps: [{ weight: 0, mirror, hold: 2_000 }, ...plan(steps).steps] }),
    ),
  autoscaled: fc.boolean(),
  routeForbidden: fc.boolean(),
  recovery: fc.constantFrom('resume', 'reap'),
  faults: fc.array(fault, { maxLength: 8 }),
})

test('any finite number of faults, in any order, ends in a whole release and breaks no invariant', () => {
  fc.assert(
    fc.property(schedule, (drawn) => {
      const outcome = play(drawn)
      expect(outcome.broken).toEqual([])
      const verdict = verdictIn(outcome)
      expect(['promoted', 'rolled-back', 'superseded', 'inconclusive', 'error', 'nothing']).toContain(verdict)
      const rejected = drawn.scenario.startsWith('bad-') && Number(drawn.scenario.slice(4)) < drawn.plan.steps.length
      if (rejected || drawn.scenario === 'never-ready') expect(verdict).not.toBe('promoted')
    }),
    { seed: 20_261_121, numRuns: 6_000 },
  )
}, 120_000)
