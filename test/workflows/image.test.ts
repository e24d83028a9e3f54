import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSluiceFile } from '@sluice/delivery/file'
import { planFor } from '@sluice/delivery/plan'
import { plainPlatform } from '@sluice/delivery/platform'
import { readInputs } from '@sluice/kit/inputs'
import { evaluateCondition } from '@sluice/runner/language/evaluate'
import { describe, expect, test } from 'vitest'
import { inputs as builtInputs, conflicts } from '../../actions/build-push-image/src/inputs.ts'
import { releaseText } from '../../actions/delivery-plan/src/release.ts'
import { FULL } from '../../actions/delivery-plan/test/full.ts'
import { readAll as readGate } from '../../actions/trivy-gate/src/inputs.ts'
import { actionName } from '../../scripts/workflow.ts'
import { folderWith } from '../scripts/folder.ts'
import { houseOf, readWorkflow } from './house.ts'
import { all, bash, jobOf, type Needed, NONE, planOf, status, stepOf, textOf } from './said.ts'
import { DIGEST, legOf, type World } from './world.ts'

// What package.yml makes of what its jobs said, now or in an earlier attempt, and the scripts in it; what it and scan.yml hand on.

describe('what package.yml says', () => {
  const job = jobOf('package', 'package')
  const BUILT: Needed = { result: 'success', outputs: {} }
  const MERGED: Needed = {
    result: 'success',
    outputs: { verdict: 'pass', 'reason-code': 'merged', digest: DIGEST, tags: 'a:b' },
  }
  const GOOD = { plan: NONE, build: BUILT, merge: MERGED }
  const PLAN = planOf({ digest: 'built' })
  const PULLED = planOf({ digest: 'built', event: 'pull_request' })

  const said = (needs: Readonly<Record<string, Needed>>, inputs: object = {}) => {
    const contexts = { inputs: { plan: PLAN, digest: '', ...inputs }, needs: { ...GOOD, ...needs } }
    const env = all(job.env, contexts)
    const outputs = all(job.outputs, { ...contexts, env })
    const red = evaluateCondition(stepOf(job, 'Nothing was packaged').if ?? '', {
      contexts: { ...contexts, env },
      status,
    })
    return [outputs.verdict, outputs['reason-code'], outputs.digest, red ? 'red' : 'green']
  }
  const failed = (code: string): Needed => ({ result: 'failure', outputs: { failed: code, broke: '' } })

  test.each<[string, Readonly<Record<string, Needed>>, object, readonly string[]]>([
    ['an image that was built and tagged', {}, {}, ['pass', 'merged', DIGEST, 'green']],
    [
      'one whose signature failed',
      { merge: { result: 'failure', outputs: { verdict: 'error', 'reason-code': 'attest-failed', digest: 'none' } } },
      {},
      ['error', 'attest-failed', 'none', 'red'],
    ],
    [
      'a pull request, for which nothing is built',
      { build: NONE, merge: NONE },
      { plan: PULLED },
      ['nothing-to-check', 'deploys-nothing', 'none', 'green'],
    ],
    [
      'a pull request whose plan this workflow made',
      { plan: { result: 'success', outputs: { verdict: 'pass', plan: PULLED } }, build: NONE, merge: NONE },
      { plan: '' },
      ['nothing-to-check', 'deploys-nothing', 'none', 'green'],
    ],
    [
      'a pull request whose plan failed now and was good before',
      { plan: { result: 'failure', outputs: { verdict: 'pass', plan: PULLED } }, build: NONE, merge: NONE },
      { plan: '' },
      ['error', 'plan-error', 'none', 'red'],
    ],
    [
      'a pull request with a digest',
      { build: NONE, merge: NONE },
      { plan: PULLED, digest: DIGEST },
      ['nothing-to-check', 'prebuilt', DIGEST, 'green'],
    ],
    [
      'a digest that is given',
      { build: NONE, merge: NONE },
      { digest: DIGEST },
      ['nothing-to-check', 'prebuilt', DIGEST, 'green'],
    ],
    [
      'a digest that is given beside a plan that is wrong',
      { plan: { result: 'failure', outputs: { verdict: 'error' } }, build: NONE, merge: NONE },
      { digest: DIGEST, plan: '' },
      ['error', 'plan-error', 'none', 'red'],
    ],
    [
      'a plan that GitHub dropped',
      { plan: { result: 'success', outputs: { verdict: 'pass' } }, build: NONE, merge: NONE },
      { plan: '' },
      ['error', 'output-dropped', 'none', 'red'],
    ],
    [
      'a service without package',
      { build: NONE, merge: NONE },
      { plan: planOf({}) },
      ['error', 'no-package', 'none', 'red'],
    ],
    [
      'a build that failed',
      { build: failed('build-failed'), merge: NONE },
      {},
      ['fail', 'build-failed', 'none', 'red'],
    ],
    [
      'a registry that refused',
      { build: { result: 'failure', outputs: { failed: '', broke: 'upstream-fault' } }, merge: NONE },
      {},
      ['error', 'upstream-fault', 'none', 'red'],
    ],
    [
      'a machine that died while it built, after an attempt that was merged',
      { build: { result: 'failure', outputs: {} }, merge: { ...MERGED, result: 'skipped' } },
      {},
      ['error', 'build-lost', 'none', 'red'],
    ],
    [
      'a tag that names something else',
      { merge: { result: 'failure', outputs: { verdict: 'fail', 'reason-code': 'tag-taken' } } },
      {},
      ['fail', 'tag-taken', 'none', 'red'],
    ],
    [
      'a machine that died while it merged, after an attempt that was good',
      { merge: { ...MERGED, result: 'failure' } },
      {},
      ['error', 'merge-lost', 'none', 'red'],
    ],
    [
      'a digest that GitHub dropped',
      { merge: { result: 'success', outputs: { verdict: 'pass', 'reason-code': 'merged' } } },
      {},
      ['error', 'output-dropped', 'none', 'red'],
    ],
    [
      'a run that was cancelled',
      { build: { result: 'cancelled', outputs: {} }, merge: NONE },
      {},
      ['error', 'cancelled', 'none', 'green'],
    ],
  ])('of %s', (_, needs, inputs, expected) => {
    expect(said(needs, inputs)).toEqual(expected)
  })

  test('a digest is put out only beside a verdict that may go on', () => {
    const results = ['success', 'failure', 'cancelled', 'skipped']
    for (const build of results)
      for (const merge of results)
        for (const plan of [PLAN, PULLED, '']) {
          const needs = {
            plan: { result: 'success', outputs: { verdict: 'pass' } },
            build: { result: build, outputs: {} },
            merge: { ...MERGED, result: merge },
          }
          const [verdict, , digest, colour] = said(needs, { plan })
          expect(digest !== 'none', JSON.stringify({ build, merge })).toBe(verdict === 'pass')
          if (verdict === 'pass') expect([build, merge, colour]).toEqual(['success', 'success', 'green'])
        }
  })
})

