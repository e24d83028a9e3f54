/** What one of the two showed of all runs of a push, each line beginning with `workflow/job`. */
export type Seen = {
  /** With the job's end; jobs that were skipped or that only call are not in it: act says nothing of them. */
  readonly jobs: readonly string[]
  /** The steps of jobs, without those of composite actions, that ran, with their outcome. */
  readonly steps: readonly string[]
  /** All that the steps wrote. */
  readonly said: readonly string[]
  readonly summaries: readonly string[]
}
