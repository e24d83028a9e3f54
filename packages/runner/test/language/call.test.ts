// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are parts of workflow files
import { expect, test } from 'vitest'
import { callInputs, callTarget, passedSecrets, problemsInCall } from '../../src/language/call.ts'
import { callOf, scopeOf, workflowOf } from './reading.ts'

const called = workflowOf(`
on:
  workflow_call:
    inputs:
      digest: { type: string, required: true }
      dry: { type: boolean }
      n: { type: number, default: "\${{ fromJSON('4') }}" }
      text: { type: string, default: "ref \${{ github.ref }}" }
    secrets: { token: { required: true }, kubeconfig: {} }
permissions: {}
jobs:
  deploy: { permissions: { deployments: write }, runs-on: x, steps: [{ run: x }] }
  plain: { runs-on: x, steps: [{ run: x }] }`)

const problems = (lines: string, grant = { deployments: 'write' } as const) =>
  problemsInCall(callOf(lines), called, grant).map(({ line, text }) => `${line}: ${text}`)

const right = 'with: { digest: x }\nsecrets: { token: "${{ secrets.T }}" }'

test('a call that gives what is asked has no problems', () => {
  expect(problems(right)).toEqual([])
  expect(problems('with: { DIGEST: x }\nsecrets: inherit')).toEqual([])
})

const inherit = 'secrets: inherit'

test.each([
  ['a missing input', inherit, '3: Input digest is required, but not provided while calling.'],
  [
    'an unknown input',
    `with: { digest: x, nope: 1 }\n${inherit}`,
    '5: Invalid input, nope is not defined in the referenced workflow.',
  ],
  ['a text for a boolean', `with: { digest: x, dry: "true" }\n${inherit}`, "5: Unexpected value 'true'"],
  ['a missing secret', 'with: { digest: x }', '3: Secret token is required, but not provided while calling.'],
  [
    'an unknown secret',
    'with: { digest: x }\nsecrets: { token: a, other: b }',
    '6: Invalid secret, other is not defined in the referenced workflow.',
  ],
])('%s of a call refuses the run, in GitHub’s words', (_, lines, text) => {
  expect(problems(lines)).toEqual([text])
})

test('a called job that asks for more than its caller has refuses the run', () => {
  expect(problemsInCall(callOf(right), called, { contents: 'read' }, 'o/r/.github/workflows/c.yml@abc')).toEqual([
    {
      line: 3,
      column: 3,
      text: "Error calling workflow 'o/r/.github/workflows/c.yml@abc'. The nested job 'deploy' is requesting 'deployments: write', but is only allowed 'deployments: none'.",
    },
  ])
})

test('a called file that asks for more is named as the workflow', () => {
  const greedy = workflowOf(
    'on: workflow_call\npermissions: { contents: write }\njobs: { a: { runs-on: x, steps: [{ run: x }] } }',
  )
  expect(problemsInCall(callOf('if: true'), greedy, { contents: 'read' })[0]?.text).toContain(
    "The workflow is requesting 'contents: write', but is only allowed 'contents: read'.",
  )
})

test('a file without workflow_call cannot be called', () => {
  const plain = workflowOf('on: push\njobs: { a: { runs-on: x, steps: [{ run: x }] } }')
  expect(problemsInCall(callOf('if: true'), plain, {})[0]?.text).toBe(
    'workflow_call key is not defined in the referenced workflow.',
  )
})

test.each([
  ['./.github/workflows/a.yml', { kind: 'own', path: '.github/workflows/a.yml' }],
  ['$/.github/workflows/a.yaml', { kind: 'own', path: '.github/workflows/a.yaml' }],
  ['o/r/.github/workflows/a.yml@v1', { kind: 'other', repository: 'o/r', path: '.github/workflows/a.yml', ref: 'v1' }],
  ['./.github/workflows/deep/a.yml', undefined],
  ['./reusable-workflows/a.yml', undefined],
  ['o/r/.github/workflows/a.yml', undefined],
])('uses: %s names %j', (uses, target) => {
  expect(callTarget(uses)).toEqual(target)
})

const inputs = called.call?.inputs ?? {}

test('inputs are what is given, else the default, else empty by type', () => {
  const given = callOf('with: { digest: 5 }').with
  expect(callInputs(inputs, given, scopeOf({ github: { ref: 'main' } }))).toEqual({
    kind: 'inputs',
    inputs: { digest: '5', dry: false, n: 4, text: 'ref main' },
  })
})

test('an expression that gives text for a boolean is wrong, not true', () => {
  const given = callOf('with: { digest: x, dry: "${{ needs.a.outputs.dry }}" }').with
  const read = callInputs(inputs, given, scopeOf({ needs: { a: { outputs: { dry: 'true' } } } }))
  expect(read.kind === 'wrong' && read.text).toMatch(
    /^\.github\/workflows\/w\.yml \(Line: 5, Col: \d+\): Unexpected value 'true'$/,
  )
})

test('secrets are inherited whole or passed by name, empty ones not at all', () => {
  const available = { T: 'secret', U: 'other' }
  const scope = scopeOf({ secrets: available })
  expect(passedSecrets('inherit', available, scope)).toEqual(available)
  const { secrets } = callOf('secrets: { token: "${{ secrets.t }}", kubeconfig: "${{ secrets.NONE }}" }')
  expect(passedSecrets(secrets, available, scope)).toEqual({ token: 'secret' })
})
