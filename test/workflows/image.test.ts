import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSluiceFile } from '@sluice/delivery/file'
import { planFor } from '@sluice/delivery/plan'
import { readInputs } from '@sluice/kit/inputs'
import { evaluateCondition, evaluateText } from '@sluice/runner/language/evaluate'
import { describe, expect, test } from 'vitest'
import { inputs as builtInputs, conflicts } from '../../actions/build-push-image/src/inputs.ts'
import { releaseText } from '../../actions/delivery-plan/src/release.ts'
import { FULL } from '../../actions/delivery-plan/test/full.ts'
import { readAll as readGate } from '../../actions/trivy-gate/src/inputs.ts'
import { actionName, type Job } from '../../scripts/workflow.ts'
import { folderWith } from '../scripts/folder.ts'
import { houseOf, readWorkflow } from './house.ts'
import { DIGEST, legOf, planned, WELL, type World } from './world.ts'

// What package.yml and scan.yml make of what their jobs said, now or in an earlier attempt, and the scripts in them.

type Needed = { readonly result: string; readonly outputs: Readonly<Record<string, string>> }
const NONE: Needed = { result: 'skipped', outputs: {} }
const status = { success: true, failure: false, cancelled: false }
const at = { file: 'a.yml', line: 1, column: 1 }
const planOf = (world: Partial<World>): string => planned({ ...WELL, ...world }).plan ?? ''

const jobOf = (name: 'package' | 'scan', id: string): Job => {
  const job = readWorkflow(`.github/workflows/${name}.yml`).jobs[id]
  if (job === undefined) throw new Error(`${name}.yml has no job ${id}`)
  return job
}
const stepOf = (job: Job, name: string) => {
  const step = job.steps?.find((each) => each.name === name)
  if (step === undefined) throw new Error(`no step ${name}`)
  return step
}
const textOf = (value: unknown, contexts: object): string => {
  const source = /^\$\{\{([\s\S]*)\}\}$/.exec(String(value).trim())?.[1] ?? ''
  return evaluateText({ kind: 'expression', source, at }, { contexts: { ...contexts }, status })
}
const all = (map: Readonly<Record<string, unknown>> = {}, contexts: object): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(map).map(([name, value]) => [name, textOf(value, contexts)]))

