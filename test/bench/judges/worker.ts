import { parentPort } from 'node:worker_threads'
import { cellsOf, keyOf, REPORTED, TUNED_ON } from './cells.ts'
import type { Job } from './jobs.ts'
import { JUDGES } from './judges.ts'
import { play } from './play.ts'
import type { Tally } from './tally.ts'

/** What a job came to: one tally for each of its judges, and the seconds of processor time that it took. */
export type Done = { readonly job: Job; readonly tallies: readonly Tally[]; readonly took: number }

const CELLS = new Map(
  (['reported', 'tuned-on'] as const).flatMap((grid) =>
    cellsOf(grid === 'reported' ? REPORTED : TUNED_ON).map((cell) => [`${grid} ${keyOf(cell)}`, cell] as const),
  ),
)

/** Plays a job. @throws Error when the job names a cell or judge that is not there */
export const doJob = (job: Job): Done => {
  const cell = CELLS.get(`${job.grid} ${job.cell}`)
  const judges = JUDGES.filter(({ name }) => job.judges.includes(name))
  if (cell === undefined || judges.length !== job.judges.length)
    throw new Error(`no such cell or judge: ${JSON.stringify(job)}`)
  const before = process.threadCpuUsage()
  const tallies = play(cell, judges, job)
  const { user, system } = process.threadCpuUsage(before)
  // In the job's own order of judges.
  const named = new Map(judges.map(({ name }, index) => [name, tallies[index]] as const))
  return { job, tallies: job.judges.flatMap((name) => named.get(name) ?? []), took: (user + system) / 1e6 }
}

parentPort?.on('message', (job: Job) => parentPort?.postMessage(doJob(job)))
