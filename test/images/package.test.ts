import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunTrace } from '../../packages/runner/src/trace.ts'
import { BASE, counting } from './dockerfiles.ts'
import { type Ground, openGround } from './ground.ts'
import { type Local, openLocal, saidBy } from './local.ts'
import { lacking } from './programs.ts'

/** What the action's steps of the jobs put out, by the job's path. */
const stepsOf = (trace: RunTrace) =>
  trace.jobs.flatMap(({ path, steps }) =>
    steps.filter(({ uses }) => uses.endsWith('build-push-image')).map(({ outputs }) => ({ path, outputs })),
  )

describe.skipIf(lacking().length > 0)('package.yml on the local runner', () => {
  let ground: Ground
  let local: Local

  beforeAll(async () => {
    ground = await openGround()
    local = await openLocal(
      ground,
      {
        Dockerfile: `${BASE}COPY release /release\n${counting('packaged')}`,
        'sluice.yml': `version: 1
services:
  shop:
    image: ${ground.proxy.host}/acme/shop
    package:
      platforms: { linux/amd64: ubuntu-latest, linux/386: ubuntu-latest }
      attempts: 6
`,
        release: 'one\n',
      },
      { machines: 2 },
    )
  }, 900_000)
  afterAll(async () => {
    await local?.close()
    await ground?.close()
  }, 60_000)

  test('from source to a digest with its tags, and a second run builds nothing', async () => {
    ground.proxy.clear()
    const first = await local.push()
    expect(
      saidBy(first),
      JSON.stringify(first.jobs.map(({ path, conclusion, why }) => [path, conclusion, why])),
    ).toMatchObject({ verdict: 'pass', 'reason-code': 'merged', repository: `${ground.proxy.host}/acme/shop` })
    const { digest = '' } = saidBy(first)
    const tags = await ground.open.tags('acme/shop')
    expect(tags).toHaveLength(2)
    for (const tag of tags) expect((await ground.open.stored('acme/shop', tag))?.digest).toBe(digest)
    const platforms = (await ground.open.stored('acme/shop', digest))?.manifest.manifests?.map(
      ({ platform: { os, architecture } }: { platform: { os: string; architecture: string } }) =>
        `${os}/${architecture}`,
    )
    expect(platforms).toEqual(expect.arrayContaining(['linux/amd64', 'linux/386']))

    ground.proxy.clear()
    const second = await local.push()
    expect(second.conclusion).toBe('success')
    expect(saidBy(second)).toMatchObject({ verdict: 'pass', 'reason-code': 'skipped', digest })
    expect(stepsOf(second).flatMap(({ outputs }) => outputs.skipped ?? [])).toEqual(['true', 'true', 'true'])
    expect(ground.proxy.count(/^(POST|PUT|PATCH|DELETE) /)).toBe(0)
  }, 180_000)

  test('through a registry that fails in passing', async () => {
    local.commit({ release: 'two\n' })
    ground.proxy.clear()
    ground.proxy.next(2, { when: /^(POST|PATCH|PUT) .*\/blobs\/uploads/, from: /buildkit/i, status: 503 })
    ground.proxy.limit(6_000, { when: /^(POST|PATCH|PUT) .*\/blobs\/uploads/, from: /^buildkit/ })
    ground.proxy.next(1, { when: /^PUT .*\/manifests\//, from: /buildkit/i, drop: 'answer' })
    ground.proxy.next(1, { when: /^PUT .*\/manifests\//, from: /sluice/, status: 429, headers: { 'retry-after': '1' } })
    const trace = await local.push()
    expect(saidBy(trace), JSON.stringify(trace.jobs.map(({ path, conclusion }) => [path, conclusion]))).toMatchObject({
      verdict: 'pass',
      'reason-code': 'merged',
    })
    const legs = stepsOf(trace).filter(({ path }) => path.includes('build ('))
    expect(legs).toHaveLength(2)
    expect(Math.max(...legs.map(({ outputs }) => Number(outputs.attempts)))).toBeGreaterThan(1)
    expect(ground.proxy.seen().filter(({ faulty }) => faulty).length).toBeGreaterThanOrEqual(5)
    const { digest = '' } = saidBy(trace)
    expect(await ground.open.tags('acme/shop')).toHaveLength(4)
    expect((await ground.open.stored('acme/shop', digest))?.digest).toBe(digest)
  }, 180_000)

  test('a Dockerfile that does not build is a failure that says where, and no tag names anything', async () => {
    const before = await ground.open.tags('acme/shop')
    local.commit({ release: 'three\n', Dockerfile: `${BASE}RUN ["/bin/busybox", "false"]\n` })
    const trace = await local.push()
    expect(trace.conclusion).toBe('failure')
    expect(saidBy(trace)).toMatchObject({ verdict: 'fail', 'reason-code': 'build-failed' })
    const annotations = trace.jobs.flatMap(({ steps }) => steps.flatMap((step) => step.annotations))
    expect(annotations.filter(({ file, line }) => file === 'Dockerfile' && line !== undefined)).not.toEqual([])
    expect(await ground.open.tags('acme/shop')).toEqual(before)
  }, 180_000)
})
