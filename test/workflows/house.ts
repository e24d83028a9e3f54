import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { actionNames, readManifest } from '../../scripts/manifest.ts'
import { repositoryFiles } from '../../scripts/repository.ts'
import { calledName, type Found, parseWorkflow, type Workflow } from '../../scripts/workflow.ts'
import type { House } from './wiring.ts'

/** The checkout. */
export const ROOT = join(import.meta.dirname, '../..')

/** Every workflow file of the checkout: published, the project's own, and the callers of examples and of test/github. */
export const WORKFLOWS: readonly string[] = repositoryFiles(ROOT).filter((path) =>
  /^((examples\/[^/]+|test\/github\/caller)\/)?\.github\/workflows\/[^/]+\.ya?ml$/.test(path),
)

/** Those that others call, by their published path. */
export const PUBLISHED: readonly string[] = WORKFLOWS.filter(
  (path) =>
    path.startsWith('.github/') && existsSync(join(ROOT, path.replace('.github/workflows', 'reusable-workflows'))),
)

/** Reads one of them. */
export const readWorkflow = (path: string): Workflow => parseWorkflow(readFileSync(join(ROOT, path), 'utf8'))

/** What a file of this path may name: `$/` and `./` are the repository that the file is for, anything else is this one. */
export const houseOf = (path: string): House => {
  const home = path.slice(0, path.indexOf('.github/'))
  const names = actionNames(ROOT)
  return {
    action: (name) => (names.includes(name) ? readManifest(ROOT, name) : undefined),
    workflow: (uses) => find(/^[$.]\//.test(uses) ? home : '', uses),
  }
}

const find = (home: string, uses: string): Found | undefined => {
  const path = `${home}.github/workflows/${calledName(uses)}.yml`
  if (!existsSync(join(ROOT, path))) return undefined
  return { workflow: readWorkflow(path), called: (inner) => houseOf(path).workflow(inner) }
}
