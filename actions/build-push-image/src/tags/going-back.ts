import { compare } from 'semver'
import type { Tag, Tagging } from './tags.ts'
import type { Written } from './values.ts'

/** What stays of a build's tags, and what does not, with a sentence each. Nothing may stay. */
export type Kept = {
  readonly tags: readonly Tag[]
  readonly dropped: readonly { readonly tag: string; readonly why: string }[]
}

/**
 * Leaves out the moving tags that would go back. `latest`, `1` and `1.2` move only to a version that no stable version in the registry is higher
 * than, of all, of that major, or of that minor; a `latest` of what is no stable version only where the registry holds none. A second build of
 * the highest version keeps them.
 *
 * Versions in the registry are known by how this build writes its own: with its prefix and suffix, a `v` allowed. So `1.3.0-alpine` says nothing
 * of `latest` beside `1.2.4`, and all of `latest-alpine` beside `1.2.4-alpine`.
 *
 * @param known the tags that the repository holds
 */
export const withoutGoingBack = (tagging: Tagging, known: readonly string[]): Kept => {
  const dropped: { readonly tag: string; readonly why: string }[] = []
  const tags = tagging.tags.filter((tag) => {
    const why = tag.kind === 'moving' ? reasonAgainst(tag, tagging, known) : undefined
    if (why !== undefined) dropped.push({ tag: tag.name, why })
    return why === undefined
  })
  return { tags, dropped }
}

const reasonAgainst = (tag: Tag, tagging: Tagging, known: readonly string[]): string | undefined => {
  if (tag.line === undefined) return undefined
  const own = tag.written?.version ?? tagging.stable
  const forms = formsFor(tag, tagging)
  const highest = known
    .flatMap((name) => forms.map((form) => versionIn(name, form)))
    .filter((version) => version !== undefined)
    .filter((version) => isInLine(version, own, tag.line))
    .reduce<string | undefined>((a, b) => (a === undefined || compare(a, b) < 0 ? b : a), undefined)
  if (highest === undefined) return undefined
  if (own === undefined)
    return `${tag.name} stays where it is: the registry holds ${highest}, and this build is no stable version`
  return compare(highest, own) > 0
    ? `${tag.name} stays where it is: the registry holds ${highest}, and this build is ${own}`
    : undefined
}

const PLAIN: Written = { before: '', after: '', version: undefined, parts: 3 }

/** How versions beside a tag are written: as itself where whole versions of this build are, else as any of these, and as itself. */
const formsFor = (tag: Tag, { tags }: Tagging): readonly Written[] => {
  const whole = tags.flatMap(({ kind, written }) => (kind === 'fixed' && written !== undefined ? [written] : []))
  const own = tag.written ?? PLAIN
  const same = whole.filter(({ before, after }) => before === own.before && after === own.after)
  if (same.length > 0) return same
  return whole.length > 0 ? [...whole, own] : [own, { ...PLAIN, parts: own.parts }]
}

const versionIn = (name: string, { before, after, parts }: Written): string | undefined => {
  if (!name.startsWith(before) || !name.endsWith(after)) return undefined
  const bare = name.slice(before.length, name.length - after.length)
  const numbers = /^v?(0|[1-9]\d{0,14})(?:\.(0|[1-9]\d{0,14}))?(?:\.(0|[1-9]\d{0,14}))?$/.exec(bare)
  if (numbers === null) return undefined
  const [, major, minor, patch] = numbers
  const said = [major, minor, patch].filter((one) => one !== undefined).length
  return said < Math.min(parts, 3) ? undefined : `${major}.${minor ?? 0}.${patch ?? 0}`
}

const isInLine = (version: string, own: string | undefined, line: Tag['line']): boolean => {
  if (line === 'all' || own === undefined) return true
  const shared = line === 'major' ? 1 : 2
  const [a, b] = [version.split('.'), own.split('.')]
  return a.slice(0, shared).join('.') === b.slice(0, shared).join('.')
}
