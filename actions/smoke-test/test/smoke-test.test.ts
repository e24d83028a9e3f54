import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { actionAt } from '../../../test/action.ts'
import { serve } from './server.ts'

const runAction = actionAt(join(import.meta.dirname, '..'))

const SECRET = 's3cr3t-t0ken-value'
let folder: string
let shop: Awaited<ReturnType<typeof serve>>
let elsewhere: Awaited<ReturnType<typeof serve>>
let flaky = 0
let asked: () => void = () => {}
const seenElsewhere: NodeJS.Dict<string | string[]>[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-smoke-'))
  elsewhere = await serve((request, response) => {
    seenElsewhere.push(request.headers)
    response.end('elsewhere')
  })
  shop = await serve((request, response) => {
    const json = (status: number, body: unknown, headers: Record<string, string> = {}): void => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
    }
    const path = request.url ?? ''
    if (path === '/health') return json(200, { status: 'ok', version: 3, items: [{ id: 1 }, { id: 2 }] })
    if (path === '/login') return json(200, { token: 'captured-token-1', user: { id: 'u7' } })
    if (path === '/users/u7') {
      const known = request.headers.authorization === 'Bearer captured-token-1'
      return known ? json(200, { name: 'Ada' }) : json(401, { got: request.headers.authorization })
    }
    if (path.startsWith('/echo')) return json(500, { received: request.headers })
    if (path === '/flaky') return flaky++ < 2 ? json(503, { wait: true }, { 'retry-after': '0' }) : json(200, {})
    if (path === '/away') return void response.writeHead(302, { location: `${elsewhere.url}/x` }).end()
    if (path === '/here') return void response.writeHead(302, { location: '/health' }).end()
    if (path === '/hang') return asked()
    json(404, { error: 'not found' })
  })
})
afterAll(() => {
  shop.close()
  elsewhere.close()
  rmSync(folder, { recursive: true })
})

const QUICK = { retries: '1', interval: '10ms', timeout: '10s', deadline: '30s' }
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

