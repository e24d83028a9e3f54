import { createHash } from 'node:crypto'
import { ECRClient, PutImageCommand } from '@aws-sdk/client-ecr'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { KEYS, opened, quickClock } from './aws-server.ts'
import { type Moto, startMoto } from './moto.ts'

/** moto's own account. */
const HOST = '123456789012.dkr.ecr.eu-west-1.amazonaws.com'
const POLICY = { immutable: true, scanOnPush: true }
const LIFECYCLE = JSON.stringify({
  rules: [
    {
      rulePriority: 1,
      selection: { tagStatus: 'untagged', countType: 'sinceImagePushed', countUnit: 'days', countNumber: 14 },
      action: { type: 'expire' },
    },
  ],
})

let moto: Moto
beforeAll(async () => {
  moto = await startMoto()
}, 280_000)
afterAll(async () => {
  if ('stop' in moto) await moto.stop()
})

const here = (skip: (why: string) => void): string => {
  if ('absent' in moto) skip(moto.absent)
  return 'url' in moto ? moto.url : ''
}
const ecrOf = (endpoint: string, more: object = {}) =>
  opened(HOST, { env: KEYS, clock: quickClock(), endpoint, ...more })

test('logs in', async ({ skip }) => {
  expect(await ecrOf(here(skip)).login()).toMatchObject({ username: 'AWS', password: '123456789012-auth-token' })
})

test('a repository is made as asked for, and is left as it is from then on', async ({ skip }) => {
  const ecr = ecrOf(here(skip))
  const policy = { ...POLICY, lifecycle: LIFECYCLE, kmsKey: 'arn:aws:kms:eu-west-1:123456789012:key/k1' }
  expect(await ecr.ensure('team/made', policy)).toEqual({ created: true, notes: [] })
  expect(await ecr.ensure('team/made', policy)).toEqual({ created: false, notes: [] })
  expect(await ecr.immutable('team/made', 'v1')).toBe(true)
  const other = { immutable: false, scanOnPush: false, lifecycle: LIFECYCLE.replace('14', '7'), kmsKey: 'k2' }
  const { created, notes } = await ecr.ensure('team/made', other)
  expect(created).toBe(false)
  expect(notes.map((note) => note.replace(/^.*: /, ''))).toEqual([
    'its tags cannot be overwritten',
    expect.stringContaining('key/k1, not k2'),
    'its lifecycle policy is another',
  ])
})

test('of many that make one repository at the same time one does, and none fails', async ({ skip }) => {
  const endpoint = here(skip)
  const policy = { ...POLICY, lifecycle: LIFECYCLE }
  const all = await Promise.all(Array.from({ length: 6 }, () => ecrOf(endpoint).ensure('team/raced', policy)))
  expect(all.filter(({ created }) => created)).toHaveLength(1)
  expect(all.flatMap(({ notes }) => notes)).toEqual([])
})

test('the digests of the tags that are there', async ({ skip }) => {
  const endpoint = here(skip)
  const ecr = ecrOf(endpoint)
  await ecr.ensure('team/pushed', POLICY)
  const client = new ECRClient({
    region: 'eu-west-1',
    endpoint,
    credentials: { accessKeyId: KEYS.AWS_ACCESS_KEY_ID, secretAccessKey: KEYS.AWS_SECRET_ACCESS_KEY },
  })
  const imageManifestMediaType = 'application/vnd.oci.image.index.v1+json'
  const imageManifest = JSON.stringify({ schemaVersion: 2, mediaType: imageManifestMediaType, manifests: [] })
  const digest = `sha256:${createHash('sha256').update(imageManifest).digest('hex')}`
  const image = { imageManifest, imageManifestMediaType, imageDigest: digest, imageTag: 'v1' }
  await client.send(new PutImageCommand({ repositoryName: 'team/pushed', ...image }))
  const tags = ['v1', ...Array.from({ length: 120 }, (_, index) => `absent-${index}`)]
  expect(await ecr.digests('team/pushed', tags)).toEqual(new Map([['v1', digest]]))
})

test('a repository that is not there is named, with what to do', async ({ skip }) => {
  const ecr = ecrOf(here(skip))
  const fault = {
    kind: 'input',
    message: expect.stringContaining('team/absent'),
    hint: expect.stringContaining('ensure-repository'),
  }
  await expect(ecr.digests('team/absent', ['v1'])).rejects.toMatchObject(fault)
  await expect(ecr.immutable('team/absent', 'v1')).rejects.toMatchObject(fault)
})

test("a role of another account is taken on, by GitHub's token or with keys, and its repositories are in that account", async ({
  skip,
}) => {
  const endpoint = here(skip)
  const role = 'arn:aws:iam::210987654321:role/push'
  const host = '210987654321.dkr.ecr.us-west-2.amazonaws.com'
  const clock = quickClock()
  const byKeys = opened(host, { role, env: KEYS, clock, endpoint })
  const byToken = opened(host, { role, env: {}, idToken: async () => 'a-token', clock, endpoint })
  expect(await byKeys.login()).toMatchObject({ password: '210987654321-auth-token' })
  expect(await byToken.login()).toMatchObject({ password: '210987654321-auth-token' })
  expect(await byToken.ensure('shared', POLICY)).toMatchObject({ created: true })
  expect(await byKeys.ensure('shared', POLICY)).toMatchObject({ created: false })
  await expect(ecrOf(endpoint).digests('shared', ['v1'])).rejects.toMatchObject({ kind: 'input' })
})
