import { durationProblem, parseDuration } from '@sluice/kit/fields'
import * as z from 'zod/mini'

/** Text that fits on one line and is not empty. */
export const line = z
  .string()
  .check(z.regex(/^[^\p{Cc}\u2028\u2029]*[^\s\p{Cc}][^\p{Cc}\u2028\u2029]*$/u, { error: 'must be one line of text' }))

const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
const ENVIRONMENT = /^[A-Za-z0-9]([A-Za-z0-9 ._/-]{0,198}[A-Za-z0-9])?$/
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/

/** What a name must be, by what it names: a sentence for one that is not, else `undefined`. */
export const nameProblem = (what: keyof typeof NAMES, name: string): string | undefined =>
  NAMES[what].form.test(name) ? undefined : NAMES[what].error

const NAMES = {
  service: {
    form: DNS_LABEL,
    error: 'must be a DNS label: 1 to 63 of a-z, 0-9 and -, with a letter or digit at both ends',
  },
  environment: {
    form: ENVIRONMENT,
    error: 'must be a name of letters, digits, blanks and ._/-, at most 200, with a letter or digit at both ends',
  },
  variable: { form: VARIABLE, error: 'must be a name of letters, digits and _' },
} as const

/** A name that DNS takes as a label (RFC 1123): what Kubernetes asks of namespaces, Services and their like. */
export const dnsLabel = z.string().check(z.regex(DNS_LABEL, { error: NAMES.service.error }))

/** The name of a GitHub environment, of characters that need no escape anywhere. */
export const environmentName = z.string().check(z.regex(ENVIRONMENT, { error: NAMES.environment.error }))

/** A duration such as `10m`, kept as it is written. */
export const span = z.string().check(
  z.check<string>((payload) => {
    const { value } = payload
    const ms = parseDuration(value)
    const text =
      ms === undefined ? durationProblem(value) : ms > LONGEST ? `must be at most 500h, not ${value}` : undefined
    if (text !== undefined) payload.issues.push({ code: 'custom', message: text, input: value })
  }),
)

/** A duration as `span`, longer than nothing. */
export const positiveSpan = span.check(
  z.refine((value) => parseDuration(value) !== 0, { error: 'must be longer than 0' }),
)

/** A path inside the repository: relative, with `/`, and never a step up. */
export const path = z.string().check(
  z.check<string>((payload) => {
    const text = pathProblem(payload.value)
    if (text !== undefined) payload.issues.push({ code: 'custom', message: text, input: payload.value })
  }),
)

/** A path from a service's folder: as `path`, but it may climb; how far is for `references` to say, which sees the folder. */
export const pathFromFolder = z.string().check(
  z.check<string>((payload) => {
    const text = formProblem(payload.value)
    if (text !== undefined) payload.issues.push({ code: 'custom', message: text, input: payload.value })
  }),
)

/** Whether a path, taken from a folder of the repository, leads out of it. */
export const leavesRepository = (folder: string, inner: string): boolean => {
  let depth = 0
  for (const part of `${folder}/${inner}`.split('/')) {
    if (part === '..') depth--
    else if (part !== '' && part !== '.') depth++
    if (depth < 0) return true
  }
  return false
}

/** A whole number in [least, most]. */
export const whole = (least: number, most: number) =>
  z.number({ error: `must be a whole number from ${least} to ${most}` }).check(
    z.refine((value) => Number.isInteger(value) && value >= least && value <= most, {
      error: `must be a whole number from ${least} to ${most}`,
    }),
  )

/** Two paths of the repository, joined and made plain; `.` for the repository itself. The second may climb, as far as the first is deep. */
export const joined = (folder: string, inner: string): string => {
  const parts: string[] = []
  for (const part of `${folder}/${inner}`.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.length === 0 ? '.' : parts.join('/')
}

// The timers of Node.js end at once when they are given 597 hours or more.
const LONGEST = 500 * 3_600_000

const pathProblem = (value: string): string | undefined =>
  formProblem(value) ??
  (value.split('/').includes('..') ? `must not go up by .., as ${JSON.stringify(value)} does` : undefined)

const formProblem = (value: string): string | undefined => {
  const shown = JSON.stringify(value)
  if (value.trim() === '') return 'is empty; the folder itself is "."'
  if (/[\p{Cc}\u2028\u2029]/u.test(value)) return `must be a path on one line, not ${shown}`
  if (value !== value.trim()) return `must not begin or end with a blank, as ${shown} does`
  if (value.includes('\\')) return `must be a path with /, not ${shown}`
  return /^([/~]|[A-Za-z]:)/.test(value) ? `must be a relative path, not ${shown}` : undefined
}
