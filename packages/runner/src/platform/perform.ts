import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, Fault } from '@sluice/kit/faults'
import type { JobRequest, JobResult, RunningJob } from '../execution.ts'
import type { ApprovalRequest, EnvironmentRules } from '../github.ts'
import { evaluate, truthy } from '../language/evaluate.ts'
import type { Grant } from '../language/permissions.ts'
import type { Json } from '../template.ts'
import type { JobTrace } from '../trace.ts'
import type { NormalJob } from '../workflow.ts'
import { jobContext, type RunIdentity, refOf } from './contexts.ts'
import { branchRefusal, environmentOf, type JobEnvironment, mayDeploy, REJECTED, rulesOf } from './environments.ts'
import type { Ended, Ready } from './graph.ts'
import { type Claims, claimsOf } from './identity.ts'
import type { Machines } from './machines.ts'
import { errorOf, nameOf, sentenceOf, traceUnbegun } from './unbegun.ts'

/** What a job's run on a machine needs from the platform. */
export type PerformPorts = {
  readonly run: RunIdentity
  readonly start: (request: JobRequest) => RunningJob
  readonly resolve: JobRequest['resolve']
  readonly machines: Machines
  readonly environments: Readonly<Record<string, EnvironmentRules>>
  readonly approve: (asked: ApprovalRequest) => Promise<'approved' | 'rejected'>
  /** Makes a token known to the API; it is forgotten by what is returned. */
  readonly admit: (token: string, grant: Grant) => () => void
  readonly identify: (claims: Claims) => { readonly env: Readonly<Record<string, string>>; readonly close: () => void }
  /** Makes GitHub's own Deployment of a job. */
  readonly deploy: (
    environment: string,
  ) => Promise<(state: 'in_progress' | 'success' | 'failure', url: string) => Promise<void>>
  readonly checkout: { readonly repository: string; readonly folder: string }
  readonly env: Readonly<Record<string, string>>
  readonly directory: string
  readonly noticedAfter: number
  readonly tell: (kind: 'job-queued' | 'job-waiting', path: string, why: string) => void
  /** A job runs its steps from now on; what is returned is called when it no longer does. */
  readonly begun: (path: string, kill: () => void) => () => void
  readonly line: (path: string, text: string) => void
  readonly now: () => number
}

/** Minutes that a job may take where its file says nothing, and that GitHub's own machines allow. Source: docs.github.com, "Actions limits". */
export const HOSTED_MINUTES = 360
/** Minutes on a machine of one's own: five days. Source: docs.github.com, "Actions limits". */
export const SELF_HOSTED_MINUTES = 5 * 24 * 60

/**
 * Takes a job with steps from its environment's rules to its end: rules, a machine, the steps, and GitHub's Deployment beside them.
 * Never rejects for what a workflow, a reviewer or a machine can do.
 */
export const perform = async (ready: Ready & { readonly job: NormalJob }, ports: PerformPorts): Promise<Ended> => {
  const startedAt = ports.now()
  const unbegun = (conclusion: 'failure' | 'cancelled', why: readonly string[]): Ended => ({
    own: { ...traceUnbegun(ready, { conclusion, why, at: startedAt }), endedAt: ports.now() },
    called: [],
    mayFail: false,
  })
  try {
    const settings = settingsOf(ready)
    const { environment } = settings
    const rules = environment ? rulesOf(ports.environments, environment.name) : {}
    const kept = environment && (await pass(ready, { environment, rules, ports }))
    if (kept) return named(unbegun(kept.conclusion, kept.why), settings, rules)
    const path = ready.path.join(' / ')
    ports.tell('job-queued', path, '')
    const leave = await ports.machines.take(ready.end.signal)
    if (leave === undefined) return named(unbegun('cancelled', [sentenceOf(ready.end.signal)]), settings, rules)
    try {
      return await onMachine(ready, { settings, rules, ports })
    } finally {
      leave()
    }
  } catch (thrown) {
    // What cannot be evaluated fails its job, as on GitHub; anything else is a bug of ours.
    if (thrown instanceof Fault) return unbegun('failure', [`The template is not valid. ${describe(thrown)}`])
    throw thrown
  }
}

type Settings = {
  readonly environment: JobEnvironment | undefined
  readonly timeoutMinutes: number
  readonly mayFail: boolean
}

