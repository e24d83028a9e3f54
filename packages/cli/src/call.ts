import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Action, actionNamed, entryOf } from './actions.ts'
import type { ActionCall } from './arguments.ts'
import { type Step, startStep } from './runner.ts'

/**
 * Runs one action outside GitHub and gives its exit code. Log and outputs (`name=value`) go to standard output; signals go to the action,
 * and its post phase runs however main ended.
 */
export const callAction = async (
  actions: readonly Action[],
  { action: name, given, fromSource, summary }: ActionCall,
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> => {
  const action = actionNamed(actions, name)
  const directory = mkdtempSync(join(tmpdir(), 'sluice-'))
  try {
    const step: Step = {
      action,
      entry: entryOf(action, fromSource),
      inputs: given,
      directory,
      workspace: process.cwd(),
      env: { SLUICE_RUN_ID: `local-${process.pid}`, ...env },
      say: (line) => process.stdout.write(`${line}\n`),
    }
    const result = await relayed(step, 'main')
    if (action.hasPost) await relayed(step, 'post')
    for (const [output, value] of Object.entries(result.outputs)) process.stdout.write(`${output}=${value}\n`)
    if (summary !== undefined) appendFileSync(summary, result.summary)
    return result.code ?? 1
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const relayed = async (step: Step, phase: 'main' | 'post'): ReturnType<typeof startStep>['done'] => {
  const running = startStep(step, phase)
  const relay = (signal: NodeJS.Signals): void => running.kill(signal)
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, relay)
  try {
    return await running.done
  } finally {
    for (const signal of signals) process.off(signal, relay)
  }
}
