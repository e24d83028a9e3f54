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

const states = () => api.deployments().map(({ id, statuses }) => [id, ...statuses.map(({ state }) => state)])

describe('the first record of a release', () => {
  it('makes a deployment of the commit and digest, and says where its run and its service are', async () => {
    const { code, outputs, summary, report } = await record({
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
        environment: 'production',
        production: true,
        description: expect.stringMatching(/^shop: ghcr\.io\/acme\/shop@sha256:b+/),
        payload: { sluice: 1, run: '42', attempt: 1, service: 'shop', environment: 'production', digest: DIGEST },
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
    expect(summary).toContain('| Deployment | 1 |')
    expect(report).toMatchObject({
      verdict: 'pass',
      subject: { commit: COMMIT },
      details: { deployment: 1, found: false },
    })
  })

  it('is found again by another step of the same attempt; another attempt, service or environment has its own', async () => {
    await record({ state: 'in_progress' })
    expect((await record({ verdict: 'promoted' })).outputs).toMatchObject({ 'deployment-id': '1', state: 'success' })
    expect((await record({ state: 'in_progress' }, { GITHUB_RUN_ATTEMPT: '2' })).outputs['deployment-id']).toBe('2')
    expect((await record({ state: 'in_progress', service: 'api' })).outputs['deployment-id']).toBe('3')
    expect((await record({ state: 'in_progress', environment: 'staging' })).outputs['deployment-id']).toBe('4')
    expect(states()).toEqual([
      [1, 'in_progress', 'success'],
      [2, 'in_progress'],
      [3, 'in_progress'],
      [4, 'in_progress'],
    ])
  })

  it('writes to the deployment that an earlier step told', async () => {
    await record({ state: 'in_progress' })
    const { outputs } = await record({ verdict: 'fail', 'deployment-id': '1' }, { GITHUB_RUN_ID: '43' })
    expect(outputs).toMatchObject({ 'deployment-id': '1', state: 'failure' })
    expect(states()).toEqual([[1, 'in_progress', 'failure']])
  })
})
