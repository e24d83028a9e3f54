import {
  request as ask,
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe as describeFault, Fault } from '@sluice/kit/faults'
import { afterEach, describe, expect, it } from 'vitest'
import { type GitHubApiServer, startGitHubApi } from '../../runner/src/api/server.ts'
import { type Connection, connect } from '../src/connect.ts'
import { addStatus, deploymentsTo, findOrCreate, type NewDeployment, statusesOf } from '../src/deployments.ts'
import { keepUnanswered, refusalBehind } from '../src/refusal.ts'

const WANTED: NewDeployment = {
  commit: 'a'.repeat(40),
  environment: 'production',
  production: true,
  description: 'shop',
  payload: { sluice: 1, run: '42' },
}
const same = (payload: unknown): boolean => JSON.stringify(payload) === JSON.stringify(WANTED.payload)

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const listening = async (handle: RequestListener): Promise<string> => {
  const server = createServer(handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => new Promise((resolve) => server.close(resolve)))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Hands a request on as it is. */
const forward = (to: string, incoming: IncomingMessage, outgoing: ServerResponse): void => {
  const { method, headers } = incoming
  incoming.pipe(
    ask(to, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 0, answer.headers)
      answer.pipe(outgoing)
    }),
  )
}

const started = async (permission: 'read' | 'write' | 'none' = 'write'): Promise<GitHubApiServer> => {
  const api = await startGitHubApi({
    repository: 'acme/shop',
    permissionsOf: (token) => (token === 'sesame' ? { deployments: permission } : undefined),
  })
  closing.push(api.close)
  return api
}

/** Time that only waiting moves, so that no test waits; each wait is noted. */
const world = (api: { readonly url: string }, rest: Partial<Connection> = {}) => {
  const waits: number[] = []
  let time = Date.now()
  const clock = {
    now: () => time,
    sleep: async (ms: number) => {
      waits.push(ms)
      time += ms
    },
    random: () => 1,
  }
  const github = connect(
    {
      token: 'sesame',
      repository: 'acme/shop',
      env: { GITHUB_API_URL: api.url },
      timeoutMs: 60_000,
      userAgent: 'test',
      ...rest,
    },
    clock,
  )
  return { github, waits }
}

const thrownBy = async (call: Promise<unknown>): Promise<Fault> => {
  const thrown = await call.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (thrown instanceof Fault) return thrown
  throw new Error(`no fault, but ${String(thrown)}`)
}

