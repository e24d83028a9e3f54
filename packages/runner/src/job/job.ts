import { randomUUID } from 'node:crypto'
import { describe } from '@sluice/kit/faults'
import { CANCELLATION, type JobRequest, type JobResult, type RunningJob } from '../execution.ts'
import { evaluate, evaluateText } from '../language/evaluate.ts'
import type { Json, Template } from '../template.ts'
import { missingActions } from './action.ts'
import { recordOf, scopeOf } from './frame.ts'
import { jobOutputs } from './job-outputs.ts'
import { makeMachine } from './machine.ts'
import { masksOf } from './masks.ts'
import { perform, variablesOf } from './perform.ts'
import { preWork } from './run-action.ts'
import type { Frame, JobState } from './state.ts'
import { type StepLog, stepLog } from './step-log.ts'
import { killTree } from './tree.ts'
import { planned } from './work.ts'

/**
 * Runs a job on a machine of its own, as the runner does: set-up, pre phases, steps, post phases in reverse, outputs.
 * `cancel` sends signals to the step that runs, skips what may not run any more, and lets posts run; 285 s later, and on `kill` at once, everything is killed and nothing more is begun.
 * @param bound from a cancel to the forced end, ms; only a test of that end gives another
 * `done` rejects only when the machine's folder cannot be made. No process of the job lives on when it resolves. Source: `JobRunner`, `StepsRunner` and `JobDispatcher` in actions/runner.
 */
export const startJob = (request: JobRequest, bound: number = CANCELLATION.job): RunningJob => {
  const cancelled = new AbortController()
  const ended = new AbortController()
  let why = ''
  let dead = false
  let limit: NodeJS.Timeout | undefined
  const stop = (reason: string): void => {
    if (cancelled.signal.aborted || ended.signal.aborted) return
    why = reason
    limit = setTimeout(() => {
      why = `${reason === '' ? '' : `${reason}. `}The job did not end within ${bound / 1000} s of its cancellation and was killed`
      ended.abort()
    }, bound)
    cancelled.abort()
  }
  const late = `The job has exceeded the maximum execution time of ${duration(request.timeoutMinutes)}`
  const timer = setTimeout(() => stop(late), Math.min(request.timeoutMinutes * 60_000, 2 ** 31 - 1))
  // Not before the caller has it in hand: a cancel may come at once.
  const begun = Promise.resolve().then(() => run(request, cancelled.signal, ended.signal, () => why))
  const done = begun.finally(() => {
    clearTimeout(timer)
    clearTimeout(limit)
  })
  return {
    done: done.then((result) => (dead ? lost(result) : result)),
    cancel: () => stop(''),
    kill: () => {
      dead = true
      ended.abort()
    },
  }
}

/** What GitHub says of a job whose machine is gone. */
export const LOST =
  'The self-hosted runner lost communication with the server. Verify the machine is running and has a healthy network connection. Anything in your workflow that terminates the runner process, starves it for CPU/Memory, or blocks its network access can cause this error.'

const lost = (result: JobResult): JobResult => ({
  ...result,
  conclusion: 'failure',
  why: LOST,
  outputs: {},
  droppedOutputs: [],
  environmentUrl: '',
  annotations: [...result.annotations, { level: 'error', title: '', text: LOST, file: '', line: undefined }],
})

const run = async (
  request: JobRequest,
  cancelled: AbortSignal,
  ended: AbortSignal,
  why: () => string,
): Promise<JobResult> => {
  const job = begin(request, cancelled, ended)
  const log = stepLog(job.masks, request.say, job.debug)
  const frame: Frame = {
    level: 'job',
    key: '',
    home: request.home,
    contexts: request.contexts,
    steps: new Map(),
    action: '',
    actionPath: '',
    env: {},
    posts: [],
    status: 'success',
  }
  try {
    request.say('▸ Set up job')
    log.write(`Machine: ${job.machine.runner.os} ${job.machine.runner.arch}, a local runner`)
    const wrong = setUp(job, frame)
    for (const text of wrong) log.error(text)
    if (wrong.length === 0) await runSteps(job, frame)
    else job.status = 'failure'
    if (cancelled.aborted) job.status = 'cancelled'
    return complete(job, frame, log, why())
  } catch (error) {
    // A bug of ours: it must be seen, and must not leave the run waiting.
    log.error(error instanceof Error ? (error.stack ?? error.message) : String(error))
    job.status = 'failure'
    return complete(job, frame, log, why())
  } finally {
    killTree({ tracking: job.tracking })
  }
}

const begin = (request: JobRequest, cancelled: AbortSignal, ended: AbortSignal): JobState => {
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
    status: 'success',
  }
}

/** Evaluates what holds for the whole job; what is wrong with it, each in one sentence. */
const setUp = (job: JobState, frame: Frame): readonly string[] => {
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

const runSteps = async (job: JobState, frame: Frame): Promise<void> => {
  const steps = planned(job.request.job.steps)
  const pres = steps.flatMap((work) => preWork(job, frame, work) ?? [])
  for (const work of [...pres, ...steps]) if (!job.ended.aborted) await perform(job, frame, work)
  for (let work = frame.posts.pop(); work !== undefined && !job.ended.aborted; work = frame.posts.pop())
    await perform(job, frame, work)
}

const complete = (job: JobState, frame: Frame, log: StepLog, why: string): JobResult => {
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

const evaluateUrl = (environment: Template | undefined, scope: Parameters<typeof evaluate>[1]): string => {
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

/** As GitHub writes it: `6h0m0s`, `45m0s`, `3s`. */
const duration = (minutes: number): string => {
  const seconds = Math.round(minutes * 60)
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60]
  return `${h > 0 ? `${h}h` : ''}${h > 0 || m > 0 ? `${m}m` : ''}${s}s`
}
