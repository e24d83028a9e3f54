import { spawnSync } from 'node:child_process'

/** Where and with what a command runs. */
export type Running = { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv; readonly input?: string }

const LARGEST = 64 * 1024 * 1024

/** What a command printed, trimmed; `undefined` when it is not there or ended badly. */
export const output = (command: string, args: readonly string[], running: Running = {}): string | undefined => {
  const { status, stdout } = spawnSync(command, args, { ...running, encoding: 'utf8', maxBuffer: LARGEST })
  return status === 0 ? stdout.trim() : undefined
}

/** What a command printed. @throws Error with all it said when it ended badly */
export const succeed = (command: string, args: readonly string[], running: Running = {}): string => {
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, {
    ...running,
    encoding: 'utf8',
    maxBuffer: LARGEST,
  })
  if (status === 0) return stdout
  const ended = error === undefined ? `ended with ${signal ?? status}` : `did not start: ${error.message}`
  throw new Error(`${command} ${args.join(' ')} ${ended}\n${stdout ?? ''}${stderr ?? ''}`)
}
