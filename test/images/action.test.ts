import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BASE, counting, step } from './dockerfiles.ts'
import { type Ground, openGround } from './ground.ts'
import { build, everythingIn, fileIn, manifestsOf, readable, shaOf, succeeded } from './job.ts'
import { lacking } from './programs.ts'
import { ACCOUNT } from './registry.ts'
import { run } from './run.ts'

/** Of every command line on the machine, those that hold one of the words. */
const commandLinesWith = (words: readonly string[]): readonly string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')]
      } catch {
        return []
      }
    })
    .filter((line) => words.some((word) => line.includes(word)))

describe.skipIf(lacking().length > 0)('build-push-image on real registries', () => {
  let ground: Ground
  beforeAll(async () => {
    ground = await openGround({ daemon: true })
  }, 900_000)
  afterAll(() => ground?.close(), 60_000)

  const [one, two] = [shaOf('1'), shaOf('2')]

  test('from source to a digest with tags; again, nothing is built; another commit cannot have the same version', async () => {
    const images = `${ground.proxy.host}/shop`
    const context = ground.context({ Dockerfile: `${BASE}ARG WHO\n${counting('shop')}` })
    const released = { ref: 'refs/tags/v1.2.3' }
    ground.proxy.clear()

    const first = await build(ground, { sha: one, ...released }, { context, images, 'build-args': 'WHO=me' })
    succeeded(first)
    expect(first.outputs['reason-code']).toBe('pushed')
    const { digest = '' } = first.outputs
    expect(first.outputs).toMatchObject({
      image: `${images}@${digest}`,
      repository: images,
      skipped: 'false',
      attempts: '1',
    })
    expect(await ground.open.tags('shop')).toEqual(['1.2.3', 'sha-1111111', 'v1.2.3-1111111'])
    for (const tag of await ground.open.tags('shop'))
      expect((await ground.open.stored('shop', tag))?.digest).toBe(digest)
    expect(first.outputs.tags?.split('\n').sort()).toEqual(
      ['1.2.3', 'sha-1111111', 'v1.2.3-1111111'].map((tag) => `${images}:${tag}`),
    )
    const [image] = (await manifestsOf(ground.open, 'shop', digest)).filter(
      ({ platform }) => platform !== 'unknown/unknown',
    )
    const config = JSON.parse((await ground.open.blob('shop', image?.manifest.config.digest)).toString())
    expect(config.config.Labels).toMatchObject({
      'org.opencontainers.image.revision': one,
      'org.opencontainers.image.version': '1.2.3',
      'org.opencontainers.image.source': 'https://github.test/acme/shop',
    })
    expect(JSON.parse(first.outputs.digests ?? '')).toEqual({ 'linux/amd64': image?.digest })
    expect(await fileIn(ground.open, { repository: 'shop', reference: digest }, 'runs')).toBe('1\n')
    expect(first.summary).toContain(digest)

    ground.proxy.clear()
    const again = await build(ground, { sha: one, ...released }, { context, images, 'build-args': 'WHO=somebody else' })
    expect(again.outputs).toMatchObject({
      verdict: 'pass',
      'reason-code': 'skipped',
      skipped: 'true',
      digest,
      attempts: '0',
    })
    expect(ground.proxy.count(/^(POST|PUT|PATCH|DELETE) /)).toBe(0)

    const other = await build(ground, { sha: two, ...released }, { context, images, 'build-args': 'WHO=another' })
    expect(other).toMatchObject({ code: 1, outputs: { verdict: 'fail', 'reason-code': 'tag-taken', digest: '' } })
    expect(other.log).toContain(digest)
    expect(other.log).toContain(one)
    expect(other.log).toContain(two)
    expect(other.log).not.toContain('/count/runs')
    expect(ground.proxy.count(/^(POST|PUT|PATCH|DELETE) /)).toBe(0)
    expect(await ground.open.tags('shop')).toEqual(['1.2.3', 'sha-1111111', 'v1.2.3-1111111'])
  }, 60_000)

  test('an image of this revision under one tag gets the tags that are missing, and is not built again', async () => {
    const images = `${ground.open.host}/resumed`
    const context = ground.context({ Dockerfile: BASE })
    const branch = { sha: one, ref: 'refs/heads/main' }
    const first = await build(ground, branch, { context, images })
    const released = await build(ground, { sha: one, ref: 'refs/tags/v2.0.0' }, { context, images })
    expect(released.outputs).toMatchObject({ 'reason-code': 'skipped', digest: first.outputs.digest })
    expect(await ground.open.tags('resumed')).toEqual(['2.0.0', 'main-1111111', 'sha-1111111', 'v2.0.0-1111111'])
    expect((await ground.open.stored('resumed', '2.0.0'))?.digest).toBe(first.outputs.digest)
  }, 60_000)

  test('a tag of somebody else, without our label, is an error before anything is built, and stays', async () => {
    const images = `${ground.open.host}/strange`
    const context = ground.context({ Dockerfile: BASE })
    const output = ['--output', `type=image,name=${images}:3.0.0,push=true`]
    await run('docker', ['buildx', 'build', ...output, context], { env: ground.env })
    const before = await ground.open.stored('strange', '3.0.0')
    const ran = await build(ground, { sha: one, ref: 'refs/tags/v3.0.0' }, { context, images })
    expect(ran).toMatchObject({ code: 1, outputs: { 'reason-code': 'tag-taken' } })
    expect(ran.log).toContain(before?.digest)
    expect(await ground.open.tags('strange')).toEqual(['3.0.0'])
    expect((await ground.open.stored('strange', '3.0.0'))?.digest).toBe(before?.digest)
  }, 60_000)

  test('a moving tag moves, and latest does not go back', async () => {
    const images = `${ground.open.host}/moving`
    const tags = 'type=semver,pattern={{version}}\ntype=semver,pattern={{major}}.{{minor}}'
    const release = (version: string, digit: string) =>
      build(
        ground,
        { sha: shaOf(digit), ref: `refs/tags/v${version}` },
        {
          context: ground.context({ Dockerfile: `${BASE}LABEL version=${version}\n` }),
          images,
          tags,
          flavor: 'latest=auto',
        },
      )
    const of = async (tag: string) => (await ground.open.stored('moving', tag))?.digest
    const first = await release('1.4.0', '1')
    expect([await of('1.4'), await of('latest')]).toEqual([first.outputs.digest, first.outputs.digest])
    const second = await release('1.4.1', '2')
    expect([await of('1.4'), await of('latest')]).toEqual([second.outputs.digest, second.outputs.digest])
    const back = await release('1.3.9', '3')
    expect(back.outputs['reason-code']).toBe('pushed')
    expect(await of('1.3')).toBe(back.outputs.digest)
    expect([await of('1.4'), await of('latest')]).toEqual([second.outputs.digest, second.outputs.digest])
    expect(await of('1.4.0')).toBe(first.outputs.digest)
  }, 60_000)

  test('two repositories get the same digest, each with all tags; what one lacks it gets without a build', async () => {
    const context = ground.context({ Dockerfile: `${BASE}${step('echo two > /two')}` })
    const [first, second] = [`${ground.open.host}/first`, `${ground.open.host}/second`]
    const ran = await build(ground, { sha: one }, { context, images: `${first}\n${second}` })
    succeeded(ran)
    const tags = ['main-1111111', 'sha-1111111']
    for (const repository of ['first', 'second']) {
      expect(await ground.open.tags(repository)).toEqual(tags)
      expect((await ground.open.stored(repository, 'sha-1111111'))?.digest).toBe(ran.outputs.digest)
    }
    const third = await build(ground, { sha: one }, { context, images: `${first}\n${ground.open.host}/third` })
    expect(third.outputs).toMatchObject({ skipped: 'true', digest: ran.outputs.digest })
    expect(await ground.open.tags('third')).toEqual(tags)
    expect(await fileIn(ground.open, { repository: 'third', reference: 'sha-1111111' }, 'two')).toBe('two\n')
  }, 60_000)

  test('a pull request is tagged by its head', async () => {
    const images = `${ground.open.host}/pulled`
    const ran = await build(ground, { sha: one, pull: 7 }, { context: ground.context({ Dockerfile: BASE }), images })
    expect(ran.code).toBe(0)
    expect(await ground.open.tags('pulled')).toEqual(['pr-7-1111111', 'sha-1111111'])
  }, 60_000)

  test.each([['basic'], ['guarded']] as const)(
    'name and password for the %s registry come by inputs',
    async (which) => {
      const images = `${ground[which].host}/shop`
      const context = ground.context({ Dockerfile: BASE })
      const wrong = 'not-the-password-91c2'
      const credentials = (password: string) => ({
        'registry-username': ACCOUNT.username,
        'registry-password': password,
      })
      const refused = await build(ground, { sha: one }, { context, images, ...credentials(wrong) })
      expect(refused).toMatchObject({ code: 1, outputs: { verdict: 'error' } })
      expect(refused.log).toMatch(/password|log ?in|credentials/i)
      expect(refused.log).toContain(ground[which].host)
      expect(readable(refused)).not.toContain(wrong)
      const ran = await build(ground, { sha: one }, { context, images, ...credentials(ACCOUNT.password) })
      succeeded(ran)
      expect(await ground[which].tags('shop')).toEqual(['main-1111111', 'sha-1111111'])
      const pair = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64')
      for (const secret of [ACCOUNT.password, pair]) expect(readable(ran)).not.toContain(secret)
      // The job's own configuration of Docker is as it was.
      expect(
        readFileSync(join(ground.env.DOCKER_CONFIG ?? '', 'config.json'), { encoding: 'utf8', flag: 'a+' }),
      ).not.toContain(ground[which].host)
      // Without the inputs, nothing is left to get in by.
      const without = await build(ground, { sha: two }, { context, images })
      expect(without).toMatchObject({ code: 1, outputs: { verdict: 'error' } })
    },
    60_000,
  )

  test('without the inputs, what docker login left is used', async () => {
    const { host } = ground.basic
    const input = ACCOUNT.password
    const login = ['login', '--username', ACCOUNT.username, '--password-stdin', host]
    expect(await run('docker', login, { env: ground.env, input })).toMatchObject({ code: 0 })
    const images = `${host}/logged-in`
    const ran = await build(ground, { sha: one }, { context: ground.context({ Dockerfile: BASE }), images })
    await run('docker', ['logout', host], { env: ground.env })
    succeeded(ran)
    expect(await ground.basic.tags('logged-in')).toEqual(['main-1111111', 'sha-1111111'])
  }, 60_000)

  test('a step that fails is shown at its line with its last words, and nothing is pushed', async () => {
    const images = `${ground.open.host}/broken`
    const context = ground.context({
      Dockerfile: `${BASE}${step('echo fine')}# why\n${step('echo the disk is made of cheese >&2; exit 3')}`,
    })
    const ran = await build(ground, { sha: one }, { context, images })
    expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'fail', 'reason-code': 'build-failed', digest: '' } })
    const annotation = ran.log.split('\n').find((line) => line.startsWith('::error ') && line.includes('file='))
    expect(annotation).toMatch(/file=[^,]*Dockerfile,line=5\b/)
    expect(annotation).toContain('the disk is made of cheese')
    expect(ran.summary).toContain('the disk is made of cheese')
    expect(await ground.open.stored('broken', 'sha-1111111')).toBeUndefined()
    expect(await ground.open.tags('broken')).toEqual([])
  }, 60_000)

  test("BuildKit's checks are warnings at their lines, and fail nothing", async () => {
    const images = `${ground.open.host}/warned`
    const context = ground.context({ Dockerfile: `${BASE}MAINTAINER nobody\n` })
    const ran = await build(ground, { sha: one }, { context, images })
    expect(ran.code).toBe(0)
    expect(ran.log).toMatch(/^::warning .*file=[^,]*Dockerfile,line=3\b.*MAINTAINER/im)
  }, 60_000)

  test('secrets reach the build, and are in no command line, no log and no layer', async () => {
    const images = `${ground.open.host}/secretive`
    const [secret, inFile] = ['s3cret, "quoted" = and-long-5d1e', 'file-secret-77ab']
    const mounts = '--mount=type=secret,id=token --mount=type=secret,id=key'
    const sums = '/bin/busybox cat /run/secrets/token /run/secrets/key | /bin/busybox sha256sum > /sum'
    const context = ground.context({ Dockerfile: `${BASE}${step(`${sums}; /bin/busybox sleep 1`, mounts)}` })
    writeFileSync(join(ground.folder, 'key'), inFile)
    const seen: string[] = []
    const commands: string[] = []
    const watch = setInterval(() => {
      seen.push(...commandLinesWith(['s3cret', 'and-long-5d1e', inFile]))
      commands.push(...commandLinesWith([images]))
    }, 30)
    try {
      const ran = await build(
        ground,
        { sha: one },
        {
          context,
          images,
          secrets: `token=${secret}`,
          'secret-files': `key=${join(ground.folder, 'key')}`,
          provenance: 'max',
        },
      )
      succeeded(ran)
      const sum = createHash('sha256').update(`${secret}${inFile}`).digest('hex')
      expect(await fileIn(ground.open, { repository: 'secretive', reference: 'sha-1111111' }, 'sum')).toContain(sum)
      for (const part of [secret, 'and-long-5d1e', inFile]) {
        expect(readable(ran)).not.toContain(part)
        expect(await everythingIn(ground.open, 'secretive', 'sha-1111111')).not.toContain(part)
      }
      expect(commands).not.toEqual([])
      expect(seen).toEqual([])
    } finally {
      clearInterval(watch)
    }
  }, 60_000)

  test('two platforms are one index, with provenance of both; none when it is not wanted', async () => {
    const images = `${ground.open.host}/platforms`
    const context = ground.context({ Dockerfile: `${BASE}ARG TARGETARCH\n${step('echo "$TARGETARCH" > /arch')}` })
    const platforms = 'linux/amd64,linux/386'
    const ran = await build(ground, { sha: one }, { context, images, platforms, provenance: 'max' })
    succeeded(ran)
    const all = await manifestsOf(ground.open, 'platforms', ran.outputs.digest ?? '')
    expect(all.map(({ platform }) => platform).sort()).toEqual([
      'linux/386',
      'linux/amd64',
      'unknown/unknown',
      'unknown/unknown',
    ])
    const at = (platform: string) => all.find((each) => each.platform === platform)?.digest
    expect(JSON.parse(ran.outputs.digests ?? '')).toEqual({
      'linux/amd64': at('linux/amd64'),
      'linux/386': at('linux/386'),
    })
    for (const platform of ['linux/amd64', 'linux/386'])
      expect(await fileIn(ground.open, { repository: 'platforms', reference: 'sha-1111111', platform }, 'arch')).toBe(
        `${platform.slice(6)}\n`,
      )
    const attestations = all.filter(({ platform }) => platform === 'unknown/unknown')
    for (const { manifest } of attestations) {
      const types = manifest.layers.flatMap(({ annotations }: { annotations: object }) => Object.values(annotations))
      expect(types.join()).toMatch(/slsa\.dev\/provenance/)
    }
    const bare = await build(ground, { sha: two }, { context, images, platforms: 'linux/amd64', provenance: 'none' })
    expect((await ground.open.stored('platforms', bare.outputs.digest ?? ''))?.manifest.manifests).toBeUndefined()
  }, 60_000)

  test('a version with a platform too few is not taken for this one', async () => {
    const images = `${ground.open.host}/fewer`
    const context = ground.context({ Dockerfile: BASE })
    const commit = { sha: one, ref: 'refs/tags/v1.0.0' }
    const first = await build(ground, commit, { context, images, platforms: 'linux/amd64' })
    const more = await build(ground, commit, { context, images, platforms: 'linux/amd64,linux/386' })
    expect(more).toMatchObject({ code: 1, outputs: { 'reason-code': 'tag-taken' } })
    expect(more.log).toContain('linux/386')
    expect((await ground.open.stored('fewer', '1.0.0'))?.digest).toBe(first.outputs.digest)
  }, 60_000)

  test('an image is loaded into Docker under its tags, pushed or not', async () => {
    const images = `${ground.open.host}/loaded`
    const context = ground.context({ Dockerfile: `${BASE}CMD ["/bin/busybox", "true"]\n` })
    const ran = await build(ground, { sha: one }, { context, images, push: 'false', load: 'true' })
    succeeded(ran)
    expect(ran.outputs['reason-code']).toBe('built')
    const revision = async (reference: string): Promise<string> => {
      const format = '{{index .Config.Labels "org.opencontainers.image.revision"}}'
      return (await run('docker', ['image', 'inspect', '--format', format, reference], { env: ground.env })).said.trim()
    }
    expect(await revision(`${images}:sha-1111111`)).toBe(one)
    expect(await ground.open.tags('loaded')).toEqual([])
    const pushed = await build(ground, { sha: two }, { context, images, load: 'true' })
    expect(pushed.outputs['reason-code']).toBe('pushed')
    expect(await revision(`${images}:main-2222222`)).toBe(two)
    expect(await ground.open.tags('loaded')).toEqual(['main-2222222', 'sha-2222222'])
  }, 60_000)

  test.each([['registry'], ['inline']])(
    'with cache %s the next commit takes its layers from a builder that knew nothing',
    async (cache) => {
      const repository = `cached-${cache}`
      const images = `${ground.open.host}/${repository}`
      const Dockerfile = `${BASE}${step('/bin/busybox cat /proc/sys/kernel/random/uuid > /stamp')}COPY source /source\n`
      const ran = async (sha: string, source: string) => {
        await run('docker', ['buildx', 'prune', '--all', '--force'], { env: ground.env })
        const result = await build(ground, { sha }, { context: ground.context({ Dockerfile, source }), images, cache })
        succeeded(result)
        const reference = result.outputs.digest ?? ''
        return {
          stamp: await fileIn(ground.open, { repository, reference }, 'stamp'),
          source: await fileIn(ground.open, { repository, reference }, 'source'),
        }
      }
      const first = await ran(one, 'one')
      const second = await ran(two, 'two')
      expect(first.stamp).toMatch(/^[0-9a-f-]{36}\n$/)
      expect(second).toEqual({ stamp: first.stamp, source: 'two' })
    },
    60_000,
  )

  test('a cache that cannot be reached fails no build', async () => {
    const proxy = ground.proxy
    proxy.clear()
    proxy.next(Number.POSITIVE_INFINITY, { when: /manifests\/buildcache-/, status: 403 })
    const context = ground.context({ Dockerfile: `${BASE}${step('echo uncached > /x')}` })
    const ran = await build(ground, { sha: one }, { context, images: `${proxy.host}/uncached`, cache: 'registry' })
    succeeded(ran)
    expect(proxy.seen().some(({ faulty }) => faulty)).toBe(true)
    expect(await ground.open.tags('uncached')).toEqual(['main-1111111', 'sha-1111111'])
    proxy.clear()
  }, 60_000)
})
