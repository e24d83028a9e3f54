import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '@sluice/kit/faults'
import { parse } from 'yaml'

/** An action of this checkout, as its action.yml describes it. */
export type Action = {
  readonly name: string
  readonly folder: string
  readonly description: string
  readonly inputs: readonly Input[]
  readonly outputs: readonly string[]
  readonly hasPost: boolean
}

/** One input as action.yml declares it; `default` is empty where there is none. */
export type Input = {
  readonly name: string
  readonly description: string
  readonly default: string
  readonly required: boolean
}

/** Every action of the checkout that Node runs, by name. A composite one is steps for a runner, and no program of its own. */
export const readActions = (root: string): readonly Action[] =>
  readdirSync(join(root, 'actions'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, 'actions', entry.name, 'action.yml')))
    .flatMap(({ name }) => {
      const folder = join(root, 'actions', name)
      const described = describeAction(readFileSync(join(folder, 'action.yml'), 'utf8'))
      return described === undefined ? [] : [{ name, folder, ...described }]
    })
    .sort((a, b) => a.name.localeCompare(b.name))

/** What an action.yml says that a runner acts on; `undefined` for a composite action. */
const describeAction = (source: string): Omit<Action, 'name' | 'folder'> | undefined => {
  const document: {
    description?: string
    inputs?: Record<string, { description?: string; default?: unknown; required?: boolean } | null>
    outputs?: Record<string, unknown>
    runs?: { using?: string; post?: string }
  } = parse(source)
  if (document.runs?.using === 'composite') return undefined
  return {
    description: document.description ?? '',
    inputs: Object.entries(document.inputs ?? {}).map(([name, input]) => ({
      name,
      description: (input?.description ?? '').trim(),
      default: input?.default === undefined ? '' : String(input.default),
      required: input?.required === true,
    })),
    outputs: Object.keys(document.outputs ?? {}),
    hasPost: document.runs?.post !== undefined,
  }
}

/** The action of this name. @throws Fault('input') when the checkout has none */
export const actionNamed = (actions: readonly Action[], name: string): Action => {
  const action = actions.find((candidate) => candidate.name === name)
  if (action === undefined) throw new Fault('input', `This checkout has no action "${name}"`)
  return action
}

/**
 * The file that runs an action: the bundle that `uses:` runs, or its source.
 * @throws Fault('input') when it is not there
 */
export const entryOf = (action: Action, fromSource: boolean): string => {
  const entry = join(action.folder, fromSource ? 'src/main.ts' : 'dist/index.js')
  if (!existsSync(entry))
    throw new Fault(
      'input',
      `${entry} is not there`,
      fromSource ? undefined : 'Build it with `npm run build`, or add --from-source.',
    )
  return entry
}
