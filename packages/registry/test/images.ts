import { createHash } from 'node:crypto'

/** The digest of a text. */
export const digestOf = (text: string): `sha256:${string}` =>
  `sha256:${createHash('sha256').update(text, 'utf8').digest('hex')}`

/** An image and the blobs it is made of. */
export type TestImage = {
  readonly text: string
  readonly mediaType: string
  readonly blobs: readonly string[]
  readonly platform: string
}

const IMAGE = 'application/vnd.oci.image.manifest.v1+json'
const INDEX = 'application/vnd.oci.image.index.v1+json'

/** An image of one layer. @param labels of its configuration */
export const imageFor = (
  platform: string,
  labels: Readonly<Record<string, string>> = {},
  layer = `layer of ${platform}`,
): TestImage => {
  const [os, architecture, variant] = platform.split('/')
  const config = JSON.stringify({
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    config: { Labels: labels },
  })
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: IMAGE,
    config: part(config, 'application/vnd.oci.image.config.v1+json'),
    layers: [part(layer, 'application/vnd.oci.image.layer.v1.tar+gzip')],
  })
  return { text, mediaType: IMAGE, blobs: [config, layer], platform }
}

/** What a pull of an image fetches, bytes. */
export const sizeOf = ({ text, blobs }: TestImage): number =>
  [text, ...blobs].reduce((sum, one) => sum + Buffer.byteLength(one), 0)

/** An index of images, with an attestation for each, which is itself an image manifest. */
export const indexOf = (images: readonly TestImage[]): TestImage & { readonly attestations: readonly TestImage[] } => {
  const attestations = images.map(({ text }) => attestationOf(text))
  const manifests = [
    ...images.map(({ text, mediaType, platform }) => {
      const [os, architecture, variant] = platform.split('/')
      return { ...part(text, mediaType), platform: { os, architecture, ...(variant === undefined ? {} : { variant }) } }
    }),
    ...attestations.map(({ text, mediaType }, index) => ({
      ...part(text, mediaType),
      platform: { os: 'unknown', architecture: 'unknown' },
      annotations: {
        'vnd.docker.reference.type': 'attestation-manifest',
        'vnd.docker.reference.digest': digestOf(images[index]?.text ?? ''),
      },
    })),
  ]
  const text = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests })
  return { text, mediaType: INDEX, blobs: [], platform: '', attestations }
}

const attestationOf = (subject: string): TestImage => {
  const config = JSON.stringify({ os: 'unknown', architecture: 'unknown', config: {} })
  const statement = JSON.stringify({ subject: [{ digest: digestOf(subject) }] })
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: IMAGE,
    config: part(config, 'application/vnd.oci.image.config.v1+json'),
    layers: [part(statement, 'application/vnd.in-toto+json')],
  })
  return { text, mediaType: IMAGE, blobs: [config, statement], platform: 'unknown/unknown' }
}

/** A descriptor. */
export const part = (text: string, mediaType: string) => ({
  mediaType,
  digest: digestOf(text),
  size: Buffer.byteLength(text),
})
