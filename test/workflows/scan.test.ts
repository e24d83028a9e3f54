import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSluiceFile } from '@sluice/delivery/file'
import { planFor } from '@sluice/delivery/plan'
import { evaluateCondition } from '@sluice/runner/language/evaluate'
import { describe, expect, test } from 'vitest'
import { folderWith } from '../scripts/folder.ts'
import { readWorkflow } from './house.ts'
import { all, bash, jobOf, type Needed, NONE, planOf, status, stepOf, textOf } from './said.ts'
import { DIGEST } from './world.ts'

// What scan.yml makes of what its jobs said, now or in an earlier attempt, what it gives the gate, and the scripts in it.

describe('what scan.yml says', () => {
  const job = jobOf('scan', 'scan')
  const PARTS = ['source', 'dependencies', 'image', 'verify', 'codeql', 'semgrep', 'sonarqube'] as const
  const PASSED: Needed = { result: 'success', outputs: { verdict: 'pass' } }
  const SCANNED: Needed = { result: 'success', outputs: {} }
  const THREE = { source: PASSED, dependencies: PASSED, image: SCANNED }
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
  /** Platforms of which one at least ended so, with what they said of it. */
  const scanned = (result: string, ...stops: readonly ('failed' | 'broke' | 'unsure')[]): Needed => ({
    result,
    outputs: Object.fromEntries(stops.map((stop) => [stop, 'yes'])),
  })

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
      { ...THREE, source: ended('failure', 'error'), image: scanned('failure', 'failed') },
      {},
      ['fail', 'findings', 'source,image,', 'red'],
    ],
    [
      'one that breaks beside one that does not understand',
      { ...THREE, source: ended('failure', 'error'), image: scanned('failure', 'unsure') },
      {},
      ['error', 'part-error', 'source,image,', 'red'],
    ],
    [
      'one that does not understand',
      { ...THREE, image: scanned('failure', 'unsure') },
      {},
      ['inconclusive', 'not-understood', 'image,', 'red'],
    ],
    ['one that is skipped and was to run', { ...THREE, image: NONE }, {}, ['error', 'part-error', 'image,', 'red']],
    [
      'one whose verdict was dropped',
      { ...THREE, source: ended('success') },
      {},
      ['error', 'part-error', 'source,', 'red'],
    ],
    [
      'one whose machine died now and that passed before',
      { ...THREE, source: ended('failure', 'pass') },
      {},
      ['error', 'part-error', 'source,', 'red'],
    ],
    [
      'one that says no and is green',
      { ...THREE, source: ended('success', 'fail') },
      {},
      ['error', 'part-error', 'source,', 'red'],
    ],
    [
      'platforms of which one fails, one breaks and one does not understand',
      { ...THREE, image: scanned('failure', 'unsure', 'broke', 'failed') },
      {},
      ['fail', 'findings', 'image,', 'red'],
    ],
    [
      'platforms of which one breaks and one does not understand',
      { ...THREE, image: scanned('failure', 'unsure', 'broke') },
      {},
      ['error', 'part-error', 'image,', 'red'],
    ],
    [
      'platforms that all pass, of which one failed before',
      { ...THREE, image: scanned('success', 'failed') },
      {},
      ['pass', 'passed', 'none', 'green'],
    ],
    [
      'a platform whose machine died',
      { ...THREE, image: scanned('failure') },
      {},
      ['error', 'part-error', 'image,', 'red'],
    ],
    [
      'a run that was cancelled',
      { ...THREE, image: scanned('cancelled') },
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
      const failed = part === 'image' ? scanned('failure', 'failed') : ended('failure', 'fail')
      expect(said({ ...THREE, [part]: failed })[0], part).toBe('fail')
      expect(said({ ...THREE, [part]: ended('failure') }), part).toEqual(['error', 'part-error', `${part},`, 'red'])
    }
  })
})

