/** Work by key: a key asked for several times before its turn runs once, as a controller's work queue does. */
export type Queue = {
  add(key: string, run: () => void): void
  /** Adds the key after a delay; an earlier delay for the same key stands. */
  later(key: string, ms: number, run: () => void): void
  stop(): void
}

/** @param failed told of whatever a run throws, so that one broken object does not stop the others */
export const createQueue = (failed: (error: unknown, key: string) => void): Queue => {
  const waiting = new Map<string, () => void>()
  const timers = new Map<string, { at: number; timer: NodeJS.Timeout }>()
  let turn: NodeJS.Immediate | undefined
  let stopped = false
  const drain = (): void => {
    turn = undefined
    const batch = [...waiting]
    waiting.clear()
    for (const [key, run] of batch) {
      if (stopped) return
      try {
        run()
      } catch (error) {
        failed(error, key)
      }
    }
  }
  const add: Queue['add'] = (key, run) => {
    if (stopped) return
    waiting.set(key, run)
    turn ??= setImmediate(drain)
  }
  return {
    add,
    later: (key, ms, run) => {
      const at = performance.now() + ms
      const planned = timers.get(key)
      if (stopped || (planned !== undefined && planned.at <= at)) return
      clearTimeout(planned?.timer)
      const timer = setTimeout(() => {
        timers.delete(key)
        add(key, run)
      }, ms)
      timers.set(key, { at, timer })
    },
    stop: () => {
      stopped = true
      if (turn !== undefined) clearImmediate(turn)
      for (const { timer } of timers.values()) clearTimeout(timer)
    },
  }
}
