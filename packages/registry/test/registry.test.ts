import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe as describeFault, Fault } from '@sluice/kit/faults'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { Credentials } from '../src/credentials.ts'
import { type Connection, connectRegistry, type Registry } from '../src/registry.ts'
import { uploadBlobs } from './contract.ts'
import { digestOf, imageFor, type TestImage } from './images.ts'
import { type Answer, type Call, MASTER, startRegistry, type TestRegistry, USER } from './server.ts'

const START = Date.parse('2026-11-22T12:00:00Z')
const IMAGE = imageFor('linux/amd64', { revision: 'abc' })
const DIGEST = digestOf(IMAGE.text)

let time = START
let waits: number[] = []
/** Time that only waiting moves, so that no test waits. */
const clock = {
  now: () => time,
  sleep: async (ms: number) => {
    waits.push(ms)
    time += ms
  },
  random: () => 1,
}

let server: TestRegistry
beforeEach(async () => {
  time = START
  waits = []
  server = await startRegistry(() => time)
})
afterEach(() => server.close())

const robot = (password = 'sesame'): Credentials => ({ username: USER, password })

const connected = (
  credentials?: Credentials | (() => Credentials | undefined),
  more: Partial<Connection> = {},
): Registry =>
  connectRegistry(
    { host: server.host, path: 'acme/shop' },
    {
      credentials: async () => (typeof credentials === 'function' ? credentials() : credentials),
      attempts: 4,
      clock,
      signal: new AbortController().signal,
      ...more,
    },
  )

const pushed = async (tag: string, image: TestImage = IMAGE): Promise<void> => {
  const { door } = server
  server.door = { kind: 'open' }
  await uploadBlobs({ host: server.host, authorization: () => MASTER }, 'acme/shop', [image])
  await connected().put(tag, image)
  server.door = door
  server.calls.splice(0)
}

/** Answers once for each that is given, then as the registry does. */
const first = (...answers: readonly (Answer | undefined)[]) => {
  const left = [...answers]
  return () => left.shift()
}

const faultOf = async (work: Promise<unknown>): Promise<string> => {
  const thrown = await work.then(
    (value) => new Error(`no fault, but ${JSON.stringify(value)}`),
    (error: unknown) => error,
  )
  if (!(thrown instanceof Fault)) throw thrown
  return describeFault(thrown)
}

const asked = () => server.calls.map(({ method, url }) => `${method} ${url}`)
const shown = () => server.calls.map(({ headers }) => headers.authorization)

