import type { Assertion, Json } from './check.ts'
import type { Found } from './json-path.ts'
import { type Match, tooSlow } from './pattern.ts'

/** The words that `type` compares with. */
const TYPES = ['string', 'number', 'integer', 'boolean', 'array', 'object', 'null'] as const

/**
 * Whether a found value is what an assertion says; a sentence with what was there when it is not.
 * A value that is absent fails every assertion but `exists: false`; text and numbers are never converted into each other.
 */
export const check = (found: Found, { op, value }: Assertion, matches: Match): string | undefined => {
  if (op === 'exists') {
    const wanted = value !== false
    return (found.kind === 'found' && found.nothing !== true) === wanted
      ? undefined
      : wanted
        ? 'is absent'
        : 'is there and should not be'
  }
  if (found.kind === 'absent') return `is absent, expected ${op} ${show(value)}`
  const holding = op === 'matches' ? matching(found.value, value, matches) : holds(found.value, op, value)
  if (holding === 'too-slow') return `cannot be compared: ${tooSlow(String(value))}`
  return holding ? undefined : `is ${show(found.value)}, expected ${op} ${show(value)}`
}

/** What an assertion's own value must be, as a sentence when it is not; so that a check that can never pass is refused at the start. */
export const assertionProblem = ({ op, value }: Assertion): string | undefined => {
  if (op === 'exists') return typeof value === 'boolean' ? undefined : 'exists takes true or false'
  if (['gt', 'ge', 'lt', 'le'].includes(op)) return typeof value === 'number' ? undefined : `${op} takes a number`
  if (op === 'length') return Number.isInteger(value) && Number(value) >= 0 ? undefined : 'length takes a whole number'
  if (op === 'type') return TYPES.some((type) => type === value) ? undefined : `type takes one of ${TYPES.join(', ')}`
  if (op === 'matches') return typeof value === 'string' ? regexProblem(value) : 'matches takes a regular expression'
  return undefined
}

/** Why an assertion says nothing, or can never hold, about the list that a path with `[*]` gives; undefined for one that does. */
export const listProblem = ({ op, value }: Assertion): string | undefined => {
  if (['exists', 'length', 'contains'].includes(op)) return undefined
  if (op === 'eq' || op === 'ne') {
    return isList(value) || isPlaceholder(value)
      ? undefined
      : `${op} after [*] takes a list: the path gives all that it finds`
  }
  return `${op} says nothing of the list that a path with [*] gives: use contains, length or json-schema`
}

/** What is wrong with a regular expression, if anything. */
export const regexProblem = (source: string): string | undefined => {
  try {
    new RegExp(source, 'u')
    return undefined
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown)
  }
}

/** A value for people: JSON, at most 200 characters. */
export const show = (value: Json): string => {
  const text = JSON.stringify(value)
  return text.length > 200 ? `${text.slice(0, 199)}…` : text
}

const matching = (actual: Json, source: Json, matches: Match): boolean | 'too-slow' =>
  typeof actual === 'string' && matches(String(source), actual)

const holds = (actual: Json, op: Assertion['op'], expected: Json): boolean => {
  if (op === 'eq') return same(actual, expected)
  if (op === 'ne') return !same(actual, expected)
  if (op === 'contains') return contains(actual, expected)
  if (op === 'length') return lengthOf(actual) === expected
  if (op === 'type') return typesOf(actual).some((type) => type === expected)
  if (typeof actual !== 'number' || typeof expected !== 'number') return false
  if (op === 'gt') return actual > expected
  if (op === 'ge') return actual >= expected
  if (op === 'lt') return actual < expected
  return actual <= expected
}

const contains = (actual: Json, expected: Json): boolean => {
  if (typeof actual === 'string') return typeof expected === 'string' && actual.includes(expected)
  if (isList(actual)) return actual.some((item) => same(item, expected))
  return (
    actual !== null && typeof actual === 'object' && typeof expected === 'string' && Object.hasOwn(actual, expected)
  )
}

const lengthOf = (value: Json): number | undefined => {
  if (typeof value === 'string') return [...value].length
  if (isList(value)) return value.length
  return value !== null && typeof value === 'object' ? Object.keys(value).length : undefined
}

const typesOf = (value: Json): readonly string[] => {
  if (value === null) return ['null']
  if (isList(value)) return ['array']
  return Number.isInteger(value) ? ['number', 'integer'] : [typeof value]
}

const same = (a: Json | undefined, b: Json | undefined): boolean => {
  if (a === b) return true
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false
  if (isList(a) || isList(b)) {
    return isList(a) && isList(b) && a.length === b.length && a.every((item, index) => same(item, b[index]))
  }
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]))
}

const isPlaceholder = (value: Json): boolean => typeof value === 'string' && /^\{\{.*\}\}$/.test(value)

const isList = (value: Json): value is readonly Json[] => Array.isArray(value)
