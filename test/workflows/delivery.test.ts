import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Delivered, type Deliveries, openDeliveries } from './delivery.ts'
import { DIGEST, legOf, WELL, type World } from './world.ts'

let deliveries: Deliveries
beforeAll(async () => {
  deliveries = await openDeliveries()
})
afterAll(() => deliveries.close())

const one = (changes: Partial<World>): Promise<Delivered> => deliveries.deliver({ ...WELL, ...changes })
/** What may happen up to production, for every combination of what is optional: said once more, in other words than the workflows'. */
const before = (world: World) => {
  const checked = world.plan === 'pass' && ['pass', 'nothing-to-check'].includes(world.checks)
  const packaged = checked && (world.digest === 'given' || (world.build === 'pass' && world.merge === 'pass'))
  const scanned = packaged && ['off', 'pass'].includes(world.scan)
  const staged = scanned && (!world.staging || (world.deploy === 'pass' && world.smoke === 'pass'))
  const asked = world.production === 'dispatch' ? world.event === 'workflow_dispatch' : world.production !== 'absent'
  const allowed = world.production !== 'environment' || world.reviewer === 'approved'
  return { checked, packaged, scanned, staged, asked, released: staged && asked && allowed }
}

/** A stage's verdicts, by what deploy and smoke-test say in it. */
const STAGED: readonly Partial<World>[] = [{}, { deploy: 'fail' }, { smoke: 'fail' }, { smoke: 'error' }]
const PRODUCTIONS: readonly Partial<World>[] = [
  { production: 'absent' },
  { production: 'unasked' },
  { production: 'environment' },
  { production: 'environment', reviewer: 'rejected' },
  { production: 'dispatch' },
  { production: 'dispatch', event: 'workflow_dispatch' },
]
const RELEASED = ['promoted', 'rolled-back', 'superseded', 'inconclusive', 'error'] as const

/** All on and off with who brings the digest and what is scanned, and each way in which packaging and scanning stop. */
const IMAGES: readonly Partial<World>[] = [
  ...PRODUCTIONS.flatMap((production) =>
    [true, false].flatMap((staging) =>
      (['pass', 'nothing-to-check'] as const).flatMap((checks) =>
        [{ scan: 'pass' }, { digest: 'built' }, { digest: 'built', scan: 'pass' }].map(
          (image) => ({ ...production, staging, checks, ...image }) as Partial<World>,
        ),
      ),
    ),
  ),
  ...([{ build: 'fail' }, { build: 'error' }, { merge: 'fail' }, { merge: 'error' }] as const).map(
    (stops) => ({ digest: 'built', scan: 'pass', ...stops }) as const,
  ),
  ...(['fail', 'inconclusive', 'error'] as const).flatMap((scan) =>
    (['given', 'built'] as const).map((digest) => ({ digest, scan })),
  ),
]

/** Everything on and off, and every verdict of each that is reached: what comes after a stop is said once. */
const STAGES: readonly Partial<World>[] = PRODUCTIONS.flatMap((production) =>
  [true, false].flatMap((staging) =>
    (['pass', 'nothing-to-check', 'fail', 'error'] as const).flatMap((checks) =>
      (staging && before({ ...WELL, checks }).checked ? STAGED : [{}]).flatMap((stage) => {
        const met = { ...production, staging, checks, ...stage }
        return before({ ...WELL, ...met }).released ? RELEASED.map((canary) => ({ ...met, canary })) : [met]
      }),
    ),
  ),
)

const COMBINATIONS = [...STAGES, ...IMAGES]

test('the combinations are all there are', () => {
  expect(new Set(COMBINATIONS.map((each) => JSON.stringify(each))).size).toBe(
    // Checks that stop, on and off staging; a staging that stops, after both checks that do not; and what gets through,
    // of which a half is released, with four more ends than one.
    // With packaging and scanning: three of the four ways in which they are on, the fourth being above; four stops, and six.
    6 * (2 * 2 + 2 * 3 + 2 * 2) + 3 * 4 * 4 + 6 * 2 * 2 * 3 + 4 + 6,
  )
})