describe('a deployment', () => {
  it('is made once and found again by its payload', async () => {
    const api = await started()
    const { github } = world(api)
    expect(await findOrCreate(github, WANTED, same)).toEqual({ id: 1, found: false })
    expect(await findOrCreate(github, WANTED, same)).toEqual({ id: 1, found: true })
    expect(await findOrCreate(github, { ...WANTED, payload: { run: '43' } }, () => false)).toMatchObject({ id: 2 })
  })

  it('is found behind hundreds of others of the same commit', async () => {
    const api = await started()
    const { github } = world(api)
    await findOrCreate(github, WANTED, same)
    for (let run = 0; run < 150; run++) {
      await github.request('POST /repos/{owner}/{repo}/deployments', {
        owner: 'acme',
        repo: 'shop',
        ref: WANTED.commit,
        environment: 'production',
        payload: { run },
      })
    }
    expect(await findOrCreate(github, WANTED, same)).toEqual({ id: 1, found: true })
  })

  it.each(['lost-answer', 'server-error'] as const)('is one deployment after a %s', async (kind) => {
    const api = await started()
    const { github, waits } = world(api)
    api.trouble({ kind, method: 'POST' })
    expect(await findOrCreate(github, WANTED, same)).toEqual({ id: 1, found: kind === 'lost-answer' })
    expect(api.deployments()).toHaveLength(1)
    expect(waits).toEqual([1000])
  })

  it('is the older one for everybody, should two have been made at the same time', async () => {
    const api = await started()
    const { github } = world(api)
    for (let made = 0; made < 2; made++) await findOrCreate(github, WANTED, () => false)
    expect(api.deployments()).toHaveLength(2)
    expect(await findOrCreate(github, WANTED, same)).toEqual({ id: 1, found: true })
  })

  it('is not tried for ever', async () => {
    const api = await started()
    api.trouble({ kind: 'server-error', method: 'POST', times: 100 })
    const fault = await thrownBy(findOrCreate(world(api).github, WANTED, same))
    expect(refusalBehind(fault)).toEqual({ code: 'server-error', mayBeDone: true })
    expect(api.calls().filter((call) => call.startsWith('POST'))).toHaveLength(3)
  })

  it('has its statuses newest first, with descriptions cut to what GitHub takes', async () => {
    const api = await started()
    const { github } = world(api)
    const { id } = await findOrCreate(github, WANTED, same)
    const links = { logUrl: 'https://a.example/', environmentUrl: '' }
    await addStatus(github, id, { state: 'in_progress', description: `${'x'.repeat(138)}😀 y`, ...links })
    await addStatus(github, id, { state: 'success', description: 'two\nlines', ...links })
    const [last, first] = await statusesOf(github, id)
    expect(last).toEqual({ state: 'success', description: 'two lines', ...links })
    expect(first?.description).toBe(`${'x'.repeat(138)}…`)
  })

  it('leaves other deployments of its environment as they are', async () => {
    const api = await started()
    const { github } = world(api)
    for (const run of ['1', '2']) {
      const wanted = { ...WANTED, production: false, payload: { run } }
      const { id } = await findOrCreate(
        github,
        wanted,
        (payload) => JSON.stringify(payload) === JSON.stringify({ run }),
      )
      await addStatus(github, id, { state: 'success', description: '', logUrl: '', environmentUrl: '' })
    }
    expect(api.deployments().map(({ statuses }) => statuses.map(({ state }) => state))).toEqual([
      ['success'],
      ['success'],
    ])
  })
})

describe('what GitHub refuses', () => {
  it('names the permission that is missing', async () => {
    const api = await started('read')
    const fault = await thrownBy(findOrCreate(world(api).github, WANTED, same))
    expect(refusalBehind(fault)).toEqual({ code: 'forbidden', mayBeDone: false })
    expect(describeFault(fault)).toContain('permissions: deployments: write')
    expect(describeFault(fault)).toContain('deployments=write')
  })

  it.each([
    ['a token that is not known', { token: 'other' }, 'unauthorized'],
    ['a repository that is hidden', { repository: 'acme/other' }, 'not-found'],
  ])('tells of %s', async (_, rest, code) => {
    const fault = await thrownBy(deploymentsTo(world(await started(), rest).github, 'production'))
    expect(refusalBehind(fault)?.code).toBe(code)
    expect(fault.kind).toBe('input')
  })

  it.each([
    ['a commit that it does not have', { ...WANTED, commit: 'v1' }, 'unknown-commit'],
    ['an environment without a name', { ...WANTED, environment: 7 as unknown as string }, 'invalid'],
  ])('tells of %s', async (_, wanted, code) => {
    const fault = await thrownBy(findOrCreate(world(await started()).github, wanted, same))
    expect(refusalBehind(fault)).toEqual({ code, mayBeDone: false })
  })

  it('never shows the token', async () => {
    const api = await started('none')
    const faults = [
      await thrownBy(deploymentsTo(world(api).github, 'production')),
      await thrownBy(deploymentsTo(world(api, { token: 'swordfish' }).github, 'production')),
      await thrownBy(deploymentsTo(world({ url: 'http://127.0.0.1:1' }, { token: 'swordfish' }).github, 'production')),
    ]
    for (const fault of faults)
      expect(JSON.stringify([fault.message, fault.hint, fault.stack, fault.cause])).not.toMatch(/sesame|swordfish/)
  })

  it.each([
    ['plain http to another machine', { env: { GITHUB_API_URL: 'http://github.example' } }, 'in the clear'],
    ['an address that is none', { env: { GITHUB_API_URL: 'github' } }, 'not an address'],
    ['a repository without an owner', { repository: 'shop' }, 'owner/name'],
  ])('%s is not asked at all', (_, rest, text) => {
    expect(() => world({ url: '' }, rest)).toThrow(text)
  })
})

