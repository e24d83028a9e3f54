import { createHash } from 'node:crypto'
import { Fault } from '@sluice/kit/faults'
import type { Digest, ImageFacts, Manifest } from '@sluice/registry/registry'
import type { BuildOrder, Output } from '../src/build/order.ts'
import type { BuildResult } from '../src/build/result.ts'
import type { Place, Plan, Ports } from '../src/ports.ts'
import type { Tag } from '../src/tags/tags.ts'
import { PLAIN } from './plain.ts'

/** Digests that tell each other apart by their first letter. */
export const digest = (letter: string): Digest => `sha256:${createHash('sha256').update(letter).digest('hex')}`

/** An image of a revision. */
export const imageOf = (
  name: Digest,
  revision: string,
  platforms: readonly string[] = ['linux/amd64'],
): ImageFacts => ({
  digest: name,
  platforms: platforms.map((platform) => ({ platform, digest: digest(`${name}${platform}`), size: 1000 })),
  labels: revision === '' ? {} : { 'org.opencontainers.image.revision': revision },
})

export const fixed = (name: string): Tag => ({ name, kind: 'fixed', rule: 'test' })
export const moving = (name: string, line?: Tag['line']): Tag => ({
  name,
  kind: 'moving',
  rule: 'test',
  ...(line === undefined ? {} : { line }),
})

export const ORDER: BuildOrder = {
  ...PLAIN,
  labels: { 'org.opencontainers.image.revision': 'one' },
  provenance: 'min',
}

/** A plan that pushes two tags to one repository. */
export const PLAN: Plan = {
  repositories: ['example.com/shop'],
  tagging: { tags: [fixed('sha-1'), moving('main')], version: 'main', stable: undefined, notes: [] },
  order: ORDER,
  push: 'true',
  merge: [],
  load: false,
  attempts: 3,
}

/** Registries in memory: images by repository and digest, tags by repository. */
export type Store = {
  readonly images: Map<string, ImageFacts>
  readonly manifests: Map<string, Manifest>
  readonly tags: Map<string, Digest>
  readonly log: string[]
}

export const emptyStore = (): Store => ({ images: new Map(), manifests: new Map(), tags: new Map(), log: [] })

/** Puts an image into a repository, under tags. */
export const has = (store: Store, repository: string, image: ImageFacts, tags: readonly string[] = []): void => {
  store.images.set(`${repository}@${image.digest}`, image)
  store.manifests.set(`${repository}@${image.digest}`, {
    digest: image.digest,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    text: '{}',
    kind: 'index',
  })
  for (const tag of tags) store.tags.set(`${repository}:${tag}`, image.digest)
}

/** What a scripted Docker answers to each run, in turn; the last one again and again. */
export type Script = readonly ((store: Store, output: Output) => BuildResult)[]

/** Ports over a store, with a Docker that answers by a script. */
export const world = (
  store: Store,
  script: Script,
  more: {
    readonly enforced?: readonly string[]
    readonly immutable?: readonly string[]
    readonly refused?: boolean
  } = {},
): Ports & { readonly waits: number[] } => {
  const waits: number[] = []
  let runs = 0
  const place = (repository: string): Place => ({
    tags: async () =>
      [...store.tags.keys()]
        .filter((key) => key.startsWith(`${repository}:`))
        .map((key) => key.slice(repository.length + 1)),
    find: async (tags) =>
      new Map(
        tags.flatMap((tag) => {
          const found = store.tags.get(`${repository}:${tag}`)
          return found === undefined ? [] : [[tag, found] as const]
        }),
      ),
    enforced: async (tag) => more.enforced?.includes(tag) ?? false,
    image: async (reference) => store.images.get(`${repository}@${reference}`),
    manifest: async (reference) => store.manifests.get(`${repository}@${reference}`),
    pushable: async () => {
      if (more.refused === true) throw new Fault('upstream', 'refused to begin a push')
    },
    put: async (reference, { text, mediaType }) => {
      if (more.immutable?.includes(reference)) return { kind: 'immutable', text: 'TagAlreadyExists' }
      store.log.push(`put ${repository}:${reference}`)
      if (reference.startsWith('sha256:')) {
        const made = reference as Digest
        store.manifests.set(`${repository}@${made}`, { digest: made, mediaType, text, kind: 'index' })
        const parts = (JSON.parse(text) as { manifests: { platform: { os: string; architecture: string } }[] })
          .manifests
        store.images.set(
          `${repository}@${made}`,
          imageOf(
            made,
            'one',
            parts.map(({ platform }) => `${platform.os}/${platform.architecture}`),
          ),
        )
      } else {
        const named = [...store.manifests].find(([key, one]) => key.startsWith(`${repository}@`) && one.text === text)
        const at = [...store.manifests.values()].filter((one) => one.text === text).at(-1) ?? named?.[1]
        if (at !== undefined) store.tags.set(`${repository}:${reference}`, at.digest)
      }
      return { kind: 'written', digest: reference as Digest }
    },
  })
  return {
    waits,
    docker: {
      look: async () => ({
        docker: '28',
        buildx: '0.29',
        name: 'b',
        driver: 'docker-container',
        buildkit: '0.25',
        platforms: [],
      }),
      run: async (_order, output) => {
        store.log.push(`run ${output.kind}`)
        const answer = script[Math.min(runs++, script.length - 1)]
        if (answer === undefined) throw new Error('nothing is scripted')
        return answer(store, output)
      },
      pull: async (image, names) => void store.log.push(`pull ${image} ${names.join(' ')}`),
      copy: async (from, to) => {
        store.log.push(`copy ${from} ${to}`)
        const image = store.images.get(from)
        if (image === undefined) return { problem: 'not found' }
        has(store, to.split('@')[0] ?? '', image)
        return {}
      },
    },
    place,
    login: async () => void store.log.push('login'),
    ensure: async () => [],
    clock: { monotonic: () => 0, sleep: async (ms) => void waits.push(ms), random: () => 0.5 },
    cancelled: new AbortController().signal,
    say: () => {},
  }
}
