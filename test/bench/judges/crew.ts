import { Worker } from 'node:worker_threads'
import type { Job } from './jobs.ts'
import type { Done } from './worker.ts'

/**
 * Has jobs done by some workers, in their order, each worker one at a time.
 * @param done is told each result as it comes
 * @returns a promise that ends with the last of them, and `stop`, after which no further job is begun
 */
export const startCrew = (
  jobs: readonly Job[],
  size: number,
  done: (result: Done) => void,
): { readonly ended: Promise<void>; stop(): void } => {
  const waiting = [...jobs]
  const stop = (): void => void waiting.splice(0)
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./worker.ts', import.meta.url))
      const next = (): void => {
        const job = waiting.shift()
        if (job === undefined) void worker.terminate().then(() => resolve())
        else worker.postMessage(job)
      }
      worker.on('message', (result: Done) => {
        done(result)
        next()
      })
      worker.on('error', (thrown) => {
        stop()
        reject(thrown)
      })
      next()
    })
  return { ended: Promise.all(Array.from({ length: Math.min(size, jobs.length) }, one)).then(() => undefined), stop }
}
