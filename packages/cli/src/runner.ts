import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Action } from './actions.ts'
import { readCommandFile, stateVariables } from './command-files.ts'

/** One step, as a runner starts it. `directory` is the step's own and is made. */
export type Step = {
  readonly action: Action
  readonly entry: string
  readonly inputs: Readonly<Record<string, string>>
  readonly directory: string
  /** Where relative paths start: a runner's workspace. */
  readonly workspace: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Hears each line of the log as it comes. */
  say(line: string): void
}

/** What a step left once it ended. Times in ms UTC. */
export type StepResult = {
  /** Exit code; absent when a signal ended it. */
  readonly code: number | undefined
  readonly signal: string | undefined
  readonly outputs: Readonly<Record<string, string>>
  readonly summary: string
  readonly log: readonly string[]
  readonly startedAt: number
  readonly endedAt: number
}

/** A step that runs; `done` never rejects because of how the step ends. */
export type RunningStep = {
  readonly pid: number
  kill(signal: NodeJS.Signals): void
  readonly done: Promise<StepResult>
}

/**
 * Starts an action as a runner does: its inputs as `INPUT_*` with the defaults of action.yml filled in, and files for outputs, state and summary.
 * @param phase `post` runs the same file again with the state that main saved
 */
export const startStep = (step: Step, phase: 'main' | 'post' = 'main'): RunningStep => {
  mkdirSync(join(step.directory, 'temp'), { recursive: true })
  const files = { output: 'output', state: 'state', env: 'env', path: 'path', summary: 'summary.md' }
  const file = (name: keyof typeof files): string => join(step.directory, files[name])
  for (const name of Object.keys(files) as (keyof typeof files)[]) {
    if (!existsSync(file(name))) writeFileSync(file(name), '')
  }
  const saved = phase === 'post' ? stateVariables(readFileSync(file('state'), 'utf8')) : {}
  const startedAt = Date.now()
  const child = spawn(process.execPath, [step.entry], {
    cwd: step.workspace,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Ctrl-C reaches the whole foreground group; a step of its own group hears of it from us, once.
    detached: true,
    env: {
      ...step.env,
      ...inputVariables(step.action, step.inputs),
      ...saved,
      GITHUB_OUTPUT: file('output'),
      GITHUB_STATE: file('state'),
      GITHUB_ENV: file('env'),
      GITHUB_PATH: file('path'),
      GITHUB_STEP_SUMMARY: file('summary'),
      GITHUB_WORKSPACE: step.workspace,
      GITHUB_ACTION: step.action.name,
      RUNNER_TEMP: join(step.directory, 'temp'),
    },
  })
  const log: string[] = []
  const hear = (line: string): void => {
    log.push(line)
    step.say(line)
  }
  const read = [child.stdout, child.stderr].map(
    (stream) =>
      new Promise<void>((resolve) => createInterface({ input: stream }).on('line', hear).on('close', resolve)),
  )
  const ended = exitOf(child)
  return {
    pid: child.pid ?? 0,
    kill: (signal) => void child.kill(signal),
    done: Promise.all([ended, ...read]).then(([{ code, signal }]) => ({
      code,
      signal,
      outputs: readCommandFile(readFileSync(file('output'), 'utf8')),
      summary: readFileSync(file('summary'), 'utf8'),
      log,
      startedAt,
      endedAt: Date.now(),
    })),
  }
}

/** `INPUT_<NAME>` in capitals, spaces as underscores: what @actions/core reads. Defaults come from action.yml. */
const inputVariables = (
  { inputs }: Pick<Action, 'inputs'>,
  given: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    inputs.map(({ name, default: otherwise }) => [
      `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`,
      given[name] ?? otherwise,
    ]),
  )

const exitOf = (
  child: ChildProcess,
): Promise<{ readonly code: number | undefined; readonly signal: string | undefined }> =>
  new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code: code ?? undefined, signal: signal ?? undefined }))
  })
