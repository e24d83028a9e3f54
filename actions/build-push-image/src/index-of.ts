import { createHash } from 'node:crypto'
import { plainPlatform } from '@sluice/delivery/platform'
import type { Digest, Manifest } from '@sluice/registry/registry'

/** What one leg pushed: its manifest or index, and, for a plain manifest, what it runs on. */
export type Leg = { readonly manifest: Manifest; readonly platform?: string }

/** The image that legs make, or everything that is wrong with them. `created`: false for the one leg there is, which stays what it is. */
export type Merged =
  | {
      readonly kind: 'merged'
      readonly created: boolean
      readonly digest: Digest
      readonly mediaType: string
      readonly text: string
    }
  | { readonly kind: 'wrong'; readonly problems: readonly string[] }

const INDEX = 'application/vnd.oci.image.index.v1+json'

/**
 * One index of what the legs pushed, with what is attached to each image (provenance, SBOM). Each platform that is asked for must come from exactly one
 * leg, and no other may come. The same legs give the same bytes, in whatever order they are named.
 * Source: OCI image index; BuildKit's attestation storage (`vnd.docker.reference.type`).
 */
export const mergeLegs = (legs: readonly Leg[], asked: readonly string[]): Merged => {
  const platforms = [...new Set(asked.map(plainPlatform))]
  const problems: string[] = []
  const images = new Map<string, Entry>()
  const attached: Entry[] = []
  for (const leg of legs)
    for (const entry of entriesOf(leg)) {
      const of = entry.annotations?.['vnd.docker.reference.digest']
      if (of !== undefined) {
        attached.push(entry)
        continue
      }
      const platform = nameOf(entry)
      const other = images.get(platform)
      if (!platforms.includes(platform))
        problems.push(`${leg.manifest.digest} is of ${platform}, which is not asked for`)
      else if (other !== undefined && other.digest !== entry.digest)
        problems.push(`${platform} comes from two legs: ${other.digest} and ${entry.digest}`)
      else images.set(platform, entry)
    }
  for (const platform of platforms.filter((one) => !images.has(one)))
    problems.push(`${platform} is missing: its leg has pushed nothing, or its digest was not handed on`)
  if (problems.length > 0) return { kind: 'wrong', problems }
  const [only] = legs
  if (legs.length === 1 && only !== undefined) {
    const { digest, mediaType, text } = only.manifest
    return { kind: 'merged', created: false, digest, mediaType, text }
  }
  const manifests = platforms.flatMap((platform) => {
    const image = images.get(platform)
    if (image === undefined) return []
    return [image, ...attached.filter((one) => one.annotations?.['vnd.docker.reference.digest'] === image.digest)]
  })
  const text = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests })
  const digest: Digest = `sha256:${createHash('sha256').update(text).digest('hex')}`
  return { kind: 'merged', created: true, digest, mediaType: INDEX, text }
}

type Entry = {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string }
  readonly annotations?: Readonly<Record<string, string>>
}

const entriesOf = ({ manifest, platform = '' }: Leg): readonly Entry[] => {
  if (manifest.kind === 'index') return (JSON.parse(manifest.text) as { manifests: readonly Entry[] }).manifests
  const [os = '', architecture = '', variant] = platform.split('/')
  return [
    {
      mediaType: manifest.mediaType,
      digest: manifest.digest,
      size: Buffer.byteLength(manifest.text),
      platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
    },
  ]
}

const nameOf = ({ platform, digest }: Entry): string =>
  platform === undefined
    ? digest
    : plainPlatform([platform.os, platform.architecture, platform.variant].filter(Boolean).join('/'))
