import { mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { describe, Fault } from '@sluice/kit/faults'
import type { JobRequest, JobResult, RunningJob } from '../execution.ts'
import type { EnvironmentRules } from '../github.ts'
import type { Grant } from '../language/permissions.ts'
import type { JobTrace } from '../trace.ts'
import type { NormalJob } from '../workflow.ts'
import { rulesOf } from './environments.ts'
import { removeFolder } from './folder.ts'
import { type GatePorts, pass } from './gate.ts'
import type { Ended, Ready } from './graph.ts'
import type { Claims } from './identity.ts'
import type { Machines } from './machines.ts'
import { claimsFor, requestFor } from './request.ts'
import { type Settings, settingsOf } from './settings.ts'
import { errorOf, sentenceOf, traceUnbegun } from './unbegun.ts'

/** What a job's run on a machine needs from the platform. */
export type PerformPorts = GatePorts & {
  readonly start: (request: JobRequest) => RunningJob
  readonly resolve: JobRequest['resolve']
  readonly machines: Machines
  readonly environments: Readonly<Record<string, EnvironmentRules>>
  /** A token that may do so much, until it is given back. */
  readonly lend: (grant: Grant) => { readonly token: string; readonly giveBack: () => void }
  readonly identify: (claims: Claims) => { readonly env: Readonly<Record<string, string>>; readonly close: () => void }
  /** Makes GitHub's own Deployment of a job. */
  readonly deploy: (
    environment: string,
  ) => Promise<(state: 'in_progress' | 'success' | 'failure', url: string) => Promise<void>>
  readonly checkout: { readonly repository: string; readonly folder: string }
  readonly env: Readonly<Record<string, string>>
  readonly directory: string
  readonly noticedAfter: number
  /** A job runs its steps from now on; what is returned is called when it no longer does. */
  readonly begun: (path: string, kill: () => void) => () => void
  readonly line: (path: string, text: string) => void
  readonly now: () => number
}

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
    if (isOfTheSystem(thrown)) return unbegun('failure', [`This machine could not do the job: ${thrown.message}`])
    throw thrown
  }
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

type OnMachine = { readonly settings: Settings; readonly rules: EnvironmentRules; readonly ports: PerformPorts }

const onMachine = async (
  ready: Ready & { readonly job: NormalJob },
  { settings, rules, ports }: OnMachine,
): Promise<Ended> => {
  const { environment, mayFail } = settings
  const path = ready.path.join(' / ')
  const startedAt = ports.now()
  const { token, giveBack } = ports.lend(ready.permissions)
  const deployed = environment?.deployment ? await ports.deploy(environment.name) : undefined
  await deployed?.('in_progress', '')
  const say = (text: string): void => ports.line(path, text)
  let state: 'success' | 'failure' = 'failure'
  let url = ''
  try {
    const result = await inFolder(ports.directory, say, (directory) =>
      runJob(ready, { settings, rules, ports, path, token, directory, say }),
    )
    const own = traceOf(ready, { settings, rules, result, startedAt, endedAt: ports.now() })
    if (own.conclusion === 'success') state = 'success'
    url = result.environmentUrl
    return { own, called: [], mayFail }
  } finally {
    await deployed?.(state, url)
    giveBack()
  }
}

/** Makes a machine's folder, and removes it when what is done in it has ended. */
const inFolder = async <T>(
  parent: string,
  say: (text: string) => void,
  act: (directory: string) => Promise<T>,
): Promise<T> => {
  mkdirSync(parent, { recursive: true })
  const directory = mkdtempSync(join(parent, 'machine-'))
  try {
    return await act(directory)
  } finally {
    const why = removeFolder(directory)
    if (why !== '') say(`The folder of this machine is left behind: ${why}`)
  }
}

type Place = OnMachine & {
  readonly path: string
  readonly token: string
  readonly directory: string
  readonly say: (text: string) => void
}

const runJob = async (
  ready: Ready & { readonly job: NormalJob },
  { settings, rules, ports, path, token, directory, say }: Place,
): Promise<JobResult> => {
  const identity =
    ready.permissions['id-token'] === 'write'
      ? ports.identify(claimsFor(ready, settings.environment, ports.run))
      : undefined
  const env = { ...ports.env, ...identity?.env }
  const running = ports.start(requestFor(ready, { ...ports, settings, rules, token, directory, env, say }))
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
    return result
  } finally {
    ready.end.signal.removeEventListener('abort', onEnd)
    ended()
    identity?.close()
  }
}

/** Such as no room left, or a folder that somebody removed. */
const isOfTheSystem = (thrown: unknown): thrown is Error => thrown instanceof Error && 'syscall' in thrown

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