describe('what a registry wants to be shown', () => {
  it('is nothing, until it asks', async () => {
    await pushed('1.0')
    expect(await connected(robot()).find('1.0')).toBe(DIGEST)
    expect(shown()).toEqual([undefined])
  })

  it('is a password, which is then kept', async () => {
    server.door = { kind: 'basic', password: 'sesame' }
    await pushed('1.0')
    const registry = connected(robot())
    await registry.find('1.0')
    await registry.find('1.0')
    const basic = `Basic ${Buffer.from('robot:sesame').toString('base64')}`
    expect(shown()).toEqual([undefined, basic, basic])
  })

  it('is a token for the service and the scope that it names, got with the password and kept', async () => {
    server.door = { kind: 'bearer', password: 'sesame', ms: 60_000, says: 60 }
    await pushed('1.0')
    const registry = connected(robot())
    expect(await registry.find('1.0')).toBe(DIGEST)
    expect(await registry.tags()).toEqual(['1.0'])
    expect(asked()).toEqual([
      'HEAD /v2/acme/shop/manifests/1.0',
      'GET /token?service=tests&scope=repository%3Aacme%2Fshop%3Apull&client_id=sluice',
      'HEAD /v2/acme/shop/manifests/1.0',
      'GET /v2/acme/shop/tags/list?n=1000',
    ])
    expect(shown().at(-1)).toBe('Bearer token-1-of-sesame')
  })

  it('is a token that only lets write where something is written', async () => {
    server.door = { kind: 'bearer', password: 'sesame', ms: 60_000 }
    await pushed('1.0')
    const registry = connected(robot())
    await registry.find('1.0')
    expect(await registry.put('2.0', IMAGE)).toEqual({ kind: 'written', digest: DIGEST })
    await registry.find('1.0')
    expect(asked().filter((one) => one.includes('/token'))).toEqual([
      expect.stringContaining('%3Apull&'),
      expect.stringContaining('%3Apull%2Cpush&'),
    ])
  })

  it('is a token, even by its other name, and without a word of how long it holds', async () => {
    server.door = { kind: 'bearer', password: 'sesame', ms: 60_000, field: 'access_token' }
    await pushed('1.0')
    const registry = connected(robot())
    await registry.find('1.0')
    time += 49_000
    await registry.find('1.0')
    time += 2000
    await registry.find('1.0')
    expect(shown().filter((one) => one?.startsWith('Bearer'))).toEqual([
      'Bearer token-1-of-sesame',
      'Bearer token-1-of-sesame',
      'Bearer token-2-of-sesame',
    ])
    // Renewed before its end, so nothing was refused but the first.
    expect(asked().filter((one) => one.startsWith('HEAD'))).toHaveLength(4)
  })

  it('is a new token when the one before ends sooner than it said', async () => {
    server.door = { kind: 'bearer', password: 'sesame', ms: 5000, says: 3600 }
    await pushed('1.0')
    const registry = connected(robot())
    await registry.find('1.0')
    time += 6000
    expect(await registry.find('1.0')).toBe(DIGEST)
    expect(await registry.put('2.0', IMAGE)).toEqual({ kind: 'written', digest: DIGEST })
  })

  it('is an identity token, by POST and never in an address', async () => {
    server.door = { kind: 'bearer', password: 'sesame', ms: 60_000, identity: 'refresh-me' }
    await pushed('1.0')
    const registry = connected({ username: '<token>', password: 'refresh-me' })
    expect(await registry.find('1.0')).toBe(DIGEST)
    const call = server.calls.find(({ url }) => url.startsWith('/token'))
    expect(call).toMatchObject({ method: 'POST', url: '/token' })
    expect(Object.fromEntries(new URLSearchParams(call?.body))).toEqual({
      grant_type: 'refresh_token',
      service: 'tests',
      scope: 'repository:acme/shop:pull',
      client_id: 'sluice',
      refresh_token: 'refresh-me',
    })
  })

  it('is one token for all who ask at the same time', async () => {
    server.door = { kind: 'bearer', password: 'sesame', ms: 60_000 }
    await pushed('1.0')
    const registry = connected(robot())
    await Promise.all(['1.0', '1.0', '1.0', '2.0'].map((tag) => registry.find(tag)))
    expect(asked().filter((one) => one.includes('/token'))).toHaveLength(1)
  })

  it('is the password of now: one that was replaced is asked for again', async () => {
    server.door = { kind: 'basic', password: 'old' }
    await pushed('1.0')
    let password = 'old'
    const registry = connected(() => robot(password))
    await registry.find('1.0')
    password = 'new'
    server.door.password = 'new'
    expect(await registry.find('1.0')).toBe(DIGEST)
    // ECR refuses a password that has ended like one that is not enough.
    password = 'newer'
    const newer = `Basic ${Buffer.from('robot:newer').toString('base64')}`
    server.before = ({ headers }) => (headers.authorization === newer ? undefined : { status: 403 })
    server.door.password = 'newer'
    expect(await registry.find('1.0')).toBe(DIGEST)
  })

  it('is never shown to an address of plain http elsewhere, nor to this machine for a registry elsewhere', async () => {
    for (const realm of ['http://auth.example/token', 'ftp://127.0.0.1/token', 'token']) {
      server.before = first({ status: 401, headers: { 'www-authenticate': `Bearer realm="${realm}"` } })
      expect(await faultOf(connected(robot()).find('1.0'))).toContain('which is not https')
    }
    expect(asked()).toHaveLength(3)
  })
})

