import type { Digest, ImageFacts, Manifest, Put } from '@sluice/registry/registry'
import type { BuildOrder, Output } from './build/order.ts'
import type { Builder, BuildResult } from './build/result.ts'
import type { Transient } from './build/transient.ts'
import type { Tagging } from './tags/tags.ts'

/** What is to be done. */
export type Plan = {
  /** Repositories as they are shown, `host/path`; the first is the one that is output. */
  readonly repositories: readonly string[]
  readonly tagging: Tagging
  /** What is built; its labels are those of the image. */
  readonly order: BuildOrder
  readonly push: 'true' | 'by-digest' | 'false'
  /** Digests of legs; empty: something is built. */
  readonly merge: readonly Digest[]
  readonly load: boolean
  /** How often a push is tried. */
  readonly attempts: number
}

/** One repository of a registry. A call throws Fault('upstream') for what the registry refuses. */
export type Place = {
  /** Every tag that is there. */
  tags(): Promise<readonly string[]>
  /** The digests of those tags that are there. */
  find(tags: readonly string[]): Promise<ReadonlyMap<string, Digest>>
  /** Whether the registry itself would not move this tag. */
  enforced(tag: string): Promise<boolean>
  image(reference: string): Promise<ImageFacts | undefined>
  manifest(reference: string): Promise<Manifest | undefined>
  /** Whether a push may begin. */
  pushable(): Promise<void>
  put(reference: string, manifest: Pick<Manifest, 'text' | 'mediaType'>): Promise<Put>
}

/** The few things that it needs of the world. */
export type Ports = {
  readonly docker: {
    /** @throws Fault('input') for what is missing or too old */
    look(): Promise<Builder>
    run(order: BuildOrder, output: Output): Promise<BuildResult>
    /** The same image in another repository, by digest: both are `host/path@digest`. */
    /** The image from its registry into Docker's own store, under these names; what stands in the way. */
    pull(image: string, names: readonly string[]): Promise<string | undefined>
    copy(from: string, to: string): Promise<{ readonly problem?: string; readonly transient?: Transient }>
  }
  place(repository: string): Place
  /** Logs in, or in again where a token is about to end. */
  login(): Promise<void>
  /** Creates the repositories that are missing, where that was asked for; sentences about those that are not as asked. */
  ensure(): Promise<readonly string[]>
  readonly clock: { monotonic(): number; sleep(ms: number): Promise<void>; random(): number }
  readonly cancelled: AbortSignal
  say(line: string): void
}
