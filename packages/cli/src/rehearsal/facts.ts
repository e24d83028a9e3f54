import type { Act, FaultName } from '../arguments.ts'

/** One job of a run as it ended; `verdict` and `reasonCode` are what its actions said, empty where they said nothing. */
export type JobFacts = {
  readonly path: string
  readonly conclusion: string
  readonly why: string
  readonly seconds: number
  readonly verdict: string
  readonly reasonCode: string
}

/** One run of a workflow as it ended. `outcome` is the verdict of its last job. */
export type RunFacts = {
  readonly id: number
  readonly file: string
  readonly event: string
  readonly conclusion: string
  /** Why it never began, empty when it did. */
  readonly refused: string
  readonly outcome: string
  readonly outcomeReason: string
  readonly jobs: readonly JobFacts[]
}

/** What the job `scan` said, and whether it had said it before anything was deployed. */
export type ScanFacts = { readonly verdict: string; readonly reasonCode: string; readonly before: boolean }

/** An image that a run built: what its job said, the digest it gave, and the one that the registry's bytes have. */
export type BuiltFacts = {
  readonly verdict: string
  readonly reasonCode: string
  readonly digest: string
  readonly stored: string
}

/** What was read back about one release once it had ended. Images are digests. */
export type ReleaseFacts = {
  readonly name: string
  /** What the service calls it in its answers. */
  readonly label: string
  readonly previousLabel: string
  readonly fault: FaultName
  readonly act: Act
  readonly image: string
  readonly previousImage: string
  readonly run: RunFacts
  /** With two machines that died: the run that ended what nobody watched. */
  readonly reap?: RunFacts
  /** Absent where no image is built. */
  readonly built?: BuiltFacts
  /** Absent where nothing is to be scanned. */
  readonly scan?: ScanFacts
  /** The canary's weight when the run was cancelled or its last machine had died. */
  readonly weightThen?: number
  /** The state that was saved before this release began. */
  readonly recordedBefore: string
  /** The state of the release's GitHub Deployment to production. */
  readonly deployment: string
  readonly held: boolean
  readonly after: {
    readonly image: string
    readonly desired: number
    readonly updated: number
    readonly available: number
    readonly routeAsBefore: boolean
    readonly canaryWeight: number
    readonly leftovers: readonly string[]
    readonly recorded: string
  }
  readonly clients: {
    readonly sent: number
    /** Failed without an answer of the service: gateway errors, broken connections, time-outs. */
    readonly beyondService: number
    readonly byService: number
    readonly fromCanary: number
    /** Answers after the end, by the release that answered. */
    readonly settled: Readonly<Record<string, number>>
    readonly settledFailed: number
  }
}