describe('a registry that refuses', () => {
  it('is told to have done so with which credentials, and what would be enough', async () => {
    server.door = { kind: 'bearer', password: 'sesame', ms: 60_000 }
    expect(await faultOf(connected(robot('wrong')).find('1.0'))).toBe(
      `${server.host} refused to give a token to pull acme/shop, with the credentials given: 401 (UNAUTHORIZED: incorrect username or password). Check that the account may pull from ${server.host}/acme/shop`,
    )
    const said = await faultOf(connected().put('1.0', IMAGE))
    expect(said).toContain(
      `refused to write ${server.host}/acme/shop:1.0, without credentials, as none were given: 401`,
    )
    expect(said).toContain(`Log in to ${server.host} with an account that may push to acme/shop`)
  })

  it('is only asked for its reason with the same password', async () => {
    server.door = { kind: 'basic', password: 'sesame' }
    const said = await faultOf(connected(robot('wrong')).find('1.0'))
    expect(said).toContain('with the credentials given: 401 (UNAUTHORIZED: authentication required)')
    expect(asked().map((one) => one.split(' ')[0])).toEqual(['HEAD', 'HEAD', 'GET'])
    expect(waits).toEqual([])
  })

  it('brings no secret into the error, even one that it repeats', async () => {
    const echo = ({ headers }: Call): Answer => ({ status: 403, body: `no: ${headers.authorization}, sesame` })
    server.door = { kind: 'bearer', password: 'sesame', ms: 60_000 }
    server.before = (call) => (call.headers.authorization?.startsWith('Bearer') ? echo(call) : undefined)
    const said = await faultOf(connected(robot()).put('1.0', IMAGE))
    expect(said).toContain('403 (no: Bearer ***, ***)')
    server.before = (call) => (call.url.startsWith('/token') ? echo(call) : undefined)
    expect(await faultOf(connected(robot()).put('1.0', IMAGE))).toContain('403 (no: Basic ***, ***)')
  })

  it('says that there is no such repository', async () => {
    const said = await faultOf(connected().put('1.0', IMAGE))
    expect(said).toContain(`404 (NAME_UNKNOWN: The repository with name 'acme/shop' does not exist)`)
    expect(said).toContain('create it first')
  })
})

describe('a registry that hides what is not there yet', () => {
  const hiding = (at: 'token' | 'manifest') => {
    server.door = { kind: 'bearer', password: 'sesame', ms: 60_000 }
    const away = (): Answer => ({ status: at === 'token' ? 403 : 401, body: 'denied' })
    const writes = (call: Call): boolean =>
      /push/.test(call.url) || call.headers.authorization === 'Bearer token-2-of-sesame'
    server.before = (call) => {
      const here = at === 'token' ? call.url.startsWith('/token') : call.headers.authorization?.startsWith('Bearer')
      return here && !writes(call) ? away() : undefined
    }
  }

  it.each(['token', 'manifest'] as const)('from who may read, tells who may write: at the %s', async (at) => {
    hiding(at)
    const registry = connected(robot())
    expect(await registry.find('1.0')).toBeUndefined()
    expect(await registry.tags()).toEqual([])
  })

  it('refuses who may do neither, for what was asked', async () => {
    server.door = { kind: 'bearer', password: 'sesame', ms: 60_000 }
    server.before = ({ url, headers }) => {
      if (url.includes('push')) return { status: 401, body: 'access token has insufficient scopes' }
      return headers.authorization?.startsWith('Bearer') ? { status: 401, body: 'denied' } : undefined
    }
    const said = await faultOf(connected(robot()).find('1.0'))
    expect(said).toContain(`refused to read ${server.host}/acme/shop:1.0, with the credentials given: 401 (denied)`)
    expect(said).toContain('may pull from')
  })
})

