import type { Job } from '../workflow.ts'
import type { Problem } from './problem.ts'

/**
 * What is wrong with the graph of `needs`, in GitHub's words: a job that is not there, a cycle (a job that needs itself too), no job to begin with.
 * Ids are compared without regard to case.
 * Source: `ConvertToJobs` of actions/runner (src/Sdk/WorkflowParser/Conversion/WorkflowTemplateConverter.cs).
 */
export const problemsInNeeds = (jobs: readonly Job[], at: Omit<Problem, 'text'>): readonly Problem[] => {
  if (jobs.every(({ needs }) => needs.length > 0))
    return [{ ...at, text: 'The workflow must contain at least one job with no dependencies.' }]
  const ids = jobs.map(({ id }) => id.toLowerCase())
  const done = reached(jobs)
  return jobs
    .filter(({ id }) => !done.has(id.toLowerCase()))
    .flatMap(({ id, needs, at: { line, column } }) =>
      needs
        .filter((need) => !done.has(need.toLowerCase()))
        .map((need) => ({
          line,
          column,
          text: ids.includes(need.toLowerCase())
            ? `Job '${id}' depends on job '${need}' which creates a cycle in the dependency graph.`
            : `Job '${id}' depends on unknown job '${need}'.`,
        })),
    )
}

/** The jobs that could start one after the other. */
const reached = (jobs: readonly Job[]): ReadonlySet<string> => {
  const done = new Set<string>()
  for (const _ of jobs)
    for (const { id, needs } of jobs)
      if (needs.every((need) => done.has(need.toLowerCase()))) done.add(id.toLowerCase())
  return done
}
