import { describe, Fault } from '@sluice/kit/faults'
import { evaluate, evaluateBoolean, evaluateCondition, evaluateNumber, evaluateText } from '../language/evaluate.ts'
import type { Json, Scope, Template } from '../template.ts'
import type { Conclusion } from '../trace.ts'
import { scopeOf } from './frame.ts'
import type { Frame, JobState, Status, StepRun, Work } from './state.ts'
import { type StepLog, stepLog } from './step-log.ts'

/** What a step inside a composite action shares with the step that uses the action. */
export type Within = Pick<StepRun, 'log' | 'summaries' | 'stop'>

/**
 * Does one step: its `env`, its condition, itself within its time, then `continue-on-error`; it is in the `steps` context and in the status afterwards.
 * A cancel asks the condition again: only what still may run goes on. Source: `StepsRunner` and `CompositeActionHandler` in actions/runner.
 * @returns how it counts, after `continue-on-error`
 * @param within the step that this one is a part of; without one it is a step of the job and has a trace of its own
 */
export const perform = async (job: JobState, frame: Frame, work: Work, within?: Within): Promise<Conclusion> => {
  const startedAt = Date.now()
  const log = within?.log ?? stepLog(job.masks, job.request.say, job.debug)
  const own = new AbortController()
  const run: StepRun = {
    job,
    frame,
    log,
    key: keyOf(frame, work),
    id: work.phase === 'main' ? work.id : '',
    phase: work.phase,
    step: work.step,
    title: work.name,
    env: { ...Object.fromEntries(job.environment), ...frame.env },
    outputs: {},
    summaries: within?.summaries ?? [],
    stop: within ? AbortSignal.any([within.stop, own.signal]) : own.signal,
  }
  const ended = await attempt(run, work, own, within === undefined)
  if (job.ended.aborted && ended.outcome !== 'skipped') ended.outcome = ended.conclusion = 'cancelled'
  if (work.phase === 'main' && !work.id.startsWith('__')) frame.steps.set(work.id, { outputs: run.outputs, ...ended })
  const status = ended.conclusion
  if (status === 'failure' || status === 'cancelled') {
    if (frame.level === 'composite' && work.phase === 'main') frame.status = worse(frame.status, status)
    else job.status = worse(job.status, status)
  }
  if (within) return status
  job.annotations.push(...log.annotations)
  job.traces.push({
    id: work.id,
    name: job.masks.mask(run.title),
    phase: work.phase,
    uses: work.step.kind === 'run' ? 'run' : work.step.uses,
    outcome: ended.outcome,
    conclusion: ended.conclusion,
    outputs: run.outputs,
    summary: run.summaries.join('\n'),
    annotations: log.annotations,
    log: log.lines,
    startedAt,
    endedAt: Date.now(),
  })
  return status
}

/** Names a use of an action among all of a job's, in each of its phases. */
const keyOf = (frame: Frame, work: Pick<Work, 'id'>): string => `${frame.key}/${work.id}`

/** What a person sees as a step's name: its own, or what it runs. */
export const nameOf = ({ step }: Pick<Work, 'step'>, scope: Scope): string => {
  const [prefix, template] = step.name ? ['', step.name] : ['Run ', step.kind === 'run' ? step.run : undefined]
  const [first = ''] = textOr(template, scope, step.kind === 'uses' ? step.uses : 'run')
    .trimStart()
    .split(/[\r\n]/)
  return `${prefix}${first}`
}

/** The variables that an `env` gives. @throws Fault('input') for what cannot be evaluated */
export const variablesOf = (env: Template | undefined, scope: Scope): Readonly<Record<string, string>> => {
  if (env === undefined) return {}
  const value = evaluate(env, scope)
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(
    Object.entries(value as Record<string, Json>).map(([name, one]) => [name, scalar(one, env)]),
  )
}

type Ended = { outcome: Conclusion; conclusion: Conclusion }

const attempt = async (run: StepRun, work: Work, own: AbortController, top: boolean): Promise<Ended> => {
  const { job, frame, log } = run
  const scope = (): Scope => scopeOf(run, run.env, { action: frame.action || work.id }, work.phase)
  const { step } = work
  if (job.cancelled.aborted) job.status = 'cancelled'
  let shown = false
  const header = (more = ''): void => {
    if (work.name === '') run.title = nameOf(work, scope())
    if (top && !shown) job.request.say(job.masks.mask(`▸ ${run.title}${more}`))
    shown = true
  }
  const failed = (error: unknown): Ended => {
    header()
    log.error(describe(error))
    return { outcome: 'failure', conclusion: 'failure' }
  }
  const again = (): void => {
    job.status = 'cancelled'
    if (!stillAllowed(work, scope)) own.abort('cancelled')
  }
  try {
    Object.assign(run.env, variablesOf(step.env, scope()))
  } catch (error) {
    return failed(error)
  }
  if (!job.cancelled.aborted) job.cancelled.addEventListener('abort', again, { once: true })
  let timer: NodeJS.Timeout | undefined
  try {
    if (!evaluateCondition(work.condition, scope(), step.at)) {
      header(' (skipped)')
      return { outcome: 'skipped', conclusion: 'skipped' }
    }
    header()
    const minutes = minutesOf(step.timeoutMinutes, scope, log)
    if (minutes > 0) timer = setTimeout(() => own.abort('timeout'), Math.min(minutes * 60_000, 2 ** 31 - 1))
    const outcome = await work.act(run).catch((error: unknown): Status => {
      log.error(describe(error))
      return 'failure'
    })
    if (outcome !== 'failure' || !forgiven(step.continueOnError, scope, log)) return { outcome, conclusion: outcome }
    return { outcome, conclusion: 'success' }
  } catch (error) {
    return failed(error)
  } finally {
    clearTimeout(timer)
    job.cancelled.removeEventListener('abort', again)
  }
}

const stillAllowed = (work: Work, scope: () => Scope): boolean => {
  try {
    return evaluateCondition(work.condition, scope())
  } catch {
    return false
  }
}

/** What cannot be read is said, and then the step has no time of its own. */
const minutesOf = (template: Template | undefined, scope: () => Scope, log: StepLog): number => {
  try {
    return template === undefined ? 0 : evaluateNumber(template, scope())
  } catch (error) {
    log.error('An error occurred when attempting to determine the step timeout.')
    log.error(describe(error))
    return 0
  }
}

const forgiven = (template: Template | undefined, scope: () => Scope, log: StepLog): boolean => {
  if (template === undefined) return false
  try {
    return evaluateBoolean(template, scope())
  } catch (error) {
    log.error('The step failed and an error occurred when attempting to determine whether to continue on error.')
    log.error(describe(error))
    return false
  }
}

const worse = (one: Status, other: Status): Status => {
  const order = ['success', 'failure', 'cancelled'] as const
  return order.indexOf(one) > order.indexOf(other) ? one : other
}

const textOr = (template: Template | undefined, scope: Scope, otherwise: string): string => {
  try {
    return template === undefined ? otherwise : evaluateText(template, scope)
  } catch {
    return template?.kind === 'expression' ? `\${{ ${template.source} }}` : otherwise
  }
}

const scalar = (value: Json, { at }: Template): string => {
  if (value === null) return ''
  if (typeof value !== 'object') return String(value)
  throw new Fault(
    'input',
    `${at.file}:${at.line}: A ${Array.isArray(value) ? 'sequence' : 'mapping'} was not expected`,
    'Use toJSON(…) where the whole value is wanted as text',
  )
}
