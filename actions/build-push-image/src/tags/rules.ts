import { Fault } from '@sluice/kit/faults'
import { unknownName } from '@sluice/kit/nearest'
import { attempt, fieldsOf, type Line, type Problem, pairOf, shown } from './attributes.ts'
import { readTemplate, type Template } from './expressions.ts'
import { type Scheme, VERSION_NAMES } from './versions.ts'

/** What a rule makes a tag of. A `value` or `branch` that was left out is the run's own. */
export type Source =
  | { readonly type: 'schedule'; readonly pattern: Template }
  | {
      readonly type: Scheme
      readonly pattern: Template
      readonly value: Template | undefined
      readonly match: RegExp | undefined
    }
  | { readonly type: 'match'; readonly pattern: RegExp; readonly group: number; readonly value: Template | undefined }
  | { readonly type: 'edge'; readonly branch: string }
  | { readonly type: 'ref'; readonly event: 'branch' | 'tag' | 'pr' }
  | { readonly type: 'raw'; readonly value: Template }
  | { readonly type: 'sha'; readonly long: boolean }

/** A rule as read. An affix that was left out is that of the flavor. */
export type Rule = Line & {
  readonly source: Source
  readonly enable: Template
  readonly priority: number
  readonly prefix: Template | undefined
  readonly suffix: Template | undefined
}

type Attributes = ReadonlyMap<string, string>
type Kind = {
  readonly priority: number
  /** The attributes that are read, beside those of every rule. */
  readonly own: readonly string[]
  readonly read: (attributes: Attributes) => Source
}

const version = (scheme: Scheme): Kind => ({
  priority: 900,
  own: ['pattern', 'value', 'match'],
  read: (attributes) => ({
    type: scheme,
    pattern: readTemplate(required(attributes, 'pattern'), VERSION_NAMES[scheme]),
    value: templateOf(attributes, 'value'),
    match: attributes.get('match') ? groupedOf(attributes.get('match') ?? '') : undefined,
  }),
})

const KINDS: ReadonlyMap<string, Kind> = new Map([
  [
    'schedule',
    {
      priority: 1000,
      own: ['pattern'],
      read: (attributes) => ({ type: 'schedule', pattern: readTemplate(attributes.get('pattern') ?? 'nightly') }),
    },
  ],
  ['semver', version('semver')],
  ['pep440', version('pep440')],
  [
    'match',
    {
      priority: 800,
      own: ['pattern', 'group', 'value'],
      read: (attributes) => ({
        type: 'match',
        pattern: patternOf(required(attributes, 'pattern')),
        group: groupOf(attributes.get('group') ?? '0'),
        value: templateOf(attributes, 'value'),
      }),
    },
  ],
  [
    'edge',
    {
      priority: 700,
      own: ['branch'],
      read: (attributes) => ({ type: 'edge', branch: attributes.get('branch') ?? '' }),
    },
  ],
  [
    'ref',
    {
      priority: 600,
      own: ['event'],
      read: (attributes) => ({ type: 'ref', event: oneOf(attributes, 'event', ['branch', 'tag', 'pr']) }),
    },
  ],
  [
    'raw',
    {
      priority: 200,
      own: ['value'],
      read: (attributes) => ({ type: 'raw', value: readTemplate(required(attributes, 'value')) }),
    },
  ],
  [
    'sha',
    {
      priority: 100,
      own: ['format'],
      read: (attributes) => ({
        type: 'sha',
        long: attributes.has('format') && oneOf(attributes, 'format', ['short', 'long']) === 'long',
      }),
    },
  ],
])

const COMMON = ['type', 'enable', 'priority', 'prefix', 'suffix']
const KNOWN = [...new Set([...COMMON, ...[...KINDS.values()].flatMap(({ own }) => own)])]

/**
 * The rules of docker/metadata-action's `tags`, one a line, highest priority first and else in their order; what is wrong joins `problems`.
 * Stricter than there: an attribute that no rule knows, that is given twice, or that has no name is a problem; one that another type knows is
 * told in `notes`. Every expression is checked, of rules too that this run has no use for.
 */
export const readRules = (
  lines: readonly Line[],
  problems: Problem[],
): { readonly rules: readonly Rule[]; readonly notes: readonly string[] } => {
  const notes: string[] = []
  const rules = lines.flatMap((line) => {
    const rule = attempt({ input: 'tags', line: line.number, problems }, () => readRule(line, notes))
    return rule === undefined ? [] : [rule]
  })
  return { rules: rules.toSorted((a, b) => b.priority - a.priority), notes }
}

