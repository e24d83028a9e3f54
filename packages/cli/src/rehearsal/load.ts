import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Settings } from './clients.ts'
import type { Answer } from './traffic.ts'

/** The clients, a process of their own, and what they were answered. */
export type Load = {
  /** Every answer so far, in the order they came in. */
  readonly answers: readonly Answer[]
  readonly pid: number
  stop(): Promise<void>
}

/** Starts the clients. `onEnd` hears when they end before they are told to. */
export const startLoad = (settings: Settings, onEnd: (text: string) => void): Load => {
  const answers: Answer[] = []
  const child = fork(join(import.meta.dirname, 'clients.ts'), [JSON.stringify(settings)], {
    execPath: process.execPath,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  let stopping = false
  child.on('message', (batch: readonly Answer[]) => answers.push(...batch))
  child.on('exit', (code, signal) => {
    if (!stopping) onEnd(`The clients ended by themselves (${signal ?? code})`)
  })
  return {
    answers,
    pid: child.pid ?? 0,
    stop: async () => {
      stopping = true
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.disconnect()
      await gone
    },
  }
}
