import { describe, expect, test } from 'vitest'
import { actionName, askedBy, calledName, foundIn, missing, parseWorkflow, union } from '../../scripts/workflow.ts'
import { withWorkflowTables, workflowPages } from '../../scripts/workflow-tables.ts'
import { folderWith } from './folder.ts'

describe('permissions', () => {
  test('of several jobs are each scope at the most that one of them asks for', () => {
    const asked = union([{ contents: 'read', packages: 'none' }, { deployments: 'write' }, { contents: 'write' }])
    expect(asked).toEqual({ contents: 'write', deployments: 'write' })
  })
  test('that are granted may be more than is asked for, never less', () => {
    expect(missing({ contents: 'read', 'id-token': 'write' }, { contents: 'write', 'id-token': 'write' })).toEqual([])
    expect(missing({ contents: 'write', 'id-token': 'write' }, { contents: 'read' })).toEqual([
      'contents: write',
      'id-token: write',
    ])
  })
  const workflows = (texts: Readonly<Record<string, string>>) =>
    new Map(Object.entries(texts).map(([name, jobs]) => [name, parseWorkflow(`on: workflow_call\njobs:\n${jobs}`)]))
  const asked = (texts: Readonly<Record<string, string>>, name: string) => {
    const found = foundIn(workflows(texts), name)
    return found && askedBy(found)
  }
  test('of a workflow are those of its jobs, and of all that it calls', () => {
    const texts = {
      outer: '  a: { permissions: { actions: read } }\n  b: { permissions: {}, uses: $/.github/workflows/inner.yml }',
      inner: '  c: { permissions: { contents: read } }\n  d: { uses: $/.github/workflows/last.yml }',
      last: '  e: { permissions: { id-token: write } }',
    }
    expect(asked(texts, 'outer')).toEqual({ actions: 'read', contents: 'read', 'id-token': 'write' })
    expect(asked(texts, 'last')).toEqual({ 'id-token': 'write' })
  })
  test('of workflows that call each other in a circle are a mistake', () => {
    const texts = {
      one: '  a: { uses: $/.github/workflows/two.yml }',
      two: '  b: { uses: $/.github/workflows/one.yml }',
    }
    expect(() => asked(texts, 'one')).toThrow('circle')
  })
})

test.each([
  ['$/.github/workflows/stage.yml', 'stage', undefined],
  ['OWNER/sluice/.github/workflows/stage.yml@v1', 'stage', undefined],
  ['$/actions/deploy', undefined, 'deploy'],
  ['OWNER/sluice/actions/deploy@v1', undefined, 'deploy'],
  [`actions/checkout@${'a'.repeat(40)}`, undefined, undefined],
  ['acme/other/.github/workflows/stage.yml@v1', undefined, undefined],
])('%s names the workflow %s and the action %s of ours', (uses, workflow, action) => {
  expect([calledName(uses), actionName(uses)]).toEqual([workflow, action])
})

describe('the page of a workflow', () => {
  const call = {
    inputs: {
      digest: { description: 'What\nto | deliver.', type: 'string', required: true },
      minutes: { default: 60 },
    },
    outputs: { verdict: { description: '`pass` or not.' } },
  }
  const empty = ['permissions', 'inputs', 'secrets', 'outputs'].map((name) => `<!-- ${name} -->\n`).join('between\n')

  test('has what a caller must grant, and tables from the file, after their markers', () => {
    const made = withWorkflowTables(empty, call, { contents: 'read' })
    const text = 'text' in made ? made.text : ''
    expect(text).toContain('```yaml\npermissions:\n  contents: read\n```')
    expect(text).toContain('| `digest` | string | *required* | What to \\| deliver. |')
    expect(text).toContain('| `minutes` | string | `60` |  |')
    expect(text).toContain('<!-- secrets -->\nNone.\n<!-- /secrets -->')
    expect(text.match(/between/g)).toHaveLength(3)
    expect(withWorkflowTables(text, call, { contents: 'read' })).toEqual({ text })
    expect(withWorkflowTables(text, call, {})).toEqual({
      text: text.replace('permissions:\n  contents: read', 'permissions: {}'),
    })
  })
  test('must be there, with its markers', () => {
    const root = folderWith({
      'reusable-workflows/a.yml': 'on: workflow_call\njobs: {}',
      'reusable-workflows/b.yml': 'on: workflow_call\njobs: {}',
      'reusable-workflows/b.md': '<!-- permissions -->\n',
    })
    expect(workflowPages(root)).toEqual({
      pages: [],
      problems: ['reusable-workflows/a.md is missing', 'reusable-workflows/b.md has no marker <!-- inputs -->'],
    })
  })
})
