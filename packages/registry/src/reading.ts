import { Fault } from '@sluice/kit/faults'
import {
  commonLabels,
  configIn,
  type Digest,
  digestOf,
  entriesIn,
  isDigest,
  type ManifestKind,
  MEDIA_TYPES,
  partsIn,
  readKind,
} from './documents.ts'
import { type Repository, shownRepository } from './repository.ts'
import type { Ask, Reply, Transport } from './transport.ts'

/** A manifest as the registry has it: `text` is the very bytes, as UTF-8, that `digest` is of. */
export type Manifest = {
  readonly digest: Digest
  readonly mediaType: string
  readonly text: string
  readonly kind: ManifestKind
}

/** An image for one platform. `platform`: linux/arm64/v8; `size`: bytes of what a pull fetches. */
export type PlatformImage = { readonly platform: string; readonly digest: Digest; readonly size: number }

/** What is in an image or an index of images. `labels`: those that all platforms agree on. What is no image of a container has no platform. */
export type ImageFacts = {
  readonly digest: Digest
  readonly platforms: readonly PlatformImage[]
  readonly labels: Readonly<Record<string, string>>
}

/** Registries refuse manifests over 4 MiB. Source: github.com/opencontainers/distribution-spec (spec.md, Pushing Manifests) */
const MANIFEST_BYTES = 4 * 1024 * 1024
const CONFIG_BYTES = 8 * 1024 * 1024
const ACCEPT = Object.keys(MEDIA_TYPES).join(', ')
/** Images of an index that are read at once. */
const AT_ONCE = 4

/** The name of a reference as docker shows it. */
export const named = (repository: Repository, reference: string): string =>
  `${shownRepository(repository)}${reference.includes(':') ? '@' : ':'}${reference}`

const manifestAsk = (repository: Repository, reference: string): Ask => ({
  url: pathOf(reference),
  what: `read ${named(repository, reference)}`,
  access: 'pull',
  headers: { accept: ACCEPT },
  maxBytes: MANIFEST_BYTES,
})

/** A tag or digest as part of an address. Source: the grammar of both in the specification. @throws Fault('input') for what is neither */
export const pathOf = (reference: string): string => {
  if (/^(\w[\w.-]{0,127}|[a-z0-9]+:[0-9a-f]{32,})$/.test(reference)) return `/manifests/${reference}`
  throw new Fault('input', `${JSON.stringify(reference.slice(0, 200))} is neither a tag nor a digest`)
}

/** The digest that a reference is on. */
export const findIn = async (
  transport: Transport,
  repository: Repository,
  reference: string,
): Promise<Digest | undefined> => {
  const ask: Ask = { ...manifestAsk(repository, reference), method: 'HEAD' }
  const reply = await transport.ask(ask)
  if (isNone(reply)) return undefined
  const said = reply.headers['docker-content-digest']
  const failed = reply.status === 429 || reply.status >= 500
  // Some say no digest, some know no HEAD, and none says why it refuses one.
  if (!failed && (reply.status !== 200 || !isDigest(said)))
    return (await manifestIn(transport, repository, reference))?.digest
  if (failed || !isDigest(said)) throw transport.refusal(reply, ask)
  if (isDigest(reference) && said !== reference) throw mismatch(repository, reference, said)
  return said
}

const isNone = ({ status, storage }: Reply): boolean => status === 404 && storage === undefined

/** A manifest, its bytes checked against the digest that was asked for, and the one that the registry says. */
export const manifestIn = async (
  transport: Transport,
  repository: Repository,
  reference: string,
): Promise<Manifest | undefined> => {
  const ask = manifestAsk(repository, reference)
  const reply = await transport.ask(ask)
  if (isNone(reply)) return undefined
  if (reply.status !== 200) throw transport.refusal(reply, ask)
  const digest = digestOf(reply.body)
  const said = reply.headers['docker-content-digest']
  for (const wanted of [reference, said]) {
    if (isDigest(wanted) && wanted !== digest) throw mismatch(repository, reference, digest, wanted)
  }
  const kind = readKind(reply.body, reply.headers['content-type'], named(repository, reference))
  return { digest, text: reply.body, ...kind }
}

/** The fault for another digest than the one that was to be. */
export const mismatch = (repository: Repository, reference: string, got: string, wanted = reference): Fault =>
  new Fault(
    'upstream',
    `${repository.host} answered with ${got} for ${named(repository, reference)}, which is to be ${wanted}`,
    `Something between the runner and ${repository.host} changed the answer, or the registry is broken`,
  )

type Reading = {
  readonly transport: Transport
  readonly repository: Repository
  readonly manifest: (reference: string) => Promise<Manifest | undefined>
}

type One = PlatformImage & { readonly labels: Readonly<Record<string, string>> }

/** The images of an index, or the one, with what their configurations say. */
export const factsOf = async (found: Manifest, reading: Reading): Promise<ImageFacts> => {
  const name = named(reading.repository, found.digest)
  const wanted = found.kind === 'image' ? [{ digest: found.digest, platform: undefined }] : entriesIn(found.text, name)
  const all: One[] = []
  for (let begin = 0; begin < wanted.length; begin += AT_ONCE) {
    const some = wanted.slice(begin, begin + AT_ONCE)
    const read = await Promise.all(some.map((entry) => imageOf(entry, found, reading)))
    all.push(...read.flat())
  }
  const platforms = all.map(({ platform, digest, size }) => ({ platform, digest, size }))
  return { digest: found.digest, platforms, labels: commonLabels(all.map(({ labels }) => labels)) }
}

/** The image behind an entry of an index, or the manifest itself; none for what is no image of a container. */
const imageOf = async (
  { digest, platform }: { readonly digest: Digest; readonly platform: string | undefined },
  top: Manifest,
  reading: Reading,
): Promise<readonly One[]> => {
  const { repository, manifest } = reading
  const name = named(repository, digest)
  const found = digest === top.digest ? top : await manifest(digest)
  if (found === undefined) throw lost(repository, `The image ${digest} that ${named(repository, top.digest)} lists`)
  if (found.kind === 'index') throw new Fault('upstream', `${name} is an index and is listed as an image`)
  const { config, size } = partsIn(found.text, name)
  if (config === undefined) return []
  const { platform: own, labels } = configIn(await blobOf(config.digest, name, reading), name)
  if (platform !== undefined && machineOf(platform) !== machineOf(own))
    throw new Fault(
      'upstream',
      `${named(repository, top.digest)} lists ${digest} as ${platform}, and the image says that it is of ${own}`,
      'Push the image again: whoever pulls it by its platform would get another',
    )
  return [{ platform: platform ?? own, digest, size, labels }]
}

/** System and architecture. A variant is often told by one side only. */
const machineOf = (platform: string): string => platform.split('/').slice(0, 2).join('/')

const blobOf = async (digest: Digest, name: string, { transport, repository }: Reading): Promise<string> => {
  const ask: Ask = {
    url: `/blobs/${digest}`,
    what: `read the configuration of ${name}`,
    access: 'pull',
    maxBytes: CONFIG_BYTES,
  }
  const reply = await transport.ask(ask)
  if (isNone(reply)) throw lost(repository, `The configuration ${digest} of ${name}`)
  if (reply.status !== 200) throw transport.refusal(reply, ask)
  const got = digestOf(reply.body)
  if (got !== digest) throw mismatch(repository, digest, got)
  return reply.body
}

const lost = (repository: Repository, what: string): Fault =>
  new Fault('upstream', `${what} is not in ${shownRepository(repository)}`, 'Push the image again')
