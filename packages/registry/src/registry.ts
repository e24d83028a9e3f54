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
import { isImmutable, saidIn } from './refusal.ts'
import { type Repository, shownRepository } from './repository.ts'
import { readTags } from './tags.ts'
import { type Ask, type Connection, openTransport, type Reply, type Transport } from './transport.ts'

export type { Digest } from './documents.ts'
export type { Connection } from './transport.ts'

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

/** `immutable`: the tag is on another manifest, and the registry, in its own words, does not let it be moved. */
export type Put =
  | { readonly kind: 'written'; readonly digest: Digest }
  | { readonly kind: 'immutable'; readonly text: string }

/** One repository of a registry. `reference` is a tag or a digest. Every call may throw Fault('upstream') that says what was asked, and what to add. */
export type Registry = {
  readonly repository: Repository
  /** The digest that a tag is on; `undefined` where there is none, or no such repository. */
  find(reference: string): Promise<Digest | undefined>
  /** Its bytes are checked against the digest that was asked for, and the one that the registry says. */
  manifest(reference: string): Promise<Manifest | undefined>
  /** The images of an index, without attestations, with what their configurations say. */
  image(reference: string): Promise<ImageFacts | undefined>
  /** Writes the very bytes, and only says so when the registry has them by our digest. */
  put(reference: string, manifest: { readonly text: string; readonly mediaType: string }): Promise<Put>
  /** Whether a push may begin, asked by beginning one and giving it up: before minutes are spent on what could not be pushed. */
  pushable(): Promise<void>
  /** All tags, in the registry's order; none where there is no such repository. At most 100,000. */
  tags(): Promise<readonly string[]>
}

/** Registries refuse manifests over 4 MiB. Source: github.com/opencontainers/distribution-spec (spec.md, Pushing Manifests) */
const MANIFEST_BYTES = 4 * 1024 * 1024
const CONFIG_BYTES = 8 * 1024 * 1024
const ACCEPT = Object.keys(MEDIA_TYPES).join(', ')
/** Images of an index that are read at once. */
const AT_ONCE = 4

/**
 * A repository of a registry, by the API that docker itself speaks. Nothing is asked before it is needed.
 * Source: github.com/opencontainers/distribution-spec (spec.md)
 */
export const connectRegistry = (repository: Repository, connection: Connection): Registry => {
  const transport = openTransport(repository, connection)
  const find: Registry['find'] = (reference) => findIn(transport, repository, reference)
  const manifest: Registry['manifest'] = (reference) => manifestIn(transport, repository, reference)
  return {
    repository,
    find,
    manifest,
    image: async (reference) => {
      const found = await manifest(reference)
      return found === undefined ? undefined : factsOf(found, { transport, repository, manifest })
    },
    put: (reference, document) => putIn(reference, document, { transport, repository, find }),
    pushable: () => beginIn(transport, repository),
    tags: () => readTags(transport, repository),
  }
}

/** Only a refusal is one: what a registry says to an upload that nobody goes on with differs, and a push tells more. */
const beginIn = async (transport: Transport, repository: Repository): Promise<void> => {
  const ask: Ask = {
    url: '/blobs/uploads/',
    what: `begin a push to ${shownRepository(repository)}`,
    access: 'push',
    method: 'POST',
    headers: { 'content-length': '0' },
  }
  const reply = await transport.ask(ask)
  if ([401, 403, 404].includes(reply.status)) throw transport.refusal(reply, ask)
  const { location } = reply.headers
  if (reply.status !== 202 || location === undefined || !URL.canParse(location, transport.base)) return
  const upload = new URL(location, transport.base)
  // It ends by itself after a while where it is not given up, or lies elsewhere.
  if (upload.origin !== new URL(transport.base).origin) return
  const given: Ask = { url: upload.href, what: 'give an upload up', access: 'push', method: 'DELETE' }
  await transport.ask(given).catch(() => undefined)
}

/** The name of a reference as docker shows it. */
const named = (repository: Repository, reference: string): string =>
  `${shownRepository(repository)}${reference.includes(':') ? '@' : ':'}${reference}`

const manifestAsk = (repository: Repository, reference: string): Ask => ({
  url: pathOf(reference),
  what: `read ${named(repository, reference)}`,
  access: 'pull',
  headers: { accept: ACCEPT },
  maxBytes: MANIFEST_BYTES,
})

/** A tag or digest as part of an address. Source: the grammar of both in the specification */
const pathOf = (reference: string): string => {
  if (/^(\w[\w.-]{0,127}|[a-z0-9]+:[0-9a-f]{32,})$/.test(reference)) return `/manifests/${reference}`
  throw new Fault('input', `${JSON.stringify(reference.slice(0, 200))} is neither a tag nor a digest`)
}

const findIn = async (transport: Transport, repository: Repository, reference: string): Promise<Digest | undefined> => {
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

const manifestIn = async (
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

const mismatch = (repository: Repository, reference: string, got: string, wanted = reference): Fault =>
  new Fault(
    'upstream',
    `${repository.host} answered with ${got} for ${named(repository, reference)}, which is to be ${wanted}`,
    `Something between the runner and ${repository.host} changed the answer, or the registry is broken`,
  )

type Reading = {
  readonly transport: Transport
  readonly repository: Repository
  readonly manifest: Registry['manifest']
}

type One = PlatformImage & { readonly labels: Readonly<Record<string, string>> }

const factsOf = async (found: Manifest, reading: Reading): Promise<ImageFacts> => {
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
  return [{ platform: platform ?? own, digest, size, labels }]
}

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

type Writing = { readonly transport: Transport; readonly repository: Repository; readonly find: Registry['find'] }

const putIn = async (
  reference: string,
  { text, mediaType }: { readonly text: string; readonly mediaType: string },
  { transport, repository, find }: Writing,
): Promise<Put> => {
  const digest = digestOf(text)
  const url = pathOf(reference)
  if (isDigest(reference) && reference !== digest)
    throw new Fault('input', `A manifest of ${digest} cannot be written as ${reference}`)
  const headers = { 'content-type': mediaType }
  const what = `write ${named(repository, reference)}`
  const ask: Ask = { url, what, access: 'push', method: 'PUT', headers, body: text }
  const reply = await transport.ask(ask)
  if (reply.status >= 200 && reply.status < 300) {
    const said = reply.headers['docker-content-digest']
    const written = isDigest(said) ? said : await find(reference)
    if (written === digest) return { kind: 'written', digest }
    throw mismatch(repository, reference, written ?? 'nothing', digest)
  }
  // Refused for what an earlier try of ours, or another job, has done already.
  if ([400, 403, 405, 409, 412].includes(reply.status) && (await found(find, reference)) === digest)
    return { kind: 'written', digest }
  const said = saidIn(reply)
  if (isDigest(reference) || !isImmutable(reply.status, said)) throw transport.refusal(reply, ask)
  return { kind: 'immutable', text: transport.scrubbed(said.text) }
}

/** A look that says nothing more than the refusal before it where it is refused as well. */
const found = async (find: Registry['find'], reference: string): Promise<Digest | undefined> => {
  try {
    return await find(reference)
  } catch {
    return undefined
  }
}