describe('the smoke test as a process', { timeout: 120_000 }, () => {
  it('passes when every check is answered as it should, and says so in every place', async () => {
    const checks = file(
      'good.yml',
      `- name: health
  path: /health
  expect:
    status: 200
    headers: { content-type: { op: contains, value: json } }
    json:
      - { path: $.status, op: eq, value: ok }
      - { path: $.version, op: ge, value: 3 }
      - { path: "$.items[*].id", op: eq, value: [1, 2] }
    json-schema:
      type: object
      required: [status, version]
      properties: { version: { type: integer } }
    contains: status
    matches: '"version":\\d'
    max-ms: 2000
- name: login
  path: /login
  method: POST
  body: { user: ada }
  capture: { token: $.token, id: /user/id }
- name: who am I
  path: /users/{{id}}
  headers: { Authorization: "Bearer {{token}}" }
  expect: { json: [{ path: $.name, op: eq, value: Ada }] }
`,
    )
    const junit = join(folder, 'junit.xml')
    const ran = await runAction({ url: shop.url, checks, junit, ...QUICK })
    expect(ran).toMatchObject({ code: 0, outputs: { verdict: 'pass', 'reason-code': 'passed', junit } })
    expect(ran.report).toMatchObject({
      schema: 'sluice.dev/smoke-test/v1',
      verdict: 'pass',
      findings: [],
      details: { target: `${shop.url}/`, rounds: 1, checks: [{ name: 'health', tries: 1, passed: 1 }, {}, {}] },
    })
    expect(ran.report.details.checks[0].p50Ms).toBeTypeOf('number')
    expect(ran.summary).toMatch(/^### ✅ Smoke test: pass\n\n\*\*3 checks passed/)
    expect(readFileSync(junit, 'utf8')).toContain('<testsuites tests="3" failures="0" errors="0" skipped="0"')
    expect(JSON.stringify(ran.report) + ran.summary).not.toContain('captured-token-1')
  })

  it('fails with wrong-answer, names every difference, and points at the line of the check', async () => {
    const checks = file(
      'bad.yml',
      '- path: /health\n- name: version\n  path: /health\n  expect:\n    status: 201\n    json: [{ path: $.version, op: eq, value: 4 }, { path: $.none, op: exists }]\n',
    )
    const ran = await runAction({ url: shop.url, checks, ...QUICK })
    expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'fail', 'reason-code': 'wrong-answer' } })
    expect(ran.report.details.checks[1].problems).toEqual([
      expect.stringContaining('status is 200, expected 201; body: {"status":"ok"'),
      '$.version is 3, expected eq 4',
      '$.none is absent',
    ])
    expect(ran.log).toContain(`::error title=wrong-answer,file=${checks},line=2::version: status is 200`)
    expect(ran.summary).toContain('❌ Smoke test: fail')
  })

  it('ends with error and unreachable when nobody listens', async () => {
    const closed = await serve(() => {})
    closed.close()
    const junit = join(folder, 'unreachable.xml')
    const ran = await runAction({ url: closed.url, paths: '/health', junit, ...QUICK })
    expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'error', 'reason-code': 'unreachable' } })
    expect(ran.log).toContain('nothing is known about the release')
    expect(readFileSync(junit, 'utf8')).toContain('<error type="unreachable"')
  })

  it('tells a service that hangs from one that cannot be reached, and the deadline cuts it', async () => {
    // A busy machine may take a second to connect; before that a deadline proves nothing.
    const ran = await runAction({ url: shop.url, paths: '/hang', ...QUICK, timeout: '30s', deadline: '2s' })
    expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'fail', 'reason-code': 'no-answer' } })
    expect(ran.report.details.tookMs).toBeLessThan(20_000)
  })

  it('tells a connection that breaks from one that is refused', async () => {
    const broken = createTcpServer((socket) => void socket.once('data', () => socket.destroy()))
    await new Promise<void>((resolve) => broken.listen(0, '127.0.0.1', resolve))
    const { port } = broken.address() as AddressInfo
    const ran = await runAction({ url: `http://127.0.0.1:${port}`, ...QUICK })
    broken.close()
    expect(ran.outputs).toMatchObject({ verdict: 'fail', 'reason-code': 'no-answer' })
  })

  it('tries until the service is up', async () => {
    flaky = 0
    const ran = await runAction({ url: shop.url, paths: '/flaky', ...QUICK, retries: '5' })
    expect(ran.report.details).toMatchObject({ rounds: 3, checks: [{ tries: 3, passed: 1 }] })
    expect(ran.code).toBe(0)
  })

  it('masks secrets that the service sends back, in log, report, summary and JUnit', async () => {
    const junit = join(folder, 'secret.xml')
    const headers = `Authorization: Bearer ${SECRET}\nX-Tenant: tenant-0815`
    const ran = await runAction({ url: shop.url, paths: '/echo?api_key=query-secret-1', headers, junit, ...QUICK })
    expect(ran.code).toBe(1)
    const told = ran.log.replace(/^::add-mask::.*$/gm, '')
    for (const text of [told, JSON.stringify(ran.report), ran.summary, readFileSync(junit, 'utf8')]) {
      expect(text).not.toContain(SECRET)
      expect(text).not.toContain('tenant-0815')
      expect(text).not.toContain('query-secret-1')
      expect(text).toContain('***')
    }
    expect(ran.log).toContain(`::add-mask::${SECRET}`)
  })

  it('follows a redirect on its own host, and takes no credentials to another', async () => {
    const headers = `Authorization: Bearer ${SECRET}\nX-Tenant: tenant-0815`
    const ran = await runAction({ url: shop.url, paths: '/here\n/away', headers, ...QUICK })
    expect(ran.code).toBe(0)
    expect(seenElsewhere).toHaveLength(1)
    expect(JSON.stringify(seenElsewhere)).not.toMatch(/s3cr3t|tenant/)
  })

  it('does not follow a redirect that a check expects', async () => {
    const checks = '- path: /away\n  expect: { status: 302, headers: { location: { op: contains, value: "/x" } } }'
    expect(await runAction({ url: shop.url, checks, ...QUICK })).toMatchObject({ code: 0 })
  })

  it('is not green when there is nothing to check, unless that is meant', async () => {
    const checks = file('none.yml', 'checks: []\n')
    const ran = await runAction({ url: shop.url, checks, ...QUICK })
    expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'nothing-to-check' } })
    const junit = join(folder, 'none.yml/junit.xml')
    const meant = await runAction({ url: shop.url, checks, junit, 'on-nothing-to-check': 'pass', ...QUICK })
    expect(meant).toMatchObject({ code: 0, outputs: { verdict: 'nothing-to-check' } })
    // A file that cannot be written changes no verdict.
    expect(meant.outputs.junit).toBeUndefined()
    expect(meant.log).toContain('junit could not be written to')
  })

  it('is inconclusive when the passes in a row are too few', async () => {
    const inputs = { url: shop.url, paths: '/health', consecutive: '1000', interval: '50ms', deadline: '300ms' }
    const ran = await runAction(inputs)
    expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'inconclusive', 'reason-code': 'too-few-passes' } })
    expect(await runAction({ ...inputs, 'on-inconclusive': 'pass' })).toMatchObject({ code: 0 })
  })

  it('stops soon after a signal and gives no verdict', async () => {
    const ran = await runAction(
      { url: shop.url, paths: '/hang', timeout: '60s', deadline: '60s' },
      {
        started: (kill) => {
          asked = () => kill('SIGINT')
        },
      },
    )
    expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'error', 'reason-code': 'cancelled' } })
    expect(ran.afterSignalMs).toBeLessThan(5000)
  })
})

