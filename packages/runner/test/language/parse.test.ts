// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are parts of workflow files
import { expect, test } from 'vitest'
import { parseAction, parseWorkflowFile } from '../../src/language/parse.ts'
import { jobOf, problemsOf, workflowOf } from './reading.ts'

test('a workflow is read with all that it says', () => {
  const workflow = workflowOf(`
on:
  push: { branches: [main, "v*"], paths-ignore: docs/** }
  schedule: [{ cron: "17 3 * * 1" }]
  workflow_run: { workflows: [Deliver], types: [completed] }
  workflow_dispatch:
    inputs: { level: { type: choice, options: [a, b], default: a }, sure: { type: boolean, required: true } }
  workflow_call:
    inputs: { digest: { type: string, required: true }, n: { type: number, default: "\${{ github.run_number }}" } }
    secrets: { kubeconfig: { required: false }, token: { required: true }, plain: }
    outputs: { verdict: { value: "\${{ jobs.a.outputs.v }}" } }
permissions: {}
env: { A: "1" }
defaults: { run: { shell: bash } }
concurrency: { group: g, queue: max }
jobs:
  a:
    runs-on: [self-hosted, linux]
    if: \${{ inputs.sure }}
    permissions: { contents: read }
    environment: { name: staging, url: "\${{ steps.s.outputs.url }}", deployment: false }
    timeout-minutes: 5
    outputs: { v: "\${{ steps.s.outputs.v }}" }
    steps:
      - { id: s, uses: $/actions/deploy, with: { a: 1, b: true }, continue-on-error: true }
      - { run: "true", if: "\${{ always() }}", shell: bash, working-directory: x }
  b:
    needs: a
    uses: $/.github/workflows/c.yml
    with: { x: 1 }
    secrets: inherit`)
  expect(workflow).toMatchObject({
    name: '.github/workflows/w.yml',
    on: [
      { event: 'push', branches: ['main', 'v*'], pathsIgnore: ['docs/**'] },
      { event: 'schedule', cron: ['17 3 * * 1'] },
      { event: 'workflow_run', workflows: ['Deliver'], types: ['completed'] },
      { event: 'workflow_dispatch' },
      { event: 'workflow_call' },
    ],
    dispatch: { inputs: { level: { type: 'choice', options: ['a', 'b'] }, sure: { type: 'boolean', required: true } } },
    call: {
      inputs: { digest: { required: true }, n: { default: { kind: 'expression', source: 'github.run_number' } } },
      secrets: { kubeconfig: { required: false }, token: { required: true }, plain: { required: false } },
      outputs: { verdict: { source: 'jobs.a.outputs.v' } },
    },
    permissions: {},
    defaults: { shell: { value: 'bash' } },
    jobs: [
      {
        kind: 'job',
        id: 'a',
        if: 'inputs.sure',
        permissions: { contents: 'read' },
        timeoutMinutes: { value: 5 },
        outputs: { v: { source: 'steps.s.outputs.v' } },
        steps: [
          { kind: 'uses', id: 's', uses: '$/actions/deploy', with: { a: { value: '1' }, b: { value: 'true' } } },
          { kind: 'run', id: '', if: 'always()', shell: { value: 'bash' }, workingDirectory: { value: 'x' } },
        ],
        at: { line: 17, column: 3 },
      },
      { kind: 'call', needs: ['a'], uses: '$/.github/workflows/c.yml', with: { x: { value: 1 } }, secrets: 'inherit' },
    ],
  })
})

test('needs find their job in any case', () => {
  const workflow = workflowOf(
    'on: push\njobs:\n  Build: { runs-on: x, steps: [{ run: x }] }\n  b: { needs: BUILD, runs-on: x, steps: [{ run: x }] }',
  )
  expect(workflow.jobs[1]?.needs).toEqual(['Build'])
})

test('a strategy that is one expression is read part by part', () => {
  expect(jobOf('strategy: ${{ fromJSON(needs.a.outputs.s) }}').strategy).toMatchObject({
    matrix: { source: '(fromJSON(needs.a.outputs.s)).matrix' },
    failFast: { source: '(fromJSON(needs.a.outputs.s)).fail-fast' },
  })
})

test('of a file that is no YAML the first thing that is wrong is said, and nothing that its reader makes of the rest', () => {
  const problems = problemsOf(
    'on: push\njobs:\n  a: { runs-on: x, steps: [{ shell: python {0}, run: x }] }\n  b: { a: b',
  )
  expect(problems).toEqual(['3: Unexpected flow-map-start at node end'])
})

const steps = 'runs-on: x, steps: [{ run: x }]'

