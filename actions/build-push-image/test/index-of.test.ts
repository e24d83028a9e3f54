import { createHash } from 'node:crypto'
import type { Manifest } from '@sluice/registry/registry'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Leg, mergeLegs } from '../src/index-of.ts'
import { digest } from './world.ts'

const manifest = (name: string): Manifest => ({
  digest: digest(name),
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  text: JSON.stringify({ name }),
  kind: 'image',
})
const plain = (platform: string): Leg => ({ manifest: manifest(platform), platform })
const attested = (platform: string): Leg => {
  const [os, architecture, variant] = platform.split('/')
  const image = digest(`${platform} image`)
  const text = JSON.stringify({
    manifests: [
      { mediaType: 'm', digest: image, size: 1, platform: { os, architecture, variant } },
      {
        mediaType: 'm',
        digest: digest(`${platform} provenance`),
        size: 1,
        platform: { os: 'unknown', architecture: 'unknown' },
        annotations: { 'vnd.docker.reference.digest': image, 'vnd.docker.reference.type': 'attestation-manifest' },
      },
    ],
  })
  return { manifest: { digest: digest(text), mediaType: 'i', text, kind: 'index' } }
}

test('each leg comes with what is attached to it, in the order that was asked for', () => {
  const merged = mergeLegs([attested('linux/arm64'), plain('linux/amd64')], ['linux/amd64', 'linux/arm64'])
  if (merged.kind !== 'merged') throw new Error(merged.problems.join())
  const { manifests } = JSON.parse(merged.text)
  expect(manifests.map((one: { platform: { architecture: string } }) => one.platform.architecture)).toEqual([
    'amd64',
    'arm64',
    'unknown',
  ])
  expect(merged.digest).toBe(`sha256:${createHash('sha256').update(merged.text).digest('hex')}`)
})

test.for([
  ['a platform that no leg pushed', [plain('linux/amd64')], ['linux/amd64', 'linux/arm64'], 'linux/arm64 is missing'],
  ['a platform that nobody asked for', [plain('linux/amd64'), plain('linux/s390x')], ['linux/amd64'], 'not asked for'],
  ['no leg at all', [], ['linux/amd64'], 'linux/amd64 is missing'],
] as const)('%s is told', ([, legs, platforms, text]) => {
  const merged = mergeLegs(legs, platforms)
  expect(merged).toMatchObject({ kind: 'wrong' })
  expect(merged.kind === 'wrong' ? merged.problems.join() : '').toContain(text)
})

test('one platform from two legs is told, with both digests', () => {
  const other: Leg = { manifest: manifest('another'), platform: 'linux/amd64' }
  const merged = mergeLegs([plain('linux/amd64'), other], ['linux/amd64'])
  expect(merged.kind === 'wrong' ? merged.problems.join() : '').toContain(other.manifest.digest)
})

test('one leg stays what it is', () => {
  const leg = attested('linux/amd64')
  expect(mergeLegs([leg], ['linux/amd64'])).toMatchObject({ created: false, digest: leg.manifest.digest })
})

test('a variant that every such machine has is no other platform', () => {
  expect(mergeLegs([attested('linux/arm64/v8')], ['linux/arm64'])).toMatchObject({ kind: 'merged' })
})

test('the same legs give the same bytes, in whatever order they come', () => {
  const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7']
  const legs = [attested('linux/amd64'), attested('linux/arm64'), plain('linux/arm/v7')]
  fc.assert(
    fc.property(fc.shuffledSubarray(legs, { minLength: legs.length }), (shuffled) => {
      expect(mergeLegs(shuffled, platforms)).toEqual(mergeLegs(legs, platforms))
    }),
  )
})
