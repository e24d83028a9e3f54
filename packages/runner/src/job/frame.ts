import type { Json, Scope } from '../template.ts'
import { hashFiles } from './hash-files.ts'
import type { Frame, JobState, StepRun } from './state.ts'

/** What of `github` differs from step to step. */
export type StepContext = Readonly<Record<string, Json>>

/**
 * What an expression of a step may read. Inside a composite action's main steps `success()` and `failure()` look at the action, everywhere else at the job;
 * `cancelled()` is always the job's. Source: docs.github.com, "Contexts reference"; `SuccessFunction` and `FailureFunction` in actions/runner.
 */
export const scopeOf = (
  { job, frame }: Pick<StepRun, 'job' | 'frame'>,
  env: Readonly<Record<string, string>>,
  github: StepContext,
  phase: StepRun['phase'] = 'main',
): Scope => {
  const status = frame.level === 'composite' && phase === 'main' ? frame.status : job.status
  return {
    contexts: {
      ...frame.contexts,
      github: githubOf(job, frame, github),
      ...machineContexts(job),
      steps: stepsOf(frame),
      env,
    },
    status: { success: status === 'success', failure: status === 'failure', cancelled: job.status === 'cancelled' },
    hashFiles: (patterns) => hashFiles(job.machine.workspace, patterns),
  }
}

/** The `github` context of a step. */
export const githubOf = (job: JobState, frame: Frame, more: StepContext): Readonly<Record<string, Json>> => ({
  ...recordOf(job.request.contexts.github),
  ...job.machine.github,
  ...(frame.actionPath === ''
    ? {}
    : { action: frame.action, action_path: frame.actionPath, action_status: frame.status }),
  ...more,
})

/** A context as a record, empty for anything else. */
export const recordOf = (value: Json | undefined): Readonly<Record<string, Json>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, Json>>) : {}

const machineContexts = (job: JobState): Readonly<Record<string, Json>> => ({
  runner: job.machine.runner,
  job: { ...recordOf(job.request.contexts.job), status: job.status, container: {}, services: {} },
})

const stepsOf = (frame: Frame): Json =>
  Object.fromEntries(
    [...frame.steps].map(([id, { outputs, outcome, conclusion }]) => [
      id,
      { outputs, ...(outcome ? { outcome } : {}), ...(conclusion ? { conclusion } : {}) },
    ]),
  )
