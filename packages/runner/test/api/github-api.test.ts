import { afterEach, describe, expect, it } from 'vitest'
import type { GitHubApiOptions } from '../../src/api/github-api.ts'
import { type GitHubApiServer, startGitHubApi } from '../../src/api/server.ts'

const SHA = 'a'.repeat(40)

let api: GitHubApiServer
afterEach(() => api.close())

const start = async (rest: Partial<GitHubApiOptions> = {}): Promise<void> => {
  const tokens = {
    writes: { deployments: 'write', actions: 'write' },
    reads: { deployments: 'read', actions: 'read' },
    nothing: {},
  } as const
  api = await startGitHubApi({
    repository: 'acme/shop',
    permissionsOf: (token) => (token in tokens ? tokens[token as keyof typeof tokens] : undefined),
    ...rest,
  })
}

type Asked = {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests look into the answer freely
  readonly body: any
}

const ask = async (
  route: string,
  body?: unknown,
  { token = 'writes', headers = {} }: { token?: string; headers?: Record<string, string> } = {},
): Promise<Asked> => {
  const [method = '', path = ''] = route.split(' ')
  const answer = await fetch(`${api.url}${path.startsWith('/') ? path : `/repos/acme/shop/${path}`}`, {
    method,
    headers: { ...(token === '' ? {} : { authorization: `Bearer ${token}` }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  return { status: answer.status, headers: answer.headers, body: await answer.json() }
}

const create = (rest: object = {}) => ask('POST deployments', { ref: SHA, required_contexts: [], ...rest })
const say = (id: number, state: string, rest: object = {}) => ask(`POST deployments/${id}/statuses`, { state, ...rest })
const states = () => api.deployments().map(({ statuses }) => statuses.map(({ state }) => state).join(' '))

describe('deployments', () => {
  it('are created with the documented defaults', async () => {
    await start()
    const { status, body } = await ask('POST deployments', { ref: SHA })
    expect(status).toBe(201)
    expect(body).toMatchObject({
      id: 1,
      sha: SHA,
      ref: SHA,
      task: 'deploy',
      environment: 'production',
      original_environment: 'production',
      production_environment: true,
      transient_environment: false,
      description: null,
      payload: {},
    })
    expect((await create({ environment: 'staging' })).body.production_environment).toBe(false)
    expect((await ask('GET deployments/1')).body).toEqual(body)
  })

  it('give a branch and a tag as ref, and the commit behind it as sha', async () => {
    await start({ commitOf: (ref) => (ref === 'v1' ? SHA : undefined) })
    expect((await create({ ref: 'v1' })).body).toMatchObject({ ref: 'v1', sha: SHA })
    const { status, body } = await create({ ref: 'v2' })
    expect([status, body.message]).toEqual([422, 'No ref found for: v2'])
  })

  it('keep a payload as it was given, object or text', async () => {
    await start()
    expect((await create({ payload: { a: [1] } })).body.payload).toEqual({ a: [1] })
    expect((await create({ payload: 'text' })).body.payload).toBe('text')
  })

  it('are listed newest first, by the filters, page by page with Link', async () => {
    await start({ commitOf: (ref) => (ref === 'main' ? 'b'.repeat(40) : ref) })
    for (let i = 0; i < 5; i++) await create({ environment: i % 2 ? 'staging' : 'production' })
    await create({ ref: 'main', task: 'migrate' })
    const ids = async (query: string): Promise<readonly number[]> =>
      (await ask(`GET deployments?${query}`)).body.map(({ id }: { id: number }) => id)
    expect(await ids('')).toEqual([6, 5, 4, 3, 2, 1])
    expect(await ids('environment=staging')).toEqual([4, 2])
    expect(await ids('task=migrate')).toEqual([6])
    expect(await ids('ref=main')).toEqual([6])
    expect(await ids(`sha=${SHA}&environment=production`)).toEqual([5, 3, 1])
    expect(await ids('environment=none')).toHaveLength(6)
    const second = await ask('GET deployments?per_page=2&page=2&task=deploy')
    expect(second.body.map(({ id }: { id: number }) => id)).toEqual([3, 2])
    expect(second.headers.get('link')).toBe(
      [
        [1, 'prev'],
        [3, 'next'],
        [3, 'last'],
        [1, 'first'],
      ]
        .map(
          ([page, rel]) => `<${api.url}/repos/acme/shop/deployments?per_page=2&page=${page}&task=deploy>; rel="${rel}"`,
        )
        .join(', '),
    )
    expect((await ask('GET deployments?per_page=1000')).headers.get('link')).toBeNull()
  })

  it('are merged, or not made, as auto_merge has it', async () => {
    const merge = (ref: string) => (ref === 'behind' ? 'merged' : ref === 'torn' ? 'conflict' : 'up-to-date')
    await start({ merge, commitOf: () => SHA })
    expect(await create({ ref: 'behind' })).toMatchObject({
      status: 202,
      body: { message: 'Auto-merged main into behind on deployment.' },
    })
    expect(await create({ ref: 'torn' })).toMatchObject({
      status: 409,
      body: { message: 'Conflict merging main into torn.' },
    })
    expect((await create({ ref: 'torn', auto_merge: false })).status).toBe(201)
    expect(api.deployments()).toHaveLength(1)
  })

  it('want the status contexts of their commit to be success: all, those that are named, or none', async () => {
    await start({ contextsOf: () => ({ lint: 'success', test: 'failure' }) })
    const refused = await ask('POST deployments', { ref: SHA })
    expect(refused).toMatchObject({
      status: 409,
      body: {
        message: `Conflict: Commit status checks failed for ${SHA}.`,
        errors: [
          { resource: 'Deployment', field: 'required_contexts', contexts: [{ context: 'test', state: 'failure' }] },
        ],
      },
    })
    expect((await create({ required_contexts: ['scan'] })).status).toBe(409)
    expect((await create({ required_contexts: ['lint'] })).status).toBe(201)
    expect((await create({ required_contexts: [] })).status).toBe(201)
  })
})

describe('statuses', () => {
  it('are added, and listed newest first; log_url is target_url too, and the environment is remembered', async () => {
    await start()
    await create({ environment: 'staging' })
    const made = await say(1, 'in_progress', { log_url: 'https://a.example', environment: 'qa', description: 'begun' })
    expect(made.status).toBe(201)
    expect(made.headers.get('location')).toBe(`${api.url}/repos/acme/shop/deployments/1/statuses/1`)
    expect(made.body).toMatchObject({ target_url: 'https://a.example', environment: 'qa', description: 'begun' })
    expect((await say(1, 'success')).body.environment).toBe('qa')
    const { body } = await ask('GET deployments/1/statuses')
    expect(body.map(({ state }: { state: string }) => state)).toEqual(['success', 'in_progress'])
    expect((await ask('GET deployments/1')).body).toMatchObject({ environment: 'qa', original_environment: 'staging' })
    expect((await say(7, 'success')).status).toBe(404)
  })

  it('of success end the prior ones that had succeeded, but no transient one, none of production or of another environment', async () => {
    await start()
    await create({ environment: 'staging' })
    await say(1, 'success')
    await create({ environment: 'staging' })
    await say(2, 'failure')
    await create({ environment: 'staging', transient_environment: true })
    await say(3, 'success', { auto_inactive: false })
    await create({ environment: 'staging', production_environment: true })
    await say(4, 'success', { auto_inactive: false })
    await create({ environment: 'qa' })
    await say(5, 'success')
    await create({ environment: 'staging' })
    await say(6, 'success')
    expect(states()).toEqual(['success inactive', 'failure', 'success', 'success', 'success', 'success'])
  })

  it('of success end none with auto_inactive: false, and none that came later', async () => {
    await start()
    for (const id of [1, 2]) {
      await create({ environment: 'staging' })
      await say(id, 'success', { auto_inactive: false })
    }
    expect(states()).toEqual(['success', 'success'])
    await say(1, 'success')
    expect(states()).toEqual(['success success', 'success'])
  })

  it('are forgotten, as those of more than 90 days', async () => {
    await start()
    await create()
    await say(1, 'success')
    api.forgetStatuses(1)
    expect((await ask('GET deployments/1/statuses')).body).toEqual([])
  })
})

describe('a call that is wrong', () => {
  const field = (name: string, message: string) => ({
    resource: 'DeploymentStatus',
    code: 'custom',
    field: name,
    message,
  })
  it.each([
    ['no JSON', '{', 400, { message: 'Problems parsing JSON' }],
    ['no object', [], 400, { message: 'Body should be a JSON object' }],
    ['no state', {}, 422, { message: expect.stringContaining('"state" wasn\'t supplied.') }],
    [
      'a wrong type',
      { state: 'success', description: 1 },
      422,
      { message: expect.stringContaining("For 'properties/description', 1 is not a string.") },
    ],
    [
      'an unknown state',
      { state: 'done' },
      422,
      { message: 'Validation Failed', errors: [field('state', 'state is not included in the list')] },
    ],
    [
      'a long description',
      { state: 'error', description: 'x'.repeat(141) },
      422,
      { errors: [field('description', 'description is too long (maximum is 140 characters)')] },
    ],
    [
      'an address without http',
      { state: 'error', environment_url: 'shop.example' },
      422,
      { errors: [field('environment_url', 'environment_url must use http(s) scheme')] },
    ],
  ])('is refused for %s', async (_, body, status, wanted) => {
    await start()
    await create()
    expect(await ask('POST deployments/1/statuses', body)).toMatchObject({ status, body: wanted })
    expect(states()).toEqual([''])
  })

  it('names its documentation and its status', async () => {
    await start()
    expect((await ask('POST deployments', {})).body).toEqual({
      message: 'Invalid request.\n\n"ref" wasn\'t supplied.',
      documentation_url: 'https://docs.github.com/rest/deployments/deployments#create-a-deployment',
      status: '422',
    })
  })

  it.each([
    ['a version that is not', { 'x-github-api-version': '2001-01-01' }, 400],
    ['no user agent', { 'user-agent': '' }, 403],
  ])('is refused for %s', async (_, headers, status) => {
    await start()
    expect((await ask('GET deployments', undefined, { headers })).status).toBe(status)
  })

  it('is said to be what this server does not speak', async () => {
    await start()
    expect((await ask('GET issues')).status).toBe(501)
    expect((await ask('DELETE deployments/1')).status).toBe(501)
  })
})

describe('a token', () => {
  const needs = 'x-accepted-github-permissions'
  it.each<readonly [string, string, string, 'private' | 'public', number]>([
    ['that writes creates', 'writes', 'POST deployments', 'private', 201],
    ['that reads lists', 'reads', 'GET deployments', 'private', 200],
    ['that reads does not create', 'reads', 'POST deployments', 'private', 403],
    ['without permissions does not list', 'nothing', 'GET deployments', 'private', 403],
    ['without permissions does not see environments', 'nothing', 'GET environments', 'private', 403],
    ['without permissions lists what is public', 'nothing', 'GET deployments', 'public', 200],
    ['without permissions does not create in public', 'nothing', 'POST deployments', 'public', 403],
    ['that is not known is refused', 'old', 'GET deployments', 'public', 401],
    ['that is absent does not see what is private', '', 'GET deployments', 'private', 404],
    ['that is absent lists what is public', '', 'GET deployments', 'public', 200],
    ['that is absent does not create', '', 'POST deployments', 'public', 401],
    ['sees no other repository', 'writes', 'GET /repos/acme/other/deployments', 'private', 404],
    ['writes the repository in any case', 'writes', 'GET /repos/ACME/Shop/deployments', 'private', 200],
  ])('%s', async (_, token, route, visibility, status) => {
    await start({ visibility })
    const body = route.startsWith('POST') ? { ref: SHA } : undefined
    expect((await ask(route, body, { token })).status).toBe(status)
  })

  it('is told which permission it lacks', async () => {
    await start()
    const { headers, body } = await ask('POST deployments', { ref: SHA }, { token: 'reads' })
    expect(headers.get(needs)).toBe('deployments=write')
    expect(body.message).toBe('Resource not accessible by integration')
    expect((await ask('GET environments', undefined, { token: 'nothing' })).headers.get(needs)).toBe('actions=read')
  })
})

describe('environments', () => {
  it('are listed with what they enforce, and found by name in any case', async () => {
    await start({
      environments: { staging: {}, 'eu/prod': { reviewers: ['ada'], waitMinutes: 30, branches: ['main'] } },
    })
    expect((await ask('GET environments?per_page=1')).body).toMatchObject({
      total_count: 2,
      environments: [{ name: 'staging', protection_rules: [], deployment_branch_policy: null }],
    })
    expect((await ask('GET environments/EU%2Fprod')).body).toMatchObject({
      name: 'eu/prod',
      protection_rules: [
        { type: 'wait_timer', wait_timer: 30 },
        { type: 'required_reviewers', reviewers: [{ type: 'User', reviewer: { login: 'ada' } }] },
        { type: 'branch_policy' },
      ],
      deployment_branch_policy: { protected_branches: false, custom_branch_policies: true },
    })
    expect((await ask('GET environments/qa')).status).toBe(404)
  })
})

describe('trouble on demand', () => {
  it('befalls as many calls as it is told, of the method that it is told', async () => {
    await start()
    api.trouble({ kind: 'server-error', times: 2, method: 'POST' })
    expect((await ask('GET deployments')).status).toBe(200)
    expect([(await create()).status, (await create()).status, (await create()).status]).toEqual([502, 502, 201])
    expect(api.deployments()).toHaveLength(1)
  })

  it('loses the answer of a call that was done', async () => {
    await start()
    api.trouble({ kind: 'lost-answer' })
    await expect(create()).rejects.toThrow()
    expect(api.deployments()).toHaveLength(1)
  })

  it('limits the rate in both of the documented ways', async () => {
    await start({ now: () => 1_000_000 })
    api.trouble({ kind: 'rate-limit', retryAfter: 60 })
    const primary = await ask('GET deployments')
    expect([
      primary.status,
      primary.headers.get('x-ratelimit-remaining'),
      primary.headers.get('x-ratelimit-reset'),
    ]).toEqual([403, '0', '1060'])
    api.trouble({ kind: 'secondary-rate-limit', retryAfter: 5 })
    const secondary = await ask('GET deployments')
    expect([secondary.status, secondary.headers.get('retry-after')]).toEqual([403, '5'])
    expect(secondary.body.message).toContain('secondary rate limit')
  })

  it('hangs until it is closed', async () => {
    await start()
    api.trouble({ kind: 'hang' })
    const hanging = ask('GET deployments')
    setTimeout(() => void api.close(), 50)
    await expect(hanging).rejects.toThrow()
  })
})
