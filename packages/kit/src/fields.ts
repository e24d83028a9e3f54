import * as z from 'zod/mini'
import { unknownName } from './nearest.ts'

/**
 * Schemas for the text that a runner hands over as `INPUT_*`: from text to a typed value, or one sentence that says what would be right.
 * An input that was left out is the empty text.
 */
export type Field<T> = z.ZodMiniType<T, string>

/** Builds a field from a reader that returns a value, or `problem(sentence)`. */
export const field = <T>(read: (text: string) => T | Problem): Field<T> =>
  z.pipe(
    z.string(),
    z.transform((text: string, context): T => {
      const value = read(text)
      if (!isProblem(value)) return value
      context.issues.push({ code: 'custom', message: value[PROBLEM], input: text })
      return z.NEVER
    }),
  )

const PROBLEM = Symbol('problem')

/** What is wrong with a field's text: a sentence that follows the input's name. A value, so that all problems are collected. */
export type Problem = { readonly [PROBLEM]: string }

/** The value a field's reader returns when the text cannot be read. */
export const problem = (sentence: string): Problem => ({ [PROBLEM]: sentence })

/** Text that must be there. */
export const text: Field<string> = field((value) =>
  value.trim() === '' ? problem('is required and is empty') : value.trim(),
)

/** Text that may be left out. */
export const optionalText: Field<string | undefined> = field((value) =>
  value.trim() === '' ? undefined : value.trim(),
)

/** A whole number in [min, max]. */
export const count = (min: number, max: number = Number.MAX_SAFE_INTEGER): Field<number> =>
  field((value) => {
    const number = /^\d+$/.test(value.trim()) ? Number(value) : Number.NaN
    if (Number.isSafeInteger(number) && number >= min && number <= max) return number
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
    return problem(`must be a whole number ${range}, not ${shown(value)}`)
  })

/** `250ms`, `10s`, `5m`, `1h` → milliseconds. */
export const duration: Field<number> = field((value) => {
  const milliseconds = parseDuration(value)
  return milliseconds ?? problem(durationProblem(value))
})

/** One of a few words. */
export const choice = <const T extends string>(words: readonly T[]): Field<T> =>
  field((value) => {
    const found = words.find((word) => word === value.trim())
    if (found !== undefined) return found
    return problem(
      value.trim() === '' ? `is required: one of ${words.join(', ')}` : unknownName('value', value.trim(), words),
    )
  })

/** One entry a line; empty lines and lines that start with `#` are left out. */
export const lines: Field<readonly string[]> = field((value) => entries(value))

/** An image by what cannot move: its repository without a tag, and the digest of its manifest. */
export type ImageReference = { readonly repository: string; readonly digest: `sha256:${string}` }

/** An image by digest, `registry/name@sha256:…`, that may be left out; a tag before the digest is accepted and dropped. */
export const optionalImage: Field<ImageReference | undefined> = field((value) =>
  value.trim() === '' ? undefined : readImage(value),
)

/** Milliseconds, or `undefined` for anything that is not a duration. A bare number is refused: its unit would be a guess. */
export const parseDuration = (value: string): number | undefined => {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(value.trim())
  if (match === null) return undefined
  const [, amount = '', unit = ''] = match
  return Math.round(Number(amount) * (UNITS[unit] ?? Number.NaN))
}

/** The sentence for a text that is no duration. */
export const durationProblem = (value: string): string =>
  `must be a duration such as 500ms, 10s, 5m or 1h, not ${shown(value)}`

const isProblem = (value: unknown): value is Problem => typeof value === 'object' && value !== null && PROBLEM in value

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

function readImage(value: string): ImageReference | Problem {
  const reference = value.trim()
  const match = /^([^@\s]+)@(sha256:[0-9a-f]{64})$/.exec(reference)
  if (match === null) {
    const advice = reference.includes('@')
      ? 'its digest is not sha256: and 64 hexadecimal digits'
      : 'a tag alone can move between two reads; give the digest that was built, name@sha256:…'
    return problem(`must name an image by digest: ${shown(reference)}: ${advice}`)
  }
  const [, name = '', digest = ''] = match
  // A colon after the last slash starts a tag; one before it belongs to the registry's port.
  const slash = name.lastIndexOf('/')
  const colon = name.indexOf(':', slash + 1)
  return { repository: colon < 0 ? name : name.slice(0, colon), digest: digest as `sha256:${string}` }
}

const entries = (value: string): readonly string[] =>
  value
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))

const shown = (value: string): string =>
  value.length > 120 ? `${JSON.stringify(value.slice(0, 117))}…` : JSON.stringify(value)
