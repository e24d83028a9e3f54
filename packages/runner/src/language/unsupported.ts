import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/index'
import {
  isBasicExpression,
  isBoolean,
  isSequence,
  isString,
} from '@actions/workflow-parser/templates/tokens/type-guards'
import type { Problem } from './problem.ts'
import { entriesOf, placeOf, under } from './tokens.ts'

/** What a valid workflow asks for and this runner does not do, and what GitHub refuses but its published schema lets through. */
export const unsupported = (root: TemplateToken): readonly Problem[] => [
  ...queued(under(root, 'concurrency')),
  ...entriesOf(under(root, 'jobs')).flatMap(({ value: job }) => [
    ...named(job, ['snapshot', 'cancel-timeout-minutes']),
    ...queued(under(job, 'concurrency')),
    ...whole(job, ['with', 'outputs', 'secrets']),
    ...stepsOf(job).flatMap((step) => [
      ...named(step, ['background', 'wait', 'wait-all', 'cancel', 'parallel']),
      ...whole(step, ['with']),
    ]),
  ]),
]

const stepsOf = (job: TemplateToken): readonly TemplateToken[] => {
  const steps = under(job, 'steps')
  return steps && isSequence(steps) ? [...steps] : []
}

const named = (token: TemplateToken, keys: readonly string[]): readonly Problem[] =>
  keys.flatMap((key) => {
    const value = under(token, key)
    return value ? [problem(value, `'${key}' is not done by this runner`)] : []
  })

const whole = (token: TemplateToken, keys: readonly string[]): readonly Problem[] =>
  keys.flatMap((key) => {
    const value = under(token, key)
    return value && isBasicExpression(value)
      ? [problem(value, `An expression for the whole of '${key}' is not done by this runner`)]
      : []
  })

const queued = (concurrency: TemplateToken | undefined): readonly Problem[] => {
  const queue = under(concurrency, 'queue')
  const cancels = under(concurrency, 'cancel-in-progress')
  return queue && isString(queue) && queue.value === 'max' && cancels && isBoolean(cancels) && cancels.value
    ? [problem(queue, "'queue: max' cannot be combined with 'cancel-in-progress: true'")]
    : []
}

const problem = (token: TemplateToken, text: string): Problem => {
  const { line, column } = placeOf(token, '')
  return { line, column, text }
}
