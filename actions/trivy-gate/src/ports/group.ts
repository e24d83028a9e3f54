const LOOK_MS = 25
/** What a process may take to end by SIGTERM, and what the kernel may take to end what was killed, ms. */
const POLITELY_MS = 2000
const KILL_MS = 500

/**
 * Ends a group of processes: SIGTERM, then SIGKILL for what is left. Done at once when none is.
 * @param leader the pid of the process that the group was made with
 */
export const endGroup = async (leader: number): Promise<void> => {
  for (const [name, ms] of [
    ['SIGTERM', POLITELY_MS],
    ['SIGKILL', KILL_MS],
  ] as const) {
    if (!send(leader, name)) return
    const until = performance.now() + ms
    while (performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
      if (!send(leader, 0)) return
    }
  }
}

/** Sends to the whole group; false when there is none left, or none that may be sent to. */
const send = (leader: number, name: NodeJS.Signals | 0): boolean => {
  try {
    process.kill(-leader, name)
    return true
  } catch {
    return false
  }
}
