import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { evaluateCondition } from '@sluice/runner/language/evaluate'
import { valueFrom } from '@sluice/runner/language/expression'
import { expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'

type Step = {
  readonly name: string
  readonly if?: string
  readonly uses?: string
  readonly run?: string
  readonly env?: Readonly<Record<string, string>>
  readonly with?: Readonly<Record<string, string>>
}
const { runs } = parse(readFileSync(join(import.meta.dirname, '../action.yml'), 'utf8'))
const steps: readonly Step[] = runs.steps

/** Runs a step's script as the runner does: in bash, with files for what later steps get, and the values that its expressions would have. */
const runStep = async (name: string, env: Readonly<Record<string, string>>) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-login-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const files = { GITHUB_ENV: join(folder, 'env'), GITHUB_OUTPUT: join(folder, 'output') }
  for (const file of Object.values(files)) writeFileSync(file, '')
  const step = steps.find((each) => each.name === name)
  const fixed = Object.entries(step?.env ?? {}).filter(([, value]) => !value.includes('${{'))
  const finished = await promisify(execFile)('bash', ['-eo', 'pipefail', '-c', step?.run ?? 'exit 99'], {
    env: { PATH: process.env.PATH, RUNNER_TEMP: folder, ...Object.fromEntries(fixed), ...files, ...env },
  }).then(
    ({ stdout }) => ({ stdout, code: 0 }),
    ({ stdout, code }: { readonly stdout: string; readonly code: number }) => ({ stdout, code }),
  )
  const read = (file: keyof typeof files): string => readFileSync(files[file], 'utf8').trim()
  return { ...finished, folder, variables: read('GITHUB_ENV'), outputs: read('GITHUB_OUTPUT') }
}

