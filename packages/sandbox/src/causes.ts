import type { Cause } from './refusals.ts'

/** The entries of a list; none for what is no list. */
export const array = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
/** A cause for a value that breaks a rule. */
export const wrong = (field: string, value: unknown, rule: string): Cause => ({
  reason: 'FieldValueInvalid',
  field,
  message: `Invalid value: ${JSON.stringify(value) ?? 'null'}: ${rule}`,
})
/** A cause for a value that is missing. */
export const required = (field: string): Cause => ({ reason: 'FieldValueRequired', field, message: 'Required value' })
/** A cause for a value that is there already. */
export const duplicate = (field: string, value: unknown): Cause => ({
  reason: 'FieldValueDuplicate',
  field,
  message: `Duplicate value: ${JSON.stringify(value)}`,
})

/** A JSON value's type as Go's decoder names it. */
export const jsonType = (value: unknown): string =>
  Array.isArray(value)
    ? 'array'
    : typeof value === 'object'
      ? 'object'
      : typeof value === 'boolean'
        ? 'bool'
        : typeof value
