import { describe } from '@sluice/kit/faults'
import type { Json, Scope, Template } from '../template.ts'
import type { Job } from '../workflow.ts'
import { evaluate, evaluateBoolean, evaluateNumber, evaluateText } from './evaluate.ts'
import { expandMatrix } from './matrix.ts'

/** One job that a job of the file becomes. `matrix` is null without a matrix; `strategy` is the context of that name. */
export type Variant = {
  readonly matrix: Json
  readonly strategy: Readonly<Record<string, Json>>
  /** What the name shows in brackets. */
  readonly segments: readonly string[]
}

/** What a job's `strategy` comes to, or the sentence with which GitHub fails the job. */
export type Strategy =
  | {
      readonly kind: 'variants'
      readonly variants: readonly Variant[]
      /** Whether the first failure cancels the others. Default true. */
      readonly failFast: boolean
      /** How many run at a time. Default: all. */
      readonly maxParallel: number
    }
  | { readonly kind: 'wrong'; readonly text: string }

/**
 * The jobs that a job becomes by its `strategy`, one without a matrix or when `exclude` leaves none.
 * @param scope with the contexts `github`, `needs`, `vars` and `inputs`
 * Source: `EvaluateStrategy` and `ConvertToStrategy` of actions/runner (src/Sdk/WorkflowParser).
 */
export const strategyOf = (job: Job, scope: Scope): Strategy => {
  const { matrix, failFast, maxParallel } = job.strategy
  try {
    const given = matrix && evaluate(matrix, scope)
    const fast = failFast && isGiven(failFast, scope) ? evaluateBoolean(failFast, scope) : true
    const limit = maxParallel && isGiven(maxParallel, scope) ? evaluateNumber(maxParallel, scope) : 0
    const expansion = given === undefined || given === null ? undefined : expandMatrix(given)
    if (expansion?.kind === 'wrong') return wrong(job, `${placed(matrix)}: ${expansion.text}`)
    const found: readonly Omit<Variant, 'strategy'>[] = expansion?.configurations ?? []
    const configurations = found.length === 0 ? [{ matrix: null, segments: [] }] : found
    const total = configurations.length
    const parallel = limit > 0 ? Math.trunc(limit) : total
    const shared = { failFast: fast, maxParallel: parallel }
    const variants = configurations.map((one, index) => ({
      ...one,
      strategy: { 'fail-fast': shared.failFast, 'job-index': index, 'job-total': total, 'max-parallel': parallel },
    }))
    return { kind: 'variants', variants, ...shared }
  } catch (error) {
    return wrong(job, describe(error))
  }
}

/**
 * The name that a person sees, without the names of the calls above. A `name` with an expression is taken as it is; any other, and the id, gets the values of the
 * matrix in brackets. Longer than 100 characters, it is cut.
 * @param scope with `github`, `needs`, `strategy`, `matrix`, `vars` and `inputs`
 * @throws Fault('input') for an expression that cannot be evaluated
 * Source: `JobNameBuilder` and `EvaluateJobName` of actions/runner.
 */
export const jobName = (job: Job, segments: readonly string[], scope: Scope): string => {
  const written = job.name?.kind === 'expression' ? evaluateText(job.name, scope) : ''
  if (written !== '') return written
  const first = job.name?.kind === 'literal' ? evaluateText(job.name, scope) || job.id : job.id
  const name = segments.length === 0 ? first : `${first} (${segments.join(', ')})`
  return name.length > 100 ? `${name.slice(0, 97)}...` : name
}

/** A part that a whole `strategy: ${{ … }}` does not have is null. */
const isGiven = (part: Template, scope: Scope): boolean => evaluate(part, scope) !== null

const placed = (template: Template | undefined): string =>
  template ? `${template.at.file} (Line: ${template.at.line}, Col: ${template.at.column})` : ''

const wrong = (job: Job, text: string): Strategy => ({
  kind: 'wrong',
  text: `Error when evaluating 'strategy' for job '${job.id}'. ${text}`,
})
