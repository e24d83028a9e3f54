import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { describe } from '@sluice/kit/faults'

/** What a program is started with: all of its environment, and its folder, by default our own. */
export type Given = { readonly env: NodeJS.ProcessEnv; readonly cwd?: string }

/**
 * Starts a program as the leader of a group of processes, for `endGroup`, with pipes for what it writes and nothing to read. One that is not there is told by the
 * event `error` of what it gives, and has no pid.
 * @returns `problem` where no process can be given what it was
 */
export const startGroup = (
  program: string,
  args: readonly string[],
  { env, cwd }: Given,
): ChildProcess | { readonly problem: string } => {
  try {
    // A session of its own: everything it starts can be ended with it, and a terminal's Ctrl-C reaches it through us alone.
    return spawn(program, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  } catch (thrown) {
    // Such as a value with a zero byte.
    return { problem: describe(thrown) }
  }
}

/** A signal to send to a group of processes, and how long it may take to end by it, ms. */
export type Ending = readonly (readonly [NodeJS.Signals, number])[]

/** For what there is time to end as it likes. */
export const POLITELY: Ending = [['SIGTERM', 2000]]

const LOOK_MS = 25
/** What the kernel may take to end what was killed, ms. */
const KILL_MS = 500

/**
 * Ends a group of processes: each signal in turn until none is left, then SIGKILL. Done at once when none is.
 * @param leader the pid of the process that the group was made with
 */
export const endGroup = async (leader: number, ending: Ending): Promise<void> => {
  for (const [name, ms] of [...ending, ['SIGKILL', KILL_MS] as const]) {
    if (!isRunning(leader)) return
    send(leader, name)
    const until = performance.now() + ms
    while (performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
      if (!isRunning(leader)) return
    }
  }
}

/** In a container's PID namespace nobody may take notice of what ended: such a process is no longer running, though its group is still there. */
const isRunning = (leader: number): boolean =>
  send(leader, 0) && (statesIn(leader)?.some((state) => state !== 'Z') ?? true)

/** Sends to the whole group; false when there is none left, or none that may be sent to. */
const send = (leader: number, name: NodeJS.Signals | 0): boolean => {
  try {
    process.kill(-leader, name)
    return true
  } catch {
    return false
  }
}

/** The states of a group's processes; `undefined` where there is no /proc to tell. Source: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const statesIn = (leader: number): readonly string[] | undefined => {
  try {
    return readdirSync('/proc').flatMap((name) => {
      const stat = /^\d+$/.test(name) ? statOf(name) : ''
      // The name of the program comes before, in parentheses, and may hold anything.
      const [, state = '', group = ''] = /^ (\S) \d+ (\d+) /.exec(stat.slice(stat.lastIndexOf(')') + 1)) ?? []
      return group === String(leader) ? [state] : []
    })
  } catch {
    return undefined
  }
}

const statOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return ''
  }
}
