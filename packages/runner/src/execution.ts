import type { Json } from './template.ts'
import type { Annotation, Conclusion, StepTrace } from './trace.ts'
import type { NormalJob, RunDefaults, Workflow } from './workflow.ts'

/** Where the code that a `uses:` names lies on this machine. */
export type Source =
  | {
      readonly kind: 'folder'
      readonly folder: string
      readonly repository: string
      readonly ref: string
      readonly sha: string
    }
  /** `actions/checkout`, which the runner does itself. */
  | { readonly kind: 'checkout' }
  /** A stand-in that a test gives for an action: no process is started. */
  | { readonly kind: 'stand-in'; readonly act: StandIn }
  | { readonly kind: 'missing'; readonly text: string }

/** What a test lets an action do: its inputs as the runner would hand them over, its outputs and its end. `cancelled` aborts when the job is cancelled. */
export type StandIn = (step: {
  readonly inputs: Readonly<Record<string, string>>
  readonly job: string
  readonly cancelled: AbortSignal
}) => Promise<{
  readonly conclusion: 'success' | 'failure'
  readonly outputs?: Readonly<Record<string, string>>
  readonly log?: readonly string[]
  readonly summary?: string
}>

/** One job that is ready to run on a machine of its own. */
export type JobRequest = {
  /** The ids from the called workflows down, and the name a person sees. */
  readonly ids: readonly string[]
  readonly name: string
  readonly job: NormalJob
  /** The file that holds the job: its `env` and `defaults` hold for the job too. */
  readonly workflow: Pick<Workflow, 'file' | 'name' | 'env'> & { readonly defaults: RunDefaults }
  /** `github` (with the token), `vars`, `secrets`, `inputs`, `needs`, `strategy`, `matrix`, and `job` without what the machine adds (it has `workflow_ref`, `workflow_sha`, `workflow_repository`, `workflow_file_path`). */
  readonly contexts: Readonly<Record<string, Json>>
  /** The repository that holds the job's file (`$/`), and the run's own repository (checkout): name, folder that is a git checkout, commit. */
  readonly home: { readonly repository: string; readonly folder: string; readonly sha: string }
  readonly checkout: {
    readonly repository: string
    readonly folder: string
    readonly sha: string
    readonly ref: string
  }
  /** Finds what `owner/repository[/path]@ref`, `$/path` and `docker://` name; `./path` the machine finds in its workspace. */
  readonly resolve: (uses: string, home: JobRequest['home']) => Source
  readonly timeoutMinutes: number
  /** Variables that every step has besides GitHub's own: PATH, HOME and what a test adds. */
  readonly env: Readonly<Record<string, string>>
  /** A folder of the machine's own, made before and removed after by whoever asks. */
  readonly directory: string
  /** Hears each line of the log as a person reads it on GitHub, masks applied. */
  readonly say: (line: string) => void
}

/** How a job went on its machine. */
export type JobResult = {
  readonly conclusion: Exclude<Conclusion, 'skipped'>
  readonly why: string
  readonly outputs: Readonly<Record<string, string>>
  readonly droppedOutputs: readonly string[]
  /** The `url` of the job's environment, evaluated after its steps; empty when it has none. */
  readonly environmentUrl: string
  readonly steps: readonly StepTrace[]
  /** Those of its steps, then those of the job itself. */
  readonly annotations: readonly Annotation[]
}

/** A job that runs. `cancel` is what a person's cancel does: signals, then posts, within GitHub's times. `kill` is a machine that dies: no signal, no post. */
export type RunningJob = {
  readonly done: Promise<JobResult>
  cancel(): void
  kill(): void
}

/** GitHub's times of a cancellation, ms. Only a test of the forced end gives another for `job`. Source: `ProcessInvoker` and `JobDispatcher` in actions/runner. */
export const CANCELLATION = {
  /** From SIGINT to SIGTERM. */
  interrupt: 7_500,
  /** From SIGTERM to the kill of the tree. */
  terminate: 2_500,
  /** From the cancel to the job's forced end: what is left of main, and all posts together. */
  job: 285_000,
} as const
