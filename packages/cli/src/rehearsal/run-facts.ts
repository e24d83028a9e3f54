import type { JobTrace, RunTrace } from '@sluice/runner/trace'
import type { JobFacts, RunFacts, ScanFacts } from './facts.ts'

/** What a run's trace says to a person: how it ended, what its last job said, and how each job went. */
export const runFacts = (trace: RunTrace): RunFacts => {
  const outcome = said(jobOf(trace, 'outcome'))
  return {
    id: trace.id,
    file: trace.file,
    event: trace.event,
    conclusion: trace.conclusion,
    refused: trace.refused,
    outcome: outcome.verdict,
    outcomeReason: outcome.reasonCode,
    jobs: trace.jobs
      .filter(({ kind }) => kind === 'job')
      .map((job) => ({
        path: job.path,
        conclusion: job.conclusion,
        why: job.why,
        seconds: Math.round((job.endedAt - job.startedAt) / 100) / 10,
        ...said(job),
      })),
  }
}

/** The job whose path ends so, such as `canary / recover`. */
export const jobOf = (trace: RunTrace, end: string): JobTrace | undefined =>
  trace.jobs.find(({ path, kind }) => kind === 'job' && (path === end || path.endsWith(` / ${end}`)))

/** What a delivery's job `package` said. */
export const packageFacts = (trace: RunTrace): Pick<JobFacts, 'verdict' | 'reasonCode'> =>
  said(jobOf(trace, 'package / package'))

/** The digest that the last job of package.yml gave; absent for any other job, and where it gave none. */
export const builtBy = (job: Pick<JobTrace, 'ids' | 'kind' | 'outputs'> | undefined): string | undefined => {
  const digest = job?.outputs.digest ?? ''
  const last = job?.kind === 'job' && job.ids[1] === 'package' && job.ids[2] === 'package'
  return last && digest.startsWith('sha256:') ? digest : undefined
}

/** What the scan of a delivery said, and whether everything that deploys began after it. */
export const scanFacts = (trace: RunTrace): ScanFacts => {
  const scan = jobOf(trace, 'scan / scan')
  const deploying = trace.jobs.filter(
    ({ kind, ids, conclusion }) =>
      kind === 'job' && ['stage', 'canary'].includes(ids[1] ?? '') && conclusion !== 'skipped',
  )
  return { ...said(scan), before: scan !== undefined && deploying.every(({ startedAt }) => startedAt >= scan.endedAt) }
}

/** What the last of a job's steps that gives a verdict said, else the job itself. */
const said = (job: JobTrace | undefined): { readonly verdict: string; readonly reasonCode: string } => {
  const step = job?.steps.findLast(
    ({ outputs, uses }) => outputs.verdict !== undefined && !uses.includes('record-deployment'),
  )
  const outputs = job?.outputs.verdict === undefined ? step?.outputs : job.outputs
  return { verdict: outputs?.verdict ?? '', reasonCode: outputs?.['reason-code'] ?? '' }
}

/** What went wrong in a run, for a person: the jobs that failed, each with what it says and the end of its log. */
export const troubles = (trace: RunTrace): string => {
  const failed = trace.jobs.filter(({ kind, conclusion }) => kind === 'job' && conclusion === 'failure')
  const parts = failed.map((job) => {
    const log = job.steps.filter(({ conclusion }) => conclusion === 'failure').flatMap((step) => step.log)
    const annotations = job.annotations.filter(({ level }) => level === 'error').map(({ text }) => text)
    return [`${job.path}: ${job.why}`, ...annotations, ...(annotations.length > 0 ? [] : log.slice(-12))]
      .filter((line) => line !== '')
      .join('\n  ')
  })
  return [trace.refused, ...parts].filter((part) => part !== '').join('\n')
}
