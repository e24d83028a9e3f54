import { expect, test } from 'vitest'
import { ancestors, jobStatus, together } from '../../src/language/job-status.ts'
import type { Conclusion } from '../../src/trace.ts'

const needs = { a: [], b: ['a'], c: ['b'], d: ['c', 'a'] }
const status = (a: Conclusion, b: Conclusion, cancelled = false) => jobStatus('c', needs, { a, b }, cancelled)

test.each<[Conclusion, Conclusion, boolean, boolean]>([
  ['success', 'success', true, false],
  ['success', 'failure', false, true],
  ['failure', 'success', false, true],
  ['skipped', 'success', false, false],
  ['success', 'skipped', false, false],
  ['failure', 'skipped', false, true],
  ['cancelled', 'success', false, false],
])('after %s and %s, far and near, success() is %s and failure() is %s', (a, b, success, failure) => {
  expect(status(a, b)).toEqual({ success, failure, cancelled: false })
})

test('in a cancelled run success() is false and cancelled() true', () => {
  expect(status('success', 'success', true)).toEqual({ success: false, failure: false, cancelled: true })
})

test('a job without needs is a success until the run is cancelled', () => {
  expect(jobStatus('a', needs, {}, false).success).toBe(true)
})

test('ancestors are found once, through others too', () => {
  expect(ancestors('d', needs)).toEqual(['c', 'b', 'a'])
})

test.each<[readonly Conclusion[], Conclusion]>([
  [['success', 'skipped'], 'success'],
  [['skipped', 'skipped'], 'skipped'],
  [['cancelled', 'failure'], 'failure'],
  [['cancelled', 'success'], 'cancelled'],
  [[], 'success'],
])('%j together are %s', (ends, end) => {
  expect(together(ends)).toBe(end)
})
