import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/index'
import { isSequence } from '@actions/workflow-parser/templates/tokens/type-guards'
import type { CallInterface, InputDeclaration, Trigger, Workflow } from '../workflow.ts'
import { templateUnder } from './read-job.ts'
import { entriesOf, placeOf, recordOf, templateOf, textOf, textsOf, under } from './tokens.ts'

/** Reads `on`: one event, a list of events, or events with their filters. */
export const readTriggers = (on: TemplateToken | undefined): readonly Trigger[] => {
  const named = entriesOf(on)
  if (named.length === 0) return (textsOf(on) ?? []).map((event) => ({ event }))
  return named.map(({ key, value }) => ({ event: textOf(key), ...filtersOf(value) }))
}

/** Reads `on.workflow_call`; undefined when the workflow cannot be called. */
export const readCall = (on: TemplateToken | undefined, file: string): CallInterface | undefined => {
  if (!readTriggers(on).some(({ event }) => event === 'workflow_call')) return undefined
  const call = under(on, 'workflow_call')
  return {
    inputs: inputsOf(call, file),
    secrets: recordOf(under(call, 'secrets'), (value) => ({
      required: textOf(under(value, 'required')) === 'true',
    })),
    outputs: recordOf(under(call, 'outputs'), (value) => templateOf(under(value, 'value') ?? value, file)),
  }
}

/** Reads `on.workflow_dispatch`; undefined when nobody can start it by hand. */
export const readDispatch = (on: TemplateToken | undefined, file: string): Workflow['dispatch'] =>
  readTriggers(on).some(({ event }) => event === 'workflow_dispatch')
    ? { inputs: inputsOf(under(on, 'workflow_dispatch'), file) }
    : undefined

const inputsOf = (event: TemplateToken | undefined, file: string) =>
  recordOf(
    under(event, 'inputs'),
    (value): InputDeclaration => ({
      type: (textOf(under(value, 'type')) || 'string') as InputDeclaration['type'],
      required: textOf(under(value, 'required')) === 'true',
      default: templateUnder(value, 'default', file),
      options: textsOf(under(value, 'options')) ?? [],
      at: placeOf(value, file),
    }),
  )

const filters = {
  types: 'types',
  branches: 'branches',
  'branches-ignore': 'branchesIgnore',
  tags: 'tags',
  'tags-ignore': 'tagsIgnore',
  paths: 'paths',
  'paths-ignore': 'pathsIgnore',
  workflows: 'workflows',
} as const

const filtersOf = (value: TemplateToken): Omit<Trigger, 'event'> => {
  if (isSequence(value)) return { cron: [...value].map((entry) => textOf(under(entry, 'cron'))) }
  const found = Object.entries(filters).map(([key, name]) => [name, textsOf(under(value, key))] as const)
  return Object.fromEntries(found.filter(([, texts]) => texts !== undefined))
}
