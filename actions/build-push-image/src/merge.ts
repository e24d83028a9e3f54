import type { Push } from './build-and-push.ts'
import { REVISION } from './existing.ts'
import { mergeLegs } from './index-of.ts'
import { failed } from './outcome.ts'
import type { Place, Plan, Ports } from './ports.ts'
import type { Work } from './work.ts'

/**
 * Makes one image of what the legs pushed, in each repository, without a tag. Legs that are of another commit are refused: their digests came by way of
 * files or outputs, which may be those of another run.
 */
export const merge = async (plan: Plan, ports: Ports, work: Work): Promise<Push> =>
  work.timed('merge', async (): Promise<Push> => {
    let digest: Push | undefined
    for (const repository of plan.repositories) {
      digest = await mergeIn(repository, plan, { place: ports.place(repository), work })
      if (digest.kind === 'failed') return digest
    }
    if (digest === undefined) throw new Error('there is no repository to merge in')
    return digest
  })

const mergeIn = async (
  repository: string,
  { order, merge: digests }: Plan,
  { place, work }: { readonly place: Place; readonly work: Work },
): Promise<Push> => {
  const differ = (problems: readonly string[]): Push => ({
    kind: 'failed',
    result: failed(work.seen(), 'platforms-differ', problems),
  })
  const legs = await Promise.all(
    digests.map(async (digest) => ({
      digest,
      manifest: await place.manifest(digest),
      image: await place.image(digest),
    })),
  )
  const revision = order.labels[REVISION] ?? ''
  const problems = legs.flatMap(({ digest, manifest, image }) => {
    const name = `${repository}@${digest}`
    if (manifest === undefined || image === undefined) return [`${name} is not there`]
    const theirs = image.labels[REVISION] ?? ''
    return theirs === revision
      ? []
      : [`${name} is of the revision ${theirs.slice(0, 100) || '(none)'}, not ${revision}`]
  })
  if (problems.length > 0) return differ(problems)
  const made = mergeLegs(
    legs.flatMap(({ manifest, image }) => {
      const platform = manifest?.kind === 'image' ? image?.platforms[0]?.platform : undefined
      return manifest === undefined ? [] : [{ manifest, ...(platform === undefined ? {} : { platform }) }]
    }),
    order.platforms,
  )
  if (made.kind === 'wrong') return differ(made.problems)
  if (made.created) await place.put(made.digest, made)
  return { kind: 'pushed', digest: made.digest }
}
