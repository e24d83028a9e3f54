import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readCommandFile, readPathFile } from './command-file.ts'
import type { StepContext } from './frame.ts'
import { addPath, saveState, setOutput, setVariable } from './listen.ts'
import type { StepRun } from './state.ts'

/** The command files of one process: their paths as the `github` context names them, and how what is in them takes effect. */
export type StepFiles = {
  readonly github: StepContext
  /** Reads and removes them. @returns false when one was wrong, which fails the step; what stood before the wrong line counts */
  readonly take: () => boolean
}

/** What a step has that runs no program of its own. */
export const NO_FILES: StepFiles = { github: {}, take: () => true }

/** How large a summary may be, bytes. Source: docs.github.com, "Workflow commands", adding a job summary. */
const SUMMARY_LIMIT = 1024 * 1024

/** Makes empty command files for a process of a step. Sources: docs.github.com, "Workflow commands", environment files; `FileCommandManager` in actions/runner. */
export const openFiles = (run: StepRun): StepFiles => {
  const suffix = randomUUID()
  const at = (prefix: string): string => join(run.job.machine.temp, '_runner_file_commands', `${prefix}_${suffix}`)
  const github = {
    path: at('add_path'),
    env: at('set_env'),
    step_summary: at('step_summary'),
    state: at('save_state'),
    output: at('set_output'),
  }
  for (const file of Object.values(github)) writeFileSync(file, '')
  const take = (): boolean => {
    for (const folder of readPathFile(textOf(github.path))) addPath(run, folder)
    const wrong = [
      pairs(run, 'env', textOf(github.env), (name, value) => {
        if (!setVariable(run, name, value))
          run.log.error("Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command.")
      }),
      pairs(run, 'state', textOf(github.state), (name, value) => saveState(run, name, value)),
      pairs(run, 'output', textOf(github.output), (name, value) => setOutput(run, name, value)),
    ]
    takeSummary(run, textOf(github.step_summary))
    for (const file of Object.values(github)) rmSync(file, { force: true, recursive: true })
    return !wrong.includes(true)
  }
  return { github, take }
}

const pairs = (run: StepRun, file: string, text: string, each: (name: string, value: string) => void): boolean => {
  const { pairs: found, wrong } = readCommandFile(text)
  for (const [name, value] of found) each(name, value)
  if (wrong === '') return false
  run.log.error(`Unable to process file command '${file}' successfully.`)
  run.log.error(wrong)
  return true
}

const takeSummary = (run: StepRun, text: string): void => {
  const size = Buffer.byteLength(text)
  if (size === 0) return
  if (size <= SUMMARY_LIMIT) {
    const lines = text.split('\n').map((line) => run.job.masks.mask(line))
    run.summaries.push(lines.join('\n'))
    return
  }
  const [most, got] = [SUMMARY_LIMIT, size].map((bytes) => `${Math.floor(bytes / 1024)}k`)
  run.log.error(
    `$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of ${most}, got ${got}. For more information see: https://docs.github.com/actions/using-workflows/workflow-commands-for-github-actions#adding-a-markdown-summary`,
  )
}

const textOf = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '')
