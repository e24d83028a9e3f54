import { Fault } from '@sluice/kit/faults'
import { attempt, linesOf, type Problem, throwProblems } from './attributes.ts'
import { affixesOf, type Candidate, defaultsOf, finished, fromRules, latestOf } from './candidates.ts'
import type { GitEvent } from './event.ts'
import { scopeOf, tagOf } from './expressions.ts'
import { readFlavor } from './flavor.ts'
import { readRules } from './rules.ts'
import type { Written } from './values.ts'
import { stableOf } from './versions.ts'

/** A tag, and what it promises. */
export type Tag = {
  /** Valid: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`. */
  readonly name: string
  /** `fixed` names one commit or one whole version, and is never written twice. */
  readonly kind: 'fixed' | 'moving'
  /** Of a moving one: it stands for the highest stable version of all, of its major, or of its minor. */
  readonly line?: 'all' | 'major' | 'minor'
  /** The rule as written, or `default`, or `flavor latest`. */
  readonly rule: string
  /** How it writes a version, where it holds one or stands for one. */
  readonly written?: Written
}

/** The tags of a build: the first is its version. */
export type Tagging = {
  readonly tags: readonly Tag[]
  readonly version: string
  /** The semver this build is, if it is a stable one. */
  readonly stable: string | undefined
  /** Sentences to warn with: rules that gave nothing although they are of this kind of run, and attributes without a use. */
  readonly notes: readonly string[]
}

/**
 * The tags of a run, by docker/metadata-action's rules and flavor (https://github.com/docker/metadata-action#tags-input), highest priority
 * first; the flavor's `latest` comes last.
 *
 * What differs on purpose:
 * - without rules a branch gives `<branch>-<sha7>`, a Git tag `1.2.3` (if it is a semver) and `<tag>-<sha7>`, a pull request `pr-<n>-<sha7>`,
 *   and each of them `sha-<sha7>`: none of these moves. A long name is cut there, so that the commit stays; the flavor is around all of them
 * - `latest` comes only when the flavor says `latest=auto` or `latest=true`
 * - a pull request's commit is its head
 * - a tag that is empty, too long or begins with `.` or `-` is an error, and so are unknown expressions, attributes and tokens of dates
 * - where `match` of a version does not match, there is no tag
 *
 * @param rules lines of the input `tags`; nothing but comments: the default rules
 * @throws Fault('input') with all that is wrong in rules and flavor by line, and for rules that leave a run without a tag
 */
export const tagsOf = (rules: string, flavor: string, event: GitEvent): Tagging => {
  const problems: Problem[] = []
  const scope = scopeOf(event)
  const look = readFlavor(flavor, problems)
  const affixes = affixesOf(look, scope, problems)
  const lines = linesOf(rules)
  const read = readRules(lines, problems)
  const notes = [...read.notes]
  const candidates =
    lines.length === 0 ? defaultsOf(event, affixes) : fromRules(read.rules, { event, scope, affixes, problems, notes })

  const isLatest = look.latest === 'true' || (look.latest === 'auto' && candidates[0]?.value.latest === true)
  const all = isLatest && candidates.length > 0 ? [...candidates, latestOf(look, affixes)] : candidates
  const tags = all.flatMap((candidate) => {
    const at = { input: candidate.input, line: candidate.line, problems }
    const tag = attempt(at, () => finished(candidate, event))
    return tag === undefined ? [] : [tag]
  })
  throwProblems(problems)
  const version = tags[0]?.name
  if (version === undefined) throw noTags(event, notes)
  return { tags: withoutDoubles(tags), version, stable: stableIn(candidates, event), notes }
}

const noTags = (event: GitEvent, notes: readonly string[]): Fault =>
  new Fault(
    'input',
    [`No rule of tags gives a tag on ${event.name} of ${event.ref || 'no ref'}`, ...notes].join('\n  '),
    'Add a rule for it, such as type=sha, or leave the input empty for the default ones',
  )

/** That of the first rule of versions, which may be told another than the Git tag. */
const stableIn = (candidates: readonly Candidate[], event: GitEvent): string | undefined => {
  const first = candidates.find(({ value }) => value.isVersion)
  return first === undefined ? stableOf(tagOf(event)) : first.value.written?.version
}

/** Two rules may give one tag: it stands where the first put it, and is fixed if one of them says so. */
const withoutDoubles = (tags: readonly Tag[]): readonly Tag[] => {
  const byName = new Map<string, Tag>()
  for (const tag of tags) {
    const known = byName.get(tag.name)
    const isStricter =
      known?.kind === 'moving' && (tag.kind === 'fixed' || (known.line === undefined && tag.line !== undefined))
    if (known === undefined || isStricter) byName.set(tag.name, tag)
  }
  return [...byName.values()]
}
