import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JobTrace, RunTrace } from '@sluice/runner/trace'

/**
 * Writes what the runs left into a report folder: `runs/` each trace as JSON and its summaries as Markdown, `logs/` each job's log, `reports/` what the
 * workflows kept as artifacts, by run and name: the canaries' reports and their pages.
 * @param artifacts the folder they lie in; one that is not there held none
 */
export const writeRecords = (
  folder: string,
  traces: readonly RunTrace[],
  logs: ReadonlyMap<string, readonly string[]>,
  artifacts = '',
): void => {
  for (const part of ['runs', 'logs']) mkdirSync(join(folder, part), { recursive: true })
  for (const trace of traces) {
    const name = join(folder, 'runs', runName(trace))
    writeFileSync(`${name}.json`, `${JSON.stringify(trace, null, 2)}\n`)
    writeFileSync(`${name}.md`, summaryOf(trace))
  }
  for (const [key, lines] of logs)
    writeFileSync(join(folder, 'logs', `${key.replaceAll(/[^\w.-]+/g, '-')}.log`), `${lines.join('\n')}\n`)
  if (artifacts !== '' && existsSync(artifacts)) cpSync(artifacts, join(folder, 'reports'), { recursive: true })
}

const runName = ({ id, file }: RunTrace): string => `${id}-${file.replace(/^.*\//, '').replace(/\.ya?ml$/, '')}`

/** What GitHub shows under a run: the jobs' summaries, one after the other. */
const summaryOf = (trace: RunTrace): string => {
  const parts = trace.jobs.map((job) => ({ job, text: textOf(job) })).filter(({ text }) => text !== '')
  return [
    `# ${trace.workflow}, run ${trace.id}: ${trace.conclusion}`,
    ...parts.map(({ job, text }) => `<!-- ${job.path} -->\n\n${text}`),
    '',
  ].join('\n\n')
}

const textOf = ({ steps }: JobTrace): string =>
  steps
    .map(({ summary }) => summary.trim())
    .filter((summary) => summary !== '')
    .join('\n\n')
