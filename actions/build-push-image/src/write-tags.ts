import { describe } from '@sluice/kit/faults'
import type { ImageFacts } from '@sluice/registry/registry'
import type { Seen } from './existing.ts'
import type { Code, Written } from './outcome.ts'
import type { Plan, Ports } from './ports.ts'
import type { Tag } from './tags/tags.ts'
import { waitBefore } from './waits.ts'

/** An image that is whole in the repositories `at`. */
export type Image = {
  readonly image: ImageFacts
  readonly at: readonly string[]
  readonly code: 'pushed' | 'merged' | 'skipped'
}

/** What became of the tags; `stopped` where not all of them were written. */
export type Tagged = {
  readonly tags: readonly Written[]
  readonly stopped?: { readonly code: Code; readonly problem: string }
}

type Ready = {
  readonly plan: Plan
  readonly ports: Ports
  readonly tags: readonly Tag[]
  /** Moving tags that stay where they are, in which repository. */
  readonly later: readonly { readonly repository: string; readonly tag: string }[]
}

/**
 * Puts the very manifest under each tag that does not name it yet: those that name it for ever first, `latest` last, as whoever pulls by a moving tag
 * should find all the others. What stops it is told with what was written before.
 * @param seen what the tags name now
 */
export const writeTags = async (ready: Ready, made: Image, seen: readonly Seen[]): Promise<Tagged> => {
  const written: Written[] = []
  try {
    for (const repository of ready.plan.repositories) {
      const stopped = await writeIn(repository, { ...ready, made, seen, written })
      if (stopped !== undefined) return { tags: written, stopped }
    }
    return { tags: written }
  } catch (thrown) {
    const code = ready.ports.cancelled.aborted ? 'cancelled' : 'push-failed'
    return { tags: written, stopped: { code, problem: describe(thrown) } }
  }
}

type Writing = Ready & { readonly made: Image; readonly seen: readonly Seen[]; readonly written: Written[] }

const writeIn = async (repository: string, writing: Writing): Promise<Tagged['stopped']> => {
  const { ports, tags, later, made, seen, written } = writing
  const { digest } = made.image
  const place = ports.place(repository)
  const lacks = !made.at.includes(repository) && (await place.manifest(digest)) === undefined
  const problem = lacks ? await bring(repository, writing) : undefined
  if (problem !== undefined) return { code: 'push-failed', problem }
  const manifest = await place.manifest(digest)
  if (manifest === undefined) return { code: 'not-whole', problem: `${repository}@${digest} is not there any more` }
  for (const { name } of inOrder(tags)) {
    if (later.some((one) => one.repository === repository && one.tag === name)) continue
    if (seen.some((one) => one.repository === repository && one.tag === name && one.digest === digest)) {
      written.push({ repository, tag: name, written: false })
      continue
    }
    const put = await place.put(name, manifest)
    if (put.kind === 'immutable')
      return { code: 'tag-taken', problem: `${repository}:${name} cannot be moved: ${put.text}` }
    ports.say(`tagged ${repository}:${name}`)
    written.push({ repository, tag: name, written: true })
  }
  return overtaken(repository, writing)
}

/** Whether another job wrote a tag for ever in the same moment: the registry keeps whoever came last, and one of the two must not say that it is done. */
const overtaken = async (repository: string, { ports, tags, made }: Writing): Promise<Tagged['stopped']> => {
  const names = tags.filter(({ kind }) => kind === 'fixed').map(({ name }) => name)
  const now = await ports.place(repository).find(names)
  const other = names.find((name) => now.get(name) !== made.image.digest)
  if (other === undefined) return undefined
  const problem = `${repository}:${other} is ${now.get(other) ?? 'gone'} already, and was written as ${made.image.digest}: another job writes it too`
  return { code: 'tag-taken', problem }
}

/** Copies the image into a repository, and again where a registry fails in a way that passes. @returns what stands in the way */
const bring = async (repository: string, { plan, ports, made }: Writing): Promise<string | undefined> => {
  const [from = ''] = made.at
  const { digest } = made.image
  ports.say(`${repository} gets the image from ${from}`)
  for (let attempt = 1; ; attempt++) {
    await ports.login()
    const { problem, transient } = await ports.docker.copy(`${from}@${digest}`, `${repository}@${digest}`)
    if (problem === undefined) return undefined
    if (transient === undefined || attempt >= plan.attempts || ports.cancelled.aborted)
      return `${repository} could not get it from ${from}: ${problem}`
    const wait = waitBefore(attempt + 1, ports.clock.random())
    ports.say(`copy ${attempt} of ${plan.attempts} failed: ${transient.text}; again in ${Math.ceil(wait / 1000)} s`)
    await ports.clock.sleep(wait)
  }
}

const inOrder = (tags: readonly Tag[]): readonly Tag[] => [...tags].sort((a, b) => rank(a) - rank(b))

const rank = ({ kind, line }: Tag): number => (kind === 'fixed' ? 0 : line === 'all' ? 2 : 1)
