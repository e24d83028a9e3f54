import { describe } from '@sluice/kit/faults'
import type { Digest, ImageFacts } from '@sluice/registry/registry'
import { build, push } from './build-and-push.ts'
import {
  type Ahead,
  laterNamed,
  lookAhead,
  REVISION,
  type Seen as SeenTag,
  SOURCE,
  takenSince,
  type Wanted,
} from './existing.ts'
import { merge } from './merge.ts'
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
  let native: string | undefined
  if (builds) {
    const builder = await ports.docker.look()
    native = builder.platforms[0]
    work.saw({ builder })
    ports.say(`docker ${builder.docker}, buildx ${builder.buildx}, builder ${builder.name} (${builder.driver})`)
  }
  work.note(...plan.tagging.notes)
  if (plan.push === 'false') return onlyBuilt(plan, ports, work)
  await ports.login()
  work.note(...(await ports.ensure()))
  const { tags, dropped } = await reachable(plan, ports)
  work.note(...dropped)
  if (tags.length === 0) return failed(work.seen(), 'no-tags', ['no tag is left to name the image', ...dropped])
  const seen = await work.timed('lookup', () => look(plan, tags, ports))
  const ahead = lookAhead(seen, wantedOf(plan, native))
  if (ahead.kind === 'taken') return failed(work.seen(), 'tag-taken', ahead.problems)
  if (ahead.kind === 'have') {
    ports.say(`${ahead.at}@${ahead.image.digest} is of this revision already: nothing is built`)
    return have({ plan, ports, work }, ahead)
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
  return finish({ plan, ports, work }, { image: whole.image, at: plan.repositories, code })
}

/** Without a push a login is for base images alone, and whoever opens a pull request from a fork has none. */
const onlyBuilt = async (plan: Plan, ports: Ports, work: Work): Promise<Result> => {
  try {
    await ports.login()
  } catch (thrown) {
    work.note(`not logged in, which base images may need: ${describe(thrown)}`)
  }
  return (await build(plan, ports, work)) ?? passed(work.seen(), 'built', BUILT)
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

/** Every tag in every repository, and what it is on. */
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
        // What a moving tag is on may be no image at all, and is only looked at for its labels.
        const image = fixed ? await place.image(digest) : await place.image(digest).catch(() => undefined)
        return { repository, tag: name, fixed, enforced, digest, ...(image === undefined ? {} : { image }) }
      }),
    )
  })
  return (await Promise.all(all)).flat()
}

/** @param native the builder's own platform, which is meant where none is asked for */
const wantedOf = ({ order }: Plan, native?: string): Wanted => ({
  revision: order.labels[REVISION] ?? '',
  source: order.labels[SOURCE] ?? '',
  platforms: order.platforms.length === 0 && native !== undefined ? [native] : order.platforms,
})

/** Whether all of it is in every repository: what a push says it did is not what decides. */
const readBack = async (
  { repositories, order }: Plan,
  digest: Digest,
  ports: Ports,
): Promise<{ readonly image: ImageFacts } | { readonly problems: readonly string[] }> => {
  const found = await Promise.all(repositories.map((repository) => ports.place(repository).image(digest)))
  const revision = order.labels[REVISION]
  const problems = found.flatMap((image, index) => {
    const name = `${repositories[index]}@${digest}`
    if (image === undefined) return [`${name} was pushed and is not there`]
    if (image.labels[REVISION] !== revision) return [`${name} is not of the revision ${revision}`]
    const missing = missingPlatforms(
      order.platforms,
      image.platforms.map(({ platform }) => platform),
    )
    return missing.map((platform) => `${name} has no ${platform}`)
  })
  const [image] = found
  return problems.length > 0 || image === undefined ? { problems } : { image }
}

type Ready = { readonly plan: Plan; readonly ports: Ports; readonly work: Work }

/**
 * Tags an image that is whole. What the tags are on is looked up once more: minutes have passed. Another run may have tagged an image of the same
 * revision: then that one is the image; others may have released what a moving tag must not go back from.
 */
const finish = async ({ plan, ports, work }: Ready, made: Image): Promise<Result> => {
  const name = `${plan.repositories[0]}@${made.image.digest}`
  const told = { text: sentence(made.code, name), image: made.image }
  if (plan.push === 'by-digest') return passed(work.seen(), made.code, { ...told, tags: [] })
  const { tags, dropped } = await reachable(plan, ports)
  const seen = await work.timed('lookup', () => look(plan, tags, ports))
  const taken = takenSince(seen, made.image.digest)
  if (taken.length > 0) {
    const ahead: Ahead = lookAhead(seen, wantedOf(plan))
    if (ahead.kind !== 'have' || made.code === 'skipped') return failed(work.seen(), 'tag-taken', taken)
    work.note(`another run tagged ${ahead.at}@${ahead.image.digest} of the same revision meanwhile: that is the image`)
    return have({ plan, ports, work }, ahead)
  }
  const later = laterNamed(seen, plan.order.labels)
  work.note(...dropped, ...later.map(({ why }) => why))
  const { tags: written, stopped } = await work.timed('tags', () => writeTags({ plan, ports, tags, later }, made, seen))
  if (stopped !== undefined) return stoppedAt(failed(work.seen(), stopped.code, [stopped.problem]), written)
  return passed(work.seen(), made.code, { ...told, tags: written })
}

/** An image that is there already. Who wants it in Docker's own store gets the very bytes. */
const have = async ({ plan, ports, work }: Ready, { image, at }: Extract<Ahead, { kind: 'have' }>): Promise<Result> => {
  if (plan.load) {
    const names = plan.repositories.flatMap((name) => plan.tagging.tags.map((tag) => `${name}:${tag.name}`))
    const problem = await work.timed('load', () => ports.docker.pull(`${at}@${image.digest}`, names))
    if (problem !== undefined) return failed(work.seen(), 'load-failed', [problem])
  }
  return finish({ plan, ports, work }, { image, at: [at], code: 'skipped' })
}

const sentence = (code: Image['code'], name: string): string => {
  if (code === 'skipped') return `${name} is of this revision already; nothing was built`
  return code === 'merged' ? `${name} is made of the legs` : `${name} was built and pushed`
}
