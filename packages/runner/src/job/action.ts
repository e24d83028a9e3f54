import { existsSync, readFileSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import type { JobRequest, StandIn } from '../execution.ts'
import { parseAction } from '../language/parse.ts'
import type { ActionManifest, Step } from '../workflow.ts'
import type { Frame, JobState } from './state.ts'

/** An action that a step uses, as far as this machine can run it. */
export type Action =
  | {
      readonly kind: 'node' | 'composite'
      readonly folder: string
      readonly manifest: ActionManifest
      /** Whose it is, empty for one of the workspace. */
      readonly repository: string
      readonly ref: string
      /** What `$/` means inside it. */
      readonly home: JobRequest['home']
    }
  | { readonly kind: 'checkout' }
  | { readonly kind: 'stand-in'; readonly act: StandIn }
  | { readonly kind: 'wrong'; readonly text: string }

/** Whether a `uses` names an action of the workspace, which is there only after a checkout. */
export const isLocal = (uses: string): boolean => uses.startsWith('./') || uses.startsWith('.\\')

/**
 * Finds the action that a `uses` names and reads its manifest. Docker actions are `wrong`: this machine runs no containers.
 * Source: docs.github.com, "Workflow syntax", steps uses; `ActionManager` in actions/runner.
 */
export const loadAction = (job: JobState, frame: Frame, uses: string): Action => {
  if (isLocal(uses)) {
    const { workspace } = job.machine
    const { repository, sha } = job.request.checkout
    const home = { repository, folder: workspace, sha }
    return read({ folder: resolve(workspace, uses), repository: '', ref: '', home }, uses, job)
  }
  const source = job.request.resolve(uses, frame.home)
  if (source.kind === 'stand-in' || source.kind === 'checkout') return source
  if (uses.startsWith('docker://')) return { kind: 'wrong', text: noDocker(uses) }
  if (source.kind === 'missing') return { kind: 'wrong', text: source.text }
  const { folder, repository, ref, sha } = source
  return read({ folder, repository, ref, home: { repository, folder: rootOf(folder, uses), sha } }, uses, job)
}

/**
 * What is wrong with the actions of some steps, as far as it can be known before they run; empty when nothing is.
 * GitHub downloads them all when it sets the job up, so that a missing one fails the job before its first step.
 */
export const missingActions = (job: JobState, frame: Frame, steps: readonly Step[], depth = 0): readonly string[] =>
  steps.flatMap((step) => {
    if (step.kind === 'run' || isLocal(step.uses)) return []
    if (depth > DEPTH) return [`Composite action depth exceeded max depth ${DEPTH}`]
    const action = loadAction(job, frame, step.uses)
    if (action.kind === 'wrong') return [action.text]
    if (action.kind !== 'composite' || action.manifest.runs.kind !== 'composite') return []
    return missingActions(job, { ...frame, home: action.home }, action.manifest.runs.steps, depth + 1)
  })

/** How deep composite actions may use one another. Source: `Constants.CompositeActionsMaxDepth` in actions/runner. */
export const DEPTH = 9

const read = (
  place: {
    readonly folder: string
    readonly repository: string
    readonly ref: string
    readonly home: JobRequest['home']
  },
  uses: string,
  job: JobState,
): Action => {
  const file = ['action.yml', 'action.yaml'].map((name) => join(place.folder, name)).find((path) => existsSync(path))
  if (file === undefined)
    return existsSync(join(place.folder, 'Dockerfile'))
      ? { kind: 'wrong', text: noDocker(uses) }
      : {
          kind: 'wrong',
          text: `Can't find 'action.yml', 'action.yaml' or 'Dockerfile' under '${place.folder}'. Did you forget to run actions/checkout before running your local action?`,
        }
  const shown = file.startsWith(job.machine.workspace)
    ? file.slice(job.machine.workspace.length + 1)
    : `${uses}: ${file}`
  const parsed = parseAction(readFileSync(file, 'utf8'), shown)
  if (parsed.kind === 'wrong')
    return {
      kind: 'wrong',
      text: `${shown}: ${parsed.problems.map(({ line, column, text }) => `(Line: ${line}, Col: ${column}): ${text}`).join(' ')}`,
    }
  const { runs } = parsed.action
  return runs.kind === 'docker'
    ? { kind: 'wrong', text: noDocker(uses) }
    : { kind: runs.kind, manifest: parsed.action, ...place }
}

const noDocker = (uses: string): string =>
  `${uses} runs in a container, which this local runner does not do. Give it a folder with a node action, or a stand-in, in its place; on GitHub it runs as it is`

/** The repository's folder, when the action's folder ends in the path that `uses` names; else the action's folder. */
const rootOf = (folder: string, uses: string): string => {
  const [whole = ''] = uses.split('@')
  const path = (whole.startsWith('$/') ? whole.slice(2) : whole.split('/').slice(2).join('/')).replace(/\/+$/, '')
  const end = `${sep}${path.split('/').join(sep)}`
  return path !== '' && folder.endsWith(end) ? folder.slice(0, -end.length) : folder
}