describe('trouble', () => {
  it('that passes is waited for: 5xx, and a limit of either kind', async () => {
    const api = await started()
    const { github, waits } = world(api)
    api.trouble({ kind: 'server-error' })
    api.trouble({ kind: 'secondary-rate-limit', retryAfter: 7 })
    api.trouble({ kind: 'rate-limit', retryAfter: 12 })
    expect(await deploymentsTo(github, 'production')).toEqual([])
    expect(waits[0]).toBe(1000)
    expect(waits[1]).toBe(7000)
    expect(waits[2]).toBeGreaterThan(2000)
    expect(waits[2]).toBeLessThanOrEqual(13_000)
  })

  it.each([
    ['a limit that lasts an hour', { kind: 'rate-limit' } as const],
    ['a secondary limit without a time, a minute by the documentation', { kind: 'secondary-rate-limit' } as const],
  ])('that lasts is not: %s', async (_, trouble) => {
    const api = await started()
    const { github, waits } = world(api)
    api.trouble(trouble)
    const fault = await thrownBy(deploymentsTo(github, 'production'))
    expect(refusalBehind(fault)?.code).toBe('rate-limited')
    expect(fault.message).toMatch(/asks to wait \d+ s/)
    expect(waits).toEqual([])
  })

  it('a server that hangs is cut at the limit of all calls', async () => {
    const api = await started()
    api.trouble({ kind: 'hang', times: 9 })
    const began = performance.now()
    const github = connect({
      token: 'sesame',
      repository: 'acme/shop',
      env: { GITHUB_API_URL: api.url },
      timeoutMs: 300,
      userAgent: 'test',
    })
    const fault = await thrownBy(deploymentsTo(github, 'production'))
    expect(refusalBehind(fault)).toEqual({ code: 'unreachable', mayBeDone: false })
    expect(performance.now() - began).toBeGreaterThan(280)
    expect(performance.now() - began).toBeLessThan(3000)
  })

  it('a cancelled job ends a wait at once', async () => {
    const api = await started()
    api.trouble({ kind: 'server-error', times: 9 })
    const controller = new AbortController()
    const github = connect({
      token: 'sesame',
      repository: 'acme/shop',
      env: { GITHUB_API_URL: api.url },
      timeoutMs: 60_000,
      userAgent: 'test',
      cancelled: controller.signal,
    })
    setTimeout(() => controller.abort('SIGTERM'), 50)
    const began = performance.now()
    expect(refusalBehind(await thrownBy(deploymentsTo(github, 'production')))?.code).toBe('cancelled')
    expect(performance.now() - began).toBeLessThan(400)
  })
})

describe('an answer that is none', () => {
  it.each([
    ['a page', 200, { 'content-type': 'text/html' }],
    ['a redirect to another host', 302, { location: 'https://login.example/' }],
    ['a redirect to itself', 301, { location: '/again' }],
  ])('is told: %s', async (_, status, headers) => {
    const url = await listening((_, outgoing) => {
      outgoing.writeHead(status, headers)
      outgoing.end('<html>Log in to the network</html>')
    })
    const fault = await thrownBy(deploymentsTo(world({ url }).github, 'production'))
    expect(refusalBehind(fault)).toEqual({ code: 'unreachable', mayBeDone: true })
    expect(fault.message).toContain('something stands in between')
  })
})

