import { Fault } from '@sluice/kit/faults'
import { shown } from './attributes.ts'
import type { GitEvent } from './event.ts'
import { aroundIn, branchOf, fill, namesIn, pullOf, type Scope, SHORT, type Template, tagOf } from './expressions.ts'
import type { Rule, Source } from './rules.ts'
import { readVersion, type Version } from './versions.ts'

/** How a tag writes the version that it holds or stands for: `before`, the version, `after`; each with its affixes. */
export type Written = {
  readonly before: string
  readonly after: string
  /** The stable semver of the build that the tag is of, if it is one. */
  readonly version: string | undefined
  /** The fewest numbers that a version of this kind is written with. */
  readonly parts: number
}

/** What a rule makes of a run, without prefix and suffix, and not yet cleaned. */
export type Value = {
  readonly text: string
  readonly fixed: boolean
  readonly line?: 'all' | 'major' | 'minor'
  /** Whether `latest=auto` follows it. */
  readonly latest: boolean
  readonly written?: Written
  /** Whether it is of the build's own version, and not only of a Git tag that looks like one. */
  readonly isVersion?: true
}

/** What a rule says to a run: a value, a sentence why there is none, or nothing, as it is of another kind of run. */
export type Said = { readonly value: Value } | { readonly note: string } | undefined

/** Longer texts are no tags anyway, and patterns are the users' own. */
const MOST = 256

/**
 * What an enabled rule makes of a run. Patterns over a version follow docker/metadata-action: of a pre-release the pattern is not followed, and
 * the whole version is taken; so no `1.2` is ever moved to a release candidate.
 * @throws Fault('input') for a value that this run does not have
 */
export const saidBy = ({ source }: Rule, event: GitEvent, scope: Scope): Said => {
  if (source.type === 'schedule') {
    return event.name === 'schedule' ? plain(fill(source.pattern, scope)) : undefined
  }
  if (source.type === 'edge') return edgeOf(source.branch, event)
  if (source.type === 'ref') return refOf(source.event, event)
  if (source.type === 'raw') {
    const text = fill(source.value, scope)
    return { value: { text, latest: false, ...likeness(text, event) } }
  }
  if (source.type === 'sha') {
    return { value: { text: source.long ? event.sha : event.sha.slice(0, SHORT), fixed: true, latest: false } }
  }
  const text = source.value === undefined ? tagOf(event) : fill(source.value, scope)
  if (text === '' && source.value === undefined) return undefined
  if (text.length > MOST)
    throw new Fault('input', `its value has ${text.length} characters: at most ${MOST} are looked at`)
  return source.type === 'match' ? matchOf(source, text, event) : versionOf(source, text, scope)
}

const plain = (text: string): Said => ({ value: { text, fixed: false, latest: false } })

const edgeOf = (asked: string, event: GitEvent): Said => {
  const branch = branchOf(event)
  if (branch === '') return undefined
  if (asked === '' && event.defaultBranch === '')
    throw new Fault('input', 'the event does not say which branch is the default one: write branch=')
  return branch === (asked || event.defaultBranch) ? plain('edge') : undefined
}

const refOf = (asked: 'branch' | 'tag' | 'pr', event: GitEvent): Said => {
  const text = { branch: branchOf, tag: tagOf, pr: pullOf }[asked](event)
  return text === '' ? undefined : { value: { text, fixed: asked === 'tag', latest: asked === 'tag' } }
}

const matchOf = (source: Source & { type: 'match' }, text: string, event: GitEvent): Said => {
  const found = text.match(source.pattern)
  if (found === null) return { note: `${shown(text)} does not match ${source.pattern}` }
  const group = found[source.group]
  if (group === undefined) return { note: `${source.pattern} finds no group ${source.group} in ${shown(text)}` }
  return { value: { text: group, latest: true, ...likeness(group, event) } }
}

/** A text is fixed when it is the Git tag, or all of its version; `1.2` out of `v1.2.3` stands for that line. */
const likeness = (text: string, event: GitEvent): Pick<Value, 'fixed' | 'line' | 'written'> => {
  const tag = tagOf(event)
  if (text === tag && tag !== '') return { fixed: true }
  const version = tag === '' ? undefined : readVersion('semver', tag)
  const bare = text.replace(/^v/, '')
  const written: Written = { before: '', after: '', version: version?.stable, parts: 3 }
  if (text === 'latest') return { fixed: false, line: 'all', written }
  if (version === undefined) return { fixed: false }
  if (bare === version.values.get('version')) return { fixed: true, written }
  const [major = '', minor = ''] = (version.stable ?? '').split('.')
  if (major !== '' && bare === major) return { fixed: false, line: 'major', written }
  return major !== '' && bare === `${major}.${minor}` ? { fixed: false, line: 'minor', written } : { fixed: false }
}

const versionOf = (source: Source & { type: 'semver' | 'pep440' }, text: string, scope: Scope): Said => {
  const matched = source.match === undefined ? text : text.match(source.match)?.[1]
  // Going on with what does not match would tag a monorepo's other parts.
  if (matched === undefined) return { note: `${shown(text)} does not match ${source.match}` }
  const name = matched.replaceAll('/', '-')
  const version = readVersion(source.type, name)
  if (version === undefined)
    return { note: `${shown(name)} is no ${source.type === 'semver' ? 'semver' : 'PEP 440 version'}` }
  const names = namesIn(source.pattern)
  const isRaw = source.pattern.length === 1 && names[0] === 'raw'
  const pattern: Template = version.isPlain || isRaw ? source.pattern : [{ kind: 'name', name: 'version' }]
  const filled = fill(pattern, { ...scope, values: new Map([...scope.values, ...version.values]) })
  const line = version.isPlain ? lineOf(names) : undefined
  return {
    value: {
      text: filled,
      fixed: line === undefined && (!version.isPlain || isWhole(names)),
      latest: version.isPlain,
      ...(line === undefined ? {} : { line }),
      written: writtenBy(pattern, version),
      isVersion: true,
    },
  }
}

const isWhole = (names: readonly string[]): boolean =>
  names.includes('version') || names.includes('raw') || ['major', 'minor', 'patch'].every((one) => names.includes(one))

/** The versions that a pattern's result stands for: those with the same numbers, as far as it holds them from the first on. */
const lineOf = (names: readonly string[]): Value['line'] => {
  const of = names.filter((name) => ['major', 'minor', 'patch'].includes(name))
  if (isWhole(names)) return undefined
  if (names.length === 0) return 'all'
  if (!of.includes('major') || of.includes('patch')) return undefined
  return of.includes('minor') ? 'minor' : 'major'
}

const writtenBy = (pattern: Template, version: Version): Written => {
  const { before, after } = namesIn(pattern).length === 0 ? { before: '', after: '' } : aroundIn(pattern)
  return { before: before.replace(/v$/, ''), after, version: version.stable, parts: version.parts }
}
