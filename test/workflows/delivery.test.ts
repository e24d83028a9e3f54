import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Delivered, type Deliveries, openDeliveries, WELL, type World } from './delivery.ts'

let deliveries: Deliveries
beforeAll(async () => {
  deliveries = await openDeliveries()
})
afterAll(() => deliveries.close())

const one = (changes: Partial<World>): Promise<Delivered> => deliveries.deliver({ ...WELL, ...changes })
/** What may happen up to production, for every combination of what is optional: said once more, in other words than the workflows'. */
const before = (world: World) => {
  const checked = world.plan === 'pass' && ['pass', 'nothing-to-check'].includes(world.checks)
  const staged = checked && (!world.staging || (world.deploy === 'pass' && world.smoke === 'pass'))
  const asked = world.production === 'dispatch' ? world.event === 'workflow_dispatch' : world.production !== 'absent'
  const allowed = world.production !== 'environment' || world.reviewer === 'approved'
  return { checked, staged, asked, released: staged && asked && allowed }
}

const PRODUCTIONS: readonly Partial<World>[] = [
  { production: 'absent' },
  { production: 'unasked' },
  { production: 'environment' },
  { production: 'environment', reviewer: 'rejected' },
  { production: 'dispatch' },
  { production: 'dispatch', event: 'workflow_dispatch' },
]
const STOPPED: readonly Partial<World>[] = [{ checks: 'nothing-to-check' }, { checks: 'fail' }, { smoke: 'fail' }]
const COMBINATIONS: readonly Partial<World>[] = [true, false].flatMap((staging) => [
  ...PRODUCTIONS.map((production) => ({ staging, ...production })),
  // What stops before production does so whatever production asks: with one that wants the release, and with none.
  ...PRODUCTIONS.slice(0, 2).flatMap((production) => STOPPED.map((met) => ({ staging, ...production, ...met }))),
])

describe('of every combination of what is optional', () => {
  test.each(COMBINATIONS.map((changes) => [JSON.stringify(changes), changes] as const))(
    '%s is delivered exactly when it should be, and the outcome says so',
    async (_, changes) => {
      const world = { ...WELL, ...changes }
      const { checked, staged, asked, released } = before(world)
      const { outcome, did, trace } = await one(changes)
      expect(did.includes('stage deploy')).toBe(checked && world.staging)
      expect(did.includes('canary canary')).toBe(released)
      // A release that went well, or never began, leaves nothing to repair.
      expect(did).not.toContain('recover canary reap')
      const verdict = released ? 'pass' : staged && !asked ? 'nothing-to-check' : 'fail'
      expect(outcome.split(' ')[0]).toBe(verdict)
      expect(trace.conclusion).toBe(verdict === 'fail' ? 'failure' : 'success')
      expect(did.at(-1)).toBe('outcome outcome')
    },
  )
})

describe('a delivery that meets', () => {
  test.each<[string, Partial<World>, string, last: string, recorded: string]>([
    ['a wrong sluice.yml', { plan: 'error' }, 'fail plan-error', 'plan plan', ''],
    ['an approval that nobody is asked for', { plan: 'fail' }, 'fail plan-error', 'plan plan', ''],
    ['a plan that GitHub drops', { plan: 'dropped' }, 'fail output-dropped', 'plan upload', ''],
    ['checks that cannot run', { checks: 'error' }, 'fail checks-error', 'checks checks', ''],
    ['a staging that it cannot log in to', { login: 'error' }, 'fail stage-error', 'stage login', ''],
    ['a rollout that fails in staging', { deploy: 'fail' }, 'fail stage-failed', 'stage record', 'staging fail'],
    ['a staging that cannot be reached', { deploy: 'error' }, 'fail stage-error', 'stage record', 'staging error'],
    ['a smoke test that fails', { smoke: 'fail' }, 'fail stage-failed', 'stage record', 'staging fail'],
    ['an inconclusive one', { smoke: 'inconclusive' }, 'fail stage-failed', 'stage record', 'staging inconclusive'],
    ['one that reached nobody', { smoke: 'error' }, 'fail stage-error', 'stage record', 'staging error'],
  ])('%s stops there', async (_, changes, says, last, record) => {
    const { outcome, did, recorded } = await one(changes)
    expect([outcome, did.at(-2), recorded.at(-1) ?? '']).toEqual([says, last, record])
  })

  test.each<[string, Partial<World>, string, recorded: string]>([
    ['no login', { login: 'error' }, 'fail canary-error', 'error'],
    ['a release that is worse', { canary: 'rolled-back' }, 'fail rolled-back', 'rolled-back'],
    ['a newer release', { canary: 'superseded' }, 'fail superseded', 'superseded'],
    ['too little traffic', { canary: 'inconclusive' }, 'fail inconclusive', 'inconclusive'],
    ['a cluster that refuses', { canary: 'error' }, 'fail canary-error', 'error'],
    ['no release before', { first: 'deployed' }, 'pass first-release', 'promoted'],
    ['none before, and a failing rollout', { first: 'rollout-failed-rolled-back' }, 'fail rolled-back', 'rolled-back'],
    ['none before, and one that hangs', { first: 'rollout-failed-kept' }, 'fail canary-error', 'error'],
    ['none before, and wrong answers', { first: 'deployed', smoke: 'fail' }, 'fail canary-error', 'error'],
  ])('%s in production says so, and repairs unless it went well', async (_, changes, says, record) => {
    const { outcome, did, recorded } = await one({ staging: false, ...changes })
    expect([outcome, recorded.at(-1)]).toEqual([says, `production ${record}`])
    expect(did.includes('recover login')).toBe(!says.startsWith('pass'))
  })
})

test('GitHub’s Deployments say that both began and how both ended', async () => {
  const { recorded } = await one({})
  expect(recorded).toEqual(['staging in_progress', 'staging pass', 'production in_progress', 'production promoted'])
})

describe('the job beside the canary', () => {
  const recovered = (world: Partial<World>) => one({ staging: false, ...world })

  test.each<[string, World['recover'], string, string]>([
    ['took it back', ['rolled-back', 'passed', false], 'fail canary-lost', 'production rolled-back'],
    ['carried its promotion on', ['promoted', 'passed', true], 'pass delivered', 'production promoted'],
    [
      'found that it had been promoted',
      ['promoted', 'nothing-in-flight', true],
      'pass delivered',
      'production promoted',
    ],
    [
      'found only an earlier one, promoted',
      ['promoted', 'nothing-in-flight', false],
      'fail canary-lost',
      'production error',
    ],
    [
      'found only an earlier one, rolled back',
      ['rolled-back', 'nothing-in-flight', false],
      'fail canary-lost',
      'production error',
    ],
    ['could not read the cluster', ['error', 'unreachable', false], 'fail canary-lost', 'production error'],
  ])('speaks for a release whose machine died when it %s', async (_, recover, says, last) => {
    const { outcome, recorded } = await recovered({ dies: 'canary', recover })
    expect([outcome, recorded.at(-1)]).toEqual([says, last])
  })
})

describe('a machine that dies', () => {
  test.each<[World['dies'], string]>([
    ['checks', 'fail checks-error'],
    ['stage', 'fail stage-error'],
  ])('in %s ends the delivery there', async (dies, says) => {
    const { outcome, did } = await one({ dies })
    expect(outcome).toBe(says)
    expect(did).not.toContain('canary login')
  })
})
