import type { Digest, ImageFacts } from '@sluice/registry/registry'
import { build, type Push, push } from './build-and-push.ts'
import { type Ahead, lookAhead, REVISION, type Seen as SeenTag, takenSince } from './existing.ts'
import { mergeLegs } from './index-of.ts'
import { failed, passed, type Result, stoppedAt } from './outcome.ts'
import { missingPlatforms } from './platforms.ts'
import type { Plan, Ports } from './ports.ts'
import { withoutGoingBack } from './tags/going-back.ts'
import type { Tag } from './tags/tags.ts'
import { begin, type Work } from './work.ts'
import { type Image, writeTags } from './write-tags.ts'

/**
 * From source to a digest with tags: nothing is built that is there already, nothing is pushed that could not be tagged, and no tag is written before the
 * image is whole in every repository.
 * @throws Fault for what the registries and Docker cannot do
 */
export const run = async (plan: Plan, ports: Ports): Promise<Result> => {
  const work = begin(ports.clock)
  try {
    return await go(plan, ports, work)
  } catch (thrown) {
    // What was under way is broken off, in whatever way it says so.
    if (ports.cancelled.aborted) return failed(work.seen(), 'cancelled', ['the run was cancelled'])
    throw thrown
  }
}

const go = async (plan: Plan, ports: Ports, work: Work): Promise<Result> => {
  const builds = plan.merge.length === 0
  if (builds) {
    const builder = await ports.docker.look()
    work.saw({ builder })
    ports.say(`docker ${builder.docker}, buildx ${builder.buildx}, builder ${builder.name} (${builder.driver})`)
  }
  work.note(...plan.tagging.notes)
  await ports.login()
  if (plan.push === 'false') return (await build(plan, ports, work)) ?? passed(work.seen(), 'built', BUILT)
  work.note(...(await ports.ensure()))
  const { tags, dropped } = await reachable(plan, ports)
  work.note(...dropped)
  if (tags.length === 0) return failed(work.seen(), 'no-tags', ['no tag is left to name the image', ...dropped])
  const seen = await work.timed('lookup', () => look(plan, tags, ports))
  const ahead = lookAhead(seen, wantedOf(plan))
  if (ahead.kind === 'taken') return failed(work.seen(), 'tag-taken', ahead.problems)
  if (ahead.kind === 'have') {
    ports.say(`${ahead.at}@${ahead.image.digest} is of this revision already: nothing is built`)
    return finish({ plan, ports, work, tags }, { image: ahead.image, at: [ahead.at], code: 'skipped' })
  }
  // Minutes of building are not spent on what could not be pushed.
  for (const repository of plan.repositories) await ports.place(repository).pushable()
  const broken = builds ? await build(plan, ports, work) : undefined
  if (broken !== undefined) return broken
  const made = builds ? await push(plan, ports, work) : await merge(plan, ports, work)
  if (made.kind === 'failed') return made.result
  const whole = await work.timed('read-back', () => readBack(plan, made.digest, ports))
  if ('problems' in whole) return failed(work.seen(), 'not-whole', whole.problems)
  const code = builds ? 'pushed' : 'merged'
  return finish({ plan, ports, work, tags }, { image: whole.image, at: plan.repositories, code })
}

const BUILT = { text: 'the image was built, and pushed nowhere', tags: [] }

/** The tags without those that would go back to an older version. */
const reachable = async (
  { tagging, repositories }: Plan,
  ports: Ports,
): Promise<{ readonly tags: readonly Tag[]; readonly dropped: readonly string[] }> => {
  if (!tagging.tags.some(({ line }) => line !== undefined)) return { tags: tagging.tags, dropped: [] }
  const known = await Promise.all(repositories.map((repository) => ports.place(repository).tags()))
  const { tags, dropped } = withoutGoingBack(tagging, known.flat())
  return { tags, dropped: dropped.map(({ tag, why }) => `${tag} is not written: ${why}`) }
}

/** Every tag in every repository; what fixed ones name is read. */
const look = async ({ repositories }: Plan, tags: readonly Tag[], ports: Ports): Promise<readonly SeenTag[]> => {
  const all = repositories.map(async (repository): Promise<readonly SeenTag[]> => {
    const place = ports.place(repository)
    const found = await place.find(tags.map(({ name }) => name))
    return Promise.all(
      tags.map(async ({ name, kind }): Promise<SeenTag> => {
        const digest = found.get(name)
        if (digest === undefined) return { repository, tag: name, fixed: kind === 'fixed', enforced: false }
        const enforced = await place.enforced(name)
        const fixed = kind === 'fixed' || enforced
        const image = fixed ? await place.image(digest) : undefined
        return { repository, tag: name, fixed, enforced, digest, ...(image === undefined ? {} : { image }) }
      }),
    )
  })
  return (await Promise.all(all)).flat()
}

