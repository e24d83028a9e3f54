import { Fault } from '@sluice/kit/faults'
import { attempt, type Problem, shown } from './attributes.ts'
import type { GitEvent } from './event.ts'
import { branchOf, fill, namesIn, pullOf, type Scope, SHORT, type Template, tagOf } from './expressions.ts'
import type { Flavor } from './flavor.ts'
import type { Rule } from './rules.ts'
import type { Tag } from './tags.ts'
import { saidBy, type Value, type Written } from './values.ts'
import { readVersion } from './versions.ts'

/** A tag on its way: what a rule says, with the affixes filled in. */
export type Candidate = {
  readonly value: Value
  readonly prefix: string
  readonly suffix: string
  readonly rule: string
  /** Where to look when it is no tag. */
  readonly input: 'tags' | 'flavor'
  readonly line: number
  /** Expressions that stand for nothing in this run: why it may be none. */
  readonly empty: readonly string[]
}

/** The flavor's prefix and suffix in a run. */
export type Affixes = Pick<Candidate, 'prefix' | 'suffix' | 'empty' | 'line'>

/** What the candidates of a run are made with; problems and notes are added to. */
export type Context = {
  readonly event: GitEvent
  readonly scope: Scope
  readonly affixes: Affixes
  readonly problems: Problem[]
  readonly notes: string[]
}

/** The longest name of a tag: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests. */
const LONGEST = 128

/** The flavor's affixes, filled in; what is wrong joins `problems`. */
export const affixesOf = ({ prefix, suffix }: Flavor, scope: Scope, problems: Problem[]): Affixes => {
  const filled = ({ text, line }: Flavor['prefix']): string =>
    attempt({ input: 'flavor', line, problems }, () => fill(text, scope)) ?? ''
  return {
    prefix: filled(prefix),
    suffix: filled(suffix),
    empty: emptyIn([...prefix.text, ...suffix.text], scope),
    line: prefix.text.length > 0 ? prefix.line : suffix.line,
  }
}

const emptyIn = (template: Template, scope: Scope): readonly string[] =>
  namesIn(template).filter((name) => scope.values.get(name) === '')

/** What the rules give, in their order. */
export const fromRules = (rules: readonly Rule[], context: Context): readonly Candidate[] =>
  rules.flatMap((rule) => {
    const at = { input: 'tags', line: rule.number, problems: context.problems }
    return attempt(at, () => fromRule(rule, context)) ?? []
  })

const fromRule = (rule: Rule, { event, scope, affixes, notes }: Context): readonly Candidate[] => {
  const enabled = fill(rule.enable, scope)
  if (enabled !== 'true' && enabled !== 'false')
    throw new Fault('input', `enable must be true or false, not ${shown(enabled)}`)
  const said = enabled === 'true' ? saidBy(rule, event, scope) : undefined
  if (said === undefined) return []
  if ('note' in said) {
    notes.push(`tags, line ${rule.number}: ${said.note}`)
    return []
  }
  const { source, prefix, suffix } = rule
  const value = 'value' in source ? source.value : undefined
  const own = [...(prefix ?? []), ...(suffix ?? []), ...(value ?? [])]
  return [
    {
      value: said.value,
      prefix: prefix === undefined ? affixes.prefix : fill(prefix, scope),
      suffix: suffix === undefined ? affixes.suffix : fill(suffix, scope),
      rule: rule.text,
      input: 'tags',
      line: rule.number,
      empty: [...new Set([...emptyIn(own, scope), ...affixes.empty])],
    },
  ]
}

/**
 * What a run gets without rules: tags that name its commit or its whole version, and never move. A name is cut so that its commit stays; a
 * name without a letter, and a version too long for a tag, are left out.
 */
export const defaultsOf = (event: GitEvent, affixes: Affixes): readonly Candidate[] => {
  const short = event.sha.slice(0, SHORT)
  const version = readVersion('semver', tagOf(event))
  const whole = version?.values.get('version') ?? ''
  const room = LONGEST - affixes.prefix.length - affixes.suffix.length
  const pull = pullOf(event)
  const name = branchOf(event) || tagOf(event) || (pull === '' ? '' : `pr-${pull}`)
  const start = cleaned(name)
    .replace(/^[.-]+/, '')
    .slice(0, Math.max(0, room - SHORT - 1))

  const written: Written = { before: '', after: '', version: version?.stable, parts: 3 }
  const candidate = (text: string, more: Partial<Value> = {}): Candidate => ({
    ...affixes,
    value: { text, fixed: true, latest: version?.isPlain === true, ...more },
    rule: 'default',
    input: 'flavor',
  })
  return [
    ...(whole === '' || whole.length > room ? [] : [candidate(whole, { written, isVersion: true })]),
    ...(start === '' ? [] : [candidate(`${start}-${short}`)]),
    candidate(`sha-${short}`),
  ]
}

/** What `latest` is called, by the flavor. */
export const latestOf = ({ prefix, suffix }: Flavor, affixes: Affixes): Candidate => ({
  ...affixes,
  value: {
    text: 'latest',
    fixed: false,
    line: 'all',
    latest: false,
    written: { before: '', after: '', version: undefined, parts: 3 },
  },
  prefix: prefix.onLatest ? affixes.prefix : '',
  suffix: suffix.onLatest ? affixes.suffix : '',
  rule: 'flavor latest',
  input: 'flavor',
})

/**
 * A candidate as a tag: what no tag may hold becomes `-`, a run of it one.
 * @throws Fault('input') for what is then empty, too long, or begins with `.` or `-`
 */
export const finished = ({ value, prefix, suffix, rule, empty }: Candidate, event: GitEvent): Tag => {
  const name = cleaned(`${prefix}${value.text}${suffix}`)
  const wrong = wrongIn(name)
  if (wrong !== undefined) {
    const names = empty.map((one) => `{{${one}}}`).join(', ')
    throw new Fault('input', names === '' ? wrong : `${wrong}; on ${event.ref || 'no ref'}, ${names} is empty`)
  }
  const { written, line } = value
  const isFixed = value.fixed || holdsCommit(name, event.sha)
  return {
    name,
    kind: isFixed ? 'fixed' : 'moving',
    ...(isFixed || line === undefined ? {} : { line }),
    rule,
    ...(written === undefined
      ? {}
      : { written: { ...written, before: cleaned(prefix + written.before), after: cleaned(written.after + suffix) } }),
  }
}

const cleaned = (text: string): string => text.replace(/[^a-zA-Z0-9._-]+/g, '-')

const wrongIn = (name: string): string | undefined => {
  if (name === '') return 'gives an empty tag'
  if (name.length > LONGEST) return `gives a tag of ${name.length} characters, ${shown(name)}: at most ${LONGEST}`
  return /^[A-Za-z0-9_]/.test(name) ? undefined : `gives ${shown(name)}: a tag begins with a letter, a digit or _`
}

const holdsCommit = (name: string, sha: string): boolean =>
  [...name.matchAll(/[0-9a-f]{7,}/g)].some(([digits]) => sha.startsWith(digits))
