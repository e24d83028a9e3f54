import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { output } from '../cluster/shell.ts'
import { BASE, counting, step } from './dockerfiles.ts'
import { type Ground, openGround } from './ground.ts'
import { lacking } from './programs.ts'
import { ACCOUNT } from './registry.ts'
import { run } from './run.ts'

describe.skipIf(lacking().length > 0)('the ground that images are tested on', () => {
  let ground: Ground
  beforeAll(async () => {
    ground = await openGround({ daemon: true })
  }, 900_000)
  afterAll(() => ground?.close(), 60_000)

  /** A build as a person does it. */
  const build = (context: string, ...options: readonly string[]) =>
    run('docker', ['buildx', 'build', '--progress=plain', ...options, context], { env: ground.env })
  const image = (context: string, name: string, ...options: readonly string[]) =>
    build(context, '--output', `type=image,name=${name},push=true`, ...options)

  test('an image is built and pushed for two platforms, with provenance, through the proxy; what the registry stores is read past it', async () => {
    const context = ground.context({ Dockerfile: `${BASE}LABEL a=b\n${step('echo made > /made')}` })
    const platforms = ['--platform', 'linux/amd64,linux/386', '--provenance', 'mode=max']
    const { code, said } = await image(context, `${ground.proxy.host}/shop:one`, ...platforms)
    expect(said).toContain('pushing manifest')
    expect(code).toBe(0)
    expect(await ground.open.tags('shop')).toEqual(['one'])
    const stored = await ground.open.stored('shop', 'one')
    expect(stored?.mediaType).toBe('application/vnd.oci.image.index.v1+json')
    expect(
      stored?.manifest.manifests.map(({ platform }: { platform: { architecture: string } }) => platform.architecture),
    ).toEqual(['amd64', '386', 'unknown', 'unknown'])
    const first = await ground.open.stored('shop', stored?.manifest.manifests[0].digest)
    const config = JSON.parse((await ground.open.blob('shop', first?.manifest.config.digest)).toString())
    expect(config.config.Labels).toEqual({ a: 'b' })
    expect(ground.proxy.count(/^PUT \/v2\/shop\/manifests\/one$/)).toBe(1)
    expect(await ground.open.stored('shop', 'two')).toBeUndefined()
    expect(await ground.open.tags('nobody')).toEqual([])
  })

  test('the counting step says how often it ran: once while the cache has it, again when an argument is another', async () => {
    const context = ground.context({ Dockerfile: `${BASE}ARG ANOTHER\n${counting('self')}` })
    const runs = async (...options: readonly string[]): Promise<string> => {
      const made = ground.context({})
      const { code, said } = await build(context, '--output', `type=local,dest=${made}`, ...options)
      if (code !== 0) throw new Error(said)
      return readFileSync(`${made}/runs`, 'utf8').trim()
    }
    expect(await runs()).toBe('1')
    expect(await runs()).toBe('1')
    expect(await runs('--build-arg', 'ANOTHER=yes')).toBe('2')
  })

  test('the proxy gets wrong what it is told to, as often as it is told to, and nothing else', async () => {
    const { proxy } = ground
    const url = `http://${proxy.host}/v2/`
    proxy.clear()
    proxy.next(1, { when: /^GET \/v2\/$/, status: 429, headers: { 'retry-after': '7' } })
    proxy.next(1, { when: /^GET \/v2\/$/, drop: 'request' })
    proxy.next(2, { when: /manifests/, status: 503 })
    proxy.next(1, { when: /^GET \/v2\/$/, drop: 'answer' })
    proxy.next(1, { when: /^GET \/v2\/$/, delayMs: 300 })
    const limited = await fetch(url)
    expect([limited.status, limited.headers.get('retry-after'), await limited.text()]).toEqual([
      429,
      '7',
      '{"errors":[{"code":"TOOMANYREQUESTS","message":"said by the test"}]}',
    ])
    await expect(fetch(url)).rejects.toThrow()
    await expect(fetch(url)).rejects.toThrow()
    const began = performance.now()
    expect((await fetch(url)).status).toBe(200)
    expect(performance.now() - began).toBeGreaterThan(290)
    expect((await fetch(url)).status).toBe(200)
    expect(proxy.seen().map(({ answer, faulty }) => [answer, faulty])).toEqual([
      [429, true],
      ['cut', true],
      ['cut', true],
      [200, true],
      [200, false],
    ])
    expect((await fetch(`${url}shop/manifests/none`)).status).toBe(503)
    proxy.clear()
    expect((await fetch(`${url}shop/manifests/none`)).status).toBe(404)
    expect(proxy.count(/manifests/)).toBe(1)
  })

  test('over its limit the proxy turns everything away for as long as it says', async () => {
    const { proxy } = ground
    const ask = async (path: string) => {
      const { status, headers } = await fetch(`http://${proxy.host}/v2/${path}`)
      return [status, headers.get('retry-after')]
    }
    proxy.clear()
    proxy.limit(1_200, { when: /uploads/, from: /node/ })
    await fetch(`http://${proxy.host}/v2/x/blobs/uploads/`, { headers: { 'user-agent': 'somebody else' } })
    expect(await ask('')).toEqual([200, null])
    expect(await ask('shop/blobs/uploads/')).toEqual([429, '2'])
    expect(await ask('')).toEqual([429, '2'])
    await pause(1_250)
    expect(await ask('')).toEqual([200, null])
    expect(proxy.seen().map(({ answer, faulty }) => [answer, faulty])).toEqual([
      [404, false],
      [200, false],
      [429, true],
      [429, true],
      [200, false],
    ])
    proxy.clear()
  })

  test('a tag whose answer is dropped is written all the same', async () => {
    const context = ground.context({ Dockerfile: BASE })
    ground.proxy.clear()
    ground.proxy.next(1, { when: /^PUT .*manifests\/late/, drop: 'answer' })
    expect((await image(context, `${ground.proxy.host}/dropped:late`)).said).toContain('EOF')
    expect(await ground.open.tags('dropped')).toEqual(['late'])
    expect(ground.proxy.seen().find(({ faulty }) => faulty)?.answer).toBe('cut')
  })

  test.each([['basic'], ['guarded']] as const)('the %s registry lets in only who logs in', async (which) => {
    const { host } = ground[which]
    const context = ground.context({ Dockerfile: BASE })
    const refused = await image(context, `${host}/shop:one`)
    expect(refused.code).not.toBe(0)
    expect(refused.said).toMatch(/401|authorization failed|no basic auth/i)
    const login = (input: string) =>
      run('docker', ['login', '--username', ACCOUNT.username, '--password-stdin', host], { env: ground.env, input })
    expect((await login('wrong')).said).toMatch(/unauthorized|401/i)
    expect(await login(ACCOUNT.password)).toMatchObject({ code: 0 })
    expect(await image(context, `${host}/shop:one`)).toMatchObject({ code: 0 })
    expect(await ground[which].tags('shop')).toEqual(['one'])
    await run('docker', ['logout', host], { env: ground.env })
    expect((await image(ground.context({ Dockerfile: `${BASE}LABEL x=y\n` }), `${host}/shop:two`)).code).not.toBe(0)
  })

  test('the guarded registry turns an expired token away', async () => {
    const { tokens, guarded } = ground
    const ask = async (): Promise<number> => {
      const basic = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64')
      const scope = 'repository:shop:pull'
      const given = await fetch(`${tokens.realm}?${new URLSearchParams({ service: 'registry.test', scope })}`, {
        headers: { authorization: `Basic ${basic}` },
      })
      const { token } = (await given.json()) as { readonly token: string }
      const headers = { authorization: `Bearer ${token}` }
      return (await fetch(`http://${guarded.host}/v2/shop/tags/list`, { headers })).status
    }
    tokens.expired(1)
    expect([await ask(), await ask()]).toEqual([401, 200])
  })

  test('an image is loaded into the daemon', async () => {
    const context = ground.context({ Dockerfile: `${BASE}LABEL loaded=yes\n` })
    expect(await build(context, '--output', 'type=docker,name=loaded:1')).toMatchObject({ code: 0 })
    const format = '{{index .Config.Labels "loaded"}}'
    expect(await run('docker', ['image', 'inspect', '--format', format, 'loaded:1'], { env: ground.env })).toEqual({
      code: 0,
      said: 'yes\n',
    })
  })

  test('nothing is left when it closes', async () => {
    const second = await openGround({ daemon: true })
    const traces = (): readonly string[] => [
      ...(output('ps', ['-eo', 'args']) ?? '').split('\n').filter((line) => line.includes(second.folder)),
      ...readFileSync('/proc/mounts', 'utf8')
        .split('\n')
        .filter((line) => line.includes(second.folder)),
    ]
    expect(traces().length).toBeGreaterThanOrEqual(5)
    await second.close()
    expect(traces()).toEqual([])
    expect(existsSync(second.folder)).toBe(false)
    await expect(fetch(`http://${second.open.host}/v2/`)).rejects.toThrow()
  }, 60_000)
})
