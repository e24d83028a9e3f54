import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectRegistry } from '@sluice/registry/registry'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { uploadBlobs } from '../../../packages/registry/test/contract.ts'
import { digestOf, imageFor, indexOf, type TestImage } from '../../../packages/registry/test/images.ts'
import { startRegistry, type TestRegistry } from '../../../packages/registry/test/server.ts'
import { actionAt } from '../../../test/action.ts'
import { type FakeDocker, fakeDocker } from './fake-docker.ts'

const ROOT = join(import.meta.dirname, '..')
const action = actionAt(ROOT)
const SHA = '1'.repeat(40)
const validate = new Ajv2020({ strict: false }).compile(
  JSON.parse(readFileSync(join(ROOT, 'report.schema.json'), 'utf8')),
)

let folder: string
let docker: FakeDocker
let registry: TestRegistry

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-image-'))
  writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\n')
  docker = fakeDocker(folder)
  registry = await startRegistry()
})
afterEach(async () => {
  await registry.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Puts an image where a push of buildx would have, and has the fake say so. */
const pushed = async (images: readonly TestImage[], whole: TestImage): Promise<string> => {
  await uploadBlobs({ host: registry.host }, 'acme/shop', images)
  const connection = { credentials: async () => undefined, attempts: 1, signal: new AbortController().signal }
  const to = connectRegistry({ host: registry.host, path: 'acme/shop' }, connection)
  for (const image of [...images, whole]) await to.put(digestOf(image.text), image)
  const digest = digestOf(whole.text)
  docker.play({ 'buildx build': { metadata: JSON.stringify({ 'containerimage.digest': digest }) } })
  return digest
}
const labelled = (platform: string): TestImage => imageFor(platform, { 'org.opencontainers.image.revision': SHA })

const build = (inputs: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}) =>
  action(
    { images: `${registry.host}/acme/shop`, ...inputs },
    {
      cwd: folder,
      env: {
        PATH: `${docker.path}:${process.env.PATH}`,
        GITHUB_REPOSITORY: 'acme/shop',
        GITHUB_SERVER_URL: 'https://github.com',
        GITHUB_EVENT_NAME: 'push',
        GITHUB_REF: 'refs/heads/main',
        GITHUB_SHA: SHA,
        RUNNER_TEMP: folder,
        ...env,
      },
    },
  )

const builds = (): number => docker.seen().filter(({ argv }) => argv.slice(0, 2).join(' ') === 'buildx build').length

test('from source to a digest with tags, and nothing is left of the logins', async () => {
  const image = labelled('linux/amd64')
  const digest = await pushed([image], image)
  const ran = await build({})
  expect(ran.code, ran.log).toBe(0)
  expect(ran.outputs).toMatchObject({
    verdict: 'pass',
    'reason-code': 'pushed',
    image: `${registry.host}/acme/shop@${digest}`,
    repository: `${registry.host}/acme/shop`,
    digest,
    digests: JSON.stringify({ 'linux/amd64': digest }),
    tags: `${registry.host}/acme/shop:main-1111111\n${registry.host}/acme/shop:sha-1111111`,
    skipped: 'false',
    attempts: '1',
  })
  expect(validate(ran.report), JSON.stringify(validate.errors)).toBe(true)
  expect(ran.summary).toMatch(/^### ✅ build-push-image: pass \(pushed\)/)
  expect(ran.summary).toContain(digest)
  expect(builds()).toBe(2)
  expect(readdirSync(folder).filter((name) => name.startsWith('sluice-build-'))).toEqual([])

  const again = await build({})
  expect(again.outputs).toMatchObject({ 'reason-code': 'skipped', skipped: 'true', digest, attempts: '0' })
  expect(validate(again.report), JSON.stringify(validate.errors)).toBe(true)
  expect(builds()).toBe(2)
})

test('a registry that fails while it is built is no fault of the Dockerfile, and nothing is pushed', async () => {
  const stderr =
    'ERROR: failed to build: failed to solve: unexpected status from POST request to https://r.example/v2/a/blobs/uploads/: 503 Service Unavailable\n'
  docker.play({ 'buildx build': { stderr, code: 1 } })
  const failed = await build({})
  expect(failed.code).toBe(1)
  expect(failed.outputs).toMatchObject({ verdict: 'error', 'reason-code': 'build-broken', attempts: '0', digest: '' })
  expect(validate(failed.report), JSON.stringify(validate.errors)).toBe(true)
  expect(builds()).toBe(1)
})

test('passwords and secrets are in no argument, in nothing that is written, and in no file that stays', async () => {
  const image = labelled('linux/amd64')
  await pushed([image], image)
  const ran = await build({
    'registry-username': 'robot',
    'registry-password': 'hunter2-password',
    secrets: 'token=hunter2-secret',
  })
  expect(ran.code, ran.log).toBe(0)
  const masks = ran.log.split('\n').filter((line) => line.startsWith('::add-mask::'))
  expect(masks.join()).toContain('hunter2-password')
  const written = [
    ran.log.replaceAll(/^::add-mask::.*$/gm, ''),
    ran.summary,
    JSON.stringify(ran.report),
    JSON.stringify(ran.outputs),
  ]
  const seen = docker.seen().map(({ argv }) => argv.join(' '))
  for (const text of [...written, ...seen]) expect(text).not.toContain('hunter2')
  const shown = docker.seen().flatMap(({ env }) => Object.entries(env))
  expect(shown.filter(([name]) => name.startsWith('INPUT_'))).toEqual([])
  expect(shown.filter(([, value]) => value.includes('hunter2-password'))).toEqual([])
  const left = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (one) => one.isFile() && !one.parentPath.endsWith('/bin'),
  )
  for (const one of left) expect(readFileSync(join(one.parentPath, one.name), 'utf8')).not.toContain('hunter2')
})

test('legs become one image, which is tagged; nothing is built, and no Docker is asked', async () => {
  const legs = ['linux/amd64', 'linux/arm64'].map((platform) => indexOf([labelled(platform)]))
  const parts = ['linux/amd64', 'linux/arm64'].map(labelled)
  await uploadBlobs({ host: registry.host }, 'acme/shop', [
    ...parts,
    ...legs.flatMap(({ attestations }) => attestations),
  ])
  const connection = { credentials: async () => undefined, attempts: 1, signal: new AbortController().signal }
  const to = connectRegistry({ host: registry.host, path: 'acme/shop' }, connection)
  for (const one of [...parts, ...legs.flatMap(({ attestations }) => attestations), ...legs])
    await to.put(digestOf(one.text), one)
  const merge = legs.map(({ text }) => digestOf(text)).join('\n')

  const missing = await build({ merge, platforms: 'linux/amd64,linux/arm64,linux/s390x' })
  expect(missing.outputs).toMatchObject({ verdict: 'fail', 'reason-code': 'platforms-differ', tags: '' })
  expect(missing.log).toContain('linux/s390x is missing')
  expect(await to.tags()).toEqual([])

  const ran = await build({ merge, platforms: 'linux/amd64,linux/arm64' })
  expect(ran.outputs, ran.log).toMatchObject({ verdict: 'pass', 'reason-code': 'merged' })
  expect(Object.keys(JSON.parse(ran.outputs.digests ?? ''))).toEqual(['linux/amd64', 'linux/arm64'])
  expect([...(await to.tags())].sort()).toEqual(['main-1111111', 'sha-1111111'])
  expect(docker.seen()).toEqual([])
})

test('all that is wrong with the inputs is told at once, before anything is asked', async () => {
  const ran = await build({
    images: 'GHCR.io/Acme/Shop:1',
    platforms: 'amd64',
    tags: 'type=sermver',
    'aws-role-registries': 'x',
  })
  expect(ran.code).toBe(1)
  expect(ran.outputs).toMatchObject({ verdict: 'error', 'reason-code': 'input-fault' })
  for (const name of ['images', 'platforms', 'aws-role-registries']) expect(ran.log).toContain(name)
  expect(docker.seen()).toEqual([])
  expect(registry.calls).toEqual([])
})

test('without Docker it says so, and what to do', async () => {
  const ran = await build({}, { PATH: join(folder, 'nowhere') })
  expect(ran.outputs).toMatchObject({ verdict: 'error', 'reason-code': 'input-fault' })
  expect(ran.log).toContain('docker')
  expect(existsSync(join(folder, 'sluice-build-'))).toBe(false)
})
