import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

/** An action.yml, as far as its tables, checks and tests need it. */
export type Manifest = {
  readonly name: string
  readonly description: string
  readonly inputs: Readonly<Record<string, Field>>
  readonly outputs: Readonly<Record<string, { readonly description?: string }>>
  readonly runs: {
    readonly using: string
    readonly main?: string
    readonly post?: string
    readonly pre?: string
    /** A composite action's steps, as written. */
    readonly steps?: readonly object[]
  }
}

/** One input. `required` and `default` as written. */
export type Field = {
  readonly description?: string
  readonly required?: boolean
  readonly default?: string | number | boolean
}

/** The names of the actions in a checkout: the folders of `actions/` that have an action.yml, sorted. */
export const actionNames = (root: string): readonly string[] => {
  const folder = join(root, 'actions')
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'action.yml')))
    .sort()
}

/** Those of them that are bundled: a composite action has steps and nothing to build. Source: docs/decisions/0008-workflows.md. */
export const bundledNames = (root: string): readonly string[] =>
  actionNames(root).filter((action) => readManifest(root, action).runs.using !== 'composite')

/** Reads an action's action.yml. */
export const readManifest = (root: string, action: string): Manifest => {
  const { inputs, outputs, ...rest } = parse(readFileSync(join(root, 'actions', action, 'action.yml'), 'utf8'))
  return { ...rest, inputs: inputs ?? {}, outputs: outputs ?? {} }
}
