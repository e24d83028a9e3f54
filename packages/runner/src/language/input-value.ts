import type { Json } from '../template.ts'
import type { InputDeclaration } from '../workflow.ts'
import { toData } from './data.ts'

/** A value as an input of some type takes it, or GitHub's words for one that does not fit. */
export type InputValue =
  | { readonly kind: 'value'; readonly value: Json }
  | { readonly kind: 'wrong'; readonly text: string }

/**
 * Makes a value fit an input of a called workflow. Text takes any scalar, null as empty; a boolean and a number take only their own kind, not text that looks like one.
 * Source: `ConvertToInputValueDefinedType` of actions/runner and the schema that it evaluates by.
 */
export const convert = (value: Json, type: InputDeclaration['type']): InputValue => {
  if (value !== null && typeof value === 'object')
    return { kind: 'wrong', text: `A ${Array.isArray(value) ? 'sequence' : 'mapping'} was not expected` }
  const text = toData(value).coerceString()
  if (type === 'boolean' || type === 'number')
    return typeof value === type ? { kind: 'value', value } : { kind: 'wrong', text: `Unexpected value '${text}'` }
  return { kind: 'value', value: text }
}
