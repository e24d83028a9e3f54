import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** A server that runs until it is stopped, or until whoever started it is gone. */
export type Server = { log(): string; stop(): Promise<void> }

/** What to start. `folder` takes the log. `ready`: whether it answers; an exception counts as no. */
export type Start = {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  readonly ready: () => Promise<boolean>
}

const READY_WITHIN_MS = 30_000
const ENDS_WITHIN_MS = 10_000

/**
 * Starts a server in mounts of its own, which go with it, and waits until it is ready.
 * @throws Error with the end of its log when it is not ready within 30 seconds, or ends before
 */
export const serve = async ({ name, command, args, folder, env, ready }: Start): Promise<Server> => {
  const path = join(folder, `${name}.log`)
  const file = openSync(path, 'w')
  const all = ['--pdeathsig', 'TERM', '--', 'unshare', '--mount', '--', command, ...args]
  const child = spawn('setpriv', all, { cwd: folder, env, stdio: ['ignore', file, file] })
  closeSync(file)
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()).on('error', () => resolve()))
  const running = (): boolean => child.pid !== undefined && child.exitCode === null && child.signalCode === null
  const stop = async (): Promise<void> => {
    if (running()) child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), ENDS_WITHIN_MS)
    await ended
    clearTimeout(late)
  }
  const until = performance.now() + READY_WITHIN_MS
  while (!(await ready().catch(() => false))) {
    if (running() && performance.now() < until) {
      await pause(50)
      continue
    }
    await stop()
    throw new Error(`${name} is not ready\n${readFileSync(path, 'utf8').slice(-3000)}`)
  }
  return { log: () => readFileSync(path, 'utf8'), stop }
}
