import { Fault } from '@sluice/kit/faults'
import { unknownName } from '@sluice/kit/nearest'

/** Notes what is wrong; `under` puts a name before it, so that every problem says where it is. */
export type Say = { (text: string): void; under(name: string): Say }

/** Collects all of a file's problems, so that they are told at once. */
export const beginProblems = (): { readonly say: Say; readonly found: readonly string[] } => {
  const found: string[] = []
  const named = (prefix: string): Say =>
    Object.assign((text: string) => void found.push(`${prefix}${text}`), {
      under: (name: string) => named(`${prefix}${name}: `),
    })
  return { say: named(''), found }
}

/**
 * Refuses a file with all that was found wrong with it; nothing found is no refusal. Of a very long list the first hundred are told.
 * @throws Fault('input')
 */
export const refuse = (file: string, found: readonly string[]): void => {
  if (found.length === 0) return
  const told = found.slice(0, MOST)
  const left = found.length - told.length
  const lines = left === 0 ? told : [...told, `and ${left} more`]
  throw new Fault(
    'input',
    found.length === 1 ? `${file}: ${found[0]}` : `${file}: ${found.length} problems:\n  ${lines.join('\n  ')}`,
  )
}

const MOST = 100

/** A JSON object, or the problem that it is none. Keys that are not known are problems, with the nearest known one. */
export const objectOf = (value: unknown, say: Say, known?: readonly string[]): Readonly<Record<string, unknown>> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    say(`must be an object, not ${shown(value)}`)
    return {}
  }
  for (const key of known === undefined ? [] : Object.keys(value))
    if (known !== undefined && !known.includes(key)) say(unknownName('key', key, known))
  return value as Readonly<Record<string, unknown>>
}

/** A value as a message shows it: as JSON, cut where it is long. */
export const shown = (value: unknown): string => {
  const text = written(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

const written = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    // JSON is read to any depth, and written only as deep as the stack goes.
    return 'what is nested too deeply to be shown'
  }
}
