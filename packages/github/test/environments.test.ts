import { afterEach, expect, it, test } from 'vitest'
import type { EnvironmentSetting } from '../../runner/src/api/environments.ts'
import { type GitHubApiServer, startGitHubApi } from '../../runner/src/api/server.ts'
import { connect } from '../src/connect.ts'
import { type Enforced, enforcedBy } from '../src/environments.ts'

let api: GitHubApiServer | undefined
afterEach(() => api?.close())

const enforced = async (
  settings: Readonly<Record<string, EnvironmentSetting>>,
  name: string,
  token: 'reads' | 'nothing' | 'unknown' = 'reads',
): Promise<Enforced> => {
  api = await startGitHubApi({
    repository: 'acme/shop',
    environments: settings,
    permissionsOf: (given) => (given === 'unknown' ? undefined : { actions: given === 'reads' ? 'read' : 'none' }),
  })
  const env = { GITHUB_API_URL: api.url }
  return enforcedBy(connect({ token, repository: 'acme/shop', env, timeoutMs: 5000, userAgent: 'test' }), name)
}

test.each<readonly [string, EnvironmentSetting, Omit<Extract<Enforced, { kind: 'found' }>, 'kind'>]>([
  ['nothing', {}, { reviewers: 0, waitMinutes: 0, branches: 'any' }],
  ['reviewers', { reviewers: ['ada', 'acme/sre'] }, { reviewers: 2, waitMinutes: 0, branches: 'any' }],
  ['a wait', { waitMinutes: 30 }, { reviewers: 0, waitMinutes: 30, branches: 'any' }],
  ['protected branches', { branches: 'protected' }, { reviewers: 0, waitMinutes: 0, branches: 'protected' }],
  [
    'all of it',
    { reviewers: ['ada'], waitMinutes: 5, branches: ['main'] },
    { reviewers: 1, waitMinutes: 5, branches: 'custom' },
  ],
])('an environment that enforces %s says so', async (_, setting, wanted) => {
  expect(await enforced({ 'eu/production': setting }, 'eu/production')).toEqual({ kind: 'found', ...wanted })
})

it('is absent or hidden when GitHub does not find it', async () => {
  expect(await enforced({}, 'production')).toEqual({ kind: 'absent-or-hidden' })
})

it('is unknown, and why, when the token may not look', async () => {
  expect(await enforced({ production: {} }, 'production', 'nothing')).toEqual({
    kind: 'unknown',
    why: expect.stringContaining('permissions: actions: read'),
  })
  await api?.close()
  expect(await enforced({ production: {} }, 'production', 'unknown')).toMatchObject({ kind: 'unknown' })
})

it('is unknown when GitHub cannot be asked', async () => {
  const github = connect({
    token: 't',
    repository: 'acme/shop',
    env: { GITHUB_API_URL: 'http://127.0.0.1:1' },
    timeoutMs: 200,
    userAgent: 'test',
  })
  expect(await enforcedBy(github, 'production')).toMatchObject({
    kind: 'unknown',
    why: expect.stringContaining('127.0.0.1:1'),
  })
})
