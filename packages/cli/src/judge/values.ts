import type { Count } from '@sluice/evidence/count'
import { durationProblem, parseDuration } from '@sluice/kit/fields'
import { type Say, shown } from './problems.ts'

/** The entries of a list, each read with its place; nothing and a problem where it is no list or an empty one. */
export const listOf = <T>(value: unknown, say: Say, read: (entry: unknown, index: number) => T): readonly T[] => {
  if (value === undefined) say('is missing: give a list with an entry for each interval')
  else if (!Array.isArray(value)) say(`must be a list, not ${shown(value)}`)
  else if (value.length === 0) say('is empty: give at least one entry')
  else return value.map(read)
  return []
}

/** Bad of all requests of an interval, as `{ n, k }` or `[n, k]`. */
export const countOf = (value: unknown, say: Say): Count => {
  const [n, k] = Array.isArray(value) && value.length === 2 ? value : isObject(value) ? [value.n, value.k] : []
  if (!isCounted(n) || !isCounted(k)) say(`must be { n, k } or [n, k], counts of 0 or more, not ${shown(value)}`)
  else if (k > n) say(`has ${k} bad of ${n} requests: k counts the bad among the n, it is not a rate or the good ones`)
  else if (n > Number.MAX_SAFE_INTEGER) say(`has ${n} requests, more than can be counted one by one`)
  else return { n, k }
  return { n: 0, k: 0 }
}

/** A gauge's value, null where there was none. */
export const gaugeOf = (value: unknown, say: Say): number | null => {
  if (value === null || isNumber(value)) return value
  say(`must be a number, or null where there was no value, not ${shown(value)}`)
  return null
}

/** A number within bounds; `undefined` where it is left out or wrong. */
export const numberOf = (value: unknown, say: Say, { min = -Infinity, max = Infinity } = {}): number | undefined => {
  if (value === undefined || (isNumber(value) && value >= min && value <= max)) return value
  const range = min === -Infinity ? '' : max === Infinity ? ` of at least ${min}` : ` from ${min} to ${max}`
  say(`must be a number${range}, not ${shown(value)}`)
  return undefined
}

/** A share of requests, 0 … 1, also as `5%`; `undefined` where it is left out or wrong. */
export const shareOf = (value: unknown, say: Say): number | undefined => {
  const percent = typeof value === 'string' ? /^(\d+(?:\.\d+)?)\s*%$/.exec(value.trim())?.[1] : undefined
  const share = percent === undefined ? value : Number(percent) / 100
  if (share === undefined || (isNumber(share) && share >= 0 && share <= 1)) return share
  say(`must be a share from 0 to 1, or such as 5%, not ${shown(value)}`)
  return undefined
}

/** A duration such as 10s, ms; `fallback` where it is left out or wrong. */
export const durationOf = (value: unknown, say: Say, fallback: number): number => {
  if (value === undefined) return fallback
  const ms = typeof value === 'string' ? parseDuration(value) : undefined
  if (ms === undefined) say(durationProblem(typeof value === 'string' ? value : shown(value)))
  return ms ?? fallback
}

/** A time, ISO 8601, ms UTC; `undefined` where it is left out or wrong. */
export const timeOf = (value: unknown, say: Say): number | undefined => {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN
  if (value === undefined || !Number.isNaN(at)) return value === undefined ? undefined : at
  say(`must be a time such as 2026-01-31T12:00:00Z, not ${shown(value)}`)
  return undefined
}

/** One of a few words, as it is or in a list of them; `undefined` where it is left out or wrong. */
export const wordOf = <const T extends string>(value: unknown, say: Say, words: readonly T[]): T | undefined => {
  const word = words.find((each) => each === value)
  if (word === undefined && value !== undefined) say(`must be ${words.join(', ')}, not ${shown(value)}`)
  return word
}

/** Yes or no; `undefined` where it is left out or wrong. */
export const flagOf = (value: unknown, say: Say): boolean | undefined => {
  if (value === undefined || typeof value === 'boolean') return value
  say(`must be true or false, not ${shown(value)}`)
  return undefined
}

/** The entries that are there. */
export const given = <T extends object>(values: T): { readonly [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const isCounted = (value: unknown): value is number => isNumber(value) && value >= 0
const isObject = (value: unknown): value is { readonly n?: unknown; readonly k?: unknown } =>
  typeof value === 'object' && value !== null
