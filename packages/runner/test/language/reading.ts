import { parseWorkflowFile } from '../../src/language/parse.ts'
import type { Json, Scope, Template } from '../../src/template.ts'
import type { CallJob, Job, Workflow } from '../../src/workflow.ts'

/** A workflow that must be right. */
export const workflowOf = (text: string, file = '.github/workflows/w.yml'): Workflow => {
  const read = parseWorkflowFile(text, file)
  if (read.kind === 'wrong') throw new Error(JSON.stringify(read.problems))
  return read.workflow
}

/** What is wrong with a workflow, as `line: text`. */
export const problemsOf = (text: string): readonly string[] => {
  const read = parseWorkflowFile(text, '.github/workflows/w.yml')
  return read.kind === 'wrong' ? read.problems.map((problem) => `${problem.line}: ${problem.text}`) : []
}

/** The one job of a workflow, from what stands in it. */
export const jobOf = (lines: string): Job => {
  const indented = lines.trim().replaceAll('\n', '\n    ')
  const body = lines.includes('uses: ./') ? '' : '\n    runs-on: ubuntu-latest\n    steps: [{ run: "true" }]'
  const [job] = workflowOf(`on: push\njobs:\n  build:${body}\n    ${indented}`).jobs
  if (job === undefined) throw new Error('no job')
  return job
}

/** A job that calls a workflow. */
export const callOf = (lines: string): CallJob => {
  const job = jobOf(`uses: ./.github/workflows/called.yml\n${lines}`)
  if (job.kind !== 'call') throw new Error('no call')
  return job
}

/** Contexts, in a run where all is well. */
export const scopeOf = (
  contexts: Readonly<Record<string, Json>> = {},
  status: Partial<Scope['status']> = {},
): Scope => ({
  contexts,
  status: { success: true, failure: false, cancelled: false, ...status },
})

/** An expression that stands in line 3 of w.yml. */
export const expression = (source: string): Template => ({
  kind: 'expression',
  source,
  at: { file: 'w.yml', line: 3, column: 5 },
})