describe('bad input to the smoke test', { timeout: 120_000 }, () => {
  it('is told all at once, before any request is made', async () => {
    const ran = await runAction({
      checks: file('wrong.yml', '- path: /\n  expct: {}\n- path: health\n'),
      headers: 'nonsense',
      interval: '10',
      consecutive: '0',
      service: 'shop',
      'expect-image': 'shop:latest',
      'on-inconclusive': 'green',
    })
    expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'error', 'reason-code': 'input-fault' } })
    for (const part of [
      'wrong.yml:2:3: 0: unknown key "expct"; did you mean "expect"?',
      'wrong.yml:3:3: ',
      'headers has a line that is not "Name: value"',
      'interval must be a duration',
      'consecutive must be a whole number from 1 to 1000',
      'service must be namespace/name:port',
      'expect-image must name an image by digest',
      'on-inconclusive unknown value "green"; known: fail, pass',
    ]) {
      expect(ran.summary).toContain(part)
    }
  })

  it.each([
    ['a file that is not there', { checks: 'none.yml' }, 'checks names a file that does not exist: none.yml'],
    ['no address', { paths: '/' }, 'url or service is required'],
    ['an address that is none', { url: 'shop.example.com' }, 'url must be an address such as https://'],
    ['a password in the address', { url: 'https://ada:hunter2@shop.example.com' }, 'holds a user name or password'],
    ['a relative path', { url: 'http://127.0.0.1', paths: 'health' }, 'paths has a path that does not start with /'],
    [
      'checks and paths',
      { url: 'http://127.0.0.1', paths: '/', checks: '- path: /' },
      'checks and paths are both given',
    ],
    [
      'an image without a service',
      { url: 'http://127.0.0.1', 'expect-image': `a@sha256:${'a'.repeat(64)}` },
      'expect-image needs service',
    ],
    ['a credential that the proxy would eat', { service: 'a/b:80', headers: 'authorization: x' }, 'keeps for itself'],
    [
      'a credential of one check that the proxy would eat',
      { service: 'a/b:80', checks: '- { path: /, headers: { authorization: Bearer hunter2 } }' },
      'GET / has a header Authorization',
    ],
    ['a header that cannot be sent', { url: 'http://127.0.0.1', headers: 'X-A: hunter2\u2013' }, 'no header can hold'],
    ['a kubeconfig that is not there', { service: 'a/b:80', kubeconfig: 'none.yaml' }, 'none.yaml'],
  ])('names %s', async (_what, inputs, message) => {
    const ran = await runAction(inputs)
    expect(ran.code).toBe(1)
    expect(ran.log).toContain(message)
    expect(ran.log).not.toContain('hunter2')
  })
})
