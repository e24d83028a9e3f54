import { Fault } from '@sluice/kit/faults'
import { callTarget, problemsInCall } from '../language/call.ts'
import type { WorkflowFile } from '../language/parse.ts'
import { type Grant, grantFor } from '../language/permissions.ts'
import type { Problem } from '../language/problem.ts'
import type { CallJob, Workflow } from '../workflow.ts'

/** Where a workflow file comes from: `folder` holds its repository; `sha` and `ref` are the commit and what named it. */
export type Home = {
  readonly repository: string
  readonly folder: string
  readonly sha: string
  readonly ref: string
}

/** A workflow with all that it calls, and what the token of each of its jobs may do. */
export type Loaded = {
  readonly workflow: Workflow
  readonly home: Home
  readonly calls: Readonly<Record<string, Loaded>>
  readonly permissions: Readonly<Record<string, Grant>>
}

/** What GitHub finds before any job runs: the whole tree of calls, or why the run is refused. */
export type Loading =
  | { readonly kind: 'loaded'; readonly loaded: Loaded }
  | { readonly kind: 'refused'; readonly text: string }

/** Where files come from. */
export type Files = {
  /** A parsed workflow file; undefined when it is not there. */
  readonly workflow: (home: Home, path: string) => WorkflowFile | undefined
  /** Where a repository of another name lies, at a ref; undefined when nobody knows it. */
  readonly repository: (name: string, ref: string) => Home | undefined
}

/** Levels of workflows, the first one included. Source: docs.github.com, "Reuse workflows", nesting. */
const LEVELS = 10
/** Different workflows that one run may call. Source: docs.github.com, "Reusing workflow configurations", limitations. */
const CALLED = 50

/**
 * Loads a workflow and all that it calls, with the checks that GitHub makes before anything runs: files that do not parse or are not there, calls of what
 * cannot be called, inputs and secrets that are missing or unknown, permissions beyond the caller's, nesting.
 * @param given what the token may do where nothing says otherwise
 * Source: docs.github.com, "Reusing workflow configurations" and "Reuse workflows"
 */
export const loadRun = (path: string, home: Home, files: Files, given: Grant): Loading => {
  const called = new Set<string>()
  try {
    return { kind: 'loaded', loaded: load({ path, home, given, level: 1 }, files, called) }
  } catch (thrown) {
    if (thrown instanceof Fault) return { kind: 'refused', text: thrown.message }
    throw thrown
  }
}

type Request = {
  readonly path: string
  readonly home: Home
  readonly given: Grant
  readonly level: number
}

const load = (request: Request, files: Files, called: Set<string>): Loaded => {
  const { path, home, given, level } = request
  const file = files.workflow(home, path)
  if (file === undefined) throw new Fault('input', `${path}: workflow was not found.`)
  if (file.kind === 'wrong') throw new Fault('input', listed(path, file.problems))
  const { workflow } = file
  if (level > LEVELS)
    throw new Fault('input', `${path}: a run may nest ${LEVELS} levels of workflows, and this is one more.`)
  const permissions = Object.fromEntries(
    workflow.jobs.map((job) => [
      job.id,
      grantFor({ job: job.permissions, workflow: workflow.permissions, otherwise: given }),
    ]),
  )
  const calls: Record<string, Loaded> = {}
  for (const job of workflow.jobs)
    if (job.kind === 'call')
      calls[job.id] = call(job, { workflow, home, level, granted: permissions[job.id] ?? {} }, { files, called })
  return { workflow, home, calls, permissions }
}

type Caller = {
  readonly workflow: Workflow
  readonly home: Home
  readonly level: number
  readonly granted: Grant
}

const call = (
  job: CallJob,
  { workflow, home, level, granted }: Caller,
  { files, called }: { readonly files: Files; readonly called: Set<string> },
): Loaded => {
  const place = `${workflow.file} (Line: ${job.at.line}, Col: ${job.at.column})`
  const target = targetOf(job.uses, home, files)
  if (typeof target === 'string')
    throw new Fault('input', `${place}: error parsing called workflow "${job.uses}": ${target}`)
  const file = files.workflow(target.home, target.path)
  if (file === undefined)
    throw new Fault('input', `${place}: error parsing called workflow "${job.uses}": workflow was not found.`)
  called.add(`${target.home.repository}/${target.path}@${target.home.sha}`)
  if (called.size > CALLED)
    throw new Fault('input', `${place}: a run may call ${CALLED} different workflows, and "${job.uses}" is one more.`)
  if (file.kind === 'read') {
    const uses = `${target.home.repository}/${target.path}@${target.home.ref}`
    const problems = problemsInCall(job, file.workflow, granted, uses)
    if (problems.length > 0) throw new Fault('input', listed(workflow.file, problems))
  }
  return load({ path: target.path, home: target.home, given: granted, level: level + 1 }, files, called)
}

const listed = (path: string, problems: readonly Problem[]): string =>
  `Invalid workflow file: ${problems.map(({ line, column, text }) => `${path} (Line: ${line}, Col: ${column}): ${text}`).join('\n')}`

const targetOf = (uses: string, home: Home, files: Files): { readonly home: Home; readonly path: string } | string => {
  const target = callTarget(uses)
  if (target === undefined)
    return 'a called workflow is `owner/repository/.github/workflows/file.yml@ref` or `./.github/workflows/file.yml`, at the top level of `.github/workflows`.'
  if (target.kind === 'own') return { home, path: target.path }
  const found = files.repository(target.repository, target.ref)
  return found ? { home: found, path: target.path } : `the repository ${target.repository} was not found.`
}