test('a kubeconfig lands byte for byte in a file that only its owner reads, and every later step finds it', async () => {
  const text = 'apiVersion: v1\nkind: Config\nnote: "$(id) `id` %s \\n"'
  const { code, stdout, folder, variables, outputs } = await runStep('By a kubeconfig', { SECRET: text })
  const path = outputs.replace(/^path=/, '')
  expect([code, stdout]).toEqual([0, ''])
  expect(path.startsWith(`${folder}/sluice-kubeconfig-`)).toBe(true)
  expect(variables).toBe(`KUBECONFIG=${path}`)
  expect(readFileSync(path, 'utf8')).toBe(`${text}\n`)
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('nothing to log in with stops the job, naming the environment and the missing line', async () => {
  const { code, stdout } = await runStep('A way to log in', { ENVIRONMENT: 'production' })
  expect(code).toBe(1)
  expect(stdout).toMatch(/^::error title=No way to log in to the cluster::The environment production gave /)
  expect(stdout).toContain('"secrets: inherit"')
  expect(stdout.trim().split('\n')).toHaveLength(1)
})

test.each([
  ['nothing', '', '', 'A way to log in'],
  ['null, which is nothing', 'null', '', 'A way to log in'],
  ['a kubeconfig', '', 'apiVersion: v1', 'By a kubeconfig'],
  ['a kubeconfig, and null', 'null', 'apiVersion: v1', 'By a kubeconfig'],
  ['aws', '{"aws":{"role":"x"}}', '', 'At AWS'],
  ['aws and a kubeconfig', '{"aws":{"role":"x"}}', 'apiVersion: v1', 'At AWS'],
  ['gcp', '{"gcp":{"project":"x"}}', '', 'At Google Cloud'],
  ['azure', '{"azure":{"cluster":"x"}}', '', 'At Azure'],
  ['a login of no cloud', '{}', '', 'A cloud that is known'],
  ['a login of no cloud, and a kubeconfig', '{}', 'apiVersion: v1', 'A cloud that is known'],
  ['a login of another cloud', '{"openshift":{"cluster":"x"}}', '', 'A cloud that is known'],
  ['a login with an empty cloud', '{"aws":null}', '', 'A cloud that is known'],
  ['a list', '[]', '', 'A cloud that is known'],
  ['a text', '"aws"', '', 'A cloud that is known'],
])('with %s it begins with the step that decides how, or stops the job', (_, login, kubeconfig, name) => {
  const inputs = { login, kubeconfig, environment: 'production' }
  const scope = { contexts: { inputs }, status: { success: true, failure: false, cancelled: false } }
  const begun = steps.find((step) => evaluateCondition(step.if ?? '', scope))
  expect(begun?.name).toBe(name)
})

test('a login of no cloud that is known stops the job, and says so', async () => {
  const { code, stdout } = await runStep('A cloud that is known', { ENVIRONMENT: 'production' })
  expect(code).toBe(1)
  expect(stdout).toMatch(
    /^::error title=[^:]+::The login of the environment production names none of aws, gcp and azure/,
  )
})

test('at EKS the kubeconfig is written by the AWS command line, into a file that only its owner reads', async () => {
  const aws = '#!/bin/sh\nwhile [ "$1" != --kubeconfig ]; do echo "$1"; shift; done; echo from-aws > "$2"'
  const folder = mkdtempSync(join(tmpdir(), 'sluice-aws-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'aws'), aws, { mode: 0o755 })
  const path = `${folder}:${process.env.PATH}`
  const { stdout, outputs } = await runStep('To EKS', { CLUSTER: 'the cluster; id', PATH: path })
  expect(stdout.trim().split('\n')).toEqual(['eks', 'update-kubeconfig', '--name', 'the cluster; id'])
  const written = outputs.replace(/^path=/, '')
  expect(readFileSync(written, 'utf8')).toBe('from-aws\n')
  expect(statSync(written).mode & 0o777).toBe(0o600)
})

// The runner reads a step's env before its condition: what cannot be read fails the step of a cloud that is not even used.
test.each(['', 'null'])('without a login (%j) what stands in the env of a step can be read', (login) => {
  const contexts = { inputs: { login, kubeconfig: '', environment: '' } }
  const status = { success: true, failure: false, cancelled: false }
  const sources = steps.flatMap(({ env = {} }) =>
    Object.values(env).flatMap((value) => /\$\{\{(.+)\}\}/.exec(value)?.[1] ?? []),
  )
  expect(sources).toHaveLength(4)
  for (const source of sources) expect(valueFrom(source, { contexts, status })).toMatchObject({ kind: 'value' })
})

test.each([true, false])('at AKS kubelogin is downloaded where it is missing: is it there: %s', async (isThere) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-az-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const az =
    '#!/bin/sh\necho "$1 $2"; while [ "$1" != --kubelogin-install-location ]; do shift; done; echo from-az > "$2"'
  writeFileSync(join(folder, 'az'), az, { mode: 0o755 })
  if (isThere) writeFileSync(join(folder, 'kubelogin'), '', { mode: 0o755 })
  const paths = join(folder, 'paths')
  writeFileSync(paths, '')
  const { code, stdout } = await runStep('Where there is no kubelogin', {
    PATH: `${folder}:/usr/bin:/bin`,
    GITHUB_PATH: paths,
  })
  const added = readFileSync(paths, 'utf8').trim()
  expect([code, stdout.trim()]).toEqual([0, isThere ? join(folder, 'kubelogin') : 'aks install-cli'])
  expect(isThere ? added : readFileSync(join(added, 'kubelogin'), 'utf8')).toBe(isThere ? '' : 'from-az\n')
})

test('every step but the first three is for one cloud, and no step is for two', () => {
  const clouds = steps
    .slice(3)
    .map((step) => /^fromJSON\(inputs\.login \|\| 'null'\)\.(\w+) != null$/.exec(step.if ?? '')?.[1])
  expect(clouds).toEqual(['aws', 'aws', 'gcp', 'gcp', 'azure', 'azure', 'azure', 'azure'])
})

test('no script holds an expression, so no value is ever read as code', () => {
  for (const { run = '' } of steps) expect(run).not.toContain('${{')
})
