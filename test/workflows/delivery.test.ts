import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Delivered, type Deliveries, openDeliveries, WELL, type World } from './delivery.ts'

let deliveries: Deliveries
beforeAll(async () => {
  deliveries = await openDeliveries()
})
afterAll(() => deliveries.close())

const one = (changes: Partial<World>): Promise<Delivered> => deliveries.deliver({ ...WELL, ...changes })
const jobOf = ({ trace }: Delivered, end: string) => trace.jobs.find(({ path }) => path.endsWith(` / ${end}`))

/** What may happen up to production, for every combination of what is optional: said once more, in other words than the workflows'. */
const before = (world: World) => {
  const checked = world.plan === 'pass' && ['pass', 'nothing-to-check'].includes(world.checks)
  const staged = checked && (!world.staging || (world.deploy === 'pass' && world.smoke === 'pass'))
  const asked = world.production === 'dispatch' ? world.event === 'workflow_dispatch' : world.production !== 'absent'
  const allowed = world.production !== 'environment' || world.reviewer === 'approved'
  return { checked, staged, asked, released: staged && asked && allowed }
}

const COMBINATIONS: readonly Partial<World>[] = [true, false].flatMap((staging) =>
  [
    { production: 'absent' },
    { production: 'unasked' },
    { production: 'environment' },
    { production: 'environment', reviewer: 'rejected' },
    { production: 'dispatch' },
    { production: 'dispatch', event: 'workflow_dispatch' },
  ].flatMap((production) =>
    [{}, { checks: 'nothing-to-check' }, { checks: 'fail' }, { smoke: 'fail' }].map(
      (met) => ({ staging, ...production, ...met }) as Partial<World>,
    ),
  ),
)

describe('of every combination of what is optional', () => {
  test.each(COMBINATIONS.map((changes) => [JSON.stringify(changes), changes] as const))(
    '%s is delivered exactly when it should be, and the outcome says so',
    async (_, changes) => {
      const world = { ...WELL, ...changes }
      const { checked, staged, asked, released } = before(world)
      const { outcome, did, trace } = await one(changes)
      expect(did.includes('stage deploy')).toBe(checked && world.staging)
      expect(did.includes('canary canary')).toBe(released)
      const verdict = released ? 'pass' : staged && !asked ? 'nothing-to-check' : 'fail'
      expect(outcome.split(' ')[0]).toBe(verdict)
      expect(trace.conclusion).toBe(verdict === 'fail' ? 'failure' : 'success')
      expect(did.at(-1)).toBe('outcome outcome')
    },
  )
})

describe('a delivery that meets', () => {
  test.each<[string, Partial<World>, string, last: string]>([
    ['a wrong sluice.yml', { plan: 'error' }, 'fail plan-error', 'plan plan'],
    ['an approval that nobody is asked for', { plan: 'fail' }, 'fail plan-error', 'plan plan'],
    ['a plan that GitHub drops', { plan: 'dropped' }, 'fail output-dropped', 'plan upload'],
    ['checks that cannot run', { checks: 'error' }, 'fail checks-error', 'checks checks'],
    ['a staging that it cannot log in to', { login: 'error' }, 'fail stage-error', 'stage login'],
    ['a rollout that fails in staging', { deploy: 'fail' }, 'fail stage-failed', 'stage record'],
    ['a staging that cannot be reached', { deploy: 'error' }, 'fail stage-error', 'stage record'],
    ['an inconclusive smoke test', { smoke: 'inconclusive' }, 'fail stage-failed', 'stage record'],
    ['a smoke test that reached nobody', { smoke: 'error' }, 'fail stage-error', 'stage record'],
    ['a production that it cannot log in to', { staging: false, login: 'error' }, 'fail canary-error', 'record record'],
    ['a release that is worse', { canary: 'rolled-back' }, 'fail rolled-back', 'record record'],
    ['a newer release', { canary: 'superseded' }, 'fail superseded', 'record record'],
    ['too little traffic', { canary: 'inconclusive' }, 'fail inconclusive', 'record record'],
    ['a cluster that refuses', { canary: 'error' }, 'fail canary-error', 'record record'],
    ['an empty production', { first: 'deployed' }, 'pass first-release', 'record record'],
    [
      'an empty production that takes nothing',
      { first: 'rollout-failed-rolled-back' },
      'fail rolled-back',
      'record record',
    ],
    ['an empty production where it hangs', { first: 'rollout-failed-kept' }, 'fail canary-error', 'record record'],
    [
      'an empty production where it answers wrongly',
      { staging: false, first: 'deployed', smoke: 'fail' },
      'fail canary-error',
      'record record',
    ],
  ])('%s', async (_, changes, says, last) => {
    const { outcome, did } = await one(changes)
    expect([outcome, did.at(-2), did.at(-1)]).toEqual([says, last, 'outcome outcome'])
  })
})

describe('GitHub’s Deployments', () => {
  test('say that both began and how both ended', async () => {
    const { recorded } = await one({})
    expect(recorded).toEqual(['staging in_progress', 'staging pass', 'production in_progress', 'production promoted'])
  })
  test.each<[string, Partial<World>, string]>([
    ['a failed rollout', { deploy: 'fail' }, 'staging fail'],
    ['a failed smoke test', { smoke: 'fail' }, 'staging fail'],
    ['a release that was taken back', { canary: 'rolled-back' }, 'production rolled-back'],
    ['a newer release', { canary: 'superseded' }, 'production superseded'],
    ['a machine that died', { dies: 'canary' }, 'production error'],
  ])('end after %s', async (_, changes, last) => {
    expect((await one(changes)).recorded.at(-1)).toBe(last)
  })
})

describe('the job beside the canary', () => {
  const recovered = (world: Partial<World>) => one({ staging: false, ...world })

  test.each<[string, Partial<World>]>([
    ['promoted', {}],
    ['was refused by a reviewer', { production: 'environment', reviewer: 'rejected' }],
    ['was not asked for', { production: 'dispatch' }],
  ])('does not start when the release %s', async (_, world) => {
    const delivered = await recovered(world)
    expect(jobOf(delivered, 'recover')?.conclusion).toBe('skipped')
  })
  test.each(['rolled-back', 'superseded', 'inconclusive', 'error'] as const)(
    'looks after a release that ended %s',
    async (canary) => {
      const delivered = await recovered({ canary })
      expect(delivered.did).toContain('recover canary reap')
      expect(jobOf(delivered, 'recover')?.conclusion).toBe('success')
    },
  )
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
