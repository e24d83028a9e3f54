import type { Scope } from '../template.ts'
import type { Conclusion } from '../trace.ts'

/**
 * What the status functions say in the `if` of a job. All its ancestors count, not only those that it names: after a skipped or failed job even a job behind one
 * that did succeed is no success. `cancelled()` is whether the run is.
 * @param needs what each job of the file needs, by id
 * @param ended how each job before this one ended; `success` for one that failed and may (`continue-on-error`)
 * Source: docs.github.com, "Evaluate expressions", status check functions ("any ancestor job"); actions/runner#491 and #2205
 */
export const jobStatus = (
  id: string,
  needs: Readonly<Record<string, readonly string[]>>,
  ended: Readonly<Record<string, Conclusion>>,
  cancelled: boolean,
): Scope['status'] => {
  const ends = ancestors(id, needs).map((other) => ended[other])
  return {
    success: !cancelled && ends.every((end) => end === 'success'),
    failure: !cancelled && ends.some((end) => end === 'failure'),
    cancelled,
  }
}

/** All jobs that a job waits for, near and far, each once. */
export const ancestors = (id: string, needs: Readonly<Record<string, readonly string[]>>): readonly string[] => {
  const found = new Set<string>()
  const visit = (job: string): void => {
    for (const other of needs[job] ?? []) {
      if (found.has(other)) continue
      found.add(other)
      visit(other)
    }
  }
  visit(id)
  return [...found]
}

/**
 * How the jobs of a matrix, of a called workflow or of a run end together: any failure is a failure, else any cancelled one makes it cancelled; skipped only when
 * all were. Source: a GitHub engineer in actions/github-script#147 on `skipped`
 */
export const together = (ends: readonly Conclusion[]): Conclusion => {
  if (ends.includes('failure')) return 'failure'
  if (ends.includes('cancelled')) return 'cancelled'
  return ends.length > 0 && ends.every((end) => end === 'skipped') ? 'skipped' : 'success'
}
