import { IdBuilder } from '@actions/workflow-parser/model/converter/id-builder'
import { convertToIfCondition } from '@actions/workflow-parser/model/converter/if-condition'
import type { TemplateContext } from '@actions/workflow-parser/templates/template-context'
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/index'
import { isSequence } from '@actions/workflow-parser/templates/tokens/type-guards'
import { entriesOf, textOf, under } from './tokens.ts'

/**
 * What GitHub checks of jobs beyond its schema: ids, conditions, what `uses` names; in its words, put into the parser's context.
 * The package's own conversion of jobs is not used: it refuses an expression as `env` and `services`, which GitHub takes.
 * Source: `ConvertToJob` and `ConvertToStep` of actions/runner (src/Sdk/WorkflowParser/Conversion).
 */
export const checkJobs = (jobs: TemplateToken | undefined, context: TemplateContext): void => {
  for (const { key, value: job } of entriesOf(jobs)) {
    const wrong = new IdBuilder().tryAddKnownId(textOf(key))
    if (wrong) context.error(key, wrong)
    checkCondition(job, context)
    checkSteps(under(job, 'steps'), context)
  }
}

/** The same of the steps of a job or of a composite action. */
export const checkSteps = (steps: TemplateToken | undefined, context: TemplateContext): void => {
  const ids = new IdBuilder()
  for (const step of steps && isSequence(steps) ? steps : []) {
    const id = under(step, 'id')
    const wrong = id && ids.tryAddKnownId(textOf(id))
    if (wrong) context.error(id, wrong)
    checkCondition(step, context)
    const uses = under(step, 'uses')
    if (uses && !namesAction(textOf(uses)))
      context.error(uses, `Expected format {org}/{repo}[/path]@ref. Actual '${textOf(uses)}'`)
  }
}

const checkCondition = (owner: TemplateToken, context: TemplateContext): void => {
  const condition = under(owner, 'if')
  if (condition) convertToIfCondition(context, condition)
}

const namesAction = (uses: string): boolean =>
  /^(docker:\/\/|\.[/\\]|\$\/)/.test(uses) || /^[^/\\@]+[/\\][^/\\@]+([/\\][^@]*)?@[^@]+$/.test(uses)
