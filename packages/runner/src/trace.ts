/** How a step, a job or a run ended. `skipped` and `cancelled` are ends too. */
export type Conclusion = 'success' | 'failure' | 'cancelled' | 'skipped'

/** One step as it went. Times in ms UTC; `outcome` is before `continue-on-error`, `conclusion` after it. */
export type StepTrace = {
  /** As contexts know it; `__` names are the runner's own. */
  readonly id: string
  readonly name: string
  readonly phase: 'pre' | 'main' | 'post'
  /** `run`, or the action as `uses` names it. */
  readonly uses: string
  readonly outcome: Conclusion
  readonly conclusion: Conclusion
  readonly outputs: Readonly<Record<string, string>>
  /** The step's Markdown summary, empty when it wrote none. */
  readonly summary: string
  readonly annotations: readonly Annotation[]
  readonly log: readonly string[]
  readonly startedAt: number
  readonly endedAt: number
}

/** An `::error`, `::warning` or `::notice` as the runner keeps it. */
export type Annotation = {
  readonly level: 'error' | 'warning' | 'notice'
  readonly title: string
  readonly text: string
  readonly file: string
  readonly line: number | undefined
}

/** One job as it went. `path` names it from the run down: `deliver / canary / recover`, a matrix job with its values. */
export type JobTrace = {
  readonly path: string
  /** The ids from the called workflows down: `['deliver', 'canary', 'recover']`. */
  readonly ids: readonly string[]
  readonly name: string
  readonly kind: 'job' | 'call'
  readonly conclusion: Conclusion
  /** One sentence for an end that no step explains: skipped by its condition, rejected by a reviewer, superseded in its group, the runner died. */
  readonly why: string
  /** What other jobs see, after masked ones were dropped. */
  readonly outputs: Readonly<Record<string, string>>
  readonly droppedOutputs: readonly string[]
  readonly environment: string
  /** Minutes that the environment's wait timer would have held it; not waited for here. */
  readonly waitMinutes: number
  readonly permissions: Readonly<Record<string, string>>
  readonly steps: readonly StepTrace[]
  readonly annotations: readonly Annotation[]
  readonly startedAt: number
  readonly endedAt: number
}

/** A whole run as it went. */
export type RunTrace = {
  readonly id: number
  readonly attempt: number
  readonly workflow: string
  readonly file: string
  readonly event: string
  readonly conclusion: Conclusion
  /** Why it never began, empty when it did: the file is wrong, a called job asks for more than was granted. */
  readonly refused: string
  /** One sentence for an end that no job explains: replaced in its group, cancelled while it waited, a bug of this runner. Else empty. */
  readonly why: string
  readonly jobs: readonly JobTrace[]
  readonly startedAt: number
  readonly endedAt: number
}