const wantedOf = ({ order }: Plan): { readonly revision: string; readonly platforms: readonly string[] } => ({
  revision: order.labels[REVISION] ?? '',
  platforms: order.platforms,
})

/** Makes one image of what the legs pushed, in each repository, without a tag. */
const merge = async (plan: Plan, ports: Ports, work: Work): Promise<Push> => {
  const { repositories, order, merge: digests } = plan
  return work.timed('merge', async (): Promise<Push> => {
    for (const repository of repositories) {
      const place = ports.place(repository)
      const legs = await Promise.all(
        digests.map(async (digest) => {
          const manifest = await place.manifest(digest)
          const platform = manifest?.kind === 'image' ? (await place.image(digest))?.platforms[0]?.platform : undefined
          return { digest, manifest, platform }
        }),
      )
      const lost = legs.filter(({ manifest }) => manifest === undefined).map(({ digest }) => `${repository}@${digest}`)
      if (lost.length > 0)
        return {
          kind: 'failed',
          result: failed(
            work.seen(),
            'platforms-differ',
            lost.map((one) => `${one} is not there`),
          ),
        }
      const made = mergeLegs(
        legs.flatMap(({ manifest, platform }) =>
          manifest === undefined ? [] : [{ manifest, ...(platform === undefined ? {} : { platform }) }],
        ),
        order.platforms,
      )
      if (made.kind === 'wrong')
        return { kind: 'failed', result: failed(work.seen(), 'platforms-differ', made.problems) }
      if (made.created) await place.put(made.digest, made)
      if (repository === repositories.at(-1)) return { kind: 'pushed', digest: made.digest }
    }
    throw new Error('there is no repository to merge in')
  })
}

/** Whether all of it is in every repository: what a push says it did is not what decides. */
const readBack = async (
  { repositories, order }: Plan,
  digest: Digest,
  ports: Ports,
): Promise<{ readonly image: ImageFacts } | { readonly problems: readonly string[] }> => {
  const found = await Promise.all(repositories.map((repository) => ports.place(repository).image(digest)))
  const problems = found.flatMap((image, index) => {
    const name = `${repositories[index]}@${digest}`
    if (image === undefined) return [`${name} was pushed and is not there`]
    const missing = missingPlatforms(
      order.platforms,
      image.platforms.map(({ platform }) => platform),
    )
    return missing.map((platform) => `${name} has no ${platform}`)
  })
  const [image] = found
  return problems.length > 0 || image === undefined ? { problems } : { image }
}

type Ready = { readonly plan: Plan; readonly ports: Ports; readonly work: Work; readonly tags: readonly Tag[] }

/** Tags an image that is whole. Another run may have tagged one of the same revision meanwhile: then that one is the image. */
const finish = async ({ plan, ports, work, tags }: Ready, made: Image): Promise<Result> => {
  const name = `${plan.repositories[0]}@${made.image.digest}`
  if (plan.push === 'by-digest')
    return passed(work.seen(), made.code, { text: told(made.code, name), image: made.image, tags: [] })
  const seen = await work.timed('lookup', () => look(plan, tags, ports))
  const taken = takenSince(seen, made.image.digest)
  if (taken.length > 0) {
    const ahead: Ahead = lookAhead(seen, wantedOf(plan))
    if (ahead.kind !== 'have' || made.code === 'skipped') return failed(work.seen(), 'tag-taken', taken)
    work.note(`another run tagged ${ahead.at}@${ahead.image.digest} of the same revision meanwhile: that is the image`)
    return finish({ plan, ports, work, tags }, { image: ahead.image, at: [ahead.at], code: 'skipped' })
  }
  const { tags: written, stopped } = await work.timed('tags', () => writeTags({ plan, ports, tags }, made, seen))
  if (stopped !== undefined) return stoppedAt(failed(work.seen(), stopped.code, [stopped.problem]), written)
  return passed(work.seen(), made.code, { text: told(made.code, name), image: made.image, tags: written })
}

const told = (code: Image['code'], name: string): string => {
  if (code === 'skipped') return `${name} is of this revision already; nothing was built`
  return code === 'merged' ? `${name} is made of the legs` : `${name} was built and pushed`
}
