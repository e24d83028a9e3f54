/** The envelope of every action's report file; only `details` differs by action. Times are ISO 8601. */
export type Report<Verdict extends string, Details> = {
  readonly schema: `sluice.dev/${string}/v1`
  readonly tool: { readonly version: string; readonly commit: string }
  readonly subject: {
    readonly image?: { readonly repository: string; readonly digest: string }
    readonly commit?: string
    readonly files?: { readonly [path: string]: string }
  }
  readonly run?: Run
  readonly startedAt: string
  readonly endedAt: string
  readonly verdict: Verdict
  readonly reason: { readonly code: string; readonly text: string; readonly next: string }
  readonly findings: readonly Finding[]
  /** In the file of a run that came to no outcome (bad input, a service that failed, a bug) this is `null`. */
  readonly details: Details
}

/** Who ran it, from the runner's environment. */
export type Run = {
  readonly repository: string
  readonly runId: string
  readonly attempt: number
  readonly job: string
}

/** One thing found. `where` is a file with line, an object or a URL; `measured`, `limit` share `unit`; `n` counts what was measured. */
export type Finding = {
  readonly id: string
  readonly level: 'error' | 'warning' | 'note'
  readonly text: string
  readonly hint?: string
  readonly where?: string
  readonly measured?: number
  readonly limit?: number
  readonly n?: number
  readonly unit?: string
}
