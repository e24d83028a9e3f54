import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Allowance, beginFailures, countFailure, exceeded } from '../src/threshold/allowance.ts'
import {
  type AnalysisLimits,
  type AnalysisPhase,
  beginAnalysis,
  endAnalysis,
  lookAnalysis,
  worstPhase,
} from '../src/threshold/analysis.ts'
import { beginChecks, type Check, lookChecks } from '../src/threshold/checks.ts'
import { inRange, type Reading } from '../src/threshold/reading.ts'

const counted = (looks: string) =>
  [...looks].reduce((failures, look) => countFailure(failures, look === 'x'), beginFailures())

describe('failures are allowed in a row or in total', () => {
  test.each<[string, Allowance, boolean]>([
    ['', { allowed: 0, of: 'total' }, false],
    ['.', { allowed: 0, of: 'total' }, false],
    ['x', { allowed: 0, of: 'total' }, true],
    ['x.x', { allowed: 1, of: 'total' }, true],
    ['x.x', { allowed: 1, of: 'consecutive' }, false],
    ['x.xx', { allowed: 1, of: 'consecutive' }, true],
    ['xx.', { allowed: 1, of: 'consecutive' }, true],
    ['xx.x.xx', { allowed: 2, of: 'consecutive' }, false],
    ['xx.x.xx', { allowed: 4, of: 'total' }, true],
    ['xxxxx', { allowed: -1, of: 'total' }, false],
    ['xxxxx', { allowed: -1, of: 'consecutive' }, false],
  ])('%j with %j: exceeded %s', (looks, allowance, is) => {
    expect(exceeded(counted(looks), allowance)).toBe(is)
  })

  test('what is allowed in total is never more than what is allowed in a row, and what was exceeded stays so', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 30 }), fc.nat(6), (looks, allowed) => {
        let [failures, before] = [beginFailures(), false]
        for (const failed of looks) {
          failures = countFailure(failures, failed)
          const row = exceeded(failures, { allowed, of: 'consecutive' })
          expect(row && !exceeded(failures, { allowed, of: 'total' })).toBe(false)
          expect(before && !row).toBe(false)
          before = row
        }
      }),
      { seed: 3 },
    )
  })
})

test.each<[number, object, boolean]>([
  [1, {}, true],
  [1, { max: 1 }, true],
  [1, { min: 1 }, true],
  [1, { max: 0.99 }, false],
  [1, { min: 1.01 }, false],
  [1, { min: 0, max: 2 }, true],
  [Number.NaN, {}, false],
  [Number.NaN, { max: 1 }, false],
  [Number.POSITIVE_INFINITY, { min: 1 }, true],
])('%d lies in %j: %s', (value, range, is) => expect(inRange(value, range)).toBe(is))

