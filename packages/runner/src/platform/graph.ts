import { describe, Fault } from '@sluice/kit/faults'
import { evaluateCondition } from '../language/evaluate.ts'
import { ancestors, jobStatus } from '../language/job-status.ts'
import { strategyOf } from '../language/strategy.ts'
import type { Json, Scope } from '../template.ts'
import type { Conclusion, JobTrace } from '../trace.ts'
import type { Access, Job } from '../workflow.ts'
import { allOf } from './all-of.ts'
import type { Loaded } from './load.ts'
import { traceUnbegun } from './unbegun.ts'
import { runVariants } from './variants.ts'

/** The jobs of one workflow of a run: its own, or one that it calls. */
export type Graph = {
  readonly loaded: Loaded
  /** The jobs that call it, from the run down: as the file names them, as traces do (with their matrix), and as people read them. */
  readonly ids: readonly string[]
  readonly path: readonly string[]
  readonly names: readonly string[]
  readonly inputs: Json
  readonly secrets: Secrets
  /** `github` without what differs between jobs, and `vars` of the repository. */
  readonly github: Readonly<Record<string, Json>>
  readonly vars: Readonly<Record<string, string>>
  /** Set when the run, or the job that calls this workflow, is cancelled. */
  readonly cancelled: AbortSignal
  /** Set when nothing may go on any more, whatever its condition: the platform was closed. */
  readonly closed: AbortSignal
}

/** The secrets that a workflow's jobs see; those of environments only where every caller said `secrets: inherit`. */
export type Secrets = { readonly values: Readonly<Record<string, string>>; readonly inherited: boolean }

/** One job, or one of those that its matrix makes, whose needs have ended and whose condition holds. */
export type Ready = {
  readonly graph: Graph
  readonly job: Job
  readonly ids: readonly string[]
  readonly path: readonly string[]
  readonly segments: readonly string[]
  /** `github`, `needs`, `vars`, `inputs`, `strategy` and `matrix`, and what the status functions say. */
  readonly scope: Scope
  readonly permissions: Readonly<Record<string, Access>>
  /** Ends the job; the reason is one sentence. */
  readonly end: AbortController
}

/** How one ended: its own trace, then those of the jobs that it called. */
export type Ended = {
  readonly own: JobTrace
  readonly called: readonly JobTrace[]
  /** Whether its failure counts as none. */
  readonly mayFail: boolean
}

/** How a job ended for those that need it. */
export type JobEnd = {
  readonly result: Conclusion
  readonly outputs: Readonly<Record<string, string>>
  readonly traces: readonly JobTrace[]
}

/** What the order of jobs needs from outside. */
export type GraphPorts = {
  /** Runs one. Never rejects for what a workflow can do wrong. */
  readonly run: (ready: Ready) => Promise<Ended>
  /** Hears of a job that ended without having begun. */
  readonly ended: (trace: JobTrace) => void
  /** Ends all that goes on: a bug of this runner came to light. */
  readonly broke: () => void
  readonly now: () => number
}

/**
 * Runs the jobs of a workflow in the order of their needs.
 * A job's condition is looked at once all that it needs has ended, whatever the run's state; where it does not hold, the job is skipped.
 * @returns the jobs' ends by id, in the order of the file
 * Source: docs.github.com, "Using jobs in a workflow" and "Workflow cancellation reference"
 */
export const runGraph = async (graph: Graph, ports: GraphPorts): Promise<Readonly<Record<string, JobEnd>>> => {
  const { jobs } = graph.loaded.workflow
  const begun = new Map<Job, Promise<JobEnd>>()
  const ends: Record<string, JobEnd> = {}
  const begin = (job: Job): Promise<JobEnd> => {
    const known = begun.get(job)
    if (known) return known
    const end = Promise.all(jobs.filter((other) => needsIt(job, other)).map(begin)).then(async () => {
      const found = await runJob(graph, job, { ends, ports })
      ends[job.id] = found
      return found
    })
    begun.set(job, end)
    return end
  }
  await allOf(jobs.map(begin), ports.broke)
  return Object.fromEntries(jobs.flatMap(({ id }) => (ends[id] ? [[id, ends[id]]] : [])))
}

const needsIt = (job: Job, other: Job): boolean =>
  job.needs.some((need) => need.toLowerCase() === other.id.toLowerCase())

type Surroundings = { readonly ends: Readonly<Record<string, JobEnd>>; readonly ports: GraphPorts }

const runJob = async (graph: Graph, job: Job, { ends, ports }: Surroundings): Promise<JobEnd> => {
  const { jobs } = graph.loaded.workflow
  const needsById = Object.fromEntries(
    jobs.map((one) => [one.id, jobs.filter((other) => needsIt(one, other)).map(({ id }) => id)]),
  )
  const results = Object.fromEntries(
    ancestors(job.id, needsById).map((id) => [id, ends[id]?.result ?? 'skipped'] as const),
  )
  const needs = Object.fromEntries(
    (needsById[job.id] ?? []).map((id) => [id, { result: results[id] ?? 'skipped', outputs: ends[id]?.outputs ?? {} }]),
  )
  const scopeNow = (cancelled: boolean): Scope => ({
    contexts: { github: { ...graph.github, job: job.id }, needs, vars: graph.vars, inputs: graph.inputs },
    status: jobStatus(job.id, needsById, results, cancelled),
  })
  const wanted = (cancelled: boolean): boolean => evaluateCondition(job.if, scopeNow(cancelled), job.at)
  const unbegun = (conclusion: Conclusion, why: string): JobEnd => {
    const trace = traceUnbegun({ graph, job }, { conclusion, why: [why], at: ports.now() })
    ports.ended(trace)
    return { result: conclusion, outputs: {}, traces: [trace] }
  }
  const stopped = graph.cancelled.aborted
  try {
    if (!wanted(stopped)) return unbegun('skipped', skippedBecause(job, needs, stopped))
  } catch (thrown) {
    // What cannot be evaluated fails its job, as on GitHub; anything else is a bug of ours.
    if (thrown instanceof Fault) return unbegun('failure', `The template is not valid. ${describe(thrown)}`)
    throw thrown
  }
  const strategy = strategyOf(job, scopeNow(stopped))
  if (strategy.kind === 'wrong') return unbegun('failure', strategy.text)
  return runVariants(strategy, { graph, job, scope: scopeNow(stopped), wanted, ports })
}

const skippedBecause = (
  job: Job,
  needs: Readonly<Record<string, { readonly result: Conclusion }>>,
  cancelled: boolean,
): string => {
  if (cancelled) return 'Skipped: the run was cancelled.'
  const [first] = Object.entries(needs).filter(([, { result }]) => result !== 'success')
  if (job.if !== '') return `Skipped: its condition is false: ${job.if}`
  return first
    ? `Skipped: it needs ${first[0]}, which ended as ${first[1].result}.`
    : 'Skipped: a job further back did not succeed.'
}
