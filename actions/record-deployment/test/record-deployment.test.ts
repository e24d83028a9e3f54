import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type GitHubApiServer, startGitHubApi } from '../../../packages/runner/src/api/server.ts'
import { actionAt, type RunOptions } from '../../../test/action.ts'

const COMMIT = 'a'.repeat(40)
const DIGEST = `sha256:${'b'.repeat(64)}`
const start = actionAt(join(import.meta.dirname, '..'))

let api: GitHubApiServer
beforeEach(async () => {
  api = await startGitHubApi({
    repository: 'acme/shop',
    // A record is made whatever the commit's checks say, and merges nothing.
    contextsOf: () => ({ ci: 'failure' }),
    merge: () => 'conflict',
    permissionsOf: (token) =>
      ({ 'token-writes': { deployments: 'write' as const }, 'token-reads': { deployments: 'read' as const } })[token],
  })
})
afterEach(() => api.close())

const record = (
  inputs: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
  rest: RunOptions = {},
) =>
  start(
    {
      environment: 'production',
      service: 'shop',
      digest: DIGEST,
      production: 'true',
      token: 'token-writes',
      timeout: '10s',
      ...inputs,
    },
    {
      ...rest,
      env: {
        GITHUB_API_URL: api.url,
        GITHUB_REPOSITORY: 'acme/shop',
        GITHUB_SHA: COMMIT,
        GITHUB_RUN_ATTEMPT: '1',
        ...env,
      },
    },
  )

/** A deployment that was there before, of this service unless the payload says otherwise. */
const seed = async (states: readonly string[], payload: object = {}): Promise<void> => {
  const post = async (path: string, body: object): Promise<void> => {
    const headers = { authorization: 'Bearer token-writes' }
    const url = `${api.url}/repos/acme/shop/deployments${path}`
    const { ok } = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
    expect(ok).toBe(true)
  }
  const made = {
    sluice: 1,
    run: '42',
    attempt: 1,
    service: 'shop',
    environment: 'production',
    digest: DIGEST,
    ...payload,
  }
  await post('', { ref: COMMIT, required_contexts: [], auto_merge: false, payload: made })
  for (const state of states) await post(`/${api.deployments().length}/statuses`, { state })
}

const states = () => api.deployments().map(({ id, statuses }) => [id, ...statuses.map(({ state }) => state)])

describe('the first record of a release', () => {
  it('makes a deployment of the commit and digest, and says where its run and its service are', async () => {
    const { code, outputs, summary, report } = await record({
      environment: 'live',
      state: 'in_progress',
      repository: 'ghcr.io/acme/shop',
      url: 'https://shop.example.com',
    })
    expect(code).toBe(0)
    expect(outputs).toMatchObject({
      verdict: 'pass',
      'reason-code': 'recorded',
      'deployment-id': '1',
      state: 'in_progress',
    })
    expect(api.deployments()).toMatchObject([
      {
        sha: COMMIT,
        ref: COMMIT,
        task: 'deploy',
        environment: 'live',
        production: true,
        description: expect.stringMatching(/^shop: ghcr\.io\/acme\/shop@sha256:b+/),
        payload: { sluice: 1, run: '42', attempt: 1, service: 'shop', environment: 'live', digest: DIGEST },
        statuses: [
          {
            state: 'in_progress',
            description: 'The release has begun',
            logUrl: 'https://github.com/acme/shop/actions/runs/42/attempts/1',
            environmentUrl: 'https://shop.example.com/',
          },
        ],
      },
    ])
    expect(summary).toMatch(
      /^### ✅ Deployment record: pass\n\n\*\*Deployment 1 of shop to live is in\\_progress\.\*\*.*\n\n\[Deployments to `live`\]/,
    )
    expect(report).toMatchObject({
      verdict: 'pass',
      subject: { commit: COMMIT },
      details: { deployment: 1, found: false },
    })
  })

  it('is found again by another step of the same attempt; another attempt has its own, and another service', async () => {
    await record({ state: 'in_progress' })
    expect((await record({ verdict: 'promoted' })).outputs).toMatchObject({ 'deployment-id': '1', state: 'success' })
    expect((await record({ state: 'in_progress' }, { GITHUB_RUN_ATTEMPT: '2' })).outputs['deployment-id']).toBe('2')
    expect((await record({ state: 'in_progress', service: 'api' })).outputs['deployment-id']).toBe('3')
    expect(states()).toEqual([
      [1, 'in_progress', 'success'],
      [2, 'in_progress'],
      [3, 'in_progress'],
    ])
  })

  it('writes to the deployment that an earlier step told', async () => {
    await seed(['in_progress'])
    const { outputs } = await record({ verdict: 'fail', 'deployment-id': '1' }, { GITHUB_RUN_ID: '43' })
    expect(outputs).toMatchObject({ 'deployment-id': '1', state: 'failure' })
    expect(states()).toEqual([[1, 'in_progress', 'failure']])
  })
})

