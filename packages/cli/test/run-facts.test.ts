import type { JobTrace, RunTrace } from '@sluice/runner/trace'
import { describe, expect, test } from 'vitest'
import { toldBy } from '../src/rehearsal/job-moments.ts'
import { builtBy, scanFacts } from '../src/rehearsal/run-facts.ts'

const job = (path: string, change: Partial<JobTrace> = {}): JobTrace => ({
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
  ...change,
})
const run = (...jobs: readonly JobTrace[]): RunTrace => ({
  id: 1,
  attempt: 1,
  workflow: 'Deliver',
  file: '.github/workflows/deliver.yml',
  event: 'push',
  conclusion: 'success',
  refused: '',
  why: '',
  jobs,
  startedAt: 0,
  endedAt: 100,
})
const step = (outputs: Readonly<Record<string, string>>): JobTrace['steps'][number] => ({
  id: 'gate',
  name: 'Scan',
  phase: 'main',
  uses: '$/actions/trivy-gate',
  outcome: 'success',
  conclusion: 'success',
  outputs,
  summary: '',
  annotations: [],
  log: [],
  startedAt: 0,
  endedAt: 0,
})

describe('the scan of a delivery', () => {
  const scan = job('ship / scan / scan', { outputs: { verdict: 'pass', 'reason-code': 'passed' }, endedAt: 50 })

  test('passed before anything was deployed', () => {
    const passed = { verdict: 'pass', reasonCode: 'passed', before: true }
    const skipped = job('ship / canary / canary', { conclusion: 'skipped', startedAt: 10 })
    expect(scanFacts(run(scan, job('ship / stage / stage', { startedAt: 51 }), skipped))).toEqual(passed)
    expect(scanFacts(run(scan))).toEqual(passed)
  })

  test.each(['ship / stage / stage', 'ship / canary / canary'])('was not done when %s began', (path) => {
    expect(scanFacts(run(scan, job(path, { startedAt: 49 }))).before).toBe(false)
  })

  test('that never ran has said nothing, and was before nothing', () => {
    expect(scanFacts(run(job('ship / stage / stage')))).toEqual({ verdict: '', reasonCode: '', before: false })
  })
})

describe('of a job that ended is told', () => {
  const digest = `sha256:${'ab'.repeat(32)}`

  test('that no image was built', () => {
    const outputs = { verdict: 'nothing-to-check', 'reason-code': 'prebuilt', digest }
    expect(toldBy(job('ship / package / package', { outputs }))).toEqual({
      text: 'package takes a prebuilt image: no image is built',
      detail: 'sha256:abababababab',
    })
  })

  test('which image was built, or why none was', () => {
    const built = { verdict: 'pass', 'reason-code': 'merged', digest, tags: 'a:1\na:2' }
    expect(toldBy(job('ship / package / package', { outputs: built }))?.detail).toBe('sha256:abababababab, 2 tags')
    const failed = { verdict: 'fail', 'reason-code': 'build-failed', digest: 'none', tags: 'none' }
    expect(toldBy(job('ship / package / package', { outputs: failed }))).toEqual({
      text: 'package gives no image',
      detail: 'fail, build-failed',
    })
  })

  test('what the gate decided, and on what', () => {
    const steps = [step({}), step({ verdict: 'fail', failing: '1', high: '1', low: '4' })]
    expect(toldBy(job('ship / scan / image', { steps }))).toEqual({
      text: 'the gate says fail (scan of the image)',
      detail: '1 of 5 findings fail',
    })
  })

  test('its digest, from the last job of package.yml and no other', () => {
    expect(builtBy(job('ship / package / package', { outputs: { digest } }))).toBe(digest)
    for (const path of ['package / package', 'ship / package / merge', 'ship / package'])
      expect(builtBy(job(path, { outputs: { digest } }))).toBeUndefined()
    expect(builtBy(job('ship / package / package', { outputs: { digest: 'none' } }))).toBeUndefined()
    expect(builtBy(undefined)).toBeUndefined()
  })

  test.each([
    job('package / package', { outputs: { digest } }),
    job('ship / plan', { steps: [step({ verdict: 'pass' })] }),
    job('ship / scan / scan', { outputs: { verdict: 'pass' } }),
    job('ship / package', { kind: 'call', outputs: { verdict: 'pass' } }),
  ])('nothing of $path', (one) => expect(toldBy(one)).toBeUndefined())
})