const readRule = (line: Line, notes: string[]): Rule => {
  const fields = fieldsOf(line.text).map((field) => ({ field, pair: pairOf(field) }))
  const type = fields.find(({ pair }) => pair?.name === 'type')?.pair?.value ?? 'raw'
  const kind = KINDS.get(type)
  if (kind === undefined) throw new Fault('input', unknownName('type', type.slice(0, 60), [...KINDS.keys()]))

  const attributes = new Map<string, string>()
  for (const { field, pair } of fields) {
    const { name, value } = pair ?? { name: type === 'raw' ? 'value' : '', value: field }
    if (name === '')
      throw new Fault(
        'input',
        `${shown(field)} has no name; a value with a comma stands in quotes, as in "pattern=\\d{1,3}"`,
      )
    if (!KNOWN.includes(name)) throw new Fault('input', unknownName('attribute', name.slice(0, 60), KNOWN))
    if (attributes.has(name)) throw new Fault('input', `${name} is given twice`)
    if (!COMMON.includes(name) && !kind.own.includes(name))
      notes.push(`tags, line ${line.number}: type=${type} has no use for ${name}`)
    attributes.set(name, value)
  }
  const source = kind.read(attributes)
  return {
    ...line,
    source,
    enable: readTemplate(attributes.get('enable') ?? 'true'),
    priority: priorityOf(attributes.get('priority'), kind),
    prefix: affixOf(attributes.get('prefix') ?? ownPrefix(source)),
    suffix: affixOf(attributes.get('suffix')),
  }
}

const ownPrefix = (source: Source): string | undefined => {
  if (source.type === 'sha') return 'sha-'
  return source.type === 'ref' && source.event === 'pr' ? 'pr-' : undefined
}

const affixOf = (text: string | undefined): Template | undefined =>
  text === undefined ? undefined : readTemplate(text)

const templateOf = (attributes: Attributes, name: string): Template | undefined =>
  attributes.get(name) ? readTemplate(attributes.get(name) ?? '') : undefined

const required = (attributes: Attributes, name: string): string => {
  const value = attributes.get(name)
  if (value) return value
  throw new Fault('input', value === undefined ? `${name}= is missing` : `${name} is empty`)
}

const oneOf = <T extends string>(attributes: Attributes, name: string, known: readonly T[]): T => {
  const value = required(attributes, name)
  const found = known.find((one) => one === value)
  if (found === undefined) throw new Fault('input', unknownName(name, value.slice(0, 60), known))
  return found
}

const priorityOf = (text: string | undefined, kind: Kind): number => {
  if (text === undefined) return kind.priority
  if (/^-?\d{1,9}(?:\.\d{1,9})?$/.test(text)) return Number(text)
  throw new Fault('input', `priority must be a number, not ${shown(text)}`)
}

const groupOf = (text: string): number => {
  if (/^\d{1,2}$/.test(text)) return Number(text)
  throw new Fault('input', `group must be the number of a group of the pattern, not ${shown(text)}`)
}

/** `/source/flags`, or the source alone. */
const patternOf = (text: string): RegExp => {
  const [, source, flags] = /^\/(.+)\/([a-z]*)$/.exec(text) ?? []
  return regexOf(source ?? text, flags ?? '')
}

/** The version is what the first group finds, so there has to be one. */
const groupedOf = (text: string): RegExp => {
  const regex = regexOf(text, '')
  const groups = new RegExp(`${regex.source}|`).exec('')
  if (groups !== null && groups.length > 1) return regex
  throw new Fault('input', `match needs a group in parentheses around the version, which ${shown(text)} has not`)
}

/** A very long pattern is refused by the engine too, but only when it is first used. */
const LONGEST_PATTERN = 1000

const regexOf = (source: string, flags: string): RegExp => {
  if (source.length > LONGEST_PATTERN)
    throw new Fault('input', `a pattern has at most ${LONGEST_PATTERN} characters, and this one ${source.length}`)
  try {
    return new RegExp(source, flags)
  } catch (thrown) {
    throw new Fault('input', thrown instanceof Error ? thrown.message : String(thrown))
  }
}
