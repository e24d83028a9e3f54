import { Fault } from '@sluice/kit/faults'
import { unknownName } from '@sluice/kit/nearest'
import { checkFormat, checkZone, formatDate } from './dates.ts'
import type { GitEvent } from './event.ts'

type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'date'; readonly name: string; readonly format: string; readonly zone: string }

/** A text with expressions, read and checked. */
export type Template = readonly Piece[]

/** What the expressions without arguments stand for, and the instants (ms UTC) of those with a format. */
export type Scope = {
  readonly values: ReadonlyMap<string, string | undefined>
  readonly instants: ReadonlyMap<string, number | undefined>
}

const DATES = ['date', 'commit_date']
/** The expressions that every attribute knows. */
export const GLOBALS = ['branch', 'tag', 'sha', 'base_ref', 'is_default_branch', 'is_not_default_branch']

/** The digits of a commit that tags are named by. */
export const SHORT = 7

/**
 * Reads `text {{name}} text {{date 'YYYYMMDD' tz='Asia/Tokyo'}}`; `\{{` is no expression. Only what is named here can be asked for: there are no blocks, paths
 * or other helpers.
 * @param names the expressions known beside the global ones
 * @throws Fault('input') for one that is not closed, not known, or has arguments it does not take
 */
export const readTemplate = (source: string, names: readonly string[] = []): Template => {
  const pieces: Piece[] = []
  let end = 0
  for (const match of source.matchAll(/\\\{\{|\{\{\{([^{}]*)\}\}\}|\{\{([^{}]*)\}\}/g)) {
    pieces.push(textPiece(source.slice(end, match.index)))
    end = match.index + match[0].length
    const inner = match[1] ?? match[2]
    pieces.push(inner === undefined ? { kind: 'text', text: '{{' } : readExpression(inner.trim(), names))
  }
  return [...pieces, textPiece(source.slice(end))].filter((piece) => piece.kind !== 'text' || piece.text !== '')
}

const textPiece = (text: string): Piece => {
  if (!text.includes('{{')) return { kind: 'text', text }
  throw new Fault('input', `"{{" is not closed in "${text.slice(text.indexOf('{{'), 60)}"`)
}

const readExpression = (source: string, names: readonly string[]): Piece => {
  const name = /^\S+/.exec(source)?.[0] ?? ''
  const known = [...names, ...GLOBALS, ...DATES]
  if (!known.includes(name)) {
    const what = unknownName('expression', name.slice(0, 60), known)
    throw new Fault('input', what.includes('known:') ? what : `${what} known: ${known.join(', ')}`)
  }
  const rest = source.slice(name.length).trim()
  if (DATES.includes(name)) return readDate(name, rest)
  if (rest !== '') throw new Fault('input', `{{${name}}} takes nothing, and is given ${rest.slice(0, 60)}`)
  return { kind: 'name', name }
}

const readDate = (name: string, rest: string): Piece => {
  const match = /^(?:'([^']*)'|"([^"]*)")(?:\s+tz=(?:'([^']*)'|"([^"]*)"))?$/.exec(rest)
  const format = match?.[1] ?? match?.[2] ?? ''
  if (match === null || format === '')
    throw new Fault(
      'input',
      `{{${name}}} is written as {{${name} 'YYYYMMDD'}}, or with tz='Europe/Berlin' after its format`,
    )
  const zone = match[3] ?? match[4] ?? 'UTC'
  checkFormat(format)
  checkZone(zone)
  return { kind: 'date', name, format, zone }
}

/**
 * The text that a template stands for. What a value holds is never read as an expression again.
 * @throws Fault('input') for a value that this run does not have
 */
export const fill = (template: Template, scope: Scope): string =>
  template.map((piece) => (piece.kind === 'text' ? piece.text : filled(piece, scope))).join('')

const filled = (piece: Exclude<Piece, { kind: 'text' }>, { values, instants }: Scope): string => {
  const value = piece.kind === 'name' ? values.get(piece.name) : undefined
  const at = piece.kind === 'date' ? instants.get(piece.name) : undefined
  if (piece.kind === 'date' && at !== undefined) return formatDate(at, piece.format, piece.zone)
  if (value !== undefined) return value
  throw new Fault('input', `{{${piece.name}}} is not known to this event${UNKNOWN[piece.name] ?? ''}`)
}

const UNKNOWN: Readonly<Record<string, string>> = {
  commit_date: ': its payload does not hold the commit; {{date}} is when the run builds',
  is_default_branch: ': its payload does not say which branch is the default one',
  is_not_default_branch: ': its payload does not say which branch is the default one',
}

/** The names of a template's expressions, in their order. */
export const namesIn = (template: Template): readonly string[] =>
  template.flatMap((piece) => (piece.kind === 'text' ? [] : [piece.name]))

/** What stands as text before a template's first expression and after its last; all of it before, where there is none. */
export const aroundIn = (template: Template): { readonly before: string; readonly after: string } => {
  const first = template[0]
  const last = template.at(-1)
  const before = first?.kind === 'text' ? first.text : ''
  return { before, after: template.length > 1 && last?.kind === 'text' ? last.text : '' }
}

/** What the global expressions are in a run. `branch` and `tag` are empty where the ref is none. */
export const scopeOf = (event: GitEvent): Scope => {
  const branch = branchOf(event)
  const isDefault =
    branch !== '' && event.defaultBranch === '' ? undefined : branch !== '' && branch === event.defaultBranch
  return {
    values: new Map([
      ['branch', branch],
      ['tag', tagOf(event)],
      ['sha', event.sha.slice(0, SHORT)],
      ['base_ref', event.baseRef],
      ['is_default_branch', isDefault === undefined ? undefined : `${isDefault}`],
      ['is_not_default_branch', isDefault === undefined ? undefined : `${!isDefault}`],
    ]),
    instants: new Map([
      ['date', event.now],
      ['commit_date', event.committedAt],
    ]),
  }
}

/** The branch that a run is of; empty when it is of none. */
export const branchOf = ({ ref }: GitEvent): string => after(ref, 'refs/heads/')
/** The Git tag that a run is of; empty when it is of none. */
export const tagOf = ({ ref }: GitEvent): string => after(ref, 'refs/tags/')
/** The number of the pull request that a run is of; empty when it is of none. */
export const pullOf = ({ ref }: GitEvent): string => /^refs\/pull\/(\d+)\//.exec(ref)?.[1] ?? ''

const after = (ref: string, start: string): string => (ref.startsWith(start) ? ref.slice(start.length) : '')
