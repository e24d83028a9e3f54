import { jobName } from '../language/strategy.ts'
import type { Annotation, Conclusion, JobTrace } from '../trace.ts'
import type { Graph, Ready } from './graph.ts'

/** GitHub's words for what a person's cancel ended. */
export const CANCELLED = 'The operation was canceled.'

/** The sentence that an abort came with. */
export const sentenceOf = ({ reason }: AbortSignal): string => (typeof reason === 'string' ? reason : CANCELLED)

/** An annotation of the platform itself, as GitHub puts them on a job. */
export const errorOf = (text: string): Annotation => ({ level: 'error', title: '', text, file: '.github', line: 1 })

/** What a person reads as the name of a job, below the names of those that call it. */
export const nameOf = ({ graph, job, segments = [], scope }: Named): string => {
  const shown = (): string => {
    if (scope === undefined) return job.name?.kind === 'literal' ? String(job.name.value) : job.id
    try {
      return jobName(job, segments, scope)
    } catch {
      return job.id
    }
  }
  return [...graph.names, shown()].join(' / ')
}

type Named = { readonly graph: Graph } & Pick<Ready, 'job'> & Partial<Ready>

/** The trace of a job that ended before any step of it ran. The first sentence of `why` is the reason, all are annotations unless it was skipped. */
export const traceUnbegun = (
  ready: Named,
  { conclusion, why, at }: { readonly conclusion: Conclusion; readonly why: readonly string[]; readonly at: number },
): JobTrace => {
  const { graph, job } = ready
  return {
    path: (ready.path ?? [...graph.path, job.id]).join(' / '),
    ids: [...graph.ids, job.id],
    name: nameOf(ready),
    kind: job.kind,
    conclusion,
    why: why[0] ?? '',
    outputs: {},
    droppedOutputs: [],
    environment: '',
    waitMinutes: 0,
    permissions: graph.loaded.permissions[job.id] ?? {},
    steps: [],
    annotations: conclusion === 'skipped' ? [] : why.map(errorOf),
    startedAt: at,
    endedAt: at,
  }
}
