import { mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { JobRequest, JobResult, RunningJob } from '../execution.ts'
import type { EnvironmentRules } from '../github.ts'
import type { Grant } from '../language/permissions.ts'
import type { JobTrace } from '../trace.ts'
import type { NormalJob } from '../workflow.ts'
import type { RunIdentity } from './contexts.ts'
import { removeFolder } from './folder.ts'
import type { Ended, Ready } from './graph.ts'
import type { Claims } from './identity.ts'
import { claimsFor, requestFor } from './request.ts'
import type { Settings } from './settings.ts'
import { errorOf, sentenceOf, traceUnbegun } from './unbegun.ts'

/** What a job's steps need from the platform. */
export type MachinePorts = {
  readonly run: RunIdentity
  readonly start: (request: JobRequest) => RunningJob
  readonly resolve: JobRequest['resolve']
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

type OnMachine = { readonly settings: Settings; readonly rules: EnvironmentRules; readonly ports: MachinePorts }

/** Runs a job's steps in a folder of their own, with a token and GitHub's Deployment as long as they go on. @throws what the system throws where no folder can be made */
export const onMachine = async (
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
