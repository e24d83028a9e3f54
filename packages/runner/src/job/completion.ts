import { describe } from '@sluice/kit/faults'
import type { JobResult } from '../execution.ts'
import { evaluateText } from '../language/evaluate.ts'
import type { Scope, Template } from '../template.ts'
import { scopeOf } from './frame.ts'
import { jobOutputs } from './job-outputs.ts'
import type { Frame, JobState } from './state.ts'
import type { StepLog } from './step-log.ts'

/** What the job gives when its steps are over: outputs, the environment's URL, how it ended. @param why one sentence for an end that no step explains */
export const complete = (job: JobState, frame: Frame, log: StepLog, why: string): JobResult => {
  const { request } = job
  const scope = scopeOf({ job, frame }, Object.fromEntries(job.environment), {})
  if (why !== '') log.error(why)
  const over = { environmentUrl: '', outputs: {}, dropped: [], warnings: [], wrong: '' }
  const found = job.ended.aborted ? over : { ...over, ...jobOutputs(request.job.outputs, scope, job.masks) }
  if (!job.ended.aborted) request.say('▸ Complete job')
  for (const text of found.warnings) log.warning(text)
  const url = job.ended.aborted ? '' : environmentUrl(job, log, () => evaluateUrl(request.job.environment, scope))
  if (found.wrong !== '') {
    log.error(found.wrong)
    job.status = job.status === 'cancelled' ? 'cancelled' : 'failure'
  }
  return {
    conclusion: job.status,
    why: why || (log.annotations.find(({ level }) => level === 'error')?.text ?? ''),
    outputs: found.outputs,
    droppedOutputs: found.dropped,
    environmentUrl: url,
    steps: job.traces,
    annotations: [...job.annotations, ...log.annotations],
  }
}

const evaluateUrl = (environment: Template | undefined, scope: Scope): string => {
  if (environment?.kind !== 'mapping') return ''
  const url = environment.entries.find(({ key }) => key.kind === 'literal' && key.value === 'url')?.value
  return evaluateText(url, scope)
}

const environmentUrl = (job: JobState, log: StepLog, read: () => string): string => {
  try {
    const url = read()
    if (job.masks.mask(url) === url) return url
    log.warning('Skip setting environment url as environment may contain secret.')
  } catch (error) {
    log.error(`Failed to evaluate environment url: ${describe(error)}`)
    job.status = job.status === 'cancelled' ? 'cancelled' : 'failure'
  }
  return ''
}