describe('as Argo Rollouts', () => {
  const phase = (readings: readonly Reading[], limits: AnalysisLimits): AnalysisPhase =>
    readings.reduce((state, reading) => lookAnalysis(state, reading, limits), beginAnalysis()).phase
  const [ok, bad, empty] = [0.01, 0.2, null]
  const success = { success: { max: 0.05 } }

  test.each<[string, readonly Reading[], AnalysisLimits, AnalysisPhase]>([
    ['the first failure is one too many by default', [ok, bad], success, 'failed'],
    ['a value on the limit is a success', [0.05], success, 'running'],
    ['as many failures as are allowed', [bad, bad, ok], { ...success, failureLimit: 2 }, 'running'],
    ['one more, though never in a row', [bad, ok, bad, ok, bad], { ...success, failureLimit: 2 }, 'failed'],
    ['any number of failures', [bad, bad, bad, bad], { ...success, failureLimit: -1 }, 'running'],
    ['a failure as it is named', [bad], { failure: { min: 0.1 } }, 'failed'],
    ['whatever is no failure is a success', [ok], { failure: { min: 0.1 }, count: 1 }, 'successful'],
    ['a failure wins over a success', [0.2], { success: { max: 1 }, failure: { min: 0.1 } }, 'failed'],
    ['neither is inconclusive', [0.07], { ...success, failure: { min: 0.1 } }, 'inconclusive'],
    ['inconclusive within its limit', [0.07], { ...success, failure: { min: 0.1 }, inconclusiveLimit: 1 }, 'running'],
    ['without conditions all is well', [bad], { count: 1 }, 'successful'],
    ['NaN is no success', [Number.NaN], success, 'failed'],
    ['NaN is no failure either', [Number.NaN], { failure: { min: 0.1 }, count: 1 }, 'successful'],
    ['four errors in a row are borne', [empty, 'error', empty, empty], success, 'running'],
    ['five are not', [empty, 'error', empty, empty, 'error'], success, 'error'],
    ['a measurement between them ends the run of errors', [empty, empty, empty, empty, ok, empty], success, 'running'],
    ['a limit of errors of its own', ['error'], { ...success, consecutiveErrorLimit: 0 }, 'error'],
    ['so many measurements are enough', [ok, ok, ok], { ...success, count: 3 }, 'successful'],
    ['errors are none of them', [ok, empty, ok], { ...success, count: 3 }, 'running'],
    ['failures that are allowed are', [ok, bad, ok], { ...success, count: 3, failureLimit: 1 }, 'successful'],
    ['a failure with the last one still fails', [ok, ok, bad], { ...success, count: 3 }, 'failed'],
    [
      'so many successes in a row are enough',
      [bad, ok, ok],
      { ...success, failureLimit: -1, consecutiveSuccessLimit: 2 },
      'successful',
    ],
    ['an error between them starts anew', [ok, empty, ok], { ...success, consecutiveSuccessLimit: 2 }, 'running'],
    [
      'too few in a row until the count',
      [ok, bad, ok],
      { ...success, failureLimit: -1, consecutiveSuccessLimit: 2, count: 3 },
      'inconclusive',
    ],
    ['what failed stays so', [bad, ok, ok], { ...success, count: 2 }, 'failed'],
    ['what succeeded stays so', [ok, bad, bad], { ...success, count: 1 }, 'successful'],
    ['nothing measured', [], success, 'running'],
  ])('%s', (_, readings, limits, is) => {
    expect(phase(readings, limits)).toBe(is)
  })

  test('an analysis that is ended without a verdict is a success, one that has a verdict keeps it', () => {
    expect(endAnalysis(beginAnalysis()).phase).toBe('successful')
    expect(endAnalysis(lookAnalysis(beginAnalysis(), bad, success)).phase).toBe('failed')
  })

  test.each<[readonly AnalysisPhase[], AnalysisPhase]>([
    [['successful', 'failed', 'error'], 'failed'],
    [['successful', 'error', 'inconclusive'], 'error'],
    [['inconclusive', 'running'], 'inconclusive'],
    [['running', 'successful'], 'running'],
    [['successful', 'successful'], 'successful'],
    [[], 'running'],
  ])('of %j the worst is %s', (phases, is) => expect(worstPhase(phases)).toBe(is))
})

describe('as Flagger', () => {
  const rate = (reading: Reading): Check => ({ name: 'success rate', reading, range: { min: 99 } })
  const run = (readings: readonly Reading[], threshold: number) =>
    readings.reduce((state, reading) => lookChecks(state, [rate(reading)], threshold), beginChecks())

  test.each<[string, readonly Reading[], number, string]>([
    ['failed checks add up, whatever comes between', [98, 100, 98, 100, 98], 3, 'rolled-back'],
    ['one less than the threshold is borne', [98, 100, 98], 3, 'running'],
    ['a value on the minimum passes', [99, 99, 99], 1, 'running'],
    ['an empty result is a failed check', [null], 1, 'rolled-back'],
    ['NaN is a failed check', [Number.NaN], 1, 'rolled-back'],
    ['a source that does not answer is a failed check', ['error', 'error'], 2, 'rolled-back'],
    ['a threshold of 0 is 1', [100, 98], 0, 'rolled-back'],
    ['a negative threshold is 1', [98], -5, 'rolled-back'],
    ['without a failed check nothing happens', [100, 100], 0, 'running'],
    ['what was rolled back stays so', [98, 100, 100], 1, 'rolled-back'],
  ])('%s', (_, readings, threshold, phase) => {
    expect(run(readings, threshold).phase).toBe(phase)
  })

  test('a look fails once, with the first check that fails', () => {
    const slow: Check = { name: 'duration', reading: 900, range: { max: 500 } }
    const state = lookChecks(beginChecks(), [rate(100), slow, rate(0)], 5)
    expect(state).toMatchObject({ failedBy: 'duration', failures: { total: 1 } })
    expect(lookChecks(state, [rate(100)], 5)).not.toHaveProperty('failedBy')
  })
})

test('the states are small and plain, however many looks', () => {
  let [analysis, checks] = [beginAnalysis(), beginChecks()]
  for (let look = 0; look < 5000; look += 1) {
    analysis = lookAnalysis(analysis, look % 7 ? 0 : null, { success: { max: 1 } })
    checks = lookChecks(checks, [{ name: 'a', reading: look % 7 ? 0 : 2, range: { max: 1 } }], 1e6)
  }
  for (const state of [analysis, checks]) {
    expect(JSON.stringify(state).length).toBeLessThan(300)
    expect(JSON.parse(JSON.stringify(state))).toEqual(state)
  }
})
