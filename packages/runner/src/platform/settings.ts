import { Fault } from '@sluice/kit/faults'
import { evaluate, evaluateBoolean, evaluateNumber } from '../language/evaluate.ts'
import type { Json } from '../template.ts'
import type { NormalJob } from '../workflow.ts'
import { environmentOf, type JobEnvironment } from './environments.ts'
import type { Ready } from './graph.ts'

/** Minutes that a job may take where its file says nothing, and that GitHub's own machines allow. Source: docs.github.com, "Actions limits". */
const HOSTED_MINUTES = 360
/** Minutes on a machine of one's own: five days. Source: docs.github.com, "Actions limits". */
const SELF_HOSTED_MINUTES = 5 * 24 * 60

/** What a job's own file says of how it runs. */
export type Settings = {
  readonly environment: JobEnvironment | undefined
  readonly timeoutMinutes: number
  readonly mayFail: boolean
}

/**
 * Evaluates what holds for a job before it gets a machine. A longer time than its machine allows is cut to that.
 * @throws Fault('input') for what cannot be evaluated
 */
export const settingsOf = ({ job, scope }: Pick<Ready, 'scope'> & { readonly job: NormalJob }): Settings => {
  const labels = evaluate(job.runsOn, scope)
  const limit = isSelfHosted(labels) ? SELF_HOSTED_MINUTES : HOSTED_MINUTES
  const minutes = job.timeoutMinutes === undefined ? HOSTED_MINUTES : evaluateNumber(job.timeoutMinutes, scope)
  if (!(minutes > 0))
    throw new Fault('input', `${job.at.file}:${job.at.line}: timeout-minutes of ${job.id} is no number above 0`)
  return {
    environment: environmentOf(job.environment, scope),
    timeoutMinutes: Math.min(minutes, limit),
    mayFail: job.continueOnError !== undefined && evaluateBoolean(job.continueOnError, scope),
  }
}

const isSelfHosted = (labels: Json): boolean => {
  const named =
    labels !== null && typeof labels === 'object' && !Array.isArray(labels)
      ? (labels as Record<string, Json>).labels
      : labels
  const list = Array.isArray(named) ? named : [named]
  return list.some((label) => String(label).toLowerCase() === 'self-hosted')
}