describe('what the merge says, with a signature between image and tags,', () => {
  const merge = jobOf('package', 'merge')
  type Step = { readonly outcome: string; readonly outputs: Readonly<Record<string, string>> }
  const good = (code: string, tags = ''): Step => ({
    outcome: 'success',
    outputs: { verdict: 'pass', 'reason-code': code, digest: DIGEST, tags },
  })
  const bad = (verdict: string, code: string): Step => ({
    outcome: 'failure',
    outputs: { verdict, 'reason-code': code, digest: '', tags: '' },
  })
  const OFF: Step = { outcome: 'skipped', outputs: {} }
  const SIGNED: Step = { outcome: 'success', outputs: {} }
  const said = (attest: World['attest'], image: Step, signature: Step, tags: Step): readonly (string | undefined)[] => {
    const plan = planOf({ digest: 'built', attest })
    const outputs = all(merge.outputs, { inputs: { plan }, steps: { image, attest: signature, tags } })
    return [outputs.verdict, outputs['reason-code'], outputs.digest, outputs.tags]
  }
  test.each<[string, readonly string[], readonly string[]]>([
    ['nothing to sign', said('off', good('merged', 'a:b'), OFF, OFF) as string[], ['pass', 'merged', DIGEST, 'a:b']],
    [
      'nothing to sign, and no image',
      said('off', bad('fail', 'tag-taken'), OFF, OFF) as string[],
      ['fail', 'tag-taken', 'none', 'none'],
    ],
    [
      'signed and tagged',
      said('pass', good('merged'), SIGNED, good('merged', 'a:b')) as string[],
      ['pass', 'merged', DIGEST, 'a:b'],
    ],
    [
      'there before',
      said('pass', good('skipped'), OFF, good('skipped', 'a:b')) as string[],
      ['pass', 'skipped', DIGEST, 'a:b'],
    ],
    [
      'no image to sign',
      said('pass', bad('error', 'upstream-fault'), OFF, OFF) as string[],
      ['error', 'upstream-fault', 'none', 'none'],
    ],
    [
      'no signature',
      said('pass', good('merged'), { outcome: 'failure', outputs: {} }, OFF) as string[],
      ['error', 'attest-failed', 'none', 'none'],
    ],
    [
      'signed, and a tag taken since',
      said('pass', good('merged'), SIGNED, bad('fail', 'tag-taken')) as string[],
      ['fail', 'tag-taken', 'none', 'none'],
    ],
    [
      'signed, and the machine died',
      said('pass', good('merged'), SIGNED, OFF) as string[],
      ['error', 'merge-lost', 'none', 'none'],
    ],
    ['nothing at all', said('pass', OFF, OFF, OFF) as string[], ['error', 'merge-lost', 'none', 'none']],
  ])('%s', (_, is, expected) => expect(is).toEqual(expected))
})

