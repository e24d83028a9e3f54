import type { Happening } from '@sluice/runner/github'
import type { Conclusion } from '@sluice/runner/trace'

/** One job as a person watches it. Times in ms UTC. */
export type JobRow = {
  readonly run: number
  /** From the run down: `deliver / canary / recover`. */
  readonly path: string
  readonly state: 'queued' | 'waiting' | 'running' | Conclusion
  readonly why: string
  readonly since: number
}

/** The jobs of all runs, as they go. */
export type Board = {
  hear(happening: Happening): void
  /** Of the runs that began last, the jobs that began; skipped ones are left out. */
  rows(): readonly JobRow[]
  /** The log of each job so far: `run/path` → lines. */
  readonly logs: ReadonlyMap<string, readonly string[]>
}

/** Keeps what a local GitHub says of its jobs. */
export const createBoard = (now: () => number): Board => {
  const jobs = new Map<string, JobRow>()
  const logs = new Map<string, string[]>()
  const set = (run: number, path: string, state: JobRow['state'], why: string): void => {
    jobs.set(`${run}/${path}`, { run, path, state, why, since: now() })
  }
  return {
    logs,
    rows: () => {
      const last = Math.max(0, ...[...jobs.values()].map(({ run }) => run))
      return [...jobs.values()].filter(({ run, state }) => run === last && state !== 'skipped')
    },
    hear: (happening) => {
      if (happening.kind === 'line') {
        const key = `${happening.run}/${happening.job}`
        const lines = logs.get(key) ?? []
        logs.set(key, lines)
        lines.push(happening.text)
      } else if (happening.kind === 'job-ended') {
        const { job } = happening
        if (job.kind === 'job') set(happening.run, job.path, job.conclusion, job.why)
      } else if (
        happening.kind === 'job-queued' ||
        happening.kind === 'job-waiting' ||
        happening.kind === 'job-started'
      ) {
        const state = { 'job-queued': 'queued', 'job-waiting': 'waiting', 'job-started': 'running' } as const
        set(happening.run, happening.job, state[happening.kind], happening.why)
      }
    },
  }
}
