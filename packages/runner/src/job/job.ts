import { CANCELLATION, type JobRequest, type JobResult, type RunningJob } from '../execution.ts'
import { complete } from './completion.ts'
import { perform } from './perform.ts'
import { preWork } from './run-action.ts'
import { begin, setUp } from './set-up.ts'
import type { Frame, JobState } from './state.ts'
import { stepLog } from './step-log.ts'
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
  let over = false
  let limit: NodeJS.Timeout | undefined
  const stop = (reason: string): void => {
    if (over || cancelled.signal.aborted || ended.signal.aborted) return
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
    over = true
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
    // Looking through all processes takes longer than all else in a job that started none.
    const left = job.programs > 0 ? killTree({ tracking: job.tracking }) : []
    if (!ended.aborted) for (const one of left) request.say(`Terminate orphan process: ${one}`)
  }
}

const runSteps = async (job: JobState, frame: Frame): Promise<void> => {
  const steps = planned(job.request.job.steps)
  const pres = steps.flatMap((work) => preWork(job, frame, work) ?? [])
  for (const work of [...pres, ...steps]) if (!job.ended.aborted) await perform(job, frame, work)
  for (let work = frame.posts.pop(); work !== undefined && !job.ended.aborted; work = frame.posts.pop())
    await perform(job, frame, work)
}

/** As GitHub writes it: `6h0m0s`, `45m0s`, `3s`. */
const duration = (minutes: number): string => {
  const seconds = Math.round(minutes * 60)
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60]
  return `${h > 0 ? `${h}h` : ''}${h > 0 || m > 0 ? `${m}m` : ''}${s}s`
}