describe('an answer that GitHub does not give', () => {
  const ODD = ['', 'null', '{}', '[null]', '[{"id":"x"}]', '[{"id":', '"text"', '[{"id":7}]']

  it.each(ODD)('is told, and is no bug: %s', async (body) => {
    const url = await listening((_, outgoing) => {
      outgoing.writeHead(200, { 'content-type': 'application/json' }).end(body)
    })
    const { github } = world({ url })
    const status = { state: 'success', description: '', logUrl: '', environmentUrl: '' } as const
    for (const call of [
      () => deploymentsTo(github, 'production'),
      () => statusesOf(github, 7),
      () => addStatus(github, 7, status),
      () => findOrCreate(github, WANTED, same),
    ]) {
      const fault = await thrownBy(call())
      expect(refusalBehind(fault)).toEqual({ code: 'unreachable', mayBeDone: true })
      expect(fault.message).toContain('is not what its documentation describes')
    }
  })

  it.each([
    ['without a number', 201, '{}'],
    ['with a number that is none', 201, '{"id":"abc"}'],
    ['of a merge instead', 202, '{"message":"Auto-merged"}'],
    ['without anything', 204, ''],
  ])('to a creation is looked for before it is tried again: %s', async (_, status, body) => {
    const calls: string[] = []
    const url = await listening((incoming, outgoing) => {
      calls.push(incoming.method ?? '')
      incoming.resume()
      const made = incoming.method === 'POST'
      outgoing.writeHead(made ? status : 200, { 'content-type': 'application/json' }).end(made ? body : '[]')
    })
    const fault = await thrownBy(findOrCreate(world({ url }).github, WANTED, same))
    expect(refusalBehind(fault)).toEqual({ code: 'unreachable', mayBeDone: true })
    expect(calls).toEqual(['GET', 'POST', 'GET', 'POST', 'GET', 'POST'])
  })

  it('stays on one line of the log, where it can start no command', async () => {
    const url = await listening((_, outgoing) => {
      outgoing.writeHead(403, { 'content-type': 'application/json' })
      outgoing.end(JSON.stringify({ message: 'no\n::set-output name=state::success\n##[add-mask]x' }))
    })
    const fault = await thrownBy(deploymentsTo(world({ url }).github, 'production'))
    expect(fault.message).toContain('(403: no ::set-output name=state::success ## [add-mask]x)')
  })

  it('is what is told when the time for all calls is up, and not only that it is', async () => {
    const url = await listening(
      (_, outgoing) => void outgoing.writeHead(502, { 'content-type': 'text/html' }).end('<p>'),
    )
    const fault = await thrownBy(deploymentsTo(world({ url }, { timeoutMs: 1500 }).github, 'production'))
    expect(fault.message).toContain('(502: ')
    expect(refusalBehind(fault)?.code).toBe('server-error')
  })
})

it('a repository that was renamed is followed, by the same method', async () => {
  const api = await started()
  const url = await listening((incoming, outgoing) => {
    const path = incoming.url ?? ''
    if (!path.includes('/acme/old/')) return forward(`${api.url}${path}`, incoming, outgoing)
    const location = path.replace('/acme/old/', '/acme/shop/')
    outgoing.writeHead(incoming.method === 'GET' ? 301 : 307, { location }).end()
  })
  const { github } = world({ url }, { repository: 'acme/old' })
  expect(await findOrCreate(github, WANTED, same)).toEqual({ id: 1, found: false })
  expect(api.deployments()).toHaveLength(1)
})

it('a proxy of the environment is used, unless NO_PROXY excepts the host', async () => {
  const api = await started()
  const seen: string[] = []
  const proxy = await listening((incoming, outgoing) => {
    seen.push(incoming.url ?? '')
    forward(incoming.url ?? '', incoming, outgoing)
  })
  const env = { GITHUB_API_URL: api.url, HTTP_PROXY: proxy }
  expect(await deploymentsTo(world(api, { env }).github, 'production')).toEqual([])
  expect(seen).toEqual([expect.stringContaining(`${api.url}/repos/acme/shop/deployments?`)])
  await deploymentsTo(world(api, { env: { ...env, NO_PROXY: '127.0.0.1' } }).github, 'production')
  expect(seen).toHaveLength(1)
})

it.each([
  ['api.github.com', 'timeout', 'https://www.githubstatus.com'],
  ['github.acme.example', 'timeout', 'Look at github.acme.example and'],
  ['github.acme.example', 'tls', 'NODE_EXTRA_CA_CERTS'],
] as const)('no answer of %s (%s) says where to look: %s', (host, cause, where) => {
  const fault = keepUnanswered({ kind: 'no-answer', cause, connected: false, text: 'no answer' }, host)
  expect(fault.hint).toContain(where)
})
