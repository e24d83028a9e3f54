import { randomUUID } from 'node:crypto'
import { describe } from '@sluice/kit/faults'
import type { JobRequest } from '../execution.ts'
import { evaluate, evaluateText } from '../language/evaluate.ts'
import type { Json, Template } from '../template.ts'
import { missingActions } from './action.ts'
import { recordOf, scopeOf } from './frame.ts'
import { makeMachine } from './machine.ts'
import { masksOf } from './masks.ts'
import { variablesOf } from './perform.ts'
import type { Frame, JobState } from './state.ts'

/** The state of a job before its first step: its machine, and its masks: secrets and token. */
export const begin = (request: JobRequest, cancelled: AbortSignal, ended: AbortSignal): JobState => {
  const { contexts } = request
  const token = recordOf(contexts.github).token
  const secrets = Object.values(recordOf(contexts.secrets)).map(String)
  const masks = masksOf(secrets)
  if (typeof token === 'string' && token !== '')
    for (const value of [token, Buffer.from(`x-access-token:${token}`).toString('base64')]) masks.add(value)
  const debug = [contexts.secrets, contexts.vars].some((one) => recordOf(one).ACTIONS_STEP_DEBUG === 'true')
  return {
    request,
    machine: makeMachine(request, debug),
    masks,
    debug,
    cancelled,
    ended,
    environment: new Map(),
    path: [],
    defaults: { shell: '', workingDirectory: '' },
    kept: new Map(),
    registered: new Set(),
    tracking: `github_${randomUUID()}`,
    traces: [],
    annotations: [],
    programs: 0,
    status: 'success',
  }
}

/** Evaluates what holds for the whole job; what is wrong with it, each in one sentence. */
export const setUp = (job: JobState, frame: Frame): readonly string[] => {
  const { request } = job
  try {
    for (const env of [request.workflow.env, request.job.env]) {
      const scope = scopeOf({ job, frame }, {}, {})
      for (const [name, value] of Object.entries(variablesOf(env, scope))) job.environment.set(name, value)
    }
    const scope = scopeOf({ job, frame }, Object.fromEntries(job.environment), {})
    // The job's `defaults.run` takes the place of the workflow's as a whole, as `JobExtension` of actions/runner does it.
    const { job: own, workflow } = request
    const run = own.defaults.shell || own.defaults.workingDirectory ? own.defaults : workflow.defaults
    Object.assign(job.defaults, {
      shell: evaluateText(run.shell, scope),
      workingDirectory: evaluateText(run.workingDirectory, scope),
    })
    const containers = [own.container, own.services].map((template) => isThere(template, (one) => evaluate(one, scope)))
    if (containers.includes(true))
      return [
        `Job '${own.id}' asks for ${containers[0] ? 'a container' : 'services'}, which this local runner does not start. Give the job a stand-in for what they do, or run it on GitHub`,
      ]
    return [...new Set(missingActions(job, frame, own.steps))]
  } catch (error) {
    return [describe(error)]
  }
}

const isThere = (template: Template | undefined, value: (template: Template) => Json): boolean => {
  if (template === undefined) return false
  const found = value(template)
  if (found === null || found === '') return false
  if (typeof found !== 'object') return true
  return Object.values(found).length > 0 && !('image' in found && found.image === '')
}
