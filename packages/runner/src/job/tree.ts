import { readdirSync, readFileSync } from 'node:fs'

/** The variable by which the processes of a job are known, those included that have left their parents. Source: `Constants.ProcessTrackingId` in actions/runner. */
export const TRACKING = 'RUNNER_TRACKING_ID'

/**
 * Kills processes with SIGKILL: `pid` with all that descend from it, and all that carry the tracking id. On Linux both are found in /proc;
 * elsewhere only the process group of `pid` is killed. What has ended already is passed over.
 */
export const killTree = (pid: number | undefined, tracking: string): void => {
  if (process.platform !== 'linux') {
    if (pid !== undefined) kill(-pid)
    return
  }
  // A process may fork between the look and the kill: look again until nothing is left.
  for (let round = 0; round < 5; round++) {
    const living = livingProcesses()
    const doomed = living.filter((one) => isUnder(one, pid, living) || isTracked(one.pid, tracking))
    if (doomed.length === 0) return
    for (const one of doomed) kill(one.pid)
  }
}

type Living = { readonly pid: number; readonly parent: number }

const livingProcesses = (): readonly Living[] =>
  readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return []
    // The command's name stands in parentheses and may hold anything.
    const [state, parent] = read(`/proc/${name}/stat`).split(') ').at(-1)?.split(' ') ?? []
    return state === undefined || state === '' || state === 'Z' ? [] : [{ pid: Number(name), parent: Number(parent) }]
  })

const isUnder = ({ pid, parent }: Living, root: number | undefined, living: readonly Living[]): boolean => {
  if (root === undefined) return false
  if (pid === root || parent === root) return true
  const above = living.find((one) => one.pid === parent)
  return above !== undefined && above.pid > 1 && isUnder(above, root, living)
}

const isTracked = (pid: number, tracking: string): boolean =>
  read(`/proc/${pid}/environ`).split('\0').includes(`${TRACKING}=${tracking}`)

const read = (file: string): string => {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    // It has ended, or belongs to somebody else.
    return ''
  }
}

const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}
