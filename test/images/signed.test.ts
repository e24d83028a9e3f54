import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { publishedFromSource, thirdParties } from '../../packages/cli/src/rehearsal/github.ts'
import type { Platform } from '../../packages/runner/src/github.ts'
import { createPlatform } from '../../packages/runner/src/platform/platform.ts'
import { BASE } from './dockerfiles.ts'
import { type Ground, openGround } from './ground.ts'
import { lacking } from './programs.ts'

const ROOT = join(import.meta.dirname, '../..')
const CALLER = `name: Package
on: { push: { branches: [main] } }
permissions: {}
jobs:
  package:
    permissions: { contents: read, packages: write, id-token: write, attestations: write }
    uses: acme/sluice/.github/workflows/package.yml@v1
`

describe.skipIf(lacking().length > 0)('package.yml with attest, of one platform,', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-signed-'))
  const folder = join(directory, 'repository')
  /** What GitHub was asked to sign, and how many tags there were then. */
  const signed: { readonly subject: string; readonly tags: number }[] = []
  let signs = false
  let ground: Ground
  let platform: Platform

  beforeAll(async () => {
    ground = await openGround()
    const context = ground.context({
      Dockerfile: BASE,
      'sluice.yml': `version: 1
services: { shop: { image: ${ground.proxy.host}/acme/signed, package: { attest: true } } }
`,
      '.github/workflows/package.yml': CALLER,
    })
    execFileSync('cp', ['-a', context, folder])
    const git = (...words: readonly string[]): unknown =>
      execFileSync('git', ['-c', 'user.name=Test', '-c', 'user.email=test@example.com', ...words], { cwd: folder })
    git('init', '-q', '-b', 'main')
    git('add', '-A')
    git('commit', '-q', '-m', 'A release')
    const machines = join(directory, 'machines')
    mkdirSync(machines)
    platform = await createPlatform({
      repository: { name: 'acme/shop', folder, defaultBranch: 'main' },
      published: { 'acme/sluice': publishedFromSource(ROOT, join(directory, 'published')) },
      actions: thirdParties(ROOT, directory),
      standIns: {
        'actions/attest': async ({ inputs }) => {
          const tags = (await ground.open.tags('acme/signed')).length
          signed.push({ subject: `${inputs['subject-name']}@${inputs['subject-digest']}`, tags })
          return { conclusion: signs ? 'success' : 'failure' }
        },
      },
      env: { ...ground.env, LANG: 'C.UTF-8', SLUICE_ARTIFACTS: join(directory, 'artifacts') },
      machines: 1,
      directory: machines,
    })
  }, 900_000)
  afterAll(async () => {
    await platform?.close()
    await ground?.close()
    rmSync(directory, { recursive: true, force: true })
  }, 60_000)

  const said = async (): Promise<Readonly<Record<string, string>>> => {
    const trace = await platform.push({ branch: 'main' })[0]?.done
    return trace?.jobs.find(({ ids, kind }) => kind === 'job' && ids.join('/') === 'package/package')?.outputs ?? {}
  }

  test('no tag names what nobody signed; the next run signs it and tags it, and the one after has nothing to do', async () => {
    expect(await said()).toMatchObject({ verdict: 'error', 'reason-code': 'attest-failed', digest: 'none' })
    expect(await ground.open.tags('acme/signed')).toEqual([])

    signs = true
    const { digest, ...second } = await said()
    expect(second).toMatchObject({ verdict: 'pass', 'reason-code': 'merged' })
    expect(signed).toHaveLength(2)
    expect(signed[1]).toEqual({ subject: `${ground.proxy.host}/acme/signed@${digest}`, tags: 0 })
    const tags = await ground.open.tags('acme/signed')
    expect(tags).toHaveLength(2)
    for (const tag of tags) expect((await ground.open.stored('acme/signed', tag))?.digest).toBe(digest)

    expect(await said()).toMatchObject({ verdict: 'pass', 'reason-code': 'skipped', digest })
    expect(signed).toHaveLength(2)
  }, 180_000)
})
