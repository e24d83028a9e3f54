import type { MappingToken, TemplateToken } from '@actions/workflow-parser/templates/tokens/index'
import {
  isBasicExpression,
  isBoolean,
  isMapping,
  isNumber,
  isSequence,
  isString,
} from '@actions/workflow-parser/templates/tokens/type-guards'
import type { Place, Template } from '../template.ts'

/** Turns a token of GitHub's parser into a template. `${{ insert }}` as a key becomes an expression whose source is `insert`. */
export const templateOf = (token: TemplateToken, file: string): Template => {
  const at = placeOf(token, file)
  if (isMapping(token)) {
    const entries = entriesOf(token).map(({ key, value }) => ({
      key: templateOf(key, file),
      value: templateOf(value, file),
    }))
    return { kind: 'mapping', entries, at }
  }
  if (isSequence(token)) return { kind: 'sequence', items: [...token].map((item) => templateOf(item, file)), at }
  if (isBasicExpression(token)) return { kind: 'expression', source: token.expression, at }
  if (token.isExpression) return { kind: 'expression', source: 'insert', at }
  return { kind: 'literal', value: literalOf(token), at }
}

/** Where a token stands; 1:1 when the parser does not say. */
export const placeOf = (token: TemplateToken, file: string): Place => ({
  file,
  line: token.range?.start.line ?? 1,
  column: token.range?.start.column ?? 1,
})

/** The entries of a mapping, none for anything else. */
export const entriesOf = (
  token: TemplateToken | undefined,
): readonly { readonly key: TemplateToken; readonly value: TemplateToken }[] =>
  token !== undefined && isMapping(token) ? [...(token as MappingToken)] : []

/** The value under a key of a mapping; undefined where there is none, or for anything but a mapping. */
export const under = (token: TemplateToken | undefined, key: string): TemplateToken | undefined =>
  entriesOf(token).find((entry) => textOf(entry.key) === key)?.value

/** A mapping as a record, each value made by `read`. */
export const recordOf = <T>(
  token: TemplateToken | undefined,
  read: (value: TemplateToken, key: string) => T,
): Readonly<Record<string, T>> =>
  Object.fromEntries(entriesOf(token).map(({ key, value }) => [textOf(key), read(value, textOf(key))]))

/** What a literal says as text; an expression as it is written; empty for null and for anything that is no scalar. */
export const textOf = (token: TemplateToken | undefined): string => {
  if (token === undefined) return ''
  if (isString(token)) return token.value
  if (isNumber(token) || isBoolean(token)) return String(token.value)
  return isBasicExpression(token) ? `\${{ ${token.expression} }}` : ''
}

/** One text or a list of them; undefined where the key is absent. */
export const textsOf = (token: TemplateToken | undefined): readonly string[] | undefined => {
  if (token === undefined) return undefined
  return isSequence(token) ? [...token].map(textOf) : [textOf(token)]
}

/** A condition without the `${{ }}` round it. */
export const conditionOf = (token: TemplateToken | undefined): string => {
  if (token === undefined) return ''
  if (isBasicExpression(token)) return token.expression.trim()
  const text = textOf(token).trim()
  const inner = /^\$\{\{(.*)\}\}$/s.exec(text)?.[1]
  return inner === undefined || inner.includes('${{') ? text : inner.trim()
}

const literalOf = (token: TemplateToken): string | number | boolean | null =>
  isString(token) || isNumber(token) || isBoolean(token) ? token.value : null
