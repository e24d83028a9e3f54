import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { output } from '../cluster/shell.ts'
import { BASE, counting, step } from './dockerfiles.ts'
import { type Ground, openGround } from './ground.ts'
import { build, fileIn, readable, shaOf, succeeded } from './job.ts'
import { lacking } from './programs.ts'
import type { Fault } from './proxy.ts'
import { ACCOUNT } from './registry.ts'

/** Blobs on their way, as BuildKit sends them. */
const UPLOADS = { when: /^(POST|PUT|PATCH) \/v2\/[^ ]+\/blobs\/uploads\//, from: /^buildkit/ }

describe.skipIf(lacking().length > 0)('build-push-image while the registry is unwell', () => {
  let ground: Ground
  beforeAll(async () => {
    ground = await openGround()
  }, 900_000)
  afterAll(() => ground?.close(), 60_000)

  const commit = { sha: shaOf('1') }

  // BuildKit itself tries four times within seven seconds, five blobs at once, and a 503 twice each time: it gives up just before the registry is well.
  test.concurrent.each<readonly [name: string, times: number, fault: Fault]>([
    ['fails inside', 45, { ...UPLOADS, status: 503 }],
    ['drops connections', 25, { ...UPLOADS, drop: 'request' }],
  ])(
    'a registry that %s is waited for, and only the push is repeated',
    async (name, times, fault) => {
      const proxy = await ground.before(ground.open)
      const repository = name.replace(' ', '-')
      proxy.next(times, fault)
      const context = ground.context({ Dockerfile: `${BASE}${counting(repository)}` })
      const ran = await build(ground, commit, { context, images: `${proxy.host}/${repository}` })
      succeeded(ran)
      expect(Number(ran.outputs.attempts)).toBeGreaterThan(1)
      expect(await fileIn(ground.open, { repository, reference: 'sha-1111111' }, 'runs')).toBe('1\n')
      expect(await ground.open.tags(repository)).toEqual(['main-1111111', 'sha-1111111'])
    },
    90_000,
  )

  test.concurrent('a registry that has had enough is left alone for as long as it asks', async () => {
    const proxy = await ground.before(ground.open)
    const context = ground.context({ Dockerfile: `${BASE}${counting('limited')}` })
    proxy.limit(6_000, UPLOADS)
    const ran = await build(ground, commit, { context, images: `${proxy.host}/limited` })
    succeeded(ran)
    expect(ran.outputs.attempts).toBe('2')
    expect(await fileIn(ground.open, { repository: 'limited', reference: 'sha-1111111' }, 'runs')).toBe('1\n')
    const turnedAway = proxy.seen().filter(({ answer }) => answer === 429)
    const [began = 0] = turnedAway.map(({ at }) => at)
    // BuildKit asks at once, and again at once; after that nobody does but to see whether it is well.
    expect(turnedAway.filter(({ at }) => at > began + 1_500).length).toBeLessThanOrEqual(2)
  }, 90_000)

  const credentials = { 'registry-username': ACCOUNT.username, 'registry-password': ACCOUNT.password }

  test.concurrent('a login that ends while the push is under way is a try that is repeated', async () => {
    const proxy = await ground.before(ground.basic)
    // In the words of ECR.
    const says = 'Your authorization token has expired. Reauthenticate and try again.'
    // Five blobs are on their way at once: one try takes one of these answers at least, and all of them at most.
    proxy.next(2, { ...UPLOADS, status: 403, says })
    const context = ground.context({ Dockerfile: `${BASE}${counting('ended')}` })
    const ran = await build(ground, commit, { context, images: `${proxy.host}/ended`, ...credentials })
    succeeded(ran)
    expect(Number(ran.outputs.attempts)).toBeGreaterThan(1)
    expect(await fileIn(ground.basic, { repository: 'ended', reference: 'sha-1111111' }, 'runs')).toBe('1\n')
    expect(readable(ran)).not.toContain(ACCOUNT.password)
  }, 90_000)

  test('a token that expired while the push is under way is got anew', async () => {
    const proxy = await ground.before(ground.guarded)
    const realm = `Bearer realm="${ground.tokens.realm}",service="registry.test"`
    const challenge = `${realm},scope="repository:expired:pull,push",error="invalid_token"`
    proxy.next(5, { ...UPLOADS, status: 401, headers: { 'www-authenticate': challenge } })
    const context = ground.context({ Dockerfile: `${BASE}${counting('expired')}` })
    const ran = await build(ground, commit, { context, images: `${proxy.host}/expired`, ...credentials })
    succeeded(ran)
    expect(await fileIn(ground.guarded, { repository: 'expired', reference: 'sha-1111111' }, 'runs')).toBe('1\n')
  }, 60_000)

  test('a tag is written with a new token when the one that there is has expired', async () => {
    const proxy = await ground.before(ground.guarded)
    const challenge = `Bearer realm="${ground.tokens.realm}",service="registry.test",error="invalid_token"`
    proxy.next(1, { when: /^PUT .*\/manifests\/main-/, status: 401, headers: { 'www-authenticate': challenge } })
    const context = ground.context({ Dockerfile: BASE })
    const ran = await build(ground, commit, { context, images: `${proxy.host}/stale`, ...credentials })
    succeeded(ran)
    expect(proxy.count(/^PUT .*\/manifests\/main-/)).toBe(2)
    expect(await ground.guarded.tags('stale')).toEqual(['main-1111111', 'sha-1111111'])
  }, 60_000)

  test.each<readonly [string, Fault]>([
    ['is dropped on the way', { drop: 'request' }],
    ['is written, and the answer lost', { drop: 'answer' }],
    ['fails', { status: 502 }],
    ['must wait', { status: 429, headers: { 'retry-after': '1' } }],
  ])(
    'a tag that %s is written in the end, to the same digest',
    async (name, fault) => {
      const proxy = await ground.before(ground.open)
      const repository = `tag-${name.replace(/[^a-z]+/g, '-')}`
      proxy.next(1, { ...fault, when: /^PUT .*\/manifests\/(sha|main)-1111111/ })
      const context = ground.context({ Dockerfile: BASE })
      const ran = await build(ground, commit, { context, images: `${proxy.host}/${repository}` })
      succeeded(ran)
      expect(proxy.seen().filter(({ faulty }) => faulty)).toHaveLength(1)
      for (const tag of ['main-1111111', 'sha-1111111'])
        expect((await ground.open.stored(repository, tag))?.digest).toBe(ran.outputs.digest)
    },
    60_000,
  )

  test('a run that was broken off between two tags is completed by the next, without a build', async () => {
    const proxy = await ground.before(ground.open)
    const inputs = {
      context: ground.context({ Dockerfile: `${BASE}${step('echo halves > /x')}` }),
      images: `${proxy.host}/halves`,
    }
    const released = { ...commit, ref: 'refs/tags/v1.0.0' }
    const TAGS = ['1.0.0', 'sha-1111111', 'v1.0.0-1111111']
    proxy.next(Number.POSITIVE_INFINITY, { when: /^PUT .*\/manifests\/(sha-|v1)/, status: 403 })
    const first = await build(ground, released, inputs)
    expect(first).toMatchObject({ code: 1, outputs: { verdict: 'error' } })
    expect(await ground.open.tags('halves')).toEqual(['1.0.0'])
    proxy.clear()
    const second = await build(ground, released, inputs)
    succeeded(second)
    expect(second.outputs.skipped).toBe('true')
    expect(await ground.open.tags('halves')).toEqual(TAGS)
    const digests = TAGS.map(async (tag) => (await ground.open.stored('halves', tag))?.digest)
    expect(new Set(await Promise.all(digests))).toEqual(new Set([second.outputs.digest]))
  }, 60_000)

  test('what the registry took and does not have gets no tag', async () => {
    const proxy = await ground.before(ground.open)
    const context = ground.context({ Dockerfile: BASE })
    proxy.next(Number.POSITIVE_INFINITY, { when: /^(GET|HEAD) .*\/manifests\/sha256:/, from: /^sluice/, status: 404 })
    const ran = await build(ground, commit, { context, images: `${proxy.host}/forgetful` })
    expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'error', 'reason-code': 'not-whole', tags: '' } })
    expect(await ground.open.tags('forgetful')).toEqual([])
  }, 60_000)

  test('what no try can mend is not tried again', async () => {
    const proxy = await ground.before(ground.open)
    proxy.next(Number.POSITIVE_INFINITY, { ...UPLOADS, status: 403 })
    const context = ground.context({ Dockerfile: BASE })
    const ran = await build(ground, commit, { context, images: `${proxy.host}/denied` })
    expect([ran.log, ran]).toMatchObject([
      ran.log,
      { code: 1, outputs: { verdict: 'error', 'reason-code': 'push-failed', attempts: '1' } },
    ])
    expect(ran.log).toMatch(/403|denied/i)
    expect(await ground.open.tags('denied')).toEqual([])
  }, 60_000)

  test('what may not be pushed to is told before anything is built', async () => {
    const proxy = await ground.before(ground.open)
    proxy.next(Number.POSITIVE_INFINITY, { when: UPLOADS.when, status: 403 })
    const context = ground.context({ Dockerfile: `${BASE}${step('echo it-was-built')}` })
    const ran = await build(ground, commit, { context, images: `${proxy.host}/forbidden` })
    expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'error' } })
    expect(ran.log).toMatch(/403/)
    expect(ran.log).not.toContain('it-was-built')
    expect(await ground.open.tags('forbidden')).toEqual([])
  }, 60_000)

  test('with one attempt a registry that stays unwell is an error, and no tag is written', async () => {
    const proxy = await ground.before(ground.open)
    proxy.limit(600_000, UPLOADS)
    const context = ground.context({ Dockerfile: BASE })
    const ran = await build(ground, commit, { context, images: `${proxy.host}/never`, attempts: '1' })
    expect([ran.log, ran]).toMatchObject([
      ran.log,
      { code: 1, outputs: { verdict: 'error', 'reason-code': 'push-failed', attempts: '1' } },
    ])
    expect(ran.log).toMatch(/toomanyrequests/)
    expect(await ground.open.tags('never')).toEqual([])
  }, 60_000)

  test('a build that is cancelled ends in BuildKit as well', async () => {
    const context = ground.context({ Dockerfile: `${BASE}${step('echo sleeping; /bin/busybox sleep 973')}` })
    const sleeping = (): boolean => /^\/bin\/busybox sleep 973$/m.test(output('ps', ['-eo', 'args']) ?? '')
    let slept = false
    const inputs = { context, images: `${ground.open.host}/asleep` }
    const ran = await build(ground, commit, inputs, {
      started: (kill) => {
        const look = setInterval(() => {
          slept = sleeping()
          if (!slept) return
          clearInterval(look)
          kill('SIGINT')
        }, 100)
        setTimeout(() => clearInterval(look), 30_000)
      },
    })
    expect(ran).toMatchObject({ outputs: { verdict: 'error', 'reason-code': 'cancelled' } })
    expect(ran.code).not.toBe(0)
    expect(slept).toBe(true)
    await expect.poll(sleeping, { timeout: 10_000 }).toBe(false)
    expect(await ground.open.tags('asleep')).toEqual([])
  }, 60_000)

  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s during the push leaves no tag and no process',
    async (signal) => {
      const proxy = await ground.before(ground.open)
      proxy.next(Number.POSITIVE_INFINITY, { ...UPLOADS, delayMs: 5_000 })
      const context = ground.context({ Dockerfile: `${BASE}${step('echo cancelled > /x')}` })
      const repository = `cancelled-${signal.toLowerCase()}`
      const ran = await build(
        ground,
        commit,
        { context, images: `${proxy.host}/${repository}` },
        {
          started: (kill) => {
            // The proxy notes a request once it is answered; what asks whether a blob is there comes just before its upload.
            const look = setInterval(() => {
              if (proxy.count(/^HEAD \/v2\/[^ ]+\/blobs\//) === 0) return
              clearInterval(look)
              setTimeout(() => kill(signal), 300)
            }, 20)
          },
        },
      )
      expect(ran.code).not.toBe(0)
      expect(ran.outputs).toMatchObject({ verdict: 'error', 'reason-code': 'cancelled' })
      expect(ran.afterSignalMs).toBeLessThan(4_000)
      expect(await ground.open.tags(repository)).toEqual([])
      const left = (output('ps', ['-eo', 'args']) ?? '').split('\n').filter((line) => line.includes(context))
      expect(left).toEqual([])
    },
    60_000,
  )
})