test('what was built is written down as delivery-plan writes down what is given', () => {
  const folder = folderWith({ a: '' })
  const release = { service: 'shop', repository: 'registry.test:5000/a/shop', digest: DIGEST, commit: 'c'.repeat(40) }
  const step = stepOf(jobOf('package', 'package'), 'Write down what is released')
  const env = { SERVICE: release.service, REPOSITORY: release.repository, DIGEST, GITHUB_SHA: release.commit }
  bash(step.run, { ...env, RUNNER_TEMP: folder })
  expect(readFileSync(join(folder, 'release.json'), 'utf8')).toBe(releaseText(release))
})

test('the builder is the image that sluice.yml pins, else that of setup-buildx-action', () => {
  const step = stepOf(jobOf('package', 'build'), 'Builder')
  const optionsOf = (packaging: object): string => {
    const file = { version: 1, services: { shop: { image: 'ghcr.io/acme/shop', package: packaging } } }
    const plan = planFor(readSluiceFile(JSON.stringify(file), 'sluice.yml'), { service: '', event: 'push' })
    return textOf(step.with?.['driver-opts'], { inputs: { plan: JSON.stringify(plan) } })
  }
  const buildkit = `moby/buildkit@${DIGEST}`
  expect([optionsOf({}), optionsOf({ buildkit })]).toEqual(['', `image=${buildkit}`])
})

test.for([
  ['linux/amd64', 'linux/amd64'],
  ['linux/amd64/v1', 'linux/amd64'],
  ['linux/amd64/v2', 'linux/amd64/v2'],
  ['linux/arm64/v8', 'linux/arm64'],
  ['linux/arm', 'linux/arm/v7'],
  ['linux/arm/v6', 'linux/arm/v6'],
  ['linux/x86_64', 'linux/amd64'],
  ['linux/x86-64', 'linux/amd64'],
  ['linux/aarch64', 'linux/arm64'],
  ['linux/i386', 'linux/386'],
  ['linux/armhf', 'linux/arm/v7'],
  ['linux/armel', 'linux/arm/v6'],
  ['Windows/AMD64', 'windows/amd64'],
] as const)('the platform %s is %s, in sluice.yml as in the action', ([platform, name]) => {
  expect(plainPlatform(platform)).toBe(name)
})

describe('the digests that are merged', () => {
  const { run } = stepOf(jobOf('package', 'merge'), 'The last digest of each platform')
  const other = `sha256:${'e'.repeat(64)}`
  const merged = (files: Readonly<Record<string, string>>, attempt: string) =>
    bash(run, {
      RUNNER_TEMP: folderWith(
        Object.fromEntries(Object.entries(files).map(([name, text]) => [`digests/sluice-digest-${name}`, `${text}\n`])),
      ),
      GITHUB_RUN_ATTEMPT: attempt,
      SERVICE: 'shop',
      LEGS: 'linux-amd64 linux-arm64',
    })
  const [amd, arm] = [legOf('linux/amd64'), legOf('linux/arm64')]

  test('are one of each platform, in the order of the platforms', () => {
    const { outputs } = merged({ 'shop-linux-arm64-1': arm, 'shop-linux-amd64-1': amd }, '1')
    expect(outputs.all?.trim()).toBe(`${amd} ${arm}`)
  })
  test('are those of the last attempt of each: a leg that was good is not built again', () => {
    const { outputs } = merged(
      { 'shop-linux-amd64-1': amd, 'shop-linux-arm64-1': other, 'shop-linux-arm64-10': arm },
      '11',
    )
    expect(outputs.all?.trim()).toBe(`${amd} ${arm}`)
  })
  test('are this service’s, whatever the names of others begin with', () => {
    const theirs = { 'shop-linux-amd64-linux-amd64-1': other, 'shop-linux-arm64-linux-arm64-1': other }
    expect(merged({ 'shop-linux-amd64-1': amd, 'shop-linux-arm64-1': arm, ...theirs }, '1').outputs.all?.trim()).toBe(
      `${amd} ${arm}`,
    )
  })
  test('or the job fails, and says which is not there', () => {
    const { code, log, outputs } = merged({ 'shop-linux-amd64-1': amd }, '2')
    expect([code, outputs]).toEqual([1, {}])
    expect(log).toMatch(/^::error title=No digest::No attempt of this run has left a digest for linux-arm64\.$/m)
  })
})