describe('of every combination of what is optional, and of every verdict', () => {
  test.each(COMBINATIONS.map((changes) => [JSON.stringify(changes), changes] as const))(
    '%s is delivered exactly when it should be, and the outcome says so',
    async (_, changes) => {
      const world = { ...WELL, ...changes }
      const { checked, packaged, scanned, staged, asked, released } = before(world)
      const { outcome, did, trace, recorded } = await one(changes)
      expect(did.includes('build image')).toBe(checked && world.digest === 'built')
      expect(did.includes('merge image')).toBe(checked && world.digest === 'built' && world.build === 'pass')
      expect(did.includes('image gate')).toBe(packaged && world.scan !== 'off')
      expect(did.includes('stage deploy')).toBe(scanned && world.staging)
      expect(did.includes('canary canary')).toBe(released)
      // A release that went well, or never began, leaves nothing to repair.
      expect(did.includes('recover canary reap')).toBe(released && world.canary !== 'promoted')
      expect(recorded.at(-1)?.startsWith('production ')).toBe(
        released ? true : scanned && world.staging ? false : undefined,
      )
      const verdict = released && world.canary === 'promoted' ? 'pass' : staged && !asked ? 'nothing-to-check' : 'fail'
      expect(outcome).toBe(`${verdict} ${codeOf(world)}`)
      expect(trace.conclusion).toBe(verdict === 'fail' ? 'failure' : 'success')
      expect(did.at(-1)).toBe('outcome outcome')
    },
  )
})

/** The reason of an outcome, by the first thing that decides it. */
const codeOf = (world: World): string => {
  const { checked, packaged, scanned, staged, asked, released } = before(world)
  if (!checked) return world.checks === 'fail' ? 'checks-failed' : 'checks-error'
  if (!packaged) return [world.build, world.merge].includes('fail') ? 'package-failed' : 'package-error'
  if (!scanned) return { fail: 'scan-failed', inconclusive: 'scan-inconclusive' }[String(world.scan)] ?? 'scan-error'
  if (!staged) return world.smoke === 'error' ? 'stage-error' : 'stage-failed'
  if (world.production === 'absent') return 'no-production'
  if (!asked) return 'awaiting-dispatch'
  if (!released) return 'not-approved'
  if (world.canary === 'promoted') return 'delivered'
  return world.canary === 'error' ? 'canary-error' : world.canary
}

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

test('an image of two platforms is tagged once both are there, and what is deployed is what was merged', async () => {
  const { did, images, trace } = await one({ digest: 'built', scan: 'pass' })
  expect(Object.keys(images).sort()).toEqual(['linux/amd64', 'linux/arm64', 'tags'])
  expect([images['linux/amd64']?.push, images['linux/arm64']?.push, images.tags?.push]).toEqual([
    'by-digest',
    'by-digest',
    'true',
  ])
  expect(images.tags?.merge?.trim().split(' ')).toEqual([legOf('linux/amd64'), legOf('linux/arm64')])
  expect(images.tags?.platforms).toBe('linux/amd64,linux/arm64')
  expect(did.indexOf('merge image')).toBeGreaterThan(did.lastIndexOf('build image'))
  expect(trace.jobs.find(({ path }) => path === 'deliver / package')?.outputs).toMatchObject({
    digest: DIGEST,
    repository: 'registry.test/shop',
  })
})

test('an image of one platform takes the same way', async () => {
  const { images, outcome } = await one({ digest: 'built', platforms: ['linux/amd64'] })
  expect([images.tags?.merge?.trim(), images.tags?.platforms]).toEqual([legOf('linux/amd64'), 'linux/amd64'])
  expect(outcome).toBe('pass delivered')
})

test.each<[World['attest'], signed: boolean, says: string]>([
  ['off', false, 'pass delivered'],
  ['pass', true, 'pass delivered'],
  ['skipped', false, 'pass delivered'],
  ['error', true, 'fail package-error'],
])('an attestation that is %s', async (attest, signed, says) => {
  const { did, outcome, images } = await one({ digest: 'built', attest })
  expect([did.includes('merge attest'), outcome]).toEqual([signed, says])
  // What is not signed is not tagged, and what was signed is tagged as it is.
  const merging = did.filter((each) => each.startsWith('merge '))
  expect(merging).toEqual([
    'merge image',
    ...(signed ? ['merge attest'] : []),
    ...(attest === 'off' || attest === 'error' ? [] : ['merge image']),
  ])
  expect([images.merge !== undefined, images.tags !== undefined]).toEqual([attest !== 'off', attest !== 'error'])
  if (attest === 'pass')
    expect(images.tags).toMatchObject({ merge: DIGEST, push: 'true', platforms: images.merge?.platforms })
  expect(did.includes('canary canary')).toBe(says === 'pass delivered')
})

