import { Fault } from '@sluice/kit/faults'

/** The jobs of a run that run now, for whoever waits for one or ends one. Names are ends of paths. */
export type Watch = {
  /** A job runs its steps from now on, until what is returned is called. */
  readonly begun: (path: string, kill: () => void) => () => void
  /** @throws Fault('input') when no such job runs */
  readonly kill: (end: string) => void
  /** Kills what runs, and what begins from now on. */
  readonly killAll: () => void
  /** Resolves when such a job has begun; rejects when the run has ended without it. */
  readonly started: (end: string) => Promise<void>
  readonly close: () => void
}

/** @param run its number, for messages */
export const watchJobs = (run: number): Watch => {
  const running = new Map<string, () => void>()
  const past = new Set<string>()
  const waiting = new Set<{
    readonly end: string
    readonly resolve: () => void
    readonly reject: (why: Fault) => void
  }>()
  let closed = false
  let doomed = false
  const without = (end: string): Fault =>
    new Fault('input', `Run ${run} ended without job ${end}`, `It had: ${[...past].join(', ') || 'none that ran'}`)
  return {
    begun: (path, kill) => {
      running.set(path, kill)
      if (doomed) kill()
      past.add(path)
      for (const one of waiting)
        if (fits(path, one.end)) {
          waiting.delete(one)
          one.resolve()
        }
      return () => void running.delete(path)
    },
    kill: (end) => {
      const found = [...running].filter(([path]) => fits(path, end))
      const [first] = found
      if (first === undefined)
        throw new Fault(
          'input',
          `No job ${end} runs in run ${run}`,
          `Running: ${[...running.keys()].join(', ') || 'none'}`,
        )
      first[1]()
    },
    killAll: () => {
      doomed = true
      for (const kill of running.values()) kill()
    },
    started: (end) =>
      new Promise((resolve, reject) => {
        if ([...past].some((path) => fits(path, end))) resolve()
        else if (closed) reject(without(end))
        else waiting.add({ end, resolve, reject })
      }),
    close: () => {
      closed = true
      for (const { end, reject } of waiting) reject(without(end))
      waiting.clear()
    },
  }
}

const fits = (path: string, end: string): boolean => path === end || path.endsWith(` / ${end}`)
