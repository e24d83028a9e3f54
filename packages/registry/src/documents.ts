import { createHash } from 'node:crypto'
import { Fault } from '@sluice/kit/faults'

/** The digest of a document's bytes. */
export type Digest = `sha256:${string}`

/** Whether an object lists images, one for each platform, or is one image. */
export type ManifestKind = 'index' | 'image'

/** What a manifest names. `size` in bytes. */
export type Part = { readonly digest: Digest; readonly size: number; readonly mediaType: string }

/** One entry of an index; `platform` is `undefined` where it says none. */
export type Entry = Part & { readonly platform: string | undefined }

/** The media types of what has a tag, the newer first: for `Accept`. Source: github.com/opencontainers/image-spec (media-types.md) */
export const MEDIA_TYPES: Readonly<Record<string, ManifestKind>> = {
  'application/vnd.oci.image.index.v1+json': 'index',
  'application/vnd.oci.image.manifest.v1+json': 'image',
  'application/vnd.docker.distribution.manifest.list.v2+json': 'index',
  'application/vnd.docker.distribution.manifest.v2+json': 'image',
}

const CONFIG_TYPES = ['application/vnd.oci.image.config.v1+json', 'application/vnd.docker.container.image.v1+json']

/** More images than any index has. */
const MOST_ENTRIES = 200
const MOST_LAYERS = 1000

/** The digest of a text's UTF-8 bytes. */
export const digestOf = (text: string): Digest => `sha256:${createHash('sha256').update(text, 'utf8').digest('hex')}`

/** Whether a text is a digest by SHA-256. */
export const isDigest = (text: string | undefined): text is Digest => /^sha256:[0-9a-f]{64}$/.test(text ?? '')

/**
 * What a manifest is, by what it says of itself, else by what the registry says of it, else by what it holds.
 * @param name for the errors: "ghcr.io/acme/shop:1.2.3"
 * @throws Fault('upstream') for what is no manifest, and one that says and holds different things
 */
export const readKind = (
  text: string,
  contentType: string | undefined,
  name: string,
): { readonly kind: ManifestKind; readonly mediaType: string } => {
  const manifest = objectIn(text, `The manifest of ${name}`)
  const said = typeof manifest.mediaType === 'string' ? manifest.mediaType : undefined
  const sent = contentType?.split(';')[0]?.trim() ?? ''
  const held = 'manifests' in manifest ? 'index' : 'layers' in manifest || 'config' in manifest ? 'image' : undefined
  const mediaType = said ?? (Object.hasOwn(MEDIA_TYPES, sent) ? sent : typeFor(held))
  const kind = mediaType !== undefined && Object.hasOwn(MEDIA_TYPES, mediaType) ? MEDIA_TYPES[mediaType] : undefined
  if (kind === undefined || mediaType === undefined) {
    const what = `The manifest of ${name} is none of an image or an index of images: ${JSON.stringify(said ?? sent)}`
    const old = manifest.schemaVersion === 1
    throw new Fault(
      'upstream',
      what,
      old ? 'It is of the first version, which is no longer in use: push the image again' : ADVICE,
    )
  }
  const other = Object.hasOwn(MEDIA_TYPES, sent) && MEDIA_TYPES[sent] !== kind
  const both = 'manifests' in manifest && ('layers' in manifest || 'config' in manifest)
  if (held !== kind || other || both)
    throw new Fault(
      'upstream',
      `The manifest of ${name} says it is one thing and is another: an image and an index`,
      ADVICE,
    )
  return { kind, mediaType }
}

const ADVICE = 'Look at what pushed it, and at what answers for the registry'

const typeFor = (held: ManifestKind | undefined): string | undefined =>
  Object.keys(MEDIA_TYPES).find((type) => MEDIA_TYPES[type] === held)

/**
 * The images in an index, without attestations.
 * Source: github.com/moby/buildkit (docs/attestations/attestation-storage.md)
 * @throws Fault('upstream') for an index of another form, or one that lists indexes
 */
