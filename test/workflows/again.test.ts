import { evaluateCondition, evaluateText } from '@sluice/runner/language/evaluate'
import { expect, test } from 'vitest'
import type { Job } from '../../scripts/workflow.ts'
import { readWorkflow } from './house.ts'
import { DIGEST, planned, WELL } from './world.ts'

// A job that runs again and puts nothing out hands on what its earlier attempt put out, whatever became of it now.
// Source: https://github.com/actions/runner/issues/2598

const { jobs } = readWorkflow('.github/workflows/canary.yml')
const jobOf = (id: string): Job => {
  const job = jobs[id]
  if (job === undefined) throw new Error(`no job ${id}`)
  return job
}
type Needed = { readonly result: string; readonly outputs: Readonly<Record<string, string>> }
const NONE: Needed = { result: 'skipped', outputs: {} }
const { plan = '' } = planned({ ...WELL, production: 'environment' })
const status = { success: false, failure: true, cancelled: false }
const at = { file: 'canary.yml', line: 1, column: 1 }

const contextsOf = (needs: Readonly<Record<string, Needed>>) => ({
  inputs: { plan, digest: DIGEST },
  github: { run_attempt: '2', run_id: '1' },
  needs: { plan: NONE, approve: NONE, canary: NONE, recover: NONE, ...needs },
})

/** What the job `record` puts out in the second attempt. */
const recorded = (canary: Needed, recover: Needed) => {
  const contexts = contextsOf({ approve: { result: 'success', outputs: { verdict: 'pass' } }, canary, recover })
  const textOf = (value: string, more: object): string => {
    const source = /^\$\{\{([\s\S]*)\}\}$/.exec(value.trim())?.[1] ?? ''
    return evaluateText({ kind: 'expression', source, at }, { contexts: { ...contexts, ...more }, status })
  }
  const job = jobOf('record')
  const env = Object.fromEntries(
    Object.entries(job.env ?? {}).map(([name, value]) => [name, textOf(String(value), {})]),
  )
  return Object.fromEntries(
    Object.entries(job.outputs ?? {}).map(([name, value]) => [name, textOf(String(value), { env })]),
  )
}

const OURS = `registry.test/shop@${DIGEST}`
const said = (attempt: string, verdict: string, code: string, image = OURS) => ({
  attempt,
  verdict,
  'reason-code': code,
  reason: `${code} in attempt ${attempt}`,
  image,
  'deployment-id': '7',
})

test('an approval that was given once and refused now lets nothing begin', () => {
  const condition = jobOf('canary').if ?? ''
  const begins = (result: string): boolean =>
    evaluateCondition(condition, {
      contexts: contextsOf({ approve: { result, outputs: { verdict: 'pass' } } }),
      status,
    })
  expect([begins('success'), begins('failure'), begins('cancelled'), begins('skipped')]).toEqual([
    true,
    false,
    false,
    false,
  ])
})

test.each<[string, canary: Needed, recover: Needed, verdict: string, code: string, image: string]>([
  [
    'a canary that is promoted now was taken back by recovery before',
    { result: 'success', outputs: said('2', 'promoted', 'passed') },
    { result: 'skipped', outputs: said('1', 'rolled-back', 'passed', 'old') },
    'promoted',
    'passed',
    OURS,
  ],
  [
    'a canary whose machine died now was promoted before',
    { result: 'failure', outputs: said('1', 'promoted', 'passed') },
    { result: 'success', outputs: said('2', 'none', '', 'old') },
    'error',
    'canary-lost',
    'old',
  ],
  [
    'a canary that was cancelled before it could say anything failed before',
    { result: 'cancelled', outputs: said('2', 'none', 'none', 'none') },
    { result: 'failure', outputs: said('1', 'promoted', 'passed') },
    'error',
    'cancelled',
    'none',
  ],
  [
    'only the record runs again after a canary that was promoted',
    { result: 'success', outputs: said('1', 'promoted', 'passed') },
    NONE,
    'promoted',
    'passed',
    OURS,
  ],
  [
    'the outputs of a canary that ended well were dropped',
    { result: 'success', outputs: {} },
    NONE,
    'error',
    'output-dropped',
    'none',
  ],
])('%s: what counts is what was said now', (_, canary, recover, verdict, code, image) => {
  expect(recorded(canary, recover)).toMatchObject({ verdict, 'reason-code': code, image })
})

const DROPPED: Needed = { result: 'success', outputs: {} }
const PASSED: Needed = { result: 'success', outputs: { verdict: 'pass' } }
const PROMOTED: Needed = { result: 'success', outputs: said('1', 'promoted', 'passed') }
test.each<[string, plan: string, approve: Needed, canary: Needed, isRed: boolean]>([
  ['all that was said arrived', plan, PASSED, PROMOTED, false],
  ['nobody was asked', plan, NONE, PROMOTED, false],
  ['nothing was to be released', plan, NONE, NONE, false],
  ['the plan was dropped', '', NONE, NONE, true],
  ['the approval was dropped', plan, DROPPED, NONE, true],
  ['the verdict was dropped', plan, PASSED, DROPPED, true],
])('all jobs are green, and %s: is the record red?', (_, text, approve, canary, isRed) => {
  const step = jobOf('record').steps?.find(({ name }) => name === 'Nobody said what came of it')
  const contexts = { ...contextsOf({ approve, canary }), inputs: { plan: text } }
  expect(evaluateCondition(step?.if ?? '', { contexts, status: { ...status, success: true, failure: false } })).toBe(
    isRed,
  )
})

test('no job that is asked what it said leaves an output empty', () => {
  for (const id of ['canary', 'recover'])
    for (const [name, value] of Object.entries(jobOf(id).outputs ?? {}))
      expect(String(value), `${id}: ${name}`).toMatch(/\|\| 'none' \}\}$|github\.run_attempt \}\}$/)
})