test.each(['pull_request', 'merge_group'] as const)(
  'by %s no image is built, pushed or signed, what needs none is scanned, and the outcome is green',
  async (event) => {
    const { did, outcome, trace } = await one({ event, digest: 'built', attest: 'pass', scan: 'pass' })
    expect([outcome, trace.conclusion]).toEqual(['nothing-to-check not-wanted', 'success'])
    expect(did).toEqual(expect.arrayContaining(['checks checks', 'source gate', 'dependencies gate']))
    expect(
      did.filter((each) => /(image|attest|login|deploy|canary)$/.test(each) || /^(image|merge|stage) /.test(each)),
    ).toEqual([])
    const { outputs } = trace.jobs.find(({ path }) => path === 'deliver / package') ?? {}
    expect(outputs).toMatchObject({ verdict: 'nothing-to-check', 'reason-code': 'deploys-nothing', digest: '' })
  },
)

test('what scans hands over its alerts whatever it says, and each part in its own name', async () => {
  const { did } = await one({ scan: 'fail' })
  expect(did.filter((each) => each.endsWith(' alerts')).sort()).toEqual([
    'dependencies alerts',
    'image alerts',
    'source alerts',
  ])
})

test('each platform of an image is scanned, to its end, and what one of them says stops the delivery', async () => {
  const { did, outcome } = await one({ digest: 'built', scan: 'inconclusive' })
  expect(did.filter((each) => each === 'image gate' || each === 'image alerts')).toHaveLength(4)
  expect(outcome).toBe('fail scan-inconclusive')
})

test('a Rollout is released without a first release, and repaired by the record', async () => {
  const { did, outcome } = await one({ router: 'argo-rollouts', staging: false, canary: 'error' })
  expect(did).toEqual(expect.arrayContaining(['canary canary', 'recover canary reap']))
  expect(did).not.toContain('canary deploy')
  expect(outcome).toBe('fail canary-error')
})

test("what metrics are read with reaches the canary, from production's own secrets, and nobody else", async () => {
  const { did, credentials, trace } = await one({ canary: 'error' })
  expect(did).toContain('recover canary reap')
  expect(credentials).toEqual({
    'canary canary': {
      'prometheus-token': "production's prometheus_token",
      'prometheus-username': "production's prometheus_username",
      'prometheus-password': "production's prometheus_password",
      'prometheus-headers': "production's prometheus_headers",
      'prometheus-ca': "production's prometheus_ca",
      'datadog-api-key': "production's datadog_api_key",
      'datadog-application-key': "production's datadog_application_key",
      'aws-access-key-id': "production's cloudwatch_access_key_id",
      'aws-secret-access-key': "production's cloudwatch_secret_access_key",
    },
  })
  expect(JSON.stringify(trace)).not.toMatch(/(production|recovery|staging)'s (prometheus|datadog|cloudwatch)_/)
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
    ['merge', 'fail package-error'],
    ['image', 'fail scan-error'],
    ['stage', 'fail stage-error'],
  ])('in %s ends the delivery there', async (dies, says) => {
    const { outcome, did } = await one({ digest: 'built', scan: 'pass', dies })
    expect(outcome).toBe(says)
    expect(did).not.toContain('canary login')
  })
})

describe('a delivery that a person cancels', () => {
  test.each(['checks', 'merge', 'image', 'stage'] as const)('in %s goes no further, and says so', async (cancelled) => {
    const { outcome, did, trace } = await one({ digest: 'built', scan: 'pass', cancelled })
    expect([outcome, trace.conclusion]).toEqual(['fail cancelled', 'cancelled'])
    expect(did).not.toContain('canary login')
  })
  test.each<[string, World['recover'], string, string]>([
    ['taken back by its own step', ['rolled-back', 'nothing-in-flight', false], 'fail cancelled', 'production error'],
    ['taken back by the job beside it', ['rolled-back', 'passed', false], 'fail cancelled', 'production rolled-back'],
    ['carried on, its promotion having begun', ['promoted', 'passed', true], 'pass delivered', 'production promoted'],
  ])('in the canary is %s, and recorded so', async (_, recover, says, last) => {
    const { outcome, did, recorded, trace } = await one({ staging: false, cancelled: 'canary', recover })
    expect([outcome, recorded.at(-1), trace.conclusion]).toEqual([says, last, 'cancelled'])
    expect(did).toContain('recover canary reap')
  })
})

