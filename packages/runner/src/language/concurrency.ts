import type { Json, Scope, Template } from '../template.ts'
import { evaluate } from './evaluate.ts'

/** What a run or a job says of its concurrency group. `group` is folded to lower case: GitHub tells no cases apart. */
export type Concurrency = {
  readonly group: string
  readonly cancelInProgress: boolean
  readonly queue: 'single' | 'max'
}

/**
 * Reads `concurrency`: a group's name, or a mapping.
 * @returns undefined where the file says nothing; `wrong` for what GitHub refuses
 * @throws Fault('input') for an expression that cannot be evaluated
 * Source: docs.github.com, "Control the concurrency of workflows and jobs"; `ConvertToConcurrency` of actions/runner.
 */
export const concurrencyOf = (
  template: Template | undefined,
  scope: Scope,
): Concurrency | { readonly wrong: string } | undefined => {
  if (template === undefined) return undefined
  const value = evaluate(template, scope)
  const given: Readonly<Record<string, Json>> =
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? (value as Readonly<Record<string, Json>>)
      : { group: value }
  const { group, 'cancel-in-progress': cancels = false, queue = 'single' } = given
  if (typeof group !== 'string' && typeof group !== 'number') return { wrong: 'Concurrency group name cannot be empty' }
  if (group === '') return { wrong: 'Concurrency group name cannot be empty' }
  if (String(group).length > 400) return { wrong: 'Concurrency group name must be less than 400 characters' }
  if (typeof cancels !== 'boolean') return { wrong: `Unexpected value '${String(cancels)}'` }
  if (queue !== 'single' && queue !== 'max') return { wrong: `Unexpected value '${String(queue)}'` }
  if (queue === 'max' && cancels) return { wrong: "'queue: max' cannot be combined with 'cancel-in-progress: true'" }
  return { group: String(group).toLowerCase(), cancelInProgress: cancels, queue }
}

/** Who is in a group, by any id: at most one runs, the others wait, oldest first. */
export type Group = { readonly running: string | undefined; readonly pending: readonly string[] }

/** What happens when somebody comes: who is cancelled, and the group as it then stands. The newcomer starts when it is `running` in it. */
export type Admission = { readonly group: Group; readonly cancel: readonly string[] }

/** How many wait at most with `queue: max`. */
export const LONGEST_QUEUE = 100

/**
 * Lets somebody into a group. Free: starts. Else waits, and by default whoever waited before is cancelled; with `queue: max` up to 100 wait, and one more is
 * cancelled at once. With `cancel-in-progress` whoever runs is cancelled too; the newcomer starts when that one has left.
 */
export const admit = (group: Group, newcomer: { readonly id: string } & Omit<Concurrency, 'group'>): Admission => {
  const { running, pending } = group
  if (running === undefined && pending.length === 0) return { group: { running: newcomer.id, pending }, cancel: [] }
  if (newcomer.queue === 'max') {
    return pending.length < LONGEST_QUEUE
      ? { group: { running, pending: [...pending, newcomer.id] }, cancel: [] }
      : { group, cancel: [newcomer.id] }
  }
  const stopped = newcomer.cancelInProgress && running !== undefined ? [running] : []
  return { group: { running, pending: [newcomer.id] }, cancel: [...stopped, ...pending] }
}

/** Somebody has ended or given up waiting: whoever may run now is `running` in the group that is returned, the one that waits longest. GitHub promises no order. */
export const leave = (group: Group, id: string): Group => {
  const pending = group.pending.filter((other) => other !== id)
  if (group.running !== id && group.running !== undefined) return { running: group.running, pending }
  const [running, ...rest] = pending
  return { running, pending: rest }
}
