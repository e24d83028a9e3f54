import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { githubOf, type StepContext } from './frame.ts'
import { listener } from './listen.ts'
import { type Exit, runProcess } from './process.ts'
import type { Status, StepRun } from './state.ts'
import { TRACKING } from './tree.ts'
import { ownVariables } from './variables.ts'

/** A program of a step: where it runs, and what it sees besides what every step does. */
export type Launch = {
  readonly program: string
  readonly arguments: readonly string[]
  readonly folder: string
  /** What of `github` is this step's own: its action and its command files. */
  readonly github: StepContext
  /** `INPUT_…` and `STATE_…`. */
  readonly more: Readonly<Record<string, string>>
  /** Whether the log says with which code it failed, as it does for scripts. */
  readonly says: boolean
}

/** Runs a program of a step and obeys the commands in its output. Source: `ScriptHandler` and `NodeScriptActionHandler` in actions/runner. */
export const launch = async (run: StepRun, { program, says, ...given }: Launch): Promise<Status> => {
  const { hear, failed } = listener(run)
  run.job.programs += 1
  const exit = await runProcess({
    program,
    arguments: given.arguments,
    folder: given.folder,
    env: environmentOf(run, given.github, given.more),
    heard: hear,
    stop: run.stop,
    end: run.job.ended,
  })
  const status = statusOf(run, exit, says)
  return status === 'success' && failed() ? 'failure' : status
}

/** How a stopped step stands, and says: cancelled, or failed because its own time was up. undefined: it was not stopped. */
export const stopped = (run: StepRun): Status | undefined => {
  if (!run.stop.aborted) return undefined
  const late = run.stop.reason === 'timeout' && !run.job.cancelled.aborted
  run.log.error(late ? 'The action has timed out.' : 'The operation was canceled.')
  return late ? 'failure' : 'cancelled'
}

/** The PATH of a step: what GITHUB_PATH added, the last first, then the step's or the machine's own. */
export const pathOf = (run: StepRun): string =>
  [...run.job.path.toReversed(), run.env.PATH ?? run.job.request.env.PATH ?? '']
    .filter((part) => part !== '')
    .join(delimiter)

/** Where a program lies on a PATH; undefined when it does not. */
export const which = (program: string, path: string): string | undefined =>
  (program.includes('/') ? [program] : path.split(delimiter).map((folder) => join(folder, program))).find(isProgram)

const environmentOf = (run: StepRun, github: StepContext, more: Launch['more']): Readonly<Record<string, string>> => ({
  CI: 'true',
  HOME: run.job.machine.home,
  ...run.job.request.env,
  ...run.env,
  ...more,
  PATH: pathOf(run),
  ...ownVariables(githubOf(run.job, run.frame, github), run.job.machine.runner),
  GITHUB_ACTIONS: 'true',
  [TRACKING]: run.job.tracking,
})

const statusOf = (run: StepRun, exit: Exit, says: boolean): Status => {
  const early = stopped(run)
  if (early !== undefined) return early
  if (exit.kind === 'not-started') {
    run.log.error(exit.text)
    return 'failure'
  }
  if (exit.code === 0) return 'success'
  if (says) run.log.error(`Process completed with exit code ${exit.code}.`)
  return 'failure'
}

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
