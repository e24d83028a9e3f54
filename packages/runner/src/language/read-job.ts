import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/index'
import { isBasicExpression, isString } from '@actions/workflow-parser/templates/tokens/type-guards'
import type { Template } from '../template.ts'
import type { Access, Job, Permissions, RunDefaults } from '../workflow.ts'
import { readSteps } from './read-steps.ts'
import { conditionOf, placeOf, recordOf, templateOf, textOf, textsOf, under } from './tokens.ts'

/** Reads one job, after the schema has checked it. It stands where its id does, which is where GitHub's messages point to. */
export const readJob = (key: TemplateToken, token: TemplateToken, file: string): Job => {
  const id = textOf(key)
  const template = (key: string) => templateUnder(token, key, file)
  const base = {
    id,
    name: template('name'),
    needs: textsOf(under(token, 'needs')) ?? [],
    if: conditionOf(under(token, 'if')),
    permissions: readPermissions(under(token, 'permissions')),
    concurrency: template('concurrency'),
    strategy: {
      matrix: partOf(under(token, 'strategy'), 'matrix', file),
      failFast: partOf(under(token, 'strategy'), 'fail-fast', file),
      maxParallel: partOf(under(token, 'strategy'), 'max-parallel', file),
    },
    at: placeOf(key, file),
  }
  const uses = textOf(under(token, 'uses'))
  if (uses !== '') {
    const secrets = under(token, 'secrets')
    return {
      ...base,
      kind: 'call',
      uses,
      with: templates(under(token, 'with'), file),
      secrets: secrets && isString(secrets) ? 'inherit' : templates(secrets, file),
    }
  }
  return {
    ...base,
    kind: 'job',
    runsOn: template('runs-on') ?? { kind: 'literal', value: null, at: base.at },
    environment: template('environment'),
    env: template('env'),
    defaults: readDefaults(under(token, 'defaults'), file),
    outputs: templates(under(token, 'outputs'), file),
    timeoutMinutes: template('timeout-minutes'),
    continueOnError: template('continue-on-error'),
    container: template('container'),
    services: template('services'),
    steps: readSteps(under(token, 'steps'), file),
  }
}

/** Reads `defaults`. */
export const readDefaults = (token: TemplateToken | undefined, file: string): RunDefaults => ({
  shell: partOf(under(token, 'run'), 'shell', file),
  workingDirectory: partOf(under(token, 'run'), 'working-directory', file),
})

/** Reads `permissions`; undefined where the file says nothing. */
export const readPermissions = (token: TemplateToken | undefined): Permissions | undefined => {
  if (token === undefined) return undefined
  const word = textOf(token)
  if (word === 'read-all' || word === 'write-all') return word
  return recordOf(token, (value) => textOf(value) as Access)
}

/** The template under a key; undefined where there is none. */
export const templateUnder = (token: TemplateToken | undefined, key: string, file: string) => {
  const value = under(token, key)
  return value && templateOf(value, file)
}

/** A mapping of templates by name. */
export const templates = (token: TemplateToken | undefined, file: string): Readonly<Record<string, Template>> =>
  recordOf(token, (value) => templateOf(value, file))

/** The whole may be one expression, as in `strategy: ${{ fromJSON(…) }}`: its part is then read from what it gives. */
const partOf = (whole: TemplateToken | undefined, key: string, file: string): Template | undefined =>
  whole && isBasicExpression(whole)
    ? { kind: 'expression', source: `(${whole.expression}).${key}`, at: placeOf(whole, file) }
    : templateUnder(whole, key, file)
