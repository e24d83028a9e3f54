import { posix } from 'node:path'
import type { SluiceFile } from '@sluice/delivery/file'
import { Fault } from '@sluice/kit/faults'
import { unknownName } from '@sluice/kit/nearest'

/** One command to run. */
export type Check = {
  readonly name: string
  /** A bash script of one or more lines. */
  readonly run: string
  /** Where it runs, relative to the folder of the file that names it. */
  readonly folder: string
  readonly timeoutMs: number
  /** Added to the job's environment. */
  readonly env: Readonly<Record<string, string>>
}

/** The checks that were asked for, and of which service. */
export type Chosen = { readonly service: string; readonly checks: readonly Check[] }

/**
 * The checks that were asked for, in the file's order.
 * @param service `undefined`: the file's only one
 * @param only names; none: all
 * @throws Fault('input') for a service or checks that are not in the file, with the nearest that is; for several services and none named
 */
export const choose = (file: SluiceFile, service: string | undefined, only: readonly string[]): Chosen => {
  const names = Object.keys(file.services)
  const name = service ?? (names.length === 1 ? (names[0] ?? '') : several(names))
  const described = new Map(Object.entries(file.services)).get(name)
  if (described === undefined)
    throw new Fault('input', `Invalid input: service: ${unknownName('service', name, names)}`)
  const checks = described.checks.map(
    ({ name: check, run, folder, timeout, env }): Check => ({
      name: check,
      run,
      folder: posix.join(described.folder, folder),
      timeoutMs: timeout,
      env: Object.fromEntries(Object.entries(env).map(([key, value]) => [key, String(value)])),
    }),
  )
  return { service: name, checks: selected(checks, only) }
}

const several = (names: readonly string[]): never => {
  throw new Fault(
    'input',
    `Invalid input: service is required: the file has several, ${names.join(', ')}`,
    'Name the one whose checks are to run.',
  )
}

const selected = (checks: readonly Check[], only: readonly string[]): readonly Check[] => {
  const known = checks.map(({ name }) => name)
  const unknown = only.filter((name) => !known.includes(name))
  if (unknown.length > 0) {
    const told = unknown.map((name) =>
      known.length === 0 ? `there is no check "${name}", nor any other` : unknownName('check', name, known),
    )
    throw new Fault('input', `Invalid input: only: ${told.join('\n  only: ')}`)
  }
  return only.length === 0 ? checks : checks.filter(({ name }) => only.includes(name))
}
