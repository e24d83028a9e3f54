import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BASE, step } from './dockerfiles.ts'
import { type Ground, openGround } from './ground.ts'
import { build, fileIn, manifestsOf, shaOf, succeeded } from './job.ts'
import { lacking } from './programs.ts'

describe.skipIf(lacking().length > 0)('build-push-image in legs', () => {
  let ground: Ground
  let context: string
  beforeAll(async () => {
    ground = await openGround()
    context = ground.context({ Dockerfile: `${BASE}ARG TARGETARCH\n${step('echo "$TARGETARCH" > /arch')}` })
  }, 900_000)
  afterAll(() => ground?.close(), 60_000)

  const commit = { sha: shaOf('1'), ref: 'refs/tags/v1.0.0' }
  const TAGS = ['1.0.0', 'sha-1111111', 'v1.0.0-1111111']
  const PLATFORMS = 'linux/amd64,linux/386'

  const leg = async (repository: string, platforms: string, inputs: Readonly<Record<string, string>> = {}) => {
    const images = `${ground.open.host}/${repository}`
    const ran = await build(ground, commit, { context, images, platforms, push: 'by-digest', ...inputs })
    succeeded(ran)
    expect(ran.outputs.tags ?? '').toBe('')
    return ran.outputs.digest ?? ''
  }
  const merge = (repository: string, digests: readonly string[], platforms = PLATFORMS) =>
    build(ground, commit, { images: `${ground.open.host}/${repository}`, platforms, merge: digests.join('\n') })

  test('legs push by digest, and the merge is one image with every tag; merged again, nothing is done', async () => {
    const digests = [await leg('shop', 'linux/amd64'), await leg('shop', 'linux/386')]
    expect(await ground.open.tags('shop')).toEqual([])
    const merged = await merge('shop', digests)
    succeeded(merged)
    expect(merged.outputs['reason-code']).toBe('merged')
    expect(await ground.open.tags('shop')).toEqual(TAGS)
    for (const tag of TAGS) expect((await ground.open.stored('shop', tag))?.digest).toBe(merged.outputs.digest)
    const platforms = (await manifestsOf(ground.open, 'shop', '1.0.0')).map(({ platform }) => platform)
    expect(platforms.filter((one) => one !== 'unknown/unknown').sort()).toEqual(['linux/386', 'linux/amd64'])
    // The provenance of each leg comes along.
    expect(platforms.filter((one) => one === 'unknown/unknown')).toHaveLength(2)
    for (const platform of PLATFORMS.split(','))
      expect(await fileIn(ground.open, { repository: 'shop', reference: '1.0.0', platform }, 'arch')).toBe(
        `${platform.slice(6)}\n`,
      )
    const again = await merge('shop', digests)
    expect(again.outputs).toMatchObject({ skipped: 'true', digest: merged.outputs.digest })
  }, 60_000)

  test('legs without provenance merge as well', async () => {
    const digests = [
      await leg('bare', 'linux/amd64', { provenance: 'none' }),
      await leg('bare', 'linux/386', { provenance: 'none' }),
    ]
    const merged = await merge('bare', digests)
    succeeded(merged)
    const platforms = (await manifestsOf(ground.open, 'bare', '1.0.0')).map(({ platform }) => platform)
    expect(platforms.sort()).toEqual(['linux/386', 'linux/amd64'])
  }, 60_000)

  test('a merge that lacks a platform, or has one too many, writes no tag', async () => {
    const [amd64, i386] = [await leg('lacking', 'linux/amd64'), await leg('lacking', 'linux/386')]
    const lacks = await merge('lacking', [amd64])
    expect(lacks).toMatchObject({ code: 1, outputs: { verdict: 'fail', 'reason-code': 'platforms-differ' } })
    expect(lacks.log).toContain('linux/386')
    const many = await merge('lacking', [amd64, i386], 'linux/amd64')
    expect(many).toMatchObject({ code: 1, outputs: { 'reason-code': 'platforms-differ' } })
    expect(await ground.open.tags('lacking')).toEqual([])
  }, 60_000)

  test('a digest that was never pushed is named, and no tag is written', async () => {
    const strange = `sha256:${'0'.repeat(64)}`
    const ran = await merge('lost', [await leg('lost', 'linux/amd64'), strange])
    expect(ran).toMatchObject({ code: 1, outputs: { 'reason-code': 'platforms-differ' } })
    expect(ran.log).toContain(strange)
    expect(await ground.open.tags('lost')).toEqual([])
  }, 60_000)
})
