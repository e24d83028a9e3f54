import type { Trigger } from '../workflow.ts'
import { lets } from './filter.ts'

/** Something that happened in a repository. `ref` is the whole of it, such as `refs/heads/main`; `changed` are the paths that a push or a pull request changes. */
export type Occurrence =
  | { readonly event: 'push'; readonly ref: string; readonly changed: readonly string[] }
  | {
      readonly event: 'pull_request' | 'pull_request_target'
      readonly type: string
      readonly base: string
      readonly changed: readonly string[]
    }
  | {
      readonly event: 'workflow_run'
      readonly type: 'requested' | 'in_progress' | 'completed'
      readonly workflow: string
      /** The branch of the run that it is about. */
      readonly branch: string
    }
  | { readonly event: 'workflow_dispatch' | 'schedule' }

/**
 * Whether a workflow starts by what happened. Filters of branches and of paths must both let it through; a push of a tag knows no paths; a workflow that names only
 * branches does not start by tags, nor the other way round.
 * Source: docs.github.com, "Workflow syntax", on; "Events that trigger workflows".
 */
export const isStartedBy = (on: readonly Trigger[], occurrence: Occurrence): boolean =>
  on.some((trigger) => trigger.event === occurrence.event && fits(trigger, occurrence))

/**
 * Whether the message of a pushed commit asks that no run starts: by words such as `[skip ci]`, or by a trailer `skip-checks: true` at its end, after two empty lines.
 * Source: docs.github.com, "Skipping workflow runs".
 */
export const skipsRuns = (message: string): boolean =>
  /\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]/i.test(message) ||
  /\n\n\n(?:.+\n)*skip-checks: ?true\s*$/i.test(message)

const fits = (trigger: Trigger, occurrence: Occurrence): boolean => {
  if (occurrence.event === 'push') return fitsPush(trigger, occurrence.ref, occurrence.changed)
  if (occurrence.event === 'workflow_run')
    return (
      (trigger.types?.includes(occurrence.type) ?? true) &&
      (trigger.workflows?.includes(occurrence.workflow) ?? true) &&
      passes(trigger.branches, trigger.branchesIgnore, occurrence.branch)
    )
  if (!('base' in occurrence)) return true
  return (
    (trigger.types ?? ['opened', 'synchronize', 'reopened']).includes(occurrence.type) &&
    passes(trigger.branches, trigger.branchesIgnore, occurrence.base) &&
    changes(trigger, occurrence.changed)
  )
}

const fitsPush = (trigger: Trigger, ref: string, changed: readonly string[]): boolean => {
  const { branches, branchesIgnore, tags, tagsIgnore } = trigger
  const namesBranches = branches !== undefined || branchesIgnore !== undefined
  const namesTags = tags !== undefined || tagsIgnore !== undefined
  if (ref.startsWith('refs/tags/'))
    return namesTags ? passes(tags, tagsIgnore, ref.slice('refs/tags/'.length)) : !namesBranches
  if (namesTags && !namesBranches) return false
  return passes(branches, branchesIgnore, ref.replace(/^refs\/heads\//, '')) && changes(trigger, changed)
}

const passes = (wanted: readonly string[] | undefined, ignored: readonly string[] | undefined, name: string): boolean =>
  (wanted === undefined || lets(wanted, name)) && (ignored === undefined || !lets(ignored, name))

const changes = ({ paths, pathsIgnore }: Trigger, changed: readonly string[]): boolean =>
  (paths === undefined || changed.some((path) => lets(paths, path))) &&
  (pathsIgnore === undefined || changed.some((path) => !lets(pathsIgnore, path)))
