import { readdirSync, readFileSync } from 'node:fs'

/** The variable by which the processes of a job are known, those included that have left their parents. Source: `Constants.ProcessTrackingId` in actions/runner. */
export const TRACKING = 'RUNNER_TRACKING_ID'

/** Which processes: `root` with all that descend from it or are in its session, and all that carry a job's tracking id. */
export type Doomed = { readonly root?: number | undefined; readonly tracking?: string }

/**
 * Kills processes with SIGKILL. On Linux they are found in /proc; elsewhere only the process group of `root` is killed. What has ended already is passed over.
 * On Linux the runner itself kills only the step's process and leaves its children to the clean-up at the job's end; here they go with it.
 * @returns whom it found, as `pid (42) (node)`
 */
export const killTree = ({ root, tracking }: Doomed): readonly string[] => {
  if (process.platform !== 'linux') {
    if (root !== undefined) kill(-root)
    return []
  }
  const found = new Set<string>()
  // A process may fork between the look and the kill: look again until nothing is left.
  for (let round = 0; round < 5; round++) {
    const living = livingProcesses()
    const doomed = living.filter((one) => isUnder(one, root, living) || isTracked(one.pid, tracking))
    if (doomed.length === 0) break
    for (const one of doomed) {
      found.add(`pid (${one.pid}) (${one.name})`)
      kill(one.pid)
    }
  }
  return [...found]
}

type Living = { readonly pid: number; readonly name: string; readonly parent: number; readonly session: number }

const livingProcesses = (): readonly Living[] =>
  readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return []
    // The command's name stands in parentheses and may hold anything.
    const [, called = '', rest = ''] = /\((.*)\) (.*)/s.exec(read(`/proc/${name}/stat`)) ?? []
    const [state = '', parent, , session] = rest.split(' ')
    const gone = state === '' || state === 'Z'
    return gone ? [] : [{ pid: Number(name), name: called, parent: Number(parent), session: Number(session) }]
  })

const isUnder = ({ pid, parent, session }: Living, root: number | undefined, living: readonly Living[]): boolean => {
  if (root === undefined) return false
  if (pid === root || parent === root || session === root) return true
  const above = living.find((one) => one.pid === parent)
  return above !== undefined && above.pid > 1 && isUnder(above, root, living)
}

const isTracked = (pid: number, tracking: string | undefined): boolean =>
  tracking !== undefined && read(`/proc/${pid}/environ`).split('\0').includes(`${TRACKING}=${tracking}`)

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