describe('a release that ends', () => {
  it('ends the release before it, and gives it back when it is rolled back after all', async () => {
    await record({ verdict: 'promoted', url: 'https://shop.example.com/' })
    const second = await record({ verdict: 'promoted' }, { GITHUB_RUN_ID: '43' })
    expect(second.summary).toContain('| Deployment 1 | now inactive |')
    expect(second.report.details.corrections).toEqual([{ deployment: 1, state: 'inactive' }])
    expect(states()).toEqual([
      [1, 'success', 'inactive'],
      [2, 'success'],
    ])
    const back = await record({ verdict: 'rolled-back', reason: 'errors rose' }, { GITHUB_RUN_ID: '43' })
    expect(back.outputs).toMatchObject({ verdict: 'pass', 'reason-code': 'recorded', state: 'failure' })
    expect(states()).toEqual([
      [1, 'success', 'inactive', 'success'],
      [2, 'success', 'failure'],
    ])
    expect(api.deployments()[0]?.statuses.at(-1)).toMatchObject({
      description: 'Serves again: deployment 2 was rolled back',
      environmentUrl: 'https://shop.example.com/',
    })
  })

  it('ends none of another service, and none of another tool', async () => {
    await seed(['success'], { service: 'api' })
    await seed(['success'], { sluice: 'no' })
    await record({ verdict: 'promoted' })
    expect(states()).toEqual([
      [1, 'success'],
      [2, 'success'],
      [3, 'success'],
    ])
  })

  it('takes nothing back: what comes late keeps what is there', async () => {
    await seed(['in_progress', 'success'])
    const late = await record({ state: 'in_progress' })
    expect(late.outputs).toMatchObject({ verdict: 'pass', 'reason-code': 'kept', state: 'success' })
    expect(states()).toEqual([[1, 'in_progress', 'success']])
  })

  it('does not become active again when a newer release has succeeded meanwhile', async () => {
    await seed(['in_progress'])
    await seed(['success'], { run: '43' })
    const late = await record({ verdict: 'promoted' })
    expect(late.outputs).toMatchObject({ verdict: 'pass', 'reason-code': 'replaced', state: 'inactive' })
    expect(states()).toEqual([
      [1, 'in_progress', 'inactive'],
      [2, 'success'],
    ])
  })
})

