import { NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser'
import { getActionSchema } from '@actions/workflow-parser/actions/action-schema'
import { convertOn } from '@actions/workflow-parser/model/converter/events'
import { handleTemplateTokenErrors } from '@actions/workflow-parser/model/converter/handle-errors'
import { TemplateContext, TemplateValidationErrors } from '@actions/workflow-parser/templates/template-context'
import { readTemplate } from '@actions/workflow-parser/templates/template-reader'
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/index'
import { YamlObjectReader } from '@actions/workflow-parser/workflows/yaml-object-reader'
import type { ActionManifest, Job, Workflow } from '../workflow.ts'
import { checkJobs, checkSteps } from './checks.ts'
import { problemsInNeeds } from './needs.ts'
import type { Problem } from './problem.ts'
import { readAction } from './read-action.ts'
import { readDefaults, readJob, readPermissions, templateUnder } from './read-job.ts'
import { readCall, readDispatch, readTriggers } from './read-triggers.ts'
import { entriesOf, placeOf, textOf, under } from './tokens.ts'
import { unsupported } from './unsupported.ts'

/** A workflow file as it was read, or all that is wrong with it, by line. */
export type WorkflowFile =
  | { readonly kind: 'read'; readonly workflow: Workflow }
  | { readonly kind: 'wrong'; readonly problems: readonly Problem[] }

/** An action's manifest as it was read, or all that is wrong with it, by line. */
export type ActionFile =
  | { readonly kind: 'read'; readonly action: ActionManifest }
  | { readonly kind: 'wrong'; readonly problems: readonly Problem[] }

/**
 * Reads a workflow file with GitHub's own parser, schema and checks (needs, ids, conditions, cron), so that what is wrong is said in GitHub's words.
 * @param file its path in its repository, which is also its name when it gives none
 * What this runner cannot do (background steps, snapshots) is a problem too: it must not be passed over in silence.
 */
export const parseWorkflowFile = (text: string, file: string): WorkflowFile => {
  const { context, value } = parseWorkflow({ name: file, content: text }, new NoOperationTraceWriter())
  if (value === undefined || context.errors.count > 0) return wrong(context)
  const on = under(value, 'on')
  const jobs = under(value, 'jobs')
  if (on) handleTemplateTokenErrors(on, context, {}, () => convertOn(context, on))
  checkJobs(jobs, context)
  const workflow = readWorkflow(value, file)
  const more = [...unsupported(value), ...problemsInNeeds(workflow.jobs, placeOf(jobs ?? value, file))]
  return context.errors.count > 0 || more.length > 0 ? wrong(context, more) : { kind: 'read', workflow }
}

/**
 * Reads an action.yml by the schema that the runner itself uses, which passes over keys that it does not know.
 * Source: `action_yaml.json` and `ActionManifestManager` of actions/runner.
 */
export const parseAction = (text: string, file: string): ActionFile => {
  const context = new TemplateContext(new TemplateValidationErrors(), getActionSchema(), new NoOperationTraceWriter())
  const id = context.getFileId(file)
  const reader = new YamlObjectReader(id, text)
  for (const error of reader.errors) context.error(id, error.message, error.range)
  if (reader.errors.length > 0) return wrong(context)
  const value = readTemplate(context, 'action-root', reader, id)
  if (value === undefined || context.errors.count > 0) return wrong(context)
  checkSteps(under(under(value, 'runs'), 'steps'), context)
  if (context.errors.count > 0) return wrong(context)
  const read = readAction(value, file)
  return read.kind === 'wrong' ? read : { kind: 'read', action: read.action }
}

const readWorkflow = (root: TemplateToken, file: string): Workflow => {
  const on = under(root, 'on')
  return {
    file,
    name: textOf(under(root, 'name')) || file,
    on: readTriggers(on),
    call: readCall(on, file),
    dispatch: readDispatch(on, file),
    permissions: readPermissions(under(root, 'permissions')),
    env: templateUnder(root, 'env', file),
    defaults: readDefaults(under(root, 'defaults'), file),
    concurrency: templateUnder(root, 'concurrency', file),
    jobs: withKnownNeeds(entriesOf(under(root, 'jobs')).map(({ key, value }) => readJob(key, value, file))),
  }
}

/** `needs` may write an id in another case; the graph has each id as its job writes it. */
const withKnownNeeds = (jobs: readonly Job[]): readonly Job[] => {
  const ids = new Map(jobs.map(({ id }) => [id.toLowerCase(), id]))
  return jobs.map((job) => ({ ...job, needs: job.needs.map((need) => ids.get(need.toLowerCase()) ?? need) }))
}

const wrong = (context: TemplateContext, more: readonly Problem[] = []) => {
  const found = context.errors.getErrors().map(({ rawMessage, range }) => ({
    line: range?.start.line ?? 1,
    column: range?.start.column ?? 1,
    text: rawMessage,
  }))
  // Where the YAML itself is wrong, all that its reader says after the first is of its own making, and it says the place and shows the line once more.
  const [yaml] = found.flatMap((one) => {
    const text = /^(.*) at line \d+, column \d+:\n/.exec(one.text)?.[1]
    return text === undefined ? [] : [{ ...one, text }]
  })
  const problems = yaml ? [yaml] : found
  const all = [...problems, ...more].toSorted((a, b) => a.line - b.line || a.column - b.column)
  return { kind: 'wrong', problems: all } as const
}