describe('a tool of the runner', () => {
  /** A folder with a program of this name that says how it was called and then this, and ends so. */
  const tool = (name: string, code: number, says = '', prints = ''): string => {
    const folder = folderWith({
      [name]: `#!/bin/sh\necho "called: $*" >&2\ncat "$(dirname "$0")/says" >&2\ncat "$(dirname "$0")/prints"\nexit ${code}\n`,
      says,
      prints,
    })
    chmodSync(join(folder, name), 0o755)
    return folder
  }
  const ranWith = (id: string, step: string, folder: string, env: Readonly<Record<string, string>>) =>
    bash(stepOf(jobOf('scan', id), step).run, {
      RUNNER_TEMP: folderWith({ a: '' }),
      ...env,
      PATH: `${folder}:${process.env.PATH}`,
    })

  test.each([
    [0, 'pass'],
    [1, 'fail'],
    [2, 'error'],
    [127, 'error'],
  ])('Semgrep that ends with %i says %s, and its step ends as it did', (code, verdict) => {
    const ran = ranWith('semgrep', 'Semgrep', tool('semgrep', code), { CONFIG: 'p/ci', FOLDER: '.' })
    expect([ran.code, ran.outputs.verdict]).toEqual([code, verdict])
    if (code > 0) expect(ran.log).toContain('called: scan --config p/ci --error --metrics off --sarif')
  })

  const GATE = 'ERROR QUALITY GATE STATUS: FAILED - View details on https://sonar.example/dashboard?id=shop\n'
  test.each<[string, number, string, string]>([
    ['whose gate passes', 0, 'INFO QUALITY GATE STATUS: PASSED - View details on …\n', 'pass'],
    ['whose gate fails', 3, GATE, 'fail'],
    ['whose gate fails, of an older version', 2, GATE, 'fail'],
    ['that is refused', 2, 'ERROR Not authorized. Please check the property sonar.token\n', 'error'],
    [
      'whose server is down',
      1,
      'ERROR Error status returned by url [https://sonar.example/batch/index]: 503\n',
      'error',
    ],
    ['that waits too long', 3, 'ERROR Quality Gate check timeout exceeded - View details on …\n', 'error'],
  ])('SonarScanner %s (%i) is told by its words', (_, code, says, verdict) => {
    const ran = ranWith('sonarqube', 'SonarQube', tool('sonar-scanner', code, says), { HOST: 'https://s', KEY: 'k' })
    expect([ran.code, ran.outputs.verdict]).toEqual([code, verdict])
    if (code > 0) expect(ran.log).toContain(says)
  })

  const attested = (code: number, says: string, prints = '', commit = '') =>
    ranWith('verify', 'Verify the attestation', tool('gh', code, says, prints), {
      ...textsOf(stepOf(jobOf('scan', 'verify'), 'Verify the attestation').env),
      IMAGE: `ghcr.io/acme/shop@${DIGEST}`,
      SIGNER: 'acme/sluice/.github/workflows/package.yml',
      GITHUB_REPOSITORY: 'acme/shop',
      COMMIT: commit,
    })
  // What gh 2.98 says, as people have quoted it. Source: cli/cli, pkg/cmd/attestation.
  test.each<[string, number, string, string]>([
    [
      'was signed by nobody',
      1,
      `Error: HTTP 404: Not Found (https://api.github.com/repos/acme/shop/attestations/${DIGEST})`,
      'fail',
    ],
    ['was signed by nobody, in other words', 1, `Error: no attestations found for subject ${DIGEST}`, 'fail'],
    ['was signed by another workflow', 1, 'Error: verifying with issuer "sigstore.dev"', 'fail'],
    [
      'was built of another commit',
      1,
      `Error: expected SourceRepositoryDigest to be ${'a'.repeat(40)}, got ${'b'.repeat(40)}`,
      'fail',
    ],
    ['has no attestation of that kind, of which an old gh says nothing', 0, '', 'fail'],
    [
      'may not be looked up',
      1,
      'Error: HTTP 403: Resource not accessible by integration (https://api.github.com/…)',
      'error',
    ],
    ['cannot be looked up', 1, 'Error: HTTP 502: Bad Gateway (https://api.github.com/…)', 'error'],
    [
      'is not to be had from its registry',
      1,
      'Error: remote registry authorization failed, please authenticate with the registry and try again',
      'error',
    ],
    ['is not there', 1, 'Error: failed to fetch remote image: GET https://ghcr.io/v2/…: MANIFEST_UNKNOWN', 'error'],
    [
      'is asked for without a network',
      1,
      'Error: Get "https://api.github.com/…": dial tcp: lookup api.github.com: no such host',
      'error',
    ],
    [
      'is asked for without roots of trust',
      1,
      'Error: error creating Sigstore verifier: no valid Sigstore verifiers could be initialized',
      'error',
    ],
    ['is asked for with a flag that gh does not know', 1, 'unknown flag: --source-digest', 'error'],
    [
      'is asked for without a token',
      4,
      'To use GitHub CLI in a GitHub Actions workflow, set the GH_TOKEN environment variable.',
      'error',
    ],
  ])('gh, of an image that %s, is heard', (_, code, says, verdict) => {
    const ran = attested(code, `${says}\n`)
    expect([ran.code, ran.outputs.verdict]).toEqual([1, verdict])
    expect(ran.log).toContain(says)
  })
  test('gh asks for the signer, and for the commit where one is given', () => {
    const called = `called: attestation verify oci://ghcr.io/acme/shop@${DIGEST} --repo acme/shop --signer-workflow acme/sluice/.github/workflows/package.yml`
    // The script shows what gh said also when all is well.
    const good = attested(0, '', '[{}]')
    const bound = attested(0, '', '[{}]', 'c0ffee')
    expect([good.code, good.outputs.verdict, bound.outputs.verdict]).toEqual([0, 'pass', 'pass'])
    expect(good.log).toContain(`${called} --format json\n`)
    expect(bound.log).toContain(`${called} --source-digest=c0ffee --format json\n`)
  })
  test.each([
    ['the commit that this run builds', '', 'c0ffee'],
    ['none for a digest that is given', DIGEST, ''],
  ])('is asked by deliver.yml for %s', (_, digest, commit) => {
    const given = readWorkflow('.github/workflows/deliver.yml').jobs.scan?.with?.commit
    expect(textOf(given, { inputs: { digest }, github: { sha: 'c0ffee' } })).toBe(commit)
  })

  test.each([
    ['semgrep', 'Semgrep', 'semgrep is not on this runner'],
    ['sonarqube', 'SonarQube', 'sonar-scanner is not on this runner'],
    ['verify', 'Verify the attestation', "GitHub's command line is not on this runner"],
  ])('that %s needs and that is missing is named, and is an error', (id, name, words) => {
    const job = jobOf('scan', id)
    const empty = folderWith({ a: '', output: '', 'script.sh': stepOf(job, name).run ?? '' })
    let log = ''
    try {
      execFileSync('/bin/bash', ['-e', join(empty, 'script.sh')], {
        env: { PATH: empty, GITHUB_OUTPUT: join(empty, 'output') },
        encoding: 'utf8',
        stdio: 'pipe',
      })
    } catch (error) {
      log = (error as { readonly stdout: string }).stdout
    }
    expect(log).toContain(words)
    expect(readFileSync(join(empty, 'output'), 'utf8')).toBe('')
    expect(textOf(job.outputs?.verdict, { steps: { [id]: { outcome: 'failure', outputs: {} } } })).toBe('error')
  })
})