describe('GitHub that does not take the record', () => {
  it.each([
    [
      'a token that only reads, as in a pull request from a fork',
      { token: 'token-reads' },
      'forbidden',
      'permissions: deployments: write',
    ],
    ['a token that it does not know', { token: 'token-old' }, 'unauthorized', 'does not know the token'],
    ['a deployment that it does not have', { 'deployment-id': '7' }, 'not-found', 'Either it is not there'],
  ])('is told clearly and turns nothing red: %s', async (_, inputs, reason, text) => {
    const { code, outputs, log, summary, report } = await record({ verdict: 'promoted', ...inputs })
    expect(code).toBe(0)
    expect(outputs).toMatchObject({ verdict: 'error', 'reason-code': reason })
    expect(log).toContain(`::warning title=${reason}::`)
    expect(log).toContain(text)
    expect(summary).toContain('The release itself is not touched by this')
    expect(report.findings).toMatchObject([{ id: reason, level: 'warning' }])
    expect(log.replace(/^::add-mask::.*$/gm, '') + summary + JSON.stringify(report)).not.toContain('token-')
  })

  it('is red with on-error: fail', async () => {
    const { code, outputs, log } = await record({ verdict: 'promoted', token: 'token-reads', 'on-error': 'fail' })
    expect(code).toBe(1)
    expect(outputs).toMatchObject({ verdict: 'error', 'reason-code': 'forbidden', 'deployment-id': '', state: '' })
    expect(log).toContain('::error title=forbidden::')
  })

  it('says that a commit is not there', async () => {
    await api.close()
    api = await startGitHubApi({
      repository: 'acme/shop',
      permissionsOf: () => ({ deployments: 'write' }),
      commitOf: () => undefined,
    })
    const { outputs, log } = await record({ verdict: 'promoted' })
    expect(outputs['reason-code']).toBe('unknown-commit')
    expect(log).toContain('The commit must have been pushed')
  })

  it('is asked again after a 502 and a lost answer, and has one deployment in the end', async () => {
    api.trouble({ kind: 'server-error', method: 'GET' })
    api.trouble({ kind: 'lost-answer', method: 'POST' })
    const { outputs } = await record({ verdict: 'promoted' })
    expect(outputs).toMatchObject({ verdict: 'pass', state: 'success' })
    expect(states()).toEqual([[1, 'success']])
  })

  it('is given up when it hangs, and what was done is told', async () => {
    await seed(['in_progress'])
    api.trouble({ kind: 'hang', method: 'POST', times: 9 })
    const began = performance.now()
    const { code, outputs } = await record({ verdict: 'promoted', timeout: '1s' })
    expect(performance.now() - began).toBeLessThan(8000)
    expect(code).toBe(0)
    expect(outputs).toMatchObject({
      verdict: 'error',
      'reason-code': 'unreachable',
      'deployment-id': '1',
      state: 'in_progress',
    })
  })

  it('is left alone once the job is cancelled', async () => {
    api.trouble({ kind: 'hang', times: 9 })
    const wait = { timeout: '60s', verdict: 'promoted' }
    const { outputs, afterSignalMs } = await record(
      wait,
      {},
      {
        started: (kill) => {
          const asked = setInterval(() => {
            if (api.calls().length === 0) return
            clearInterval(asked)
            kill('SIGINT')
          }, 20)
        },
      },
    )
    expect(outputs).toMatchObject({ verdict: 'error', 'reason-code': 'cancelled' })
    expect(afterSignalMs).toBeLessThan(5000)
  })
})

it('tells all bad inputs at once, before anything is asked of GitHub', async () => {
  const { code, outputs, log } = await record(
    {
      digest: 'latest',
      service: '',
      commit: 'main',
      production: 'yes',
      state: 'in_progress',
      verdict: 'promotet',
      url: 'https://me:hunter2@shop.example.com',
      'deployment-id': 'first',
      repository: 'ghcr.io/acme/shop:v1',
      token: '',
    },
    { GITHUB_REPOSITORY: '' },
  )
  expect(code).toBe(1)
  expect(outputs).toMatchObject({ verdict: 'error', 'reason-code': 'input-fault' })
  for (const name of [
    'digest',
    'service',
    'commit',
    'production',
    'verdict',
    'url',
    'deployment-id',
    'repository',
    'token',
  ])
    expect(log).toContain(`${name} `)
  expect(log).toContain('did you mean "promoted"?')
  expect(log).toContain('state and verdict are both given')
  expect(log).toContain('GITHUB_REPOSITORY must be owner/name')
  expect(log).not.toContain('hunter2')
  expect(api.calls()).toEqual([])
})
