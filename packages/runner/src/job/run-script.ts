import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { evaluateText } from '../language/evaluate.ts'
import type { Step } from '../workflow.ts'
import { scopeOf } from './frame.ts'
import { launch, pathOf, which } from './launch.ts'
import { argumentsOf, shellFor } from './shell.ts'
import type { Status, StepRun } from './state.ts'
import { openFiles } from './step-files.ts'

/**
 * Runs a `run` step: its script as a file in RUNNER_TEMP, by its shell, in its folder under the workspace. `defaults.run` count for the job's own steps only.
 * Source: docs.github.com, "Workflow syntax", steps run; `ScriptHandler` in actions/runner.
 */
export const runScript = async (run: StepRun, step: Step & { readonly kind: 'run' }): Promise<Status> => {
  const { job, frame, log } = run
  const files = openFiles(run)
  const github = { action: frame.action || run.id, action_repository: '', action_ref: '', ...files.github }
  try {
    const scope = scopeOf(run, run.env, github)
    const defaults = frame.level === 'job' ? job.defaults : { shell: '', workingDirectory: '' }
    const script = evaluateText(step.run, scope)
    const path = pathOf(run)
    const given = evaluateText(step.shell, scope) || defaults.shell
    const shell = shellFor(given, (program) => which(program, path) !== undefined)
    printScript(run, script, shell ? `${which(shell.program, path) ?? shell.program} ${shell.format}` : given)
    if (shell === undefined) {
      log.error(
        "Invalid shell option. Shell must be a valid built-in (bash, sh, cmd, powershell, pwsh) or a format string containing '{0}'",
      )
      return 'failure'
    }
    const program = which(shell.program, path)
    if (program === undefined) {
      log.error(`${shell.program}: command not found`)
      return 'failure'
    }
    const file = join(job.machine.temp, `${randomUUID()}${shell.extension}`)
    writeFileSync(file, script)
    const folder = step.workingDirectory ? evaluateText(step.workingDirectory, scope) : defaults.workingDirectory
    const words = argumentsOf(shell.format, file)
    const status = await launch(run, {
      program,
      arguments: words,
      folder: resolve(job.machine.workspace, folder),
      github,
      more: {},
      says: true,
    })
    return files.take() || status !== 'success' ? status : 'failure'
  } catch (error) {
    files.take()
    throw error
  }
}

const printScript = ({ log, env }: StepRun, script: string, shell: string): void => {
  const [first = ''] = script.trimStart().split(/[\r\n]/)
  log.write(`##[group]Run ${first}`)
  for (const line of script.replaceAll('\r\n', '\n').replace(/\n+$/, '').split('\n')) log.write(line)
  log.write(`shell: ${shell}`)
  printVariables(log, env)
  log.write('##[endgroup]')
}

/** Writes the variables of a step as GitHub's log shows them. */
export const printVariables = (log: StepRun['log'], env: Readonly<Record<string, string>>): void => {
  if (Object.keys(env).length === 0) return
  log.write('env:')
  for (const [name, value] of Object.entries(env)) log.write(`  ${name}: ${value}`)
}
