import { Fault } from '@sluice/kit/faults'
import type { Json, Place, Scope, Template } from '../template.ts'
import { text, toData } from './data.ts'
import { asksForStatus, valueFrom } from './expression.ts'
import { convert } from './input-value.ts'

/**
 * What a template gives in a scope: each expression by its value, each mapping and sequence by its parts, `${{ insert }}` by the entries of what it names.
 * @throws Fault('input') with file, line and expression for what cannot be evaluated
 */
export const evaluate = (template: Template, scope: Scope): Json => {
  if (template.kind === 'literal') return template.value
  if (template.kind === 'expression') return evaluateSource(template.source, scope, template.at)
  if (template.kind === 'sequence') return template.items.map((item) => evaluate(item, scope))
  const entries: [string, Json][] = []
  for (const { key, value } of template.entries) {
    const found = evaluate(value, scope)
    const added = isInsert(key) ? insertedBy(found, key.at) : [[evaluateText(key, scope), found] as const]
    for (const [name, item] of added) {
      if (entries.some(([other]) => other.toLowerCase() === name.toLowerCase()))
        throw new Fault('input', `${where(key.at)}: '${name}' is already defined`)
      entries.push([name, item])
    }
  }
  return Object.fromEntries(entries)
}

/**
 * What a template gives where GitHub wants text: `true`, `1.5`, empty for null; an absent template is empty.
 * @throws Fault('input') as `evaluate`, and for a mapping or a sequence
 */
export const evaluateText = (template: Template | undefined, scope: Scope): string => {
  if (template === undefined) return ''
  const value = evaluate(template, scope)
  if (value === null || typeof value !== 'object') return text(toData(value))
  const shown = template.kind === 'expression' ? ` (\${{ ${template.source} }})` : ''
  throw new Fault(
    'input',
    `${where(template.at)}: A ${Array.isArray(value) ? 'sequence' : 'mapping'} was not expected${shown}`,
    'Use toJSON(…) where the whole value is wanted as text',
  )
}

/**
 * What a template gives where GitHub wants a boolean or a number, as in `continue-on-error` and `timeout-minutes`: text that looks like one is refused.
 * @throws Fault('input') as `evaluate`, and in GitHub's words for a value of another kind
 * Source: `TemplateEvaluator` of actions/runner, which checks what an expression gave against the schema.
 */
export const evaluateBoolean = (template: Template, scope: Scope): boolean => typed(template, scope, 'boolean') === true

/** The same of a number. @throws Fault('input') as `evaluateBoolean` */
export const evaluateNumber = (template: Template, scope: Scope): number => Number(typed(template, scope, 'number'))

/**
 * Whether an `if` lets its job or step run. Without one of the status functions it is as if it began with `success() &&`; empty is `success()`.
 * @param at where the job or step stands, for the message
 * @throws Fault('input') for what cannot be evaluated
 * Source: docs.github.com, "Evaluate expressions", status check functions.
 */
export const evaluateCondition = (ifSource: string, scope: Scope, at?: Place): boolean => {
  if (ifSource.trim() === '') return scope.status.success
  // Status first, so that a condition over outputs that are not there is not evaluated after a failure.
  if (!asksForStatus(ifSource) && !scope.status.success) return false
  return truthy(evaluateSource(ifSource, scope, at))
}

/** What GitHub takes for true: all but false, 0, NaN, empty text and null. */
const truthy = (value: Json): boolean => Boolean(value)

const evaluateSource = (source: string, scope: Scope, at: Place | undefined): Json => {
  const result = valueFrom(source, scope)
  if (result.kind === 'value') return result.value
  throw new Fault('input', `${at ? `${where(at)}: ` : ''}\${{ ${source} }}: ${result.text}`)
}

const typed = (template: Template, scope: Scope, type: 'boolean' | 'number'): Json => {
  const read = convert(evaluate(template, scope), type)
  if (read.kind === 'value') return read.value
  const shown = template.kind === 'expression' ? ` (\${{ ${template.source} }})` : ''
  throw new Fault('input', `${where(template.at)}: ${read.text}${shown}`, `fromJSON(…) makes a ${type} of text`)
}

const isInsert = (key: Template): boolean => key.kind === 'expression' && key.source === 'insert'

const insertedBy = (value: Json, at: Place): readonly (readonly [string, Json])[] => {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new Fault('input', `${where(at)}: \${{ insert }} wants a mapping`)
  return Object.entries(value)
}

const where = ({ file, line }: Place): string => `${file}:${line}`
