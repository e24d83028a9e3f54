import type { JobRequest } from '../execution.ts'
import type { Json } from '../template.ts'
import type { Annotation, Conclusion, StepTrace } from '../trace.ts'
import type { Step } from '../workflow.ts'
import type { Machine } from './machine.ts'
import type { Masks } from './masks.ts'
import type { StepLog } from './step-log.ts'

/** How a step, a composite action or a job stands. */
export type Status = 'success' | 'failure' | 'cancelled'

/** What a running job knows. Steps change `environment`, `path`, `status` and what is kept between phases. */
export type JobState = {
  readonly request: JobRequest
  readonly machine: Machine
  readonly masks: Masks
  readonly debug: boolean
  /** Aborts when the job is cancelled or has timed out, and when everything must end at once. */
  readonly cancelled: AbortSignal
  readonly ended: AbortSignal
  /** What workflow and job give as `env`, and what steps added by GITHUB_ENV. */
  readonly environment: Map<string, string>
  /** What steps added by GITHUB_PATH, the last one first on the PATH. */
  readonly path: string[]
  readonly defaults: { readonly shell: string; readonly workingDirectory: string }
  /** What actions keep for their later phases, by use. */
  readonly kept: Map<string, Map<string, string>>
  /** The uses whose post phase is registered. */
  readonly registered: Set<string>
  readonly tracking: string
  readonly traces: StepTrace[]
  readonly annotations: Annotation[]
  /** How many programs its steps have started. */
  programs: number
  status: Status
}

/** Where steps run: the job itself, or one use of a composite action, which has inputs, steps and a status of its own. */
export type Frame = {
  readonly level: 'job' | 'composite'
  /** Names its uses: empty for the job. */
  readonly key: string
  /** What `$/` means here. */
  readonly home: JobRequest['home']
  readonly contexts: Readonly<Record<string, Json>>
  readonly steps: Map<string, StepRecord>
  /** `github.action` and `github.action_path` of the composite action; empty for the job. */
  readonly action: string
  readonly actionPath: string
  /** The variables that the composite action's step has. */
  readonly env: Readonly<Record<string, string>>
  /** Post phases, run in reverse after everything else. */
  readonly posts: Work[]
  status: Status
}

/** What the `steps` context says of one step. */
export type StepRecord = {
  readonly outputs: Record<string, string>
  outcome?: Conclusion
  conclusion?: Conclusion
}

/** One thing to do as a step: a step of a file, or a phase of its action. */
export type Work = {
  readonly id: string
  readonly name: string
  readonly phase: StepTrace['phase']
  readonly step: Step
  /** The expression that lets it run. */
  readonly condition: string
  readonly act: (run: StepRun) => Promise<Status>
}

/** A step that runs. */
export type StepRun = {
  readonly job: JobState
  readonly frame: Frame
  readonly log: StepLog
  /** Names its step among all of the job's, embedded ones included. */
  readonly key: string
  readonly id: string
  readonly phase: StepTrace['phase']
  readonly step: Step
  /** The name that a person sees, once it is known. */
  title: string
  /** The `env` context: of job and steps before, then of the step. */
  readonly env: Record<string, string>
  readonly outputs: Record<string, string>
  readonly summaries: string[]
  readonly stop: AbortSignal
}
