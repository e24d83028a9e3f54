import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { CANCELLATION } from '../execution.ts'
import { evaluateText } from '../language/evaluate.ts'
import type { Scope } from '../template.ts'
import type { ActionManifest, Step } from '../workflow.ts'
import { type Action, isLocal, loadAction } from './action.ts'
import { runCheckout } from './checkout.ts'
import { runComposite } from './composite.ts'
import { type StepContext, scopeOf } from './frame.ts'
import { launch, stopped } from './launch.ts'
import { setOutput } from './listen.ts'
import { printVariables } from './run-script.ts'
import type { Frame, JobState, Status, StepRun, Work } from './state.ts'
import { NO_FILES, openFiles } from './step-files.ts'
import { inputVariables } from './variables.ts'

/** A step that uses an action. */
export type UsesStep = Step & { readonly kind: 'uses' }

/**
 * Runs a phase of the action that a step uses. Its post phase is registered when pre or main begins, so that it runs though they fail.
 * Source: docs.github.com, "Metadata syntax"; `ActionRunner` in actions/runner.
 */
export const runAction = async (run: StepRun, step: UsesStep): Promise<Status> => {
  const { job, frame, log, phase } = run
  const action = loadAction(job, frame, step.uses)
  if (action.kind === 'wrong') {
    log.error(action.text)
    return 'failure'
  }
  if (phase === 'main' && action.kind === 'node' && preOf(action) !== '' && isLocal(step.uses))
    log.warning(`\`pre\` execution is not supported for local action from '${step.uses}'`)
  if (phase !== 'post' && action.kind === 'node') registerPost(run, step, action)
  // Only a program can write to them.
  const files = action.kind === 'node' ? openFiles(run) : NO_FILES
  const github = {
    action: frame.action || (run.id === '' ? (run.key.split('/').at(-1) ?? '') : run.id),
    action_repository: action.kind === 'node' || action.kind === 'composite' ? action.repository : '',
    action_ref: action.kind === 'node' || action.kind === 'composite' ? action.ref : '',
    ...files.github,
  }
  try {
    const inputs = inputsOf(run, step, action, scopeOf(run, run.env, github, phase))
    printUse(run, step, inputs)
    const status = await act(run, step, action, { inputs, github })
    return files.take() || status !== 'success' ? status : 'failure'
  } catch (error) {
    files.take()
    throw error
  }
}

/** The work of a step's pre phase: of its node action, or of those inside its composite action; undefined when there is none. Actions of the workspace have none. */
export const preWork = (job: JobState, frame: Frame, work: Work): Work | undefined => {
  const { step } = work
  const condition = step.kind === 'uses' ? preCondition(job, frame, step.uses) : ''
  if (step.kind === 'run' || condition === '') return undefined
  const title = step.name ? titleOf(step) : `Run ${step.uses}`
  return { ...work, name: `Pre ${title}`, phase: 'pre', condition, act: (run) => runAction(run, step) }
}

const preCondition = (job: JobState, frame: Frame, uses: string): string => {
  const action = isLocal(uses) ? undefined : loadAction(job, frame, uses)
  if (action?.kind !== 'node' && action?.kind !== 'composite') return ''
  const { runs } = action.manifest
  if (runs.kind === 'node') return runs.pre === undefined ? '' : runs.preIf
  if (runs.kind !== 'composite') return ''
  const inner = { ...frame, home: action.home }
  return runs.steps.some((step) => step.kind === 'uses' && preCondition(job, inner, step.uses) !== '') ? 'always()' : ''
}

const act = async (
  run: StepRun,
  step: UsesStep,
  action: Exclude<Action, { kind: 'wrong' }>,
  given: { readonly inputs: Readonly<Record<string, string>>; readonly github: StepContext },
): Promise<Status> => {
  if (action.kind === 'checkout') return runCheckout(run, step, given.inputs)
  if (action.kind === 'stand-in') return runStandIn(run, action, given.inputs)
  const { runs } = action.manifest
  if (runs.kind === 'composite') return runComposite(run, { ...action, steps: runs.steps }, given)
  if (runs.kind !== 'node') return 'failure'
  const script = { pre: runs.pre, main: runs.main, post: runs.post }[run.phase] ?? ''
  const kept = [...(run.job.kept.get(run.key) ?? [])].map(([name, value]) => [`STATE_${name}`, value])
  return launch(run, {
    // Whatever Node an action asks for, it gets the one that runs this.
    program: process.execPath,
    arguments: [join(action.folder, script)],
    folder: run.job.machine.workspace,
    github: given.github,
    more: { ...inputVariables(given.inputs), ...Object.fromEntries(kept) },
    says: false,
  })
}

