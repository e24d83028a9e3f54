import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createPlatform } from '@sluice/runner/platform/platform'
import type { JobTrace, RunTrace } from '@sluice/runner/trace'
import type { Seen } from './seen.ts'

/** Pushes a repository to this package's platform. @param home a folder for its machines */
export const pushToOurs = async (given: {
  readonly folder: string
  readonly home: string
  readonly secrets: Readonly<Record<string, string>>
}): Promise<Seen> => {
  mkdirSync(given.home, { recursive: true })
  const platform = await createPlatform({
    repository: { name: 'acme/shop', folder: given.folder, defaultBranch: 'main' },
    published: {},
    actions: {},
    secrets: given.secrets,
    env: { PATH: process.env.PATH ?? '', HOME: given.home },
    machines: 8,
    directory: join(given.home, 'machines'),
  })
  try {
    return seenIn(await Promise.all(platform.push().map(({ done }) => done)))
  } finally {
    await platform.close()
  }
}

const seenIn = (traces: readonly RunTrace[]): Seen => {
  const refused = traces.flatMap(({ refused }) => (refused === '' ? [] : [refused]))
  const jobs = traces.flatMap((trace) =>
    trace.jobs
      .filter(({ kind, conclusion }) => kind === 'job' && conclusion !== 'skipped')
      .map((job) => [of(trace, job), job] as const),
  )
  const steps = jobs.flatMap(([name, job]) => job.steps.map((step) => [name, step] as const))
  return {
    jobs: [...refused, ...jobs.map(([name, { conclusion }]) => `${name} ${conclusion}`)],
    steps: steps
      .filter(([, { phase, outcome }]) => phase === 'main' && outcome !== 'skipped')
      .map(([name, step]) => `${name} ${step.name} ${step.outcome}`),
    said: steps.flatMap(([name, { log }]) => log.map((line) => `${name} ${line}`)),
    summaries: steps.flatMap(([name, { summary }]) => (summary === '' ? [] : [`${name} ${summary}`])),
  }
}

/** As act names it: below a call with the call's own name, above with the workflow's. */
const of = ({ workflow }: RunTrace, { ids }: JobTrace): string => `${ids.at(-2) ?? workflow}/${ids.at(-1)}`
