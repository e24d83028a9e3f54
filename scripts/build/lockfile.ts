import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

/** The parts of pnpm's lockfile (version 9) that say what goes into a bundle. */
export type Lockfile = {
  readonly importers: Readonly<
    Record<string, { readonly dependencies?: Readonly<Record<string, { version: string }>> }>
  >
  readonly packages: Readonly<Record<string, { readonly resolution?: { readonly integrity?: string } }>>
  readonly snapshots: Readonly<
    Record<
      string,
      {
        readonly dependencies?: Readonly<Record<string, string>>
        readonly optionalDependencies?: Readonly<Record<string, string>>
      }
    >
  >
}

/** Reads `pnpm-lock.yaml` of a checkout. */
export const readLockfile = (root: string): Lockfile => parse(readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8'))

/**
 * Every third-party package that the imports can reach, as `npm <name@version with patch hash> <integrity>`, sorted.
 * @param imported workspace folder → names it imports
 * @throws Error when a folder imports what its own package.json does not declare
 */
export const thirdParty = (
  lockfile: Lockfile,
  imported: ReadonlyMap<string, ReadonlySet<string>>,
): readonly string[] => {
  const found = new Set<string>()
  const add = (name: string, version: string): void => {
    const key = `${name}@${version}`
    if (found.has(key)) return
    found.add(key)
    const { dependencies = {}, optionalDependencies = {} } = lockfile.snapshots[key] ?? {}
    for (const [inner, resolved] of Object.entries({ ...dependencies, ...optionalDependencies })) add(inner, resolved)
  }
  for (const [folder, names] of imported) {
    for (const name of names) {
      const version = lockfile.importers[folder]?.dependencies?.[name]?.version
      if (version === undefined) throw new Error(`${folder} imports ${name}, which its package.json does not declare`)
      add(name, version)
    }
  }
  return [...found]
    .sort()
    .map((key) => `npm ${key} ${lockfile.packages[key.replace(/\(.*/, '')]?.resolution?.integrity ?? 'no-integrity'}`)
}