/** Those of a step's variables that are no expressions. */
const textsOf = (env: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (String(value).includes('${{') ? [] : [[name, String(value)]])),
  )

describe('the dependency review', () => {
  const job = jobOf('scan', 'dependencies')
  const step = stepOf(job, 'What the pull request adds')

  test.each<[string, string, object, string]>([
    ['has found what it names', 'failure', { 'vulnerable-changes': '[{"name":"left-pad"}]' }, 'fail'],
    ['is not available', 'failure', {}, 'error'],
    ['breaks after it found nothing', 'failure', { 'vulnerable-changes': '[]' }, 'error'],
    ['passes', 'success', { 'vulnerable-changes': '[]' }, 'pass'],
    ['is for pull requests', 'skipped', {}, 'pass'],
  ])('that %s', (_, outcome, outputs, verdict) => {
    const steps = { gate: { outputs: { verdict: 'pass' } }, review: { outcome, outputs } }
    expect(textOf(job.outputs?.verdict, { steps })).toBe(verdict)
  })
  test.each([
    ['HIGH', 'high', 'false'],
    ['none', 'low', 'true'],
  ])('asks no more than fail-on: %s', (severity, least, warns) => {
    const failOn = severity === 'none' ? severity : [severity]
    const file = { version: 1, services: { shop: { image: 'a/b', scan: { 'fail-on': failOn } } } }
    const plan = planFor(readSluiceFile(JSON.stringify(file), 'sluice.yml'), { service: '', event: 'push' })
    const { 'license-check': _, ...asked } = step.with ?? {}
    const given = all(asked, { inputs: { plan: JSON.stringify(plan) } })
    expect([given['fail-on-severity'], given['warn-only']]).toEqual([least, warns])
  })
})

