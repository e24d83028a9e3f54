import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/index'
import { isSequence } from '@actions/workflow-parser/templates/tokens/type-guards'
import type { Step } from '../workflow.ts'
import { conditionOf, placeOf, recordOf, templateOf, textOf, under } from './tokens.ts'

/** Reads `steps` of a job or of a composite action, after the schema has checked them. Steps that are neither `run` nor `uses` are left out: `unsupported` names them. */
export const readSteps = (token: TemplateToken | undefined, file: string): readonly Step[] =>
  token !== undefined && isSequence(token) ? [...token].flatMap((step) => readStep(step, file)) : []

const readStep = (token: TemplateToken, file: string): readonly Step[] => {
  const template = (key: string) => {
    const value = under(token, key)
    return value && templateOf(value, file)
  }
  const base = {
    id: textOf(under(token, 'id')),
    name: template('name'),
    if: conditionOf(under(token, 'if')),
    env: template('env'),
    continueOnError: template('continue-on-error'),
    timeoutMinutes: template('timeout-minutes'),
    at: placeOf(token, file),
  }
  const run = template('run')
  if (run)
    return [{ ...base, kind: 'run', run, shell: template('shell'), workingDirectory: template('working-directory') }]
  const uses = textOf(under(token, 'uses'))
  if (uses === '') return []
  return [{ ...base, kind: 'uses', uses, with: recordOf(under(token, 'with'), (value) => templateOf(value, file)) }]
}