test.each([
  ['a job that is not there', `a: { ${steps} }\n  b: { needs: c, ${steps} }`, "4: Job 'b' depends on unknown job 'c'."],
  [
    'a cycle',
    `o: { ${steps} }\n  a: { needs: b, ${steps} }\n  b: { needs: a, ${steps} }`,
    "4: Job 'a' depends on job 'b' which creates a cycle in the dependency graph.",
  ],
  [
    'a job that needs itself',
    `o: { ${steps} }\n  a: { needs: a, ${steps} }`,
    "4: Job 'a' depends on job 'a' which creates a cycle in the dependency graph.",
  ],
  [
    'no job to begin with',
    `a: { needs: b, ${steps} }\n  b: { needs: a, ${steps} }`,
    '3: The workflow must contain at least one job with no dependencies.',
  ],
  ['a call with steps', `a: { uses: ./.github/workflows/c.yml, ${steps} }`, "3: Unexpected value 'runs-on'"],
  ['a call with env', 'a: { uses: ./.github/workflows/c.yml, env: { A: b } }', "3: Unexpected value 'env'"],
  ['a context that is not to be had there', `a: { if: secrets.x, ${steps} }`, "3: Unrecognized named-value: 'secrets'"],
  [
    'a queue that cancels',
    `a: { concurrency: { group: g, queue: max, cancel-in-progress: true }, ${steps} }`,
    "3: 'queue: max' cannot be combined with 'cancel-in-progress: true'",
  ],
  [
    'an id twice',
    'a: { runs-on: x, steps: [{ id: s, run: x }, { id: s, run: x }] }',
    "3: The identifier 's' may not be used more than once within the same scope.",
  ],
  ['an id that is none', `1a: { ${steps} }`, "3: The identifier '1a' is invalid."],
  [
    'an action that is none',
    'a: { runs-on: x, steps: [{ uses: checkout@v6 }] }',
    "3: Expected format {org}/{repo}[/path]@ref. Actual 'checkout@v6'",
  ],
  ['what this runner does not do', `a: { snapshot: image, ${steps} }`, "3: 'snapshot' is not done by this runner"],
])('%s is a problem with its line, in GitHub’s words', (_, jobs, problem) => {
  const [first = ''] = problemsOf(`on: push\njobs:\n  ${jobs}`)
  expect(first.startsWith(problem) ? problem : first).toBe(problem)
})

test('one expression may stand for all of env, services and environment', () => {
  const lines =
    "env: ${{ fromJSON('{}') }}\nservices: ${{ fromJSON('{}') }}\nenvironment: ${{ inputs.name }}\ntimeout-minutes: ${{ inputs.n }}"
  expect(jobOf(lines)).toMatchObject({
    env: { source: "fromJSON('{}')" },
    services: { source: "fromJSON('{}')" },
    environment: { source: 'inputs.name' },
    timeoutMinutes: { source: 'inputs.n' },
  })
})

test('all problems of a file come at once, by line', () => {
  const problems = problemsOf(
    `on: push\njobs:\n  a: { runs-on: x, steps: [{ run: x, unknown: 1 }], nope: 1 }\n  b: { steps: [] }`,
  )
  expect(problems.map((problem) => Number.parseInt(problem, 10))).toEqual([3, 3, 4])
})

test('a file that is no YAML is a problem', () => {
  expect(parseWorkflowFile('on: [push', 'w.yml').kind).toBe('wrong')
})

test('a manifest is read as the runner reads it, keys that it does not know are passed over', () => {
  const text = `
name: x
description: y
inputs:
  a: { default: "\${{ github.token }}", required: true, deprecationMessage: old, type: string }
outputs: { o: { description: z } }
unknown: 1
runs: { using: node24, main: dist/index.js, post: dist/post.js, post-if: "success()" }`
  expect(parseAction(text, 'action.yml')).toMatchObject({
    kind: 'read',
    action: {
      inputs: { a: { default: { source: 'github.token' }, required: true, deprecation: 'old' } },
      outputs: { o: undefined },
      runs: {
        kind: 'node',
        using: 'node24',
        main: 'dist/index.js',
        preIf: 'always()',
        post: 'dist/post.js',
        postIf: 'success()',
      },
    },
  })
})

test.each([
  ['runs: { using: node24, pre: a.js }', 'not an entry JavaScript file'],
  ['runs: { using: composite, steps: [{ uses: checkout }] }', 'Expected format {org}/{repo}[/path]@ref'],
  ['runs: { using: python, main: x }', "'using: python' is not supported"],
])('the manifest with %s is wrong', (runs, text) => {
  const read = parseAction(`name: x\n${runs}`, 'action.yml')
  expect(read.kind === 'wrong' && read.problems[0]?.text).toContain(text)
})

test('a composite action gives its steps and templates over them', () => {
  const read = parseAction(
    `name: x
outputs: { o: { value: "\${{ steps.a.outputs.b }}" } }
runs: { using: composite, steps: [{ id: a, run: "true", shell: bash }, { uses: $/actions/b }] }`,
    'action.yml',
  )
  expect(read).toMatchObject({
    action: {
      outputs: { o: { source: 'steps.a.outputs.b' } },
      runs: {
        kind: 'composite',
        steps: [
          { kind: 'run', id: 'a' },
          { kind: 'uses', uses: '$/actions/b' },
        ],
      },
    },
  })
})