describe('the image', () => {
  const job = jobOf('scan', 'image')
  const step = stepOf(job, 'Scan')
  const planned = (shop: object) => {
    const file = { version: 1, services: { shop: { image: 'ghcr.io/acme/shop', ...shop } } }
    return planFor(readSluiceFile(JSON.stringify(file), 'sluice.yml'), { service: '', event: 'push' })
  }
  const contextsOf = (plan: object, leg: object, digest = DIGEST) => ({
    inputs: { plan: JSON.stringify(plan), digest, tag: 'latest' },
    matrix: { leg },
    runner: { temp: '/t' },
  })
  const wordOf = (value: unknown, contexts: object): string =>
    String(value).replaceAll(/\$\{\{[\s\S]*?\}\}/g, (expression) => textOf(expression, contexts))

  test('is scanned for each platform, each with its own file and alerts, and none stops another', () => {
    const plan = planned({ package: { platforms: ['linux/amd64', 'linux/arm64'] }, scan: {} })
    const strategy = job.strategy as { readonly 'fail-fast': unknown; readonly matrix: { readonly leg: unknown } }
    expect(strategy['fail-fast']).toBe(false)
    expect(String(strategy.matrix.leg)).toContain('.scan.legs')
    const upload = stepOf(job, 'Hand over the alerts')
    const given = plan.scan.legs.map((leg) => {
      const contexts = contextsOf(plan, leg)
      const of = (value: unknown) => wordOf(value, contexts)
      expect(of(upload.with?.category)).toBe(of(step.with?.category))
      return [of(job.name), of(step.with?.platform), of(step.with?.sarif), of(step.with?.category)]
    })
    expect(given).toEqual([
      ['image (linux/amd64)', 'linux/amd64', '/t/sluice-image-linux-amd64.sarif', 'shop-image-linux-amd64'],
      ['image (linux/arm64)', 'linux/arm64', '/t/sluice-image-linux-arm64.sarif', 'shop-image-linux-arm64'],
    ])
  })
  test('of which nobody says how it is built is scanned once', () => {
    const plan = planned({ scan: {} })
    const contexts = contextsOf(plan, plan.scan.legs[0] ?? {})
    expect([plan.scan.legs.length, wordOf(job.name, contexts), wordOf(step.with?.platform, contexts)]).toEqual([
      1,
      'image',
      '',
    ])
  })
  test('that a stored report stands for is the one that is delivered', () => {
    const plan = planned({ package: { platforms: ['linux/amd64', 'linux/arm64'] }, scan: { report: 'r.json' } })
    const [leg, ...more] = plan.scan.legs
    const givenTo = (input: string, of: object, digest?: string) =>
      wordOf(step.with?.[input], contextsOf(of, leg ?? {}, digest))
    const digestOf = (of: object, digest?: string) => givenTo('digest', of, digest)
    expect(['image', 'report'].map((input) => givenTo(input, plan))).toEqual(['', 'r.json'])
    // Of a tag nobody could say whether a report is of it.
    expect(['image', 'report'].map((input) => givenTo(input, plan, ''))).toEqual(['ghcr.io/acme/shop:latest', ''])
    expect([leg?.platform, more, digestOf(plan), digestOf(plan, '')]).toEqual(['', [], DIGEST, ''])
    expect(digestOf(planned({ scan: {} }))).toBe('')
  })
  test('says of a platform only what stops', () => {
    const said = (verdict: string) => all(job.outputs, { steps: { gate: { outputs: { verdict } } } })
    expect(said('pass')).toEqual({ failed: '', broke: '', unsure: '' })
    expect(said('fail')).toEqual({ failed: 'yes', broke: '', unsure: '' })
    expect(said('error')).toEqual({ failed: '', broke: 'yes', unsure: '' })
    expect(said('inconclusive')).toEqual({ failed: '', broke: '', unsure: 'yes' })
  })
})
