import type { ImageFacts } from '@sluice/registry/registry'
import type { Seen } from './existing.ts'
import type { Written } from './outcome.ts'
import type { Plan, Ports } from './ports.ts'
import type { Tag } from './tags/tags.ts'

/** An image that is whole in the repositories `at`. */
export type Image = {
  readonly image: ImageFacts
  readonly at: readonly string[]
  readonly code: 'pushed' | 'merged' | 'skipped'
}

type Ready = { readonly plan: Plan; readonly ports: Ports; readonly tags: readonly Tag[] }

/**
 * Puts the very manifest under each tag that does not name it yet: those that name it for ever first, `latest` last, as whoever pulls by a moving tag
 * should find all the others.
 * @param seen what the tags name now
 */
export const writeTags = async (
  { plan, ports, tags }: Ready,
  { image, at }: Image,
  seen: readonly Seen[],
): Promise<
  { readonly tags: readonly Written[] } | { readonly problems: readonly string[]; readonly tags: readonly Written[] }
> => {
  const written: Written[] = []
  const [from] = at
  for (const repository of plan.repositories) {
    const place = ports.place(repository)
    if (!at.includes(repository) && (await place.manifest(image.digest)) === undefined) {
      ports.say(`${repository} gets the image from ${from}`)
      const { problem } = await ports.docker.copy(`${from}@${image.digest}`, `${repository}@${image.digest}`)
      if (problem !== undefined)
        return { problems: [`${repository} could not get it from ${from}: ${problem}`], tags: written }
    }
    const manifest = await place.manifest(image.digest)
    if (manifest === undefined)
      return { problems: [`${repository}@${image.digest} is not there any more`], tags: written }
    for (const { name } of inOrder(tags)) {
      if (seen.some((one) => one.repository === repository && one.tag === name && one.digest === image.digest)) {
        written.push({ repository, tag: name, written: false })
        continue
      }
      const put = await place.put(name, manifest)
      if (put.kind === 'immutable') {
        const others = written.filter((one) => one.written).map((one) => `${one.repository}:${one.tag}`)
        const told = others.length === 0 ? 'no tag was written' : `written before: ${others.join(', ')}`
        return { problems: [`${repository}:${name} cannot be moved: ${put.text}; ${told}`], tags: written }
      }
      ports.say(`tagged ${repository}:${name}`)
      written.push({ repository, tag: name, written: true })
    }
  }
  return { tags: written }
}

const inOrder = (tags: readonly Tag[]): readonly Tag[] => [...tags].sort((a, b) => rank(a) - rank(b))

const rank = ({ kind, line }: Tag): number => (kind === 'fixed' ? 0 : line === 'all' ? 2 : 1)
