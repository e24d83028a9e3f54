import { describe } from '@sluice/kit/faults'
import { evaluateText } from '../language/evaluate.ts'
import type { Scope, Template } from '../template.ts'
import type { Masks } from './masks.ts'

/** The outputs that other jobs see, and the names of those that they do not. */
export type JobOutputs = {
  readonly outputs: Readonly<Record<string, string>>
  readonly dropped: readonly string[]
  /** What the log says of each, as the runner words it. */
  readonly warnings: readonly string[]
  /** Why there are none at all, empty when nothing is wrong: then the job has failed. */
  readonly wrong: string
}

/** What a job may give, bytes of UTF-16: GitHub documents the limit, not what is said beyond it. Source: docs.github.com, "Passing information between jobs". */
const OUTPUTS_LIMIT = 1024 * 1024

/**
 * Evaluates a job's outputs when its steps are over. An empty one is left out, as is one that holds any masked text: it may be a secret.
 * Source: `JobExtension.FinalizeJob` in actions/runner.
 */
export const jobOutputs = (templates: Readonly<Record<string, Template>>, scope: Scope, masks: Masks): JobOutputs => {
  const outputs: Record<string, string> = {}
  const dropped: string[] = []
  try {
    for (const [name, template] of Object.entries(templates)) {
      const value = evaluateText(template, scope)
      if (value === '') continue
      if (masks.mask(value) === value) outputs[name] = value
      else dropped.push(name)
    }
  } catch (error) {
    return { outputs: {}, dropped, warnings: [], wrong: `Fail to evaluate job outputs: ${describe(error)}` }
  }
  const warnings = dropped.map((name) => `Skip output '${name}' since it may contain secret.`)
  const size = Object.values(outputs).reduce((sum, value) => sum + value.length * 2, 0)
  if (size <= OUTPUTS_LIMIT) return { outputs, dropped, warnings, wrong: '' }
  return {
    outputs: {},
    dropped,
    warnings,
    wrong: `The outputs of this job are ${size} bytes; 1 MB is the most that a job may give`,
  }
}