export const entriesIn = (text: string, name: string): readonly Entry[] => {
  const all = listIn(objectIn(text, `The manifest of ${name}`).manifests, {
    name,
    list: 'manifests',
    most: MOST_ENTRIES,
  })
  return all.flatMap((raw) => {
    const { annotations, platform } = raw
    const part = partIn(raw, name)
    if (fields(annotations)['vnd.docker.reference.type'] === 'attestation-manifest') return []
    if (MEDIA_TYPES[part.mediaType] === 'index')
      throw new Fault(
        'upstream',
        `The index ${name} lists another index, ${part.digest}`,
        'Push the images into one index',
      )
    const shown = platform === undefined || platform === null ? undefined : platformIn(fields(platform))
    return shown === 'unknown/unknown' ? [] : [{ ...part, platform: shown }]
  })
}

/**
 * What an image is made of: its configuration, which is `undefined` for what is no image of a container, and the bytes to fetch.
 * @throws Fault('upstream') for a manifest of another form
 */
export const partsIn = (text: string, name: string): { readonly config: Part | undefined; readonly size: number } => {
  const manifest = objectIn(text, `The manifest of ${name}`)
  const config = partIn(fields(manifest.config), name)
  const layers = listIn(manifest.layers, { name, list: 'layers', most: MOST_LAYERS }).map((layer) =>
    partIn(layer, name),
  )
  // A layer that occurs twice is fetched once.
  const sizes = new Map([config, ...layers].map(({ digest, size }) => [digest, size]))
  const bytes = [...sizes.values()].reduce((sum, size) => sum + size, Buffer.byteLength(text))
  return { config: CONFIG_TYPES.includes(config.mediaType) ? config : undefined, size: bytes }
}

/** The platform and labels in an image's configuration. @throws Fault('upstream') for one that says no platform */
export const configIn = (
  text: string,
  name: string,
): { readonly platform: string; readonly labels: Readonly<Record<string, string>> } => {
  const config = objectIn(text, `The configuration of ${name}`)
  const platform = platformIn(config)
  if (platform === undefined)
    throw new Fault('upstream', `The configuration of ${name} says no os and architecture`, ADVICE)
  const labels = Object.entries(fields(fields(config.config).Labels))
  return {
    platform,
    labels: Object.fromEntries(labels.flatMap(([key, value]) => (typeof value === 'string' ? [[key, value]] : []))),
  }
}

/** The labels that all of them have with the same value. */
export const commonLabels = (all: readonly Readonly<Record<string, string>>[]): Readonly<Record<string, string>> => {
  const [first = {}, ...others] = all
  const same = ([key, value]: [string, string]): boolean =>
    others.every((other) => Object.hasOwn(other, key) && other[key] === value)
  return Object.fromEntries(Object.entries(first).filter(same))
}

const platformIn = ({ os, architecture, variant }: Fields): string | undefined => {
  if (!isWord(os) || !isWord(architecture)) return undefined
  return isWord(variant) ? `${os}/${architecture}/${variant}` : `${os}/${architecture}`
}

const isWord = (value: unknown): value is string => typeof value === 'string' && /^[\w.-]{1,64}$/.test(value)

const partIn = (raw: Fields, name: string): Part => {
  const { digest, size, mediaType } = raw
  const fits = typeof digest === 'string' && isDigest(digest) && typeof mediaType === 'string'
  if (fits && typeof size === 'number' && Number.isSafeInteger(size) && size >= 0) return { digest, size, mediaType }
  const what = `The manifest of ${name} names a part without digest by sha256, size or media type`
  throw new Fault('upstream', `${what}: ${JSON.stringify(raw).slice(0, 200)}`, ADVICE)
}

const listIn = (
  value: unknown,
  { name, list, most }: { name: string; list: string; most: number },
): readonly Fields[] => {
  if (!Array.isArray(value)) throw new Fault('upstream', `The manifest of ${name} has no list of ${list}`, ADVICE)
  if (value.length <= most) return value.map(fields)
  throw new Fault('upstream', `The manifest of ${name} lists ${value.length} ${list}, more than ${most}`, ADVICE)
}

type Fields = Readonly<Record<string, unknown>>

/** The object in a document of JSON. @throws Fault('upstream') for anything else, with its beginning */
export const objectIn = (text: string, what: string): Fields => {
  const value = parsed(text)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw new Fault('upstream', `${what} is not an object of JSON: ${JSON.stringify(text.slice(0, 100))}`, ADVICE)
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const fields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
