import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { publishedFromSource, thirdParties } from '../../packages/cli/src/rehearsal/github.ts'
import type { Platform } from '../../packages/runner/src/github.ts'
import { createPlatform } from '../../packages/runner/src/platform/platform.ts'
import type { JobTrace, RunTrace } from '../../packages/runner/src/trace.ts'
import { BASE, counting } from './dockerfiles.ts'
import { type Ground, openGround } from './ground.ts'
import { lacking } from './programs.ts'

const ROOT = join(import.meta.dirname, '../..')

/** A caller of package.yml, and what it gives on. */
const CALLER = `name: Package
on:
  push: { branches: [main] }
  workflow_dispatch: {}
permissions: {}
jobs:
  package:
    permissions: { contents: read, packages: write, id-token: write, attestations: write }
    uses: acme/sluice/.github/workflows/package.yml@v1
`

/** What package.yml says, of the job that says it for the whole workflow. */
const said = (trace: RunTrace): JobTrace['outputs'] => {
  const job = trace.jobs.find(({ ids, kind }) => kind === 'job' && ids.join('/') === 'package/package')
  return job?.outputs ?? {}
}
/** What the action's steps of the jobs put out, by the job's path. */
const stepsOf = (trace: RunTrace) =>
  trace.jobs.flatMap(({ path, steps }) =>
    steps.filter(({ uses }) => uses.endsWith('build-push-image')).map(({ outputs }) => ({ path, outputs })),
  )

describe.skipIf(lacking().length > 0)('package.yml on the local runner', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-package-'))
  const folder = join(directory, 'repository')
  let ground: Ground
  let platform: Platform

  const git = (...words: readonly string[]): void =>
    void execFileSync('git', ['-c', 'user.name=Test', '-c', 'user.email=test@example.com', ...words], { cwd: folder })
  const commit = (files: Readonly<Record<string, string>>): void => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    git('add', '-A')
    git('commit', '-q', '-m', 'A release')
  }
  const pushed = async (): Promise<RunTrace> => {
    const [run] = platform.push({ branch: 'main' })
    if (run === undefined) throw new Error('no run was started')
    return run.done
  }

  beforeAll(async () => {
    ground = await openGround()
    const context = ground.context({
      Dockerfile: `${BASE}COPY release /release\n${counting('packaged')}`,
      'sluice.yml': `version: 1
services:
  shop:
    image: ${ground.proxy.host}/acme/shop
    package:
      platforms: { linux/amd64: ubuntu-latest, linux/386: ubuntu-latest }
      attempts: 6
`,
      '.github/workflows/package.yml': CALLER,
      release: 'one\n',
    })
    execFileSync('cp', ['-a', context, folder])
    git('init', '-q', '-b', 'main')
    commit({})
    const machines = join(directory, 'machines')
    mkdirSync(machines)
    platform = await createPlatform({
      repository: { name: 'acme/shop', folder, defaultBranch: 'main' },
      published: { 'acme/sluice': publishedFromSource(ROOT, join(directory, 'published')) },
      actions: thirdParties(ROOT, directory),
      env: { ...ground.env, LANG: 'C.UTF-8', SLUICE_ARTIFACTS: join(directory, 'artifacts') },
      machines: 2,
      directory: machines,
    })
  }, 900_000)
  afterAll(async () => {
    await platform?.close()
    await ground?.close()
    rmSync(directory, { recursive: true, force: true })
  }, 60_000)

  test('from source to a digest with its tags, and a second run builds nothing', async () => {
    ground.proxy.clear()
    const first = await pushed()
    expect(
      said(first),
      JSON.stringify(first.jobs.map(({ path, conclusion, why }) => [path, conclusion, why])),
    ).toMatchObject({ verdict: 'pass', 'reason-code': 'merged', repository: `${ground.proxy.host}/acme/shop` })
    const { digest = '' } = said(first)
    const tags = await ground.open.tags('acme/shop')
    expect(tags).toHaveLength(2)
    for (const tag of tags) expect((await ground.open.stored('acme/shop', tag))?.digest).toBe(digest)
    const platforms = (await ground.open.stored('acme/shop', digest))?.manifest.manifests?.map(
      ({ platform: { os, architecture } }: { platform: { os: string; architecture: string } }) =>
        `${os}/${architecture}`,
    )
    expect(platforms).toEqual(expect.arrayContaining(['linux/amd64', 'linux/386']))

    ground.proxy.clear()
    const second = await pushed()
    expect(second.conclusion).toBe('success')
    expect(said(second)).toMatchObject({ verdict: 'pass', 'reason-code': 'skipped', digest })
    expect(stepsOf(second).flatMap(({ outputs }) => outputs.skipped ?? [])).toEqual(['true', 'true', 'true'])
    expect(ground.proxy.count(/^(POST|PUT|PATCH|DELETE) /)).toBe(0)
  }, 180_000)

  test('through a registry that fails in passing', async () => {
    commit({ release: 'two\n' })
    ground.proxy.clear()
    ground.proxy.next(2, { when: /^(POST|PATCH|PUT) .*\/blobs\/uploads/, from: /buildkit/i, status: 503 })
    ground.proxy.limit(6_000, { when: /^(POST|PATCH|PUT) .*\/blobs\/uploads/, from: /^buildkit/ })
    ground.proxy.next(1, { when: /^PUT .*\/manifests\//, from: /buildkit/i, drop: 'answer' })
    ground.proxy.next(1, { when: /^PUT .*\/manifests\//, from: /sluice/, status: 429, headers: { 'retry-after': '1' } })
    const trace = await pushed()
    expect(said(trace), JSON.stringify(trace.jobs.map(({ path, conclusion }) => [path, conclusion]))).toMatchObject({
      verdict: 'pass',
      'reason-code': 'merged',
    })
    const legs = stepsOf(trace).filter(({ path }) => path.includes('build ('))
    expect(legs).toHaveLength(2)
    expect(Math.max(...legs.map(({ outputs }) => Number(outputs.attempts)))).toBeGreaterThan(1)
    expect(ground.proxy.seen().filter(({ faulty }) => faulty).length).toBeGreaterThanOrEqual(5)
    const { digest = '' } = said(trace)
    expect(await ground.open.tags('acme/shop')).toHaveLength(4)
    expect((await ground.open.stored('acme/shop', digest))?.digest).toBe(digest)
  }, 180_000)

  test('a Dockerfile that does not build is a failure that says where, and no tag names anything', async () => {
    const before = await ground.open.tags('acme/shop')
    commit({ release: 'three\n', Dockerfile: `${BASE}RUN ["/bin/busybox", "false"]\n` })
    const trace = await pushed()
    expect(trace.conclusion).toBe('failure')
    expect(said(trace)).toMatchObject({ verdict: 'fail', 'reason-code': 'build-failed' })
    const annotations = trace.jobs.flatMap(({ steps }) => steps.flatMap((step) => step.annotations))
    expect(annotations.filter(({ file, line }) => file === 'Dockerfile' && line !== undefined)).not.toEqual([])
    expect(await ground.open.tags('acme/shop')).toEqual(before)
  }, 180_000)
})
