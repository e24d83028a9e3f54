import { together } from '../language/job-status.ts'
import type { strategyOf, Variant } from '../language/strategy.ts'
import type { Scope } from '../template.ts'
import type { Job } from '../workflow.ts'
import { allOf } from './all-of.ts'
import type { Ended, Graph, GraphPorts, JobEnd, Ready } from './graph.ts'
import { machines } from './machines.ts'
import { sentenceOf, traceUnbegun } from './unbegun.ts'

/** A job whose needs have ended and whose condition holds. */
export type Work = {
  readonly graph: Graph
  readonly job: Job
  readonly scope: Scope
  /** Whether its condition holds when the run is cancelled or not. */
  readonly wanted: (cancelled: boolean) => boolean
  readonly ports: GraphPorts
}

type Variants = Extract<ReturnType<typeof strategyOf>, { readonly kind: 'variants' }>

/**
 * Runs the jobs that a job becomes by its matrix, one without: so many at a time, and with `fail-fast` none after a failure.
 * Source: docs.github.com, "Workflow syntax", jobs.<job_id>.strategy
 */
export const runVariants = async ({ variants, failFast, maxParallel }: Variants, work: Work): Promise<JobEnd> => {
  const failed = new AbortController()
  const places = machines(maxParallel)
  const outputs: Record<string, string> = {}
  const runVariant = async (variant: Variant) => {
    const ready = readyFor(variant, work)
    const release = follow(ready, { failed: failed.signal, ...work })
    const leave = await places.take(ready.end.signal)
    try {
      const { own, called, mayFail } = leave ? await work.ports.run(ready) : cancelledUnbegun(ready, work.ports)
      const result = mayFail && own.conclusion === 'failure' ? 'success' : own.conclusion
      // The last one to end decides an output that several give.
      Object.assign(outputs, own.outputs)
      // While its place is not free yet: one that waits for it would begin.
      if (result === 'failure' && failFast && variants.length > 1)
        failed.abort(`The strategy configuration was canceled because "${ready.path.at(-1)}" failed`)
      return { result, traces: [own, ...called] }
    } finally {
      leave?.()
      release()
    }
  }
  const ended = await allOf(variants.map(runVariant), work.ports.broke)
  return { result: together(ended.map(({ result }) => result)), outputs, traces: ended.flatMap(({ traces }) => traces) }
}

const readyFor = ({ matrix, strategy, segments }: Variant, { graph, job, scope }: Work): Ready => ({
  graph,
  job,
  ids: [...graph.ids, job.id],
  path: [...graph.path, segments.length === 0 ? job.id : `${job.id} (${segments.join(', ')})`],
  segments,
  scope: { ...scope, contexts: { ...scope.contexts, matrix, strategy } },
  permissions: graph.loaded.permissions[job.id] ?? {},
  end: new AbortController(),
})

/** Ends the job when its matrix fails, and when its run is cancelled unless its condition still holds then: `always()` is left alone. */
const follow = ({ end }: Ready, { graph, wanted, failed }: Work & { readonly failed: AbortSignal }): (() => void) => {
  const onFailed = (): void => end.abort(failed.reason)
  const onCancelled = (): void => {
    if (!holds(() => wanted(true))) end.abort(sentenceOf(graph.cancelled))
  }
  const onClosed = (): void => end.abort(graph.closed.reason)
  failed.addEventListener('abort', onFailed)
  graph.closed.addEventListener('abort', onClosed)
  graph.cancelled.addEventListener('abort', onCancelled)
  if (failed.aborted) onFailed()
  if (graph.closed.aborted) onClosed()
  return () => {
    graph.closed.removeEventListener('abort', onClosed)
    failed.removeEventListener('abort', onFailed)
    graph.cancelled.removeEventListener('abort', onCancelled)
  }
}

/** A condition that cannot be evaluated now does not hold. */
const holds = (condition: () => boolean): boolean => {
  try {
    return condition()
  } catch {
    return false
  }
}

const cancelledUnbegun = (ready: Ready, ports: GraphPorts): Ended => {
  const own = traceUnbegun(ready, { conclusion: 'cancelled', why: [sentenceOf(ready.end.signal)], at: ports.now() })
  ports.ended(own)
  return { own, called: [], mayFail: false }
}
