/** The machines that jobs run on: at most so many at a time, first come, first served. */
export type Machines = {
  /** Waits for a machine. Resolves to what gives it back, or to undefined when the wait was ended first. */
  readonly take: (ended: AbortSignal) => Promise<(() => void) | undefined>
}

/** @param count how many jobs run at the same time, at least 1 */
export const machines = (count: number): Machines => {
  let free = Math.max(1, count)
  const waiting: (() => void)[] = []
  const give = (): void => {
    const next = waiting.shift()
    if (next) next()
    else free += 1
  }
  const once = (): (() => void) => {
    let given = false
    return () => {
      if (given) return
      given = true
      // Not at once: the end of one job may be what cancels those that wait.
      setImmediate(give)
    }
  }
  return {
    take: (ended) => {
      if (ended.aborted) return Promise.resolve(undefined)
      if (free > 0) {
        free -= 1
        return Promise.resolve(once())
      }
      return new Promise((resolve) => {
        const mine = (): void => {
          ended.removeEventListener('abort', leave)
          resolve(once())
        }
        const leave = (): void => {
          waiting.splice(waiting.indexOf(mine), 1)
          resolve(undefined)
        }
        waiting.push(mine)
        ended.addEventListener('abort', leave, { once: true })
      })
    },
  }
}