const settingsOf = ({ job, scope }: Ready & { readonly job: NormalJob }): Settings => {
  const labels = evaluate(job.runsOn, scope)
  const limit = isSelfHosted(labels) ? SELF_HOSTED_MINUTES : HOSTED_MINUTES
  const minutes = job.timeoutMinutes === undefined ? HOSTED_MINUTES : Number(evaluate(job.timeoutMinutes, scope))
  if (!(minutes > 0))
    throw new Fault('input', `${job.at.file}:${job.at.line}: timeout-minutes of ${job.id} is no number above 0`)
  return {
    environment: environmentOf(job.environment, scope),
    timeoutMinutes: Math.min(minutes, limit),
    mayFail: job.continueOnError !== undefined && truthy(evaluate(job.continueOnError, scope)),
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

const named = (
  { own, ...rest }: Ended,
  { environment, mayFail }: Settings,
  { waitMinutes = 0 }: EnvironmentRules,
): Ended => ({
  ...rest,
  mayFail,
  own: { ...own, environment: environment?.name ?? '', waitMinutes },
})

type Gate = { readonly environment: JobEnvironment; readonly rules: EnvironmentRules; readonly ports: PerformPorts }
type Kept = { readonly conclusion: 'failure' | 'cancelled'; readonly why: readonly string[] }

/** The environment's rules. Undefined: they let the job through. */
const pass = async (ready: Ready, { environment, rules, ports }: Gate): Promise<Kept | undefined> => {
  const { branch } = ports.run.cause
  const path = ready.path.join(' / ')
  if (!mayDeploy(branch, rules.branches))
    return { conclusion: 'failure', why: [branchRefusal(branch, environment.name), REJECTED] }
  const { reviewers = [] } = rules
  if (reviewers.length === 0) return undefined
  ports.tell('job-waiting', path, `Waiting for review: ${environment.name} needs approval of ${reviewers.join(' or ')}`)
  const { signal } = ready.end
  const answer = await orEnd(ports.approve({ run: ports.run.id, environment: environment.name, job: path }), signal)
  if (answer === 'cancelled') return { conclusion: 'cancelled', why: [sentenceOf(signal)] }
  return answer === 'approved' ? undefined : { conclusion: 'failure', why: [REJECTED] }
}

/** What a promise gives, or `cancelled` when the job ends first. */
const orEnd = <T>(promise: Promise<T>, ended: AbortSignal): Promise<T | 'cancelled'> =>
  new Promise((resolve, reject) => {
    const leave = (): void => resolve('cancelled')
    if (ended.aborted) leave()
    ended.addEventListener('abort', leave, { once: true })
    void promise.then(resolve, reject).finally(() => ended.removeEventListener('abort', leave))
  })

type OnMachine = { readonly settings: Settings; readonly rules: EnvironmentRules; readonly ports: PerformPorts }

const onMachine = async (
  ready: Ready & { readonly job: NormalJob },
  { settings, rules, ports }: OnMachine,
): Promise<Ended> => {
  const { environment, mayFail } = settings
  const path = ready.path.join(' / ')
  const startedAt = ports.now()
  const token = `ghs_${randomBytes(24).toString('hex').slice(0, 36)}`
  const forget = ports.admit(token, ready.permissions)
  const deployed = environment?.deployment ? await ports.deploy(environment.name) : undefined
  await deployed?.('in_progress', '')
  mkdirSync(ports.directory, { recursive: true })
  const directory = mkdtempSync(join(ports.directory, 'machine-'))
  const identity =
    ready.permissions['id-token'] === 'write' ? ports.identify(claimsFor(ready, environment, ports)) : undefined
  const running = ports.start(
    requestFor(ready, { settings, rules, ports, token, directory, more: identity?.env ?? {} }),
  )
  const died = new AbortController()
  const ended = ports.begun(path, () => {
    died.abort()
    running.kill()
  })
  const onEnd = (): void => running.cancel()
  ready.end.signal.addEventListener('abort', onEnd, { once: true })
  if (ready.end.signal.aborted) onEnd()
  try {
    const result = await running.done
    ended()
    if (died.signal.aborted) await pause(ports.noticedAfter)
    const own = traceOf(ready, { settings, rules, result, startedAt, endedAt: ports.now() })
    await deployed?.(own.conclusion === 'success' ? 'success' : 'failure', result.environmentUrl)
    return { own, called: [], mayFail }
  } finally {
    ready.end.signal.removeEventListener('abort', onEnd)
    ended()
    identity?.close()
    forget()
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  }
}

const claimsFor = (ready: Ready, environment: JobEnvironment | undefined, { run }: PerformPorts): Claims => {
  const { home, workflow } = ready.graph.loaded
  return claimsOf(run, {
    environment: environment?.name ?? '',
    workflowRef: `${home.repository}/${workflow.file}@${home.ref}`,
    workflowSha: home.sha,
  })
}

type Request = OnMachine & {
  readonly token: string
  readonly directory: string
  readonly more: Readonly<Record<string, string>>
}

const requestFor = (
  ready: Ready & { readonly job: NormalJob },
  { settings, rules, ports, token, directory, more }: Request,
): JobRequest => {
  const { graph, job, scope } = ready
  const { home, workflow } = graph.loaded
  const github = scope.contexts.github as Readonly<Record<string, Json>>
  const { branch, sha } = ports.run.cause
  return {
    ids: ready.ids,
    name: nameOf(ready),
    job,
    workflow,
    contexts: {
      ...scope.contexts,
      github: { ...github, token },
      vars: { ...graph.vars, ...rules.vars },
      secrets: { ...graph.secrets.values, ...(graph.secrets.inherited ? rules.secrets : {}), GITHUB_TOKEN: token },
      job: jobContext(home, workflow.file),
    },
    home,
    checkout: { ...ports.checkout, sha, ref: refOf(branch) },
    resolve: ports.resolve,
    timeoutMinutes: settings.timeoutMinutes,
    env: { ...ports.env, ...more },
    directory,
    say: (line) => ports.line(ready.path.join(' / '), line),
  }
}

const traceOf = (
  ready: Ready,
  {
    settings,
    rules,
    result,
    startedAt,
    endedAt,
  }: Omit<OnMachine, 'ports'> & {
    readonly result: JobResult
    readonly startedAt: number
    readonly endedAt: number
  },
): JobTrace => {
  // Why it was cancelled is the platform's to say, as GitHub annotates it.
  const stopped = result.conclusion === 'cancelled' && ready.end.signal.aborted ? sentenceOf(ready.end.signal) : ''
  return {
    ...traceUnbegun(ready, { conclusion: result.conclusion, why: [], at: startedAt }),
    why: result.why || stopped,
    outputs: result.outputs,
    droppedOutputs: result.droppedOutputs,
    environment: settings.environment?.name ?? '',
    waitMinutes: rules.waitMinutes ?? 0,
    steps: result.steps,
    annotations: stopped === '' ? result.annotations : [...result.annotations, errorOf(stopped)],
    endedAt,
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
