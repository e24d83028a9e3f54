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
