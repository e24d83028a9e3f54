import type { Digest } from './documents.ts'
import { factsOf, findIn, type ImageFacts, type Manifest, manifestIn } from './reading.ts'
import type { Repository } from './repository.ts'
import { readTags } from './tags.ts'
import { type Connection, openTransport } from './transport.ts'
import { beginIn, type Put, putIn } from './writing.ts'

export type { Digest } from './documents.ts'
export type { ImageFacts, Manifest, PlatformImage } from './reading.ts'
export type { Connection } from './transport.ts'
export type { Put } from './writing.ts'

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
