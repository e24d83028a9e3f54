import { isAbsolute, relative } from 'node:path'
import type { Annotation } from '../trace.ts'
import { COMMANDS, type Command, readCommand } from './command.ts'
import type { StepRun } from './state.ts'

/** Hears the output of one process: commands do what they say, everything else is log. `failed` tells whether a command was wrong, which fails the step. */
export type Listener = { readonly hear: (line: string) => void; readonly failed: () => boolean }

/**
 * Makes a listener for one process of a step: what `stop-commands` and `echo` set holds for this process alone.
 * Sources: docs.github.com, "Workflow commands"; `ActionCommandManager` in actions/runner.
 */
export const listener = (run: StepRun): Listener => {
  let echo = run.job.debug
  let token = ''
  let failed = false
  const fail = (shown: string, why: string): void => {
    run.log.error(`Unable to process command '${shown}' successfully.`)
    run.log.error(why)
    failed = true
  }
  const setEcho = (word: string): string => {
    if (!['on', 'off'].includes(word.trim().toLowerCase()))
      return `Invalid echo command value. Possible values can be: 'on', 'off'. Current value is: '${word}'.`
    echo = word.trim().toLowerCase() === 'on'
    return ''
  }
  const stop = (word: string): string => {
    if (!isToken(word) && !allowed(run, 'ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS')) return BAD_TOKEN
    token = word
    return ''
  }
  const hear = (line: string): void => {
    const stopped = token !== ''
    const command = readCommand(line, stopped ? [token.toLowerCase()] : COMMANDS)
    const silent = command !== undefined && SILENT.includes(command.name)
    if (command === undefined || stopped || command.name === 'stop-commands' || (echo && !silent)) run.log.write(line)
    if (command === undefined) return
    if (stopped) {
      token = ''
      return
    }
    const { name, data } = command
    const wrong = name === 'stop-commands' ? stop(data) : name === 'echo' ? setEcho(data) : obey(run, command, echo)
    if (wrong !== '') fail(silent ? name : line, wrong)
  }
  return { hear, failed: () => failed }
}

/** Gives a step an output, in place of one whose name differs by case alone; a step without an id keeps it to itself. */
export const setOutput = (run: StepRun, name: string, value: string): void => {
  const other = Object.keys(run.outputs).find((one) => one.toLowerCase() === name.toLowerCase())
  if (other !== undefined) delete run.outputs[other]
  run.outputs[name] = value
  if (run.id === '' || run.id.startsWith('__')) return
  if (!run.frame.steps.has(run.id)) run.frame.steps.set(run.id, { outputs: run.outputs })
}

/** Keeps a value for the later phases of the step's action, which see it as `STATE_<name>`. */
export const saveState = (run: StepRun, name: string, value: string): void => {
  const kept = run.job.kept.get(run.key) ?? new Map<string, string>()
  run.job.kept.set(run.key, kept.set(name, value))
}

/** Gives a variable to the steps that follow; false for NODE_OPTIONS, which no step may set. GITHUB_* and RUNNER_* are taken, and the runner's own go over them. */
export const setVariable = (run: StepRun, name: string, value: string): boolean => {
  if (name.toUpperCase() === 'NODE_OPTIONS') return false
  run.job.environment.set(name, value)
  run.env[name] = value
  return true
}

/** Puts a folder before all others of the PATH, for the steps that follow. */
export const addPath = (run: StepRun, folder: string): void => {
  const at = run.job.path.indexOf(folder)
  if (at >= 0) run.job.path.splice(at, 1)
  run.job.path.push(folder)
}

/** What shows nothing of itself when `echo` is on. */
const SILENT = ['add-mask', 'debug', 'warning', 'error', 'notice']

const BAD_TOKEN =
  "You cannot use a endToken that is an empty string, the string 'pause-logging', or another workflow command. For more information see: https://docs.github.com/actions/learn-github-actions/workflow-commands-for-github-actions#example-stopping-and-starting-workflow-commands or opt into insecure command execution by setting the `ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS` environment variable to `true`."

const isToken = (token: string): boolean =>
  token !== '' && token.toLowerCase() !== 'pause-logging' && !COMMANDS.includes(token.toLowerCase())

const allowed = (run: StepRun, name: string): boolean => run.env[name]?.toLowerCase() === 'true'

const disabled = (name: string): string =>
  `The \`${name}\` command is disabled. Please upgrade to using Environment Files or opt into unsecure command execution by setting the \`ACTIONS_ALLOW_UNSECURE_COMMANDS\` environment variable to \`true\`. For more information see: https://github.blog/changelog/2020-10-01-github-actions-deprecating-set-env-and-add-path-commands/`

const deprecated = (name: string): string =>
  `The \`${name}\` command is deprecated and will be disabled soon. Please upgrade to using Environment Files. For more information see: https://github.blog/changelog/2022-10-11-github-actions-deprecating-save-state-and-set-output-commands/`

/** Does what a command says; what is wrong with it, or nothing. */
const obey = (run: StepRun, command: Command, echo: boolean): string => {
  const { name, properties, data } = command
  const named = properties.name ?? ''
  switch (name) {
    case 'group':
      run.log.write(`##[group]${data}`)
      return ''
    case 'endgroup':
      run.log.write('##[endgroup]')
      return ''
    case 'debug':
      run.log.debug(data)
      return ''
    case 'error':
    case 'warning':
    case 'notice':
      run.log.annotate(annotationOf(run, name, command))
      return ''
    case 'add-mask':
      if (data.trim() === '') run.log.warning("Can't add secret mask for empty string in ##[add-mask] command.")
      else if (echo) run.log.write('::add-mask::***')
      run.job.masks.add(data)
      return ''
    case 'set-output':
    case 'save-state':
      run.log.warning(deprecated(name))
      if (named === '') return `Required field 'name' is missing in ##[${name}] command.`
      if (name === 'set-output') setOutput(run, named, data)
      else saveState(run, named, data)
      return ''
    case 'set-env':
      if (!allowed(run, 'ACTIONS_ALLOW_UNSECURE_COMMANDS')) return disabled(name)
      if (named === '') return "Required field 'name' is missing in ##[set-env] command."
      if (!setVariable(run, named, data))
        run.log.error("Can't update NODE_OPTIONS environment variable using ::set-env:: command.")
      return ''
    case 'add-path':
      if (!allowed(run, 'ACTIONS_ALLOW_UNSECURE_COMMANDS')) return disabled(name)
      addPath(run, data)
      return ''
    default:
      run.log.write(`(${name}: this runner does not match problems in the log)`)
      return ''
  }
}

const annotationOf = (run: StepRun, level: Annotation['level'], { properties, data }: Command): Annotation => {
  const { file = '', title = '' } = properties
  const inside = isAbsolute(file) ? relative(run.job.machine.workspace, file) : file
  const line = Number.parseInt(properties.line ?? properties.endline ?? '', 10)
  return {
    level,
    title,
    text: data,
    file: inside.startsWith('..') ? file : inside,
    line: Number.isNaN(line) ? undefined : line,
  }
}