describe('by hand', () => {
  const NONE: World['abort'] = ['promoted', 'nothing-in-flight']
  const LATE: World['abort'] = ['promoted', 'passed']
  const BROKEN: World['abort'] = ['error', 'unreachable']
  const byHand = async (
    name: Parameters<Deliveries['byHand']>[0],
    digest: string,
    changes: Partial<World>,
  ): Promise<readonly [conclusion: string, outputs: Readonly<Record<string, string>>, did: readonly string[]]> => {
    const { trace, did } = await deliveries.byHand(name, digest, { ...WELL, event: 'workflow_dispatch', ...changes })
    return [trace.conclusion, trace.jobs.find(({ path }) => path === name)?.outputs ?? {}, did]
  }

  test.each<[string, string, Partial<World>, conclusion: string, verdict: string, deploys: boolean]>([
    ['ends what is in flight', '', {}, 'success', 'rolled-back', false],
    ['is green when nothing is', '', { abort: NONE }, 'success', 'nothing-to-check', false],
    ['is red when it came too late', '', { abort: LATE }, 'failure', 'error', false],
    ['puts a digest there', DIGEST, { abort: NONE }, 'success', 'rolled-back', true],
    ['puts a digest there though it came too late', DIGEST, { abort: LATE }, 'success', 'rolled-back', true],
    [
      'is red when what is in flight did not end, whatever else went well',
      DIGEST,
      { abort: BROKEN },
      'failure',
      'error',
      true,
    ],
    ['is red when the digest does not run', DIGEST, { abort: NONE, deploy: 'fail' }, 'failure', 'error', true],
    ['is red without a login', DIGEST, { login: 'error' }, 'failure', 'error', false],
    ['leaves the digest of a Rollout to a release', DIGEST, { router: 'argo-rollouts' }, 'failure', 'error', false],
    ['takes back what is in flight of a Rollout', '', { router: 'argo-rollouts' }, 'success', 'rolled-back', false],
    ['is red without a production', DIGEST, { production: 'absent' }, 'failure', 'error', false],
    ['is red without a plan', '', { plan: 'error' }, 'failure', 'error', false],
  ])('a rollback %s', async (_, digest, changes, conclusion, verdict, deploys) => {
    const [ended, outputs, did] = await byHand('rollback', digest, changes)
    expect([ended, outputs.verdict, did.includes('rollback deploy')]).toEqual([conclusion, verdict, deploys])
  })

  test.each<[string, Partial<World>, conclusion: string, verdict: string]>([
    ['ends what nobody watches', { recover: ['rolled-back', 'passed', false] }, 'success', 'rolled-back'],
    ['carries a promotion on', { recover: ['promoted', 'passed', true] }, 'success', 'promoted'],
    ['has nothing to do', { recover: ['promoted', 'nothing-in-flight', true] }, 'success', 'nothing-to-check'],
    [
      'leaves a release alone whose owner is alive',
      { recover: ['error', 'busy', false] },
      'success',
      'nothing-to-check',
    ],
    ['is red when it cannot read the cluster', { recover: ['error', 'unreachable', false] }, 'failure', 'error'],
    ['is red without a login', { login: 'error' }, 'failure', 'error'],
    ['has nothing to do without a production', { production: 'absent' }, 'success', 'nothing-to-check'],
  ])('a reap %s', async (_, changes, conclusion, verdict) => {
    const [ended, outputs] = await byHand('reap', '', changes)
    expect([ended, outputs.verdict]).toEqual([conclusion, verdict])
  })

  test.each<[string, Partial<World>, conclusion: string, verdict: string, code: string]>([
    ['releases what waited for it', { production: 'dispatch' }, 'success', 'promoted', 'passed'],
    ['asks the reviewers', { production: 'environment', reviewer: 'rejected' }, 'failure', 'error', 'not-approved'],
    ['says that there is no production', { production: 'absent' }, 'success', 'nothing-to-check', 'no-production'],
    ['says that sluice.yml is wrong', { plan: 'error' }, 'failure', 'error', 'plan-error'],
    ['says that it cannot log in', { login: 'error' }, 'failure', 'error', 'login-failed'],
    ['says that its machine died', { dies: 'canary' }, 'failure', 'error', 'canary-lost'],
  ])('a canary %s', async (_, changes, conclusion, verdict, code) => {
    const [ended, outputs] = await byHand('canary', DIGEST, changes)
    expect([ended, outputs.verdict, outputs['reason-code']]).toEqual([conclusion, verdict, code])
  })

  test.each(RELEASED)('the report of a canary that ended as %s is kept', async (canary) => {
    const { did } = await one({ staging: false, canary })
    expect(did.filter((each) => each.endsWith(' upload'))).toContain('canary upload')
  })

  test('staging is deployed to alone', async () => {
    const [ended, outputs, did] = await byHand('stage', DIGEST, {})
    expect([ended, outputs.verdict, did.includes('stage deploy')]).toEqual(['success', 'pass', true])
  })
})
