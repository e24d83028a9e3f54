import type { Place, Template } from './template.ts'

/** A workflow file as it was read. `file` is its path in its repository. */
export type Workflow = {
  readonly file: string
  readonly name: string
  /** What starts it; the parts that `workflow_call` and `workflow_dispatch` declare are in `call` and `dispatch`. */
  readonly on: readonly Trigger[]
  readonly call: CallInterface | undefined
  readonly dispatch: { readonly inputs: Readonly<Record<string, InputDeclaration>> } | undefined
  /** Absent: what the repository gives by default. */
  readonly permissions: Permissions | undefined
  readonly env: Template | undefined
  readonly defaults: RunDefaults
  readonly concurrency: Template | undefined
  readonly jobs: readonly Job[]
}

/** One event that starts a workflow, with its filters; an absent filter lets everything through. */
export type Trigger = {
  readonly event: string
  readonly types?: readonly string[]
  readonly branches?: readonly string[]
  readonly branchesIgnore?: readonly string[]
  readonly tags?: readonly string[]
  readonly tagsIgnore?: readonly string[]
  readonly paths?: readonly string[]
  readonly pathsIgnore?: readonly string[]
  /** `workflow_run`: the names of the workflows. */
  readonly workflows?: readonly string[]
  readonly cron?: readonly string[]
}

/** What a called workflow takes and gives. */
export type CallInterface = {
  readonly inputs: Readonly<Record<string, InputDeclaration>>
  readonly secrets: Readonly<Record<string, { readonly required: boolean }>>
  /** Templates over `jobs.<id>.outputs.<name>`. */
  readonly outputs: Readonly<Record<string, Template>>
}

/** An input of a called or dispatched workflow. `default` may hold expressions in a called one. */
export type InputDeclaration = {
  readonly type: 'string' | 'boolean' | 'number' | 'choice' | 'environment'
  readonly required: boolean
  readonly default: Template | undefined
  readonly options: readonly string[]
  readonly at: Place
}

/** How much a token may do with one part of a repository. */
export type Access = 'none' | 'read' | 'write'

/** A `permissions` value: a word for all scopes, or the scopes named, every other one being `none`. */
export type Permissions = 'read-all' | 'write-all' | Readonly<Record<string, Access>>

/** `defaults.run`. */
export type RunDefaults = { readonly shell: Template | undefined; readonly workingDirectory: Template | undefined }

/** A job that runs steps, or one that calls a workflow. */
export type Job = NormalJob | CallJob

type BaseJob = {
  readonly id: string
  readonly name: Template | undefined
  readonly needs: readonly string[]
  /** The expression without `${{ }}`; empty: as if it said `success()`. */
  readonly if: string
  readonly permissions: Permissions | undefined
  readonly concurrency: Template | undefined
  readonly strategy: {
    readonly matrix: Template | undefined
    readonly failFast: Template | undefined
    readonly maxParallel: Template | undefined
  }
  readonly at: Place
}

/** A job with steps of its own. */
export type NormalJob = BaseJob & {
  readonly kind: 'job'
  readonly runsOn: Template
  readonly environment: Template | undefined
  readonly env: Template | undefined
  readonly defaults: RunDefaults
  readonly outputs: Readonly<Record<string, Template>>
  readonly timeoutMinutes: Template | undefined
  readonly continueOnError: Template | undefined
  readonly container: Template | undefined
  readonly services: Template | undefined
  readonly steps: readonly Step[]
}

/** A job that calls a workflow: `./…`, `$/…` or `owner/repository/…@ref`. */
export type CallJob = BaseJob & {
  readonly kind: 'call'
  readonly uses: string
  readonly with: Readonly<Record<string, Template>>
  readonly secrets: 'inherit' | Readonly<Record<string, Template>>
}

type BaseStep = {
  /** As written; empty when the file gives none. */
  readonly id: string
  readonly name: Template | undefined
  readonly if: string
  readonly env: Template | undefined
  readonly continueOnError: Template | undefined
  readonly timeoutMinutes: Template | undefined
  readonly at: Place
}

/** One step of a job or of a composite action. */
export type Step =
  | (BaseStep & {
      readonly kind: 'run'
      readonly run: Template
      readonly shell: Template | undefined
      readonly workingDirectory: Template | undefined
    })
  | (BaseStep & {
      readonly kind: 'uses'
      /** `./…` of the checkout, `$/…` of the file's own repository, `owner/repository[/path]@ref`. */
      readonly uses: string
      readonly with: Readonly<Record<string, Template>>
    })

/** What an action.yml says that a runner acts on. */
export type ActionManifest = {
  readonly name: string
  /** Defaults may hold expressions over `github` and a few more contexts. */
  readonly inputs: Readonly<
    Record<string, { readonly default: Template | undefined; readonly required: boolean; readonly deprecation: string }>
  >
  /** Names; for a composite action with their templates over `steps`. */
  readonly outputs: Readonly<Record<string, Template | undefined>>
  readonly runs:
    | {
        readonly kind: 'node'
        readonly using: string
        readonly main: string
        readonly pre: string | undefined
        readonly preIf: string
        readonly post: string | undefined
        readonly postIf: string
      }
    | { readonly kind: 'composite'; readonly steps: readonly Step[] }
    | { readonly kind: 'docker' }
}
