import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Manifest } from '../../scripts/manifest.ts'
import { parseWorkflow } from '../../scripts/workflow.ts'
import { houseOf, ROOT, readWorkflow, WORKFLOWS } from './house.ts'
import { type House, wiringProblems } from './wiring.ts'

test.each(WORKFLOWS)('everything that %s names is there, and every call is granted what it asks for', (path) => {
  expect(wiringProblems(readWorkflow(path), houseOf(path))).toEqual([])
})

describe('a workflow is found wrong that', () => {
  const gate: Manifest = {
    name: 'gate',
    description: '',
    inputs: { path: { required: true }, limit: {} },
    outputs: { verdict: {} },
    runs: { using: 'node24' },
  }
  const called = parseWorkflow(`
on:
  workflow_call:
    inputs: { digest: { required: true }, plan: {} }
    secrets: { kubeconfig: { required: false } }
    outputs: { verdict: { value: "\${{ jobs.a.outputs.verdict }}" } }
permissions: {}
jobs:
  a: { permissions: { contents: read }, outputs: { verdict: pass } }
  b: { permissions: { deployments: write } }`)
  const house: House = {
    action: (name) => (name === 'gate' ? gate : undefined),
    workflow: (uses) => (uses.endsWith('/called.yml') ? { workflow: called, called: () => undefined } : undefined),
  }
  const problems = (jobs: string, on = 'workflow_dispatch'): string =>
    wiringProblems(parseWorkflow(`on: ${on}\npermissions: {}\njobs:\n${jobs}`), house).join('\n')
  const call = (more: string, permissions = '{ contents: read, deployments: write }'): string =>
    `  x: { uses: $/.github/workflows/called.yml, permissions: ${permissions}, ${more} }`
  const step = (more: string): string => `  x: { steps: [{ id: s, uses: $/actions/gate, ${more} }] }`

  test.each([
    ['calls what is not there', '  x: { uses: $/.github/workflows/gone.yml }', 'gone.yml is not there'],
    ['leaves out a required input of a workflow', call('with: { plan: a }'), 'called.yml requires digest'],
    ['gives a workflow an input it has not', call('with: { digest: a, plans: b }'), 'called.yml has no input plans'],
    ['gives a workflow a secret it has not', call('with: { digest: a }, secrets: { token: b }'), 'has no input token'],
    [
      'grants too little',
      call('with: { digest: a }', '{ contents: read, deployments: read }'),
      'called.yml asks for deployments: write, which it is not granted',
    ],
    [
      'names an action that is not there',
      '  x: { steps: [{ uses: $/actions/gates }] }',
      '$/actions/gates is not there',
    ],
    ['leaves out a required input of an action', step('with: { limit: 1 }'), '$/actions/gate requires path'],
    ['gives an action an input it has not', step('with: { path: a, limits: 1 }'), '$/actions/gate has no input limits'],
    ['needs a job that is not there', '  x: { needs: y }', 'needs y, which is not there'],
    [
      'reads a job it does not need',
      '  y: { outputs: { v: a } }\n  x: { if: needs.y.outputs.v }',
      'reads needs.y, which',
    ],
    [
      "reads a job's result without needing it",
      '  y: {}\n  x: { if: "needs.y.result == \'success\'" }',
      'reads needs.y',
    ],
    [
      'reads an output that the job has not',
      '  y: { outputs: { v: a } }\n  x: { needs: [y], if: needs.y.outputs.w }',
      'reads needs.y.outputs.w, which is not there',
    ],
    [
      'reads an output that the called workflow has not',
      `${call('with: { digest: a }')}\n  z: { needs: x, if: needs.x.outputs.reason }`,
      'reads needs.x.outputs.reason',
    ],
    ['reads a step that is not there', '  x: { outputs: { v: steps.t.outputs.v }, steps: [] }', 'reads steps.t'],
    [
      'reads an output that the action has not',
      `  x: { outputs: { v: "\${{ steps.s.outputs.size }}" }, steps: [{ id: s, uses: $/actions/gate, with: { path: a } }] }`,
      'reads steps.s.outputs.size, which is not there',
    ],
    [
      'reads an output that the script does not write',
      '  x: { outputs: { v: steps.s.outputs.v }, steps: [{ id: s, run: "echo w=1 >> $GITHUB_OUTPUT" }] }',
      'reads steps.s.outputs.v, which is not there',
    ],
    [
      'reads another output than a script of ours is told to write',
      '  x: { outputs: { v: steps.s.outputs.v }, steps: [{ id: s, run: "node scripts/a.ts --output w" }] }',
      'reads steps.s.outputs.v, which is not there',
    ],
    ['reads an input that is not declared', '  x: { if: inputs.plan }', 'reads inputs.plan, which is not declared'],
  ])('%s', (_, jobs, words) => {
    expect(problems(jobs)).toContain(words)
  })
  test('gives out what no job has, or reads a secret it does not declare', () => {
    const on = '{ workflow_call: { outputs: { v: { value: jobs.x.outputs.w } } } }'
    expect(problems('  x: { outputs: { v: a } }', on)).toContain('on: reads jobs.x.outputs.w')
    expect(problems('  x: { env: { S: secrets.token } }', on)).toContain('reads secrets.token')
  })
  test('and none that is right', () => {
    expect(
      problems(`${call('with: { digest: a }, secrets: inherit')}\n  z: { needs: x, if: needs.x.outputs.verdict }`),
    ).toBe('')
    expect(problems(step('with: { path: a }'))).toBe('')
    for (const name of ['v', '\\"$NAME\\"'])
      expect(
        problems(
          `  x: { outputs: { v: steps.s.outputs.v }, steps: [{ id: s, run: "node scripts/a.ts --output ${name}" }] }`,
        ),
      ).toBe('')
  })
})

const PAGES = ['ci', 'package', 'scan', 'stage', 'canary', 'rollback', 'reap', 'deliver'].map(
  (name) => `reusable-workflows/${name}.md`,
)

test.each(PAGES)('%s shows a caller that is right', (path) => {
  const page = existsSync(join(ROOT, path)) ? readFileSync(join(ROOT, path), 'utf8') : ''
  const blocks = [...page.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text = '']) => text)
  const callers = blocks.filter((text) => /^jobs:/m.test(text)).map((text) => parseWorkflow(text))
  const name = path.replace('reusable-workflows/', '.github/workflows/').replace('.md', '.yml')
  expect(callers.some(({ jobs }) => Object.values(jobs).some(({ uses = '' }) => uses.includes(name)))).toBe(true)
  // What a page calls of the reader's own repository is what the example has.
  const house = houseOf('examples/support-router/.github/workflows/caller.yml')
  for (const caller of callers) expect(wiringProblems(caller, house)).toEqual([])
})