const runStandIn = async (
  run: StepRun,
  { act: standIn }: Action & { kind: 'stand-in' },
  inputs: Readonly<Record<string, string>>,
): Promise<Status> => {
  const over = AbortSignal.any([run.stop, run.job.ended])
  const result = await Promise.race([
    standIn({ inputs, job: run.job.request.name, cancelled: over }),
    // One that does not listen is given up when a process would have been killed.
    aborted(run.job.ended),
    aborted(run.stop).then(() => wait(CANCELLATION.interrupt + CANCELLATION.terminate, undefined, { ref: false })),
  ])
  for (const line of result?.log ?? []) run.log.write(line)
  for (const [name, value] of Object.entries(result?.outputs ?? {})) setOutput(run, name, value)
  if (result?.summary) run.summaries.push(run.job.masks.mask(result.summary))
  return stopped(run) ?? result?.conclusion ?? 'failure'
}

/** What the action gets: what the step gives, then the manifest's defaults. Unknown and deprecated ones are warned of; a required one that is missing is the action's own affair. */
const inputsOf = (run: StepRun, step: UsesStep, action: Action, scope: Scope): Readonly<Record<string, string>> => {
  const given = Object.fromEntries(Object.entries(step.with).map(([name, value]) => [name, evaluateText(value, scope)]))
  if (action.kind !== 'node' && action.kind !== 'composite') return given
  const declared = action.manifest.inputs
  const inputs: Record<string, string> = {}
  for (const [name, value] of Object.entries(given)) {
    inputs[name] = value
    const deprecation = entryOf(declared, name)?.deprecation ?? ''
    if (deprecation !== '') run.log.warning(`Input '${name}' has been deprecated with message: ${deprecation}`)
  }
  for (const [name, { default: value }] of Object.entries(declared))
    if (entryOf(given, name) === undefined) inputs[name] = evaluateText(value, scope)
  const unknown = Object.keys(given).filter((name) => entryOf(declared, name) === undefined)
  if (unknown.length > 0)
    run.log.warning(
      `Unexpected input(s) '${unknown.join("', '")}', valid inputs are ['${Object.keys(declared).join("', '")}']`,
    )
  return inputs
}

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })

const entryOf = <T>(record: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.entries(record).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1]

const registerPost = (run: StepRun, step: UsesStep, action: Action & { kind: 'node' | 'composite' }): void => {
  const { job, frame } = run
  const { runs } = action.manifest
  if (runs.kind !== 'node' || runs.post === undefined || job.registered.has(run.key)) return
  job.registered.add(run.key)
  frame.posts.push({
    id: run.key.split('/').at(-1) ?? '',
    name: `Post ${run.title.replace(/^Pre /, '')}`,
    phase: 'post',
    step,
    condition: runs.postIf,
    act: (post) => runAction(post, step),
  })
}

const titleOf = (step: UsesStep): string =>
  step.name?.kind === 'literal'
    ? String(step.name.value)
    : step.name?.kind === 'expression'
      ? `\${{ ${step.name.source} }}`
      : step.uses

const preOf = ({ manifest }: { readonly manifest: ActionManifest }): string =>
  manifest.runs.kind === 'node' ? (manifest.runs.pre ?? '') : ''

const printUse = ({ log, env, phase }: StepRun, step: UsesStep, inputs: Readonly<Record<string, string>>): void => {
  if (phase === 'post') {
    log.write('Post job cleanup.')
    return
  }
  log.write(`##[group]Run ${step.uses}`)
  const given = Object.entries(inputs).filter(([, value]) => value !== '')
  if (given.length > 0) log.write('with:')
  for (const [name, value] of given) log.write(`  ${name}: ${value}`)
  printVariables(log, env)
  log.write('##[endgroup]')
}
