import type { Deployment } from './api/deployment-state.ts'
import type { StandIn } from './execution.ts'
import type { JobTrace, RunTrace } from './trace.ts'

/** What a local GitHub knows of the repository whose workflows it runs. */
export type PlatformOptions = {
  /** The caller's repository: `folder` is a git checkout, runs see the commit that they were started for. */
  readonly repository: { readonly name: string; readonly folder: string; readonly defaultBranch: string }
  /** Other repositories by `owner/name`, at whatever ref they are named: a folder of each. */
  readonly published: Readonly<Record<string, string>>
  /** Third-party actions by `owner/name[/path]`: a folder with an action.yml. `actions/checkout` needs none. */
  readonly actions: Readonly<Record<string, string>>
  /** Stand-ins by what `uses` names without its ref: `$/actions/deploy`, `owner/name/path`. For tests. */
  readonly standIns?: Readonly<Record<string, StandIn>>
  readonly secrets?: Readonly<Record<string, string>>
  readonly vars?: Readonly<Record<string, string>>
  /** Environments by name; one that is not here exists without rules, as on GitHub. */
  readonly environments?: Readonly<Record<string, EnvironmentRules>>
  /** What reviewers answer, and when. Default: approved at once. */
  readonly approve?: (asked: ApprovalRequest) => Promise<'approved' | 'rejected'>
  /** How much the token may do where no `permissions` say otherwise. Default `read` of contents and packages. */
  readonly defaultPermissions?: 'restricted' | 'permissive'
  /** The variables that steps get besides GitHub's own, such as PATH. */
  readonly env: Readonly<Record<string, string>>
  /** Jobs that run at the same time, at most. Default 4. */
  readonly machines?: number
  /**
   * How long after a machine died its job ends, ms. Default 100. GitHub takes up to ten minutes to notice: what its runner renews every minute is valid for that
   * long (actions/runner#3539).
   */
  readonly noticedAfter?: number
  /** Where the machines' folders go; each is removed when its job has ended. */
  readonly directory: string
  readonly on?: (happening: Happening) => void
}

/** What an environment holds and asks for. */
export type EnvironmentRules = {
  readonly secrets?: Readonly<Record<string, string>>
  readonly vars?: Readonly<Record<string, string>>
  readonly reviewers?: readonly string[]
  readonly waitMinutes?: number
  /** Patterns of branches that may use it; absent: any. */
  readonly branches?: readonly string[]
}

/** A job that waits for a reviewer. */
export type ApprovalRequest = { readonly run: number; readonly environment: string; readonly job: string }

/** What happens, as it happens. */
export type Happening =
  | { readonly kind: 'run-started'; readonly run: number; readonly workflow: string; readonly event: string }
  | {
      readonly kind: 'job-queued' | 'job-waiting' | 'job-started'
      readonly run: number
      readonly job: string
      readonly why: string
    }
  | { readonly kind: 'line'; readonly run: number; readonly job: string; readonly text: string }
  | { readonly kind: 'job-ended'; readonly run: number; readonly job: JobTrace }
  | { readonly kind: 'run-ended'; readonly run: RunTrace }

/** A local GitHub with one repository: what starts runs, and the runs. */
export type Platform = {
  /** The REST API that steps are given, on loopback. */
  readonly url: string
  /** Starts every workflow whose `on: push` fits. The commit is the head of the branch unless `sha` names another; none starts where its message says `[skip ci]` or the like. */
  push(given?: { readonly branch?: string; readonly sha?: string }): readonly Run[]
  /** Starts one by `workflow_dispatch`. `file` is its name in `.github/workflows`. @throws Fault('input') for what the dispatch API refuses */
  dispatch(file: string, inputs?: Readonly<Record<string, string>>, branch?: string): Run
  /** Starts every workflow with a `schedule`, as if its time had come. */
  schedule(): readonly Run[]
  readonly runs: readonly Run[]
  /** The repository's Deployments with their statuses, oldest first: what `GET …/deployments` gives. */
  deployments(): readonly Deployment[]
  /** Resolves when no run goes on any more, those that `workflow_run` started included. */
  idle(): Promise<void>
  /** Kills what still runs and removes what was made. Nothing starts afterwards: what would start a run throws Fault('input'). */
  close(): Promise<void>
}

/** One run. Jobs are named by the end of their path, such as `canary / recover`. */
export type Run = {
  readonly id: number
  readonly file: string
  readonly done: Promise<RunTrace>
  /** What the Cancel button does. */
  cancel(): void
  /** The machine of this job dies at once: no signal, no post step. @throws Fault('input') when no such job runs */
  kill(job: string): void
  /** Resolves when this job has begun to run its steps; rejects when the run ends without it. */
  started(job: string): Promise<void>
}
