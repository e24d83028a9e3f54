import type { Digest, ImageFacts } from '@sluice/registry/registry'
import { missingPlatforms } from './platforms.ts'

/** One tag of one repository, as it was before anything was built. */
export type Seen = {
  readonly repository: string
  readonly tag: string
  /** Whether it names one commit or version for ever: by what it means, or because the registry itself would not move it. */
  readonly fixed: boolean
  /** The registry refuses to move any such tag. */
  readonly enforced: boolean
  readonly digest?: Digest
  /** What it names; of fixed tags that are there. */
  readonly image?: ImageFacts
}

/** What the image is to be: labels, empty for none, and the platforms. */
export type Wanted = {
  readonly revision: string
  /** The repository that it is built from. */
  readonly source: string
  readonly platforms: readonly string[]
}

/** What is to be done. `have`: an image of this revision is there; what does not name it yet is `missing`. `taken`: a fixed tag names something else. */
export type Ahead =
  | { readonly kind: 'build' }
  | { readonly kind: 'have'; readonly image: ImageFacts; readonly at: string }
  | { readonly kind: 'taken'; readonly problems: readonly string[] }

/** The label that says which commit an image is of. Source: OCI image spec, annotations. */
export const REVISION = 'org.opencontainers.image.revision'
/** The label that says where its source is. */
export const SOURCE = 'org.opencontainers.image.source'
/** The label with the number of the run that built it, which only grows within a repository. */
export const RUN = 'dev.sluice.run'

/**
 * Whether an image is there already, must be built, or cannot be: a fixed tag that is there must name this revision, with all platforms asked for.
 * Moving tags decide nothing. Two images of one revision are one too many: nobody can say which is meant.
 */
export const lookAhead = (seen: readonly Seen[], wanted: Wanted): Ahead => {
  const there = seen.filter((one): one is There => one.fixed && one.digest !== undefined)
  const judged = there.map((one) => ({ one, why: differs(one, wanted) }))
  const ours = judged.filter(({ why }) => why === undefined).map(({ one }) => one)
  const others = judged.filter((entry): entry is { one: There; why: string } => entry.why !== undefined)
  const [first] = ours
  const rival = ours.find(({ digest }) => digest !== first?.digest)
  if (others.length > 0)
    return {
      kind: 'taken',
      problems: others.map(
        ({ one, why }) => `${one.repository}:${one.tag} is ${one.digest}${why}; ${meant(first, wanted)}`,
      ),
    }
  if (first !== undefined && rival !== undefined)
    return {
      kind: 'taken',
      problems: [
        `${first.repository}:${first.tag} is ${first.digest} and ${rival.repository}:${rival.tag} is ${rival.digest}, both of the revision ${wanted.revision}`,
      ],
    }
  if (first?.image === undefined) return { kind: 'build' }
  return { kind: 'have', image: first.image, at: first.repository }
}

type There = Seen & { readonly digest: Digest }

/** Why what a tag names is not what is wanted, as the rest of a sentence; `undefined` when it is. */
const differs = ({ image, enforced }: There, { revision, source, platforms }: Wanted): string | undefined => {
  const held = enforced ? ', and the registry moves no such tag' : ''
  if (image === undefined) return `, of which the registry has no manifest${held}`
  const label = image.labels[REVISION]
  if (label === undefined || label === '') return `, without a label ${REVISION}${held}`
  if (label !== revision) return `, of the revision ${label.slice(0, LONGEST)}${held}`
  const from = image.labels[SOURCE] ?? ''
  if (from !== '' && source !== '' && from !== source)
    return `, of this revision, but built from ${from.slice(0, LONGEST)}${held}`
  const lacking = missingPlatforms(
    platforms,
    image.platforms.map((one) => one.platform),
  )
  return lacking.length === 0 ? undefined : `, of this revision, but without ${lacking.join(' and ')}${held}`
}

/** A label may hold anything. */
const LONGEST = 100

/** The other digest, where there is one: nothing of this revision has one before it is built. */
const meant = (ours: There | undefined, { revision }: Wanted): string =>
  ours === undefined
    ? `this run is of the revision ${revision === '' ? '(none)' : revision}, which has not been built`
    : `this run is of the revision ${revision}, which is ${ours.digest} (${ours.tag})`

/**
 * Moving tags that an image of a later run has already: a build that took longer, or an old run that runs again, would set them back. Runs of one
 * repository only are compared, by the source that their images name.
 * @param ours the labels of the image that is to be tagged
 * @returns each with a sentence
 */
export const laterNamed = (
  seen: readonly Seen[],
  ours: Readonly<Record<string, string>>,
): readonly { readonly tag: string; readonly repository: string; readonly why: string }[] =>
  seen.flatMap(({ repository, tag, fixed, image }) => {
    const theirs = image?.labels[RUN] ?? ''
    if (fixed || !isNumber(theirs) || !isNumber(ours[RUN] ?? '') || image?.labels[SOURCE] !== ours[SOURCE]) return []
    if (BigInt(theirs) <= BigInt(ours[RUN] ?? '')) return []
    const why = `${repository}:${tag} stays where it is: ${image?.digest} of the later run ${theirs} has it`
    return [{ repository, tag, why }]
  })

const isNumber = (text: string): boolean => /^\d{1,30}$/.test(text)

/**
 * Just before tags are written: a fixed tag that appeared since. One of the same image is fine; one of another is a tag that somebody else took.
 * @returns sentences; empty when all may be written
 */
export const takenSince = (seen: readonly Seen[], digest: Digest): readonly string[] =>
  seen
    .filter((one) => one.fixed && one.digest !== undefined && one.digest !== digest)
    .map((one) => `${one.repository}:${one.tag} is ${one.digest} meanwhile, and what was built here is ${digest}`)
