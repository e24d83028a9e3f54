import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundledNames, readManifest } from './manifest.ts'
import { conclude } from './written.ts'

/** How the inputs that action.yml declares differ from the keys of the action's schema: one sentence each. */
export const keyProblems = (
  action: string,
  declared: readonly string[],
  keys: readonly string[],
): readonly string[] => [
  ...declared
    .filter((name) => !keys.includes(name))
    .map((name) => `${action}: action.yml has input ${name}, the schema has not`),
  ...keys
    .filter((name) => !declared.includes(name))
    .map((name) => `${action}: the schema has key ${name}, action.yml has not`),
]

/** The keys of `export const inputs = z.object({…})` in an action's `src/inputs.ts`; a sentence when there is none. */
export const schemaKeys = async (root: string, action: string): Promise<readonly string[] | string> => {
  const path = join(root, 'actions', action, 'src/inputs.ts')
  if (!existsSync(path)) return `${action}: src/inputs.ts is missing`
  const module = await import(pathToFileURL(path).href)
  const shape = module.inputs?.shape
  return typeof shape === 'object' ? Object.keys(shape) : `${action}: src/inputs.ts exports no object schema \`inputs\``
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..')
  const found = await Promise.all(
    bundledNames(root).map(async (action) => {
      const keys = await schemaKeys(root, action)
      if (typeof keys === 'string') return [keys]
      return keyProblems(action, Object.keys(readManifest(root, action).inputs), keys)
    }),
  )
  conclude(found.flat(), { check: true, hint: 'An input in one of them only would be ignored, or never be given' })
}