/** Runs a step's script as the runner does, and gives what it put out and how it ended. */
const bash = (script: string | undefined, env: Readonly<Record<string, string>>) => {
  const folder = folderWith({ 'script.sh': script ?? '', output: '' })
  const output = join(folder, 'output')
  const given = { PATH: process.env.PATH ?? '', GITHUB_OUTPUT: output, ...env }
  let code = 0
  let log = ''
  try {
    log = execFileSync('bash', ['-e', join(folder, 'script.sh')], { env: given, encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    const {
      status: ended,
      stdout,
      stderr,
    } = error as Readonly<Record<'stdout' | 'stderr', string>> & { readonly status: number }
    code = ended
    log = stdout + stderr
  }
  const lines = readFileSync(output, 'utf8').split('\n')
  const outputs = Object.fromEntries(
    lines.filter((line) => line !== '').map((line) => line.split(/=(.*)/s).slice(0, 2)),
  )
  return { code, log, outputs: outputs as Readonly<Record<string, string>> }
}

describe('what package.yml says', () => {
  const job = jobOf('package', 'package')
  const BUILT: Needed = { result: 'success', outputs: {} }
  const MERGED: Needed = {
    result: 'success',
    outputs: { verdict: 'pass', 'reason-code': 'merged', digest: DIGEST, tags: 'a:b', skipped: 'false' },
  }
  const GOOD = { plan: NONE, build: BUILT, merge: MERGED, attest: NONE }
  const PLAN = planOf({ digest: 'built' })
  const ATTESTED = planOf({ digest: 'built', attest: 'pass' })

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
    ['one that was signed as well', { attest: BUILT }, { plan: ATTESTED }, ['pass', 'merged', DIGEST, 'green']],
    [
      'one that was there before, which nobody signs again',
      { merge: { result: 'success', outputs: { ...MERGED.outputs, 'reason-code': 'skipped', skipped: 'true' } } },
      { plan: ATTESTED },
      ['pass', 'skipped', DIGEST, 'green'],
    ],
    ['one that was to be signed and was not', {}, { plan: ATTESTED }, ['error', 'output-dropped', 'none', 'red']],
    [
      'one whose signature failed',
      { attest: { result: 'failure', outputs: {} } },
      { plan: ATTESTED },
      ['error', 'attest-failed', 'none', 'red'],
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
        for (const attest of results)
          for (const plan of [PLAN, ATTESTED, '']) {
            const needs = {
              plan: { result: 'success', outputs: { verdict: 'pass' } },
              build: { result: build, outputs: {} },
              merge: { ...MERGED, result: merge },
              attest: { result: attest, outputs: {} },
            }
            const [verdict, , digest, colour] = said(needs, { plan })
            expect(digest !== 'none', JSON.stringify({ build, merge, attest })).toBe(verdict === 'pass')
            if (verdict === 'pass') expect([build, merge, colour]).toEqual(['success', 'success', 'green'])
          }
  })
})

test('what was built is written down as delivery-plan writes down what is given', () => {
  const folder = folderWith({ a: '' })
  const release = { service: 'shop', repository: 'registry.test:5000/a/shop', digest: DIGEST, commit: 'c'.repeat(40) }
  const step = stepOf(jobOf('package', 'package'), 'Write down what is released')
  const env = { SERVICE: release.service, REPOSITORY: release.repository, DIGEST, GITHUB_SHA: release.commit }
  bash(step.run, { ...env, RUNNER_TEMP: folder })
  expect(readFileSync(join(folder, 'release.json'), 'utf8')).toBe(releaseText(release))
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

describe('what scan.yml says', () => {
  const job = jobOf('scan', 'scan')
  const PARTS = ['source', 'dependencies', 'image', 'verify', 'codeql', 'semgrep', 'sonarqube'] as const
  const PASSED: Needed = { result: 'success', outputs: { verdict: 'pass' } }
  const THREE = { source: PASSED, dependencies: PASSED, image: PASSED }
  const off = Object.fromEntries(PARTS.map((part) => [part, NONE]))

  const said = (needs: Readonly<Record<string, Needed>>, inputs: object = {}) => {
    const contexts = {
      inputs: { plan: planOf({ scan: 'pass' }), digest: DIGEST, tag: '', ...inputs },
      needs: { plan: NONE, ...off, ...needs },
    }
    const env = all(job.env, contexts)
    const steps = { all: { outputs: bash(stepOf(job, 'The worst of the parts').run, env).outputs } }
    const outputs = all(job.outputs, { ...contexts, env, steps })
    const red = evaluateCondition(stepOf(job, 'Not all of it may go on').if ?? '', {
      contexts: { ...contexts, env, steps },
      status,
    })
    return [outputs.verdict, outputs['reason-code'], outputs.failed, red ? 'red' : 'green']
  }
  const ended = (result: string, verdict = ''): Needed => ({ result, outputs: verdict === '' ? {} : { verdict } })

  test.each<[string, Readonly<Record<string, Needed>>, object, readonly string[]]>([
    ['parts that all pass', THREE, {}, ['pass', 'passed', 'none', 'green']],
    [
      'one that found nothing to look at',
      { ...THREE, source: ended('success', 'nothing-to-check') },
      {},
      ['pass', 'passed', 'none', 'green'],
    ],
    ['no part that is on', {}, { plan: planOf({}) }, ['nothing-to-check', 'nothing-to-check', 'none', 'green']],
    [
      'one that fails beside one that breaks',
      { ...THREE, source: ended('failure', 'error'), image: ended('failure', 'fail') },
      {},
      ['fail', 'findings', 'source,image,', 'red'],
    ],
    [
      'one that breaks beside one that does not understand',
      { ...THREE, source: ended('failure', 'error'), image: ended('failure', 'inconclusive') },
      {},
      ['error', 'part-error', 'source,image,', 'red'],
    ],
    [
      'one that does not understand',
      { ...THREE, image: ended('failure', 'inconclusive') },
      {},
      ['inconclusive', 'not-understood', 'image,', 'red'],
    ],
    ['one that is skipped and was to run', { ...THREE, image: NONE }, {}, ['error', 'part-error', 'image,', 'red']],
    [
      'one whose verdict was dropped',
      { ...THREE, image: ended('success') },
      {},
      ['error', 'part-error', 'image,', 'red'],
    ],
    [
      'one whose machine died now and that passed before',
      { ...THREE, image: ended('failure', 'pass') },
      {},
      ['error', 'part-error', 'image,', 'red'],
    ],
    [
      'one that says no and is green',
      { ...THREE, image: ended('success', 'fail') },
      {},
      ['error', 'part-error', 'image,', 'red'],
    ],
    [
      'a run that was cancelled',
      { ...THREE, image: ended('cancelled', 'pass') },
      {},
      ['error', 'cancelled', 'image,', 'green'],
    ],
    ['an image that nobody names', { ...THREE, image: NONE }, { digest: '' }, ['pass', 'passed', 'none', 'green']],
    [
      'a plan that GitHub dropped',
      { plan: { result: 'success', outputs: { verdict: 'pass' } } },
      { plan: '' },
      ['error', 'output-dropped', 'none', 'red'],
    ],
    ['a wrong plan', { plan: ended('failure', 'error') }, { plan: '' }, ['error', 'plan-error', 'none', 'red']],
  ])('of %s', (_, needs, inputs, expected) => {
    expect(said(needs, inputs)).toEqual(expected)
  })

  test('every part counts: none can be left out of the verdict', () => {
    for (const part of Object.keys(readWorkflow('.github/workflows/scan.yml').jobs)) {
      if (part === 'plan' || part === 'scan') continue
      expect(said({ ...THREE, [part]: ended('failure', 'fail') })[0], part).toBe('fail')
      expect(said({ ...THREE, [part]: ended('failure') }), part).toEqual(['error', 'part-error', `${part},`, 'red'])
    }
  })
})

describe('a tool of the runner', () => {
  const semgrep = stepOf(jobOf('scan', 'semgrep'), 'Semgrep')
  /** A folder with a program of this name that says how it was called, and ends so. */
  const tool = (name: string, code: number): string => {
    const folder = folderWith({ [name]: `#!/bin/sh\necho "called: $*"\nexit ${code}\n` })
    chmodSync(join(folder, name), 0o755)
    return folder
  }
  const env = { CONFIG: 'p/ci', FOLDER: '.', RUNNER_TEMP: '/tmp' }

  test.each([
    [0, 'pass'],
    [1, 'fail'],
    [2, 'error'],
    [127, 'error'],
  ])('Semgrep that ends with %i says %s, and its step ends as it did', (code, verdict) => {
    const ran = bash(semgrep.run, { ...env, PATH: `${tool('semgrep', code)}:${process.env.PATH}` })
    expect([ran.code, ran.outputs.verdict]).toEqual([code, verdict])
    expect(ran.log).toContain('called: scan --config p/ci --error --metrics off --sarif')
  })
  test.each([
    ['semgrep', 'Semgrep', 'semgrep is not on this runner'],
    ['sonarqube', 'SonarQube', 'sonar-scanner is not on this runner'],
    ['verify', 'Verify the attestation', "GitHub's command line is not on this runner"],
  ])('that %s needs and that is missing is named', (id, name, words) => {
    const empty = folderWith({ a: '' })
    mkdirSync(join(empty, 'bin'))
    writeFileSync(join(empty, 'bin/bash'), '')
    const script = stepOf(jobOf('scan', id), name).run
    const folder = folderWith({ 'script.sh': script ?? '' })
    let log = ''
    try {
      execFileSync('/bin/bash', ['-e', join(folder, 'script.sh')], {
        env: { PATH: join(empty, 'bin') },
        encoding: 'utf8',
        stdio: 'pipe',
      })
    } catch (error) {
      log = (error as { readonly stdout: string }).stdout
    }
    expect(log).toContain(words)
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

  test('of five steps', () => expect(cases).toHaveLength(5))
  test.each(
    cases.flatMap((each) => [
      { ...each, with: 'nothing said', shop: least },
      { ...each, with: 'every key', shop: most },
      { ...each, with: 'a report', shop: reported },
    ]),
  )('in $job with $with', ({ action, given, shop }) => {
    const file = readSluiceFile(JSON.stringify({ version: 1, services: { shop } }), 'sluice.yml')
    const plan = planFor(file, { service: '', event: 'push' })
    const contexts = {
      inputs: { plan: JSON.stringify(plan), digest: DIGEST, tag: '' },
      matrix: { leg: plan.package?.legs[0] },
      secrets: {},
      runner: { temp: '/tmp' },
      steps: {
        digests: { outputs: { all: `${legOf('linux/amd64')} ${legOf('linux/arm64')} ` } },
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
