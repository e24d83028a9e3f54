import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { readSluiceFile } from '@sluice/delivery/file'
import { planFor } from '@sluice/delivery/plan'
import { describe, expect, onTestFinished, test } from 'vitest'

const SCRIPT = join(import.meta.dirname, 'checklist.ts')
const { SLUICE_GITHUB_REPOSITORY: repository = '', GITHUB_TOKEN: token = '' } = process.env

const checklist = async (args: readonly string[], env: Readonly<Record<string, string>>) =>
  promisify(execFile)(process.execPath, [SCRIPT, ...args], { env: { PATH: process.env.PATH, ...env } }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { readonly code: number; readonly stdout: string; readonly stderr: string }) => error,
  )

/** A GitHub on loopback that answers below `/repos/o/r`, by the path's beginning. */
const github = async (answers: Readonly<Record<string, unknown>>): Promise<string> => {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace('/repos/o/r/', '')
    const found = Object.entries(answers).find(([start]) => path.startsWith(start))
    if (request.headers.authorization !== 'Bearer t') response.statusCode = 401
    else if (found === undefined) response.statusCode = 404
    response.end(JSON.stringify(found?.[1] ?? {}))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const run = (conclusion: string) => ({
  workflow_runs: [
    {
      id: 1,
      head_sha: 'abc',
      status: 'completed',
      conclusion,
      created_at: '2026-11-01T00:00:00Z',
      html_url: 'https://example.com/1',
    },
  ],
})
const GOOD = {
  'environments/production-approval': { protection_rules: [{ type: 'required_reviewers' }] },
  'environments/production-recovery': { protection_rules: [] },
  'environments/production': { protection_rules: [{ type: 'branch_policy' }] },
  'actions/workflows/': run('success'),
  'actions/runs/1/jobs': {
    jobs: [
      { name: 'a fact', conclusion: 'success' },
      { name: 'skipped', conclusion: 'skipped' },
    ],
  },
  'actions/runs/1/approvals': [{ state: 'approved' }],
  'deployments?environment=facts': [],
  'deployments?environment=production': [{ id: 7, payload: { digest: `sha256:${'0'.repeat(64)}` } }],
  'deployments/7/statuses': [{ state: 'success' }],
}

describe('the checklist', () => {
  test('says what holds, then what a person has to look at', async () => {
    const { code, stdout } = await checklist(['o/r'], { GITHUB_TOKEN: 't', GITHUB_API_URL: await github(GOOD) })
    const [seen = '', byHand = ''] = stdout.split('\nBy hand:\n')
    expect(
      seen
        .trim()
        .split('\n')
        .filter((line) => !line.startsWith('ok  ')),
    ).toEqual([])
    expect(byHand.trim().split('\n').length).toBeGreaterThan(8)
    expect(code).toBe(0)
  })

  test.each([
    [
      'a Deployment that the platform made',
      { 'deployments?environment=facts': [{}] },
      'NO   a job with deployment: false',
    ],
    [
      'an approval that asks nobody',
      { 'environments/production-approval': {} },
      'NO   environment production-approval',
    ],
    [
      'a repair that asks a person',
      { 'environments/production-recovery': { protection_rules: [{ type: 'required_reviewers' }] } },
      'NO   environment production-recovery',
    ],
    [
      'a job that failed',
      { 'actions/runs/1/jobs': { jobs: [{ name: 'dropped', conclusion: 'failure' }] } },
      'dropped: failure',
    ],
    ['a Deployment in progress for ever', { 'deployments/7/statuses': [{ state: 'in_progress' }] }, 'NO   the release'],
    ['checks that could not start', { 'actions/workflows/checks': run('startup_failure') }, 'NO   `$/` in a called'],
  ])('is red for %s', async (_, changed, words) => {
    const url = await github({ ...changed, ...GOOD, ...changed })
    const { code, stdout } = await checklist(['o/r'], { GITHUB_TOKEN: 't', GITHUB_API_URL: url })
    expect(stdout).toContain(words)
    expect(code).toBe(1)
  })

  test('does not take for good what it may not see or what is not there', async () => {
    const url = await github(GOOD)
    const refused = await checklist(['o/r'], { GITHUB_TOKEN: 'other', GITHUB_API_URL: url })
    expect(refused.stdout).not.toContain('ok  ')
    expect(refused.stdout).toContain('GitHub answered 401')
    const empty = await checklist(['o/r'], { GITHUB_TOKEN: 't', GITHUB_API_URL: await github({}) })
    expect(empty.stdout).not.toMatch(/^ok {3}(?!a job with)/m)
  })

  test('says how it is called', async () => {
    const { code, stderr } = await checklist([], { GITHUB_TOKEN: 't' })
    expect([code, stderr]).toEqual([2, expect.stringContaining('usage:')])
  })
})

test('the caller has a sluice.yml that is right, with staging and an approved production', () => {
  const text = readFileSync(join(import.meta.dirname, 'caller/sluice.yml'), 'utf8')
  const {
    staging,
    production,
    package: image,
    scan,
  } = planFor(readSluiceFile(text, 'sluice.yml'), {
    service: '',
    event: 'workflow_dispatch',
  })
  expect([staging?.environment, production?.approval, production?.wanted]).toEqual(['staging', 'environment', true])
  // What only GitHub shows: runners of two platforms, a signature, code scanning.
  expect([image?.legs.length, image?.attest, scan.verify, scan.codeql?.legs.length]).toEqual([2, true, true, 1])
})

test('on GitHub itself everything holds that can be looked at', async ({ skip }) => {
  if (repository === '' || token === '')
    skip('needs SLUICE_GITHUB_REPOSITORY (made from test/github/caller) and GITHUB_TOKEN')
  const { stdout } = await checklist([repository], { GITHUB_TOKEN: token })
  expect(stdout).not.toMatch(/^NO {3}/m)
})
