import type { Annotation, Conclusion, JobTrace, RunTrace } from '../trace.ts'

/**
 * A run as a person reads it: its jobs below those that call them, each with its mark, its time and why it ended so, then all annotations, and on request the summaries
 * that its steps wrote. Plain text; no line is cut.
 */
export const render = (trace: RunTrace, { summaries = false }: { readonly summaries?: boolean } = {}): string => {
  const { workflow, event, conclusion, id } = trace
  const lines = [
    `${MARKS[conclusion]} ${workflow} #${id} (${event}) ${conclusion}${took(trace)}`,
    ...indented([trace.refused, trace.why].filter(Boolean), 2),
    ...trace.jobs.flatMap(jobLines),
    ...section('Annotations', trace.jobs.flatMap(annotationLines)),
    ...(summaries ? section('Summaries', trace.jobs.flatMap(summaryLines)) : []),
  ]
  return `${lines.join('\n')}\n`
}

const MARKS: Readonly<Record<Conclusion, string>> = { success: '✓', failure: '✗', cancelled: '■', skipped: '-' }
const SIGNS: Readonly<Record<Annotation['level'], string>> = { error: 'error', warning: 'warning', notice: 'notice' }

const jobLines = (job: JobTrace): readonly string[] => {
  const depth = 2 * job.ids.length
  const { conclusion, environment, waitMinutes, droppedOutputs, steps } = job
  const notes = [
    job.why,
    waitMinutes > 0 ? `On GitHub it would have waited ${waitMinutes} min for ${environment}.` : '',
    droppedOutputs.length > 0 ? `Dropped, because they hold masked text: ${droppedOutputs.join(', ')}.` : '',
    // Steps explain a failure of their own.
    ...(conclusion === 'success'
      ? []
      : steps.filter(failed).map((step) => `Step ${step.name} ended as ${step.outcome}.`)),
  ]
  const at = environment === '' ? '' : ` [${environment}]`
  const line = `${MARKS[conclusion]} ${lastOf(job.name, job)}${at}${conclusion === 'success' ? '' : ` ${conclusion}`}${took(job)}`
  return [...indented([line], depth), ...indented(notes.filter(Boolean), depth + 2)]
}

/** Names stand below those of their callers, so that only the last part is news. */
const lastOf = (name: string, { path, ids }: JobTrace): string => {
  const parts = name.split(' / ')
  return parts.length < ids.length ? (path.split(' / ').at(-1) ?? path) : parts.slice(ids.length - 1).join(' / ')
}

const failed = ({ outcome }: { readonly outcome: Conclusion }): boolean =>
  outcome === 'failure' || outcome === 'cancelled'

const annotationLines = ({ path, annotations }: JobTrace): readonly string[] =>
  annotations.flatMap(({ level, title, text, file, line }) => {
    const where = file === '' || file === '.github' ? '' : ` ${file}${line === undefined ? '' : `:${line}`}`
    const [first = '', ...more] = `${title === '' ? '' : `${title}: `}${text}`.split('\n')
    return [`${path}: ${SIGNS[level]}${where}: ${first}`, ...indented(more, 2)]
  })

const summaryLines = ({ path, steps }: JobTrace): readonly string[] =>
  steps
    .filter(({ summary }) => summary.trim() !== '')
    .flatMap(({ name, summary }) => [`${path}, ${name}:`, ...indented(summary.trim().split('\n'), 2)])

const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : ['', title, ...indented(lines, 2)]

const indented = (lines: readonly string[], by: number): readonly string[] =>
  lines.flatMap((line) => line.split('\n')).map((line) => (line === '' ? '' : ' '.repeat(by) + line))

const took = ({ startedAt, endedAt }: { readonly startedAt: number; readonly endedAt: number }): string => {
  const ms = endedAt - startedAt
  if (ms < 1000) return ''
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? ` ${seconds}s` : ` ${Math.floor(seconds / 60)}m ${seconds % 60}s`
}