describe('a registry that fails', () => {
  it('is asked again, after as long as it says', async () => {
    await pushed('1.0')
    const told: string[] = []
    server.before = first({ status: 429, headers: { 'retry-after': '7' } }, { status: 503 }, { status: 500 })
    expect(await connected(undefined, { onRetry: (text) => told.push(text) }).find('1.0')).toBe(DIGEST)
    expect(waits).toEqual([7000, 2000, 4000])
    expect(told).toEqual([
      `${server.host}, asked to read ${server.host}/acme/shop:1.0: it answered 429; try 2 of 4`,
      `${server.host}, asked to read ${server.host}/acme/shop:1.0: it answered 503; try 3 of 4`,
      `${server.host}, asked to read ${server.host}/acme/shop:1.0: it answered 500; try 4 of 4`,
    ])
  })

  it('is asked again to write, which is the same twice', async () => {
    await pushed('1.0')
    server.before = first({ status: 502 })
    expect(await connected().put('2.0', IMAGE)).toEqual({ kind: 'written', digest: DIGEST })
  })

  it('is given up after as many tries as are given, and none is wasted on a wait that is too long', async () => {
    server.before = () => ({ status: 503, body: '<html>sorry</html>', headers: { 'content-type': 'text/html' } })
    expect(await faultOf(connected().find('1.0'))).toMatch(/failed to read .*: 503, 4 times\. Look at/)
    expect(asked()).toHaveLength(4)
    server.before = () => ({ status: 429, headers: { 'retry-after': '3600' } })
    expect(await faultOf(connected().find('1.0'))).toContain('429; it asks to wait 3600 s. Run the job again later')
    expect(asked()).toHaveLength(5)
  })

  it('has its tokens asked for again as well', async () => {
    server.door = { kind: 'bearer', password: 'sesame', ms: 60_000 }
    await pushed('1.0')
    server.before = first(undefined, { status: 503 }, { status: 429, headers: { 'retry-after': '3' } })
    expect(await connected(robot()).find('1.0')).toBe(DIGEST)
    expect(waits).toEqual([1000, 3000])
  })

  it('is no answer at all, which says where to look', async () => {
    const gone = await startRegistry()
    await gone.close()
    const registry = connectRegistry(
      { host: gone.host, path: 'acme/shop' },
      { credentials: async () => undefined, attempts: 3, clock, signal: new AbortController().signal },
    )
    const said = await faultOf(registry.find('1.0'))
    expect(said).toContain(`No answer from ${gone.host} when asked to read ${gone.host}/acme/shop:1.0: `)
    expect(said).toContain('connection refused, nothing listens there, 3 times')
  })

  it('is not waited for once the job is cancelled', async () => {
    const cancelled = new AbortController()
    server.before = () => ({ status: 503 })
    const sleep = () => {
      cancelled.abort('SIGTERM')
      return new Promise<void>(() => {})
    }
    const registry = connected(undefined, { signal: cancelled.signal, clock: { ...clock, sleep } })
    expect(await faultOf(registry.find('1.0'))).toContain('the job was cancelled')
    expect(asked()).toHaveLength(1)
  })
})

describe('storage behind a registry', () => {
  it('is followed to without what the registry was shown', async () => {
    const storage = await startRegistry()
    try {
      server.door = { kind: 'bearer', password: 'sesame', ms: 60_000 }
      await pushed('1.0')
      const [config = ''] = IMAGE.blobs
      storage.before = () => ({ status: 200, body: config })
      server.before = ({ url, headers }) =>
        url.includes('/blobs/') && headers.authorization !== undefined
          ? { status: 307, headers: { location: `http://${storage.host}/data?signature=secret` } }
          : undefined
      expect((await connected(robot()).image('1.0'))?.labels).toEqual({ revision: 'abc' })
      expect(storage.calls.map(({ url, headers }) => [url, headers.authorization])).toEqual([
        ['/data?signature=secret', undefined],
      ])
      // It is not the registry: what it asks for is not shown to it either.
      storage.before = () => ({ status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } })
      const said = await faultOf(connected(robot()).image('1.0'))
      expect(said).toContain(`sent us to ${storage.host} to read the configuration of`)
      expect(said).not.toContain('secret')
      expect(storage.calls.at(-1)?.headers.authorization).toBeUndefined()
    } finally {
      await storage.close()
    }
  })

  it('may be the registry itself, which is shown the same', async () => {
    server.door = { kind: 'basic', password: 'sesame' }
    await pushed('1.0')
    server.before = ({ url }) =>
      url.startsWith('/v2/acme/shop/manifests/1.0')
        ? { status: 308, headers: { location: `/v2/acme/shop/manifests/${DIGEST}` } }
        : undefined
    expect((await connected(robot()).manifest('1.0'))?.digest).toBe(DIGEST)
  })

  it('is not followed in a circle', async () => {
    server.before = ({ url }) => ({ status: 307, headers: { location: url } })
    expect(await faultOf(connected().manifest('1.0'))).toContain('answered 307, a redirect that is not followed')
    expect(asked()).toHaveLength(6)
  })
})