describe.each([
  ['package', 'build'],
  ['package', 'merge'],
  ['scan', 'image'],
  ['scan', 'verify'],
] as const)('the job %s / %s logs in', (name, id) => {
  /** The registries that are logged in to, with whose name. */
  const logins = (image: string, secret: string): readonly string[] => {
    const file = { version: 1, services: { shop: { image, package: {}, scan: {} } } }
    const plan = JSON.stringify(
      planFor(readSluiceFile(JSON.stringify(file), 'sluice.yml'), { service: '', event: 'push' }),
    )
    const contexts = {
      inputs: { plan },
      env: { USER_NAME: secret },
      github: { actor: 'run', token: 'run’s' },
      secrets: { registry_username: secret },
    }
    return (jobOf(name, id).steps ?? [])
      .filter(({ uses = '' }) => uses.startsWith('docker/login-action@'))
      .filter((step) => evaluateCondition(step.if ?? '', { contexts, status }))
      .map(({ with: given }) => {
        const word = (value: unknown): string =>
          String(value).startsWith('$') ? textOf(value, contexts) : String(value)
        return `${word(given?.registry)} as ${word(given?.username)}`
      })
  }
  test('at ghcr.io as the run, whatever secrets there are', () => {
    expect([logins('ghcr.io/acme/shop', ''), logins('ghcr.io/acme/shop', 'me')]).toEqual([
      ['ghcr.io as run'],
      ['ghcr.io as run'],
    ])
  })
  test('at no registry of Amazon’s: the secrets are another’s', () =>
    expect(logins('public.ecr.aws/acme/shop', 'me')).toEqual([]))
  test('elsewhere with the secrets, if there are any', () => {
    expect([logins('quay.io/acme/shop', ''), logins('acme/shop', 'me')]).toEqual([[], ['docker.io as me']])
  })
})

describe('what the workflows hand on is what the actions read,', () => {
  const { services } = FULL
  const least = { image: 'ghcr.io/acme/shop', package: {}, scan: {} }
  // At ECR no scan of the image is asked for: the file with every key has it elsewhere.
  const most = { ...services.shop, deploy: {} }
  const reported = { ...least, scan: { report: 'trivy.json', 'ignore-file': 'none', grace: { HIGH: 7 } } }
  const READ: Readonly<Record<string, (read: (name: string) => string) => readonly string[]>> = {
    'build-push-image': (read) => [
      ...problems(() => readInputs(builtInputs, read)),
      ...conflicts(read).map((problem) => `conflict: ${problem}`),
    ],
    'trivy-gate': (read) => problems(() => readGate(read)),
  }
  const problems = (read: () => unknown): readonly string[] => {
    try {
      read()
      return []
    } catch (error) {
      return [String(error)]
    }
  }
  const cases = (['package', 'scan'] as const).flatMap((name) =>
    Object.entries(readWorkflow(`.github/workflows/${name}.yml`).jobs).flatMap(([id, { steps = [] }]) =>
      steps.flatMap((step) => {
        const action = actionName(step.uses ?? '') ?? ''
        return Object.hasOwn(READ, action) ? [{ job: `${name} / ${id}`, action, given: step.with ?? {} }] : []
      }),
    ),
  )

  test('of six steps', () => expect(cases).toHaveLength(6))
  test.each(
    cases.flatMap((each) => [
      { ...each, with: 'nothing said', shop: least },
      { ...each, with: 'every key', shop: most },
      { ...each, with: 'a report', shop: reported },
    ]),
  )('in $job with $with', ({ job, action, given, shop }) => {
    const file = readSluiceFile(JSON.stringify({ version: 1, services: { shop } }), 'sluice.yml')
    const plan = planFor(file, { service: '', event: 'push' })
    const contexts = {
      inputs: { plan: JSON.stringify(plan), digest: DIGEST, tag: '' },
      matrix: { leg: (job.startsWith('scan') ? plan.scan : plan.package)?.legs[0] },
      secrets: {},
      runner: { temp: '/tmp' },
      steps: {
        digests: { outputs: { all: `${legOf('linux/amd64')} ${legOf('linux/arm64')} ` } },
        image: { outputs: { digest: DIGEST } },
        login: { outcome: 'skipped' },
      },
    }
    const { inputs = {} } = houseOf('.github/').action(action) ?? {}
    const read = (name: string): string =>
      Object.hasOwn(given, name)
        ? String(given[name]).replaceAll(/\$\{\{[\s\S]*?\}\}/g, (expression) => textOf(expression, contexts))
        : String(inputs[name]?.default ?? '')
    expect(READ[action]?.(read)).toEqual([])
  })
})
