import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

/** What one scope of a token may do. */
export type Access = 'none' | 'read' | 'write'
/** A `permissions` map; a scope that is not named is `none`. */
export type Permissions = Readonly<Record<string, Access>>

/** One step, as its file has it. */
export type Step = {
  readonly id?: string
  readonly name?: string
  readonly if?: string
  readonly uses?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, unknown>>
  readonly env?: Readonly<Record<string, unknown>>
}

/** One job, as its file has it: with `steps`, or a call with `uses`. */
export type Job = {
  readonly name?: string
  readonly needs?: string | readonly string[]
  readonly 'runs-on'?: string | readonly string[]
  readonly if?: string
  readonly permissions?: Permissions
  readonly environment?: string | Readonly<Record<string, unknown>>
  readonly concurrency?: Readonly<Record<string, unknown>>
  readonly 'timeout-minutes'?: number | string
  readonly strategy?: { readonly matrix?: Readonly<Record<string, unknown>> }
  readonly env?: Readonly<Record<string, string | number | boolean>>
  readonly outputs?: Readonly<Record<string, string>>
  readonly steps?: readonly Step[]
  readonly uses?: string
  readonly with?: Readonly<Record<string, unknown>>
  readonly secrets?: 'inherit' | Readonly<Record<string, unknown>>
}

/** One input that a called or dispatched workflow declares. */
export type Input = {
  readonly description?: string
  readonly type?: string
  readonly required?: boolean
  readonly default?: string | number | boolean
}

/** The `on.workflow_call` of a workflow. */
export type Call = {
  readonly inputs?: Readonly<Record<string, Input>>
  readonly secrets?: Readonly<Record<string, { readonly description?: string; readonly required?: boolean }>>
  readonly outputs?: Readonly<Record<string, { readonly description?: string; readonly value?: string }>>
}

/** A workflow file, as far as its documents and its tests need it. */
export type Workflow = {
  readonly name?: string
  readonly on: {
    readonly workflow_call?: Call | null
    readonly workflow_dispatch?: { readonly inputs?: Readonly<Record<string, Input>> } | null
  } & Readonly<Record<string, unknown>>
  readonly permissions?: Permissions
  readonly jobs: Readonly<Record<string, Job>>
}

/** Reads the text of a workflow. @throws for text that is no YAML, or names a key twice */
export const parseWorkflow = (text: string): Workflow => {
  const read = parse(text, { uniqueKeys: true })
  const on = typeof read?.on === 'string' ? { [read.on]: null } : (read?.on ?? {})
  return { ...read, on: Array.isArray(on) ? Object.fromEntries(on.map((event) => [event, null])) : on }
}

/** The workflows that others call, by name without `.yml`, sorted: those of `reusable-workflows/`. */
export const reusableWorkflows = (root: string): ReadonlyMap<string, Workflow> => {
  const folder = join(root, 'reusable-workflows')
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.yml')) : []
  return new Map(
    names.sort().map((name) => [name.slice(0, -4), parseWorkflow(readFileSync(join(folder, name), 'utf8'))]),
  )
}

/** The workflow of ours that a `uses` names, without `.yml`; `undefined` for an action or a third party's. */
export const calledName = (uses: string): string | undefined =>
  /^(?:\$|\.|[\w-]+\/sluice)\/\.github\/workflows\/([\w-]+)\.yml(?:@[\w.-]+)?$/.exec(uses)?.[1]

/** The action of ours that a `uses` names; `undefined` for a workflow or a third party's. */
export const actionName = (uses: string): string | undefined =>
  /^(?:\$|\.|[\w-]+\/sluice)\/actions\/([\w-]+)(?:@[\w.-]+)?$/.exec(uses)?.[1]

/** A workflow, and how the `uses` in it are found: `$/` is the repository that the file itself lies in. */
export type Found = { readonly workflow: Workflow; readonly called: (uses: string) => Found | undefined }

/** A reusable workflow by its name, as `reusableWorkflows` gives them. */
export const foundIn = (workflows: ReadonlyMap<string, Workflow>, name: string): Found | undefined => {
  const workflow = workflows.get(name)
  return workflow && { workflow, called: (uses) => foundIn(workflows, calledName(uses) ?? '') }
}

const RANK: Readonly<Record<Access, number>> = { none: 0, read: 1, write: 2 }

/** The scopes of several `permissions`, each at the most that one of them names; sorted, `none` left out. */
export const union = (all: readonly Permissions[]): Permissions => {
  const most = new Map<string, Access>()
  for (const [scope, access] of all.flatMap((each) => Object.entries(each))) {
    if (RANK[access] > RANK[most.get(scope) ?? 'none']) most.set(scope, access)
  }
  return Object.fromEntries([...most].sort(([a], [b]) => a.localeCompare(b)))
}

/** The scopes that are asked for and not granted, as `scope: access`. */
export const missing = (asked: Permissions, granted: Permissions): readonly string[] =>
  Object.entries(asked)
    .filter(([scope, access]) => RANK[access] > RANK[granted[scope] ?? 'none'])
    .map(([scope, access]) => `${scope}: ${access}`)

/**
 * What a workflow's jobs ask for together, called workflows' jobs included: what a caller must grant, or GitHub stops the whole run before its first
 * job. Source: https://docs.github.com/en/actions/reference/workflows-and-actions/reusing-workflow-configurations
 * @throws for workflows that call each other in a circle
 */
export const askedBy = ({ workflow, called }: Found, above: readonly Workflow[] = []): Permissions => {
  if (above.includes(workflow)) throw new Error('workflows call each other in a circle')
  return union(
    Object.values(workflow.jobs).flatMap(({ permissions = workflow.permissions ?? {}, uses }) => {
      const callee = uses === undefined ? undefined : called(uses)
      return callee === undefined ? [permissions] : [permissions, askedBy(callee, [...above, workflow])]
    }),
  )
}