describe('a tag that may not be moved', () => {
  const OTHER = imageFor('linux/amd64', { revision: 'def' })

  it('is told, in the words of the registry', async () => {
    await pushed('1.0')
    await pushed('main', OTHER)
    server.immutable = true
    const text = `TAG_INVALID: The image tag '1.0' already exists in the 'acme/shop' repository and cannot be overwritten because the tag is immutable.`
    expect(await connected().put('1.0', OTHER)).toEqual({ kind: 'immutable', text })
  })

  it('is written where it already is on what is to be written, as after a lost answer', async () => {
    await pushed('1.0')
    server.immutable = true
    expect(await connected().put('1.0', IMAGE)).toEqual({ kind: 'written', digest: DIGEST })
  })

  it.each([
    [400, 'MANIFEST_INVALID', 'cannot update tag 1.0. The repository has enabled tag immutability'],
    [412, 'PRECONDITION', `Failed to process request due to 'acme/shop:1.0' configured as immutable.`],
    [405, 'REGISTRY_DISALLOWED_OPERATION', 'The operation is disallowed on this registry, repository or image.'],
    [409, 'UNKNOWN', 'tag is immutable and cannot be overwritten'],
    [403, 'DENIED', 'tag=1.0 cannot be overwritten because acme/shop is an immutable repository'],
    [400, 'TagAlreadyExists', 'the tag is there'],
  ])('is known by %i %s', async (status, code, message) => {
    await pushed('1.0')
    const body = JSON.stringify({ errors: [{ code, message }] })
    server.before = ({ method }) => (method === 'PUT' ? { status, body } : undefined)
    expect(await connected().put('1.0', OTHER)).toMatchObject({
      kind: 'immutable',
      text: expect.stringContaining(message),
    })
  })

  it.each([
    [403, 'DENIED', 'permission_denied: write_package'],
    [400, 'MANIFEST_INVALID', 'manifest invalid'],
    [405, 'UNSUPPORTED', 'The operation is unsupported.'],
  ])('is not taken for one that is refused otherwise: %i %s', async (status, code, message) => {
    await pushed('1.0')
    const body = JSON.stringify({ errors: [{ code, message }] })
    server.before = ({ method }) => (method === 'PUT' ? { status, body } : undefined)
    expect(await faultOf(connected().put('1.0', OTHER))).toContain(`${status} (${code}: ${message})`)
  })
})

describe('what is found', () => {
  it('is read where the registry says no digest, or knows no HEAD', async () => {
    await pushed('1.0')
    const answers: readonly Answer[] = [
      { status: 200 },
      { status: 405 },
      { status: 200, headers: { 'docker-content-digest': 'sha512:ab' } },
    ]
    for (const answer of answers) {
      server.before = ({ method }) => (method === 'HEAD' ? answer : undefined)
      expect(await connected().find('1.0')).toBe(DIGEST)
    }
    expect(asked().filter((one) => one.startsWith('GET'))).toHaveLength(3)
  })

  it('is listed over pages, whose address may be of plain http behind a proxy or absolute', async () => {
    await pushed('a')
    for (const tag of ['b', 'c', 'd', 'e']) await connected().put(tag, IMAGE)
    server.pageSize = 2
    expect(await connected().tags()).toEqual(['a', 'b', 'c', 'd', 'e'])
    server.before = first({
      status: 200,
      headers: { link: `<http://${server.host}/v2/acme/shop/tags/list?n=2&last=d>; rel=next` },
      body: '{"tags":["a"]}',
    })
    expect(await connected().tags()).toEqual(['a', 'e'])
    server.before = () => ({ status: 200, body: '{"name":"acme/shop","tags":null}' })
    expect(await connected().tags()).toEqual([])
  })
})

describe('a proxy of the environment', () => {
  /** One that lets nothing through, and what it was asked for. */
  const proxied = async () => {
    const seen: string[] = []
    const proxy = createServer((incoming, outgoing) => {
      seen.push(`${incoming.method} ${incoming.url}`)
      outgoing.writeHead(500).end()
    })
    proxy.on('connect', (incoming, socket) => {
      seen.push(`CONNECT ${incoming.url}`)
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => new Promise<void>((resolve) => proxy.close(() => resolve())))
    const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    return { seen, env: { HTTP_PROXY: address, HTTPS_PROXY: address } }
  }

  it('is asked for a registry elsewhere', async () => {
    const { seen, env } = await proxied()
    const registry = connectRegistry(
      { host: 'registry.invalid', path: 'acme/shop' },
      { credentials: async () => undefined, attempts: 1, clock, signal: new AbortController().signal, env },
    )
    expect(await faultOf(registry.find('1.0'))).toContain('No answer from registry.invalid')
    expect(seen).toEqual(['CONNECT registry.invalid:443'])
  })

  it('is never asked for this machine', async () => {
    await pushed('1.0')
    const { seen, env } = await proxied()
    expect(await connected(undefined, { env }).find('1.0')).toBe(DIGEST)
    expect(seen).toEqual([])
  })
})
