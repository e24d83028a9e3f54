import type { JobTrace, RunTrace, StepTrace } from '@sluice/runner/trace'
import { expect, test } from 'vitest'
import { render } from '../../src/platform/render.ts'

const job = (path: string, more: Partial<JobTrace> = {}): JobTrace => ({
  path,
  ids: path.split(' / '),
  name: path,
  kind: 'job',
  conclusion: 'success',
  why: '',
  outputs: {},
  droppedOutputs: [],
  environment: '',
  waitMinutes: 0,
  permissions: {},
  steps: [],
  annotations: [],
  startedAt: 0,
  endedAt: 0,
  ...more,
})
const step = (name: string, more: Partial<StepTrace> = {}): StepTrace => ({
  id: name,
  name,
  phase: 'main',
  uses: 'run',
  outcome: 'success',
  conclusion: 'success',
  outputs: {},
  summary: '',
  annotations: [],
  log: [],
  startedAt: 0,
  endedAt: 0,
  ...more,
})
const run = (jobs: readonly JobTrace[], more: Partial<RunTrace> = {}): RunTrace => ({
  id: 7,
  attempt: 1,
  workflow: 'Deliver',
  file: '.github/workflows/deliver.yml',
  event: 'push',
  conclusion: 'failure',
  refused: '',
  why: '',
  jobs,
  startedAt: 0,
  endedAt: 75_000,
  ...more,
})

test('a run shows its jobs below their callers, why they ended so, and annotations', () => {
  const trace = run([
    job('plan', { endedAt: 2000, droppedOutputs: ['plan'] }),
    job('canary', {
      kind: 'call',
      conclusion: 'failure',
      why: 'Of the workflow that it calls, canary ended as failure.',
    }),
    job('canary / approve', { conclusion: 'skipped', why: 'Skipped: its condition is false: false' }),
    job('canary / canary', {
      name: 'canary / Canary of shop',
      conclusion: 'failure',
      environment: 'production',
      waitMinutes: 30,
      steps: [step('Check out'), step('Canary', { outcome: 'failure', summary: '## Rolled back\n\nerrors' })],
      annotations: [{ level: 'error', title: 'Rolled back', text: 'errors\n2 of 9', file: 'a.ts', line: 3 }],
    }),
  ])
  expect(render(trace)).toBe(`✗ Deliver #7 (push) failure 1m 15s
  ✓ plan 2s
    Dropped, because they hold masked text: plan.
  ✗ canary failure
    Of the workflow that it calls, canary ended as failure.
    - approve skipped
      Skipped: its condition is false: false
    ✗ Canary of shop [production] failure
      On GitHub it would have waited 30 min for production.
      Step Canary ended as failure.

Annotations
  canary / canary: error a.ts:3: Rolled back: errors
    2 of 9
`)
  expect(render(trace, { summaries: true })).toContain(`
Summaries
  canary / canary, Canary:
    ## Rolled back

    errors
`)
})

test('a run that never began says why', () => {
  expect(
    render(run([], { refused: 'a.yml (Line: 3): wrong\na.yml (Line: 4): too' })),
  ).toBe(`✗ Deliver #7 (push) failure 1m 15s
  a.yml (Line: 3): wrong
  a.yml (Line: 4): too
`)
})
