import { describe, expect, it, test } from 'vitest'
import { percentile, type SeriesReport } from '../src/series.ts'
import { decide, type End } from '../src/verdict.ts'

const series = (...results: SeriesReport['result'][]): readonly SeriesReport[] =>
  results.map((result, index) => ({
    name: `check ${index}`,
    result,
    tries: 2,
    passed: 0,
    problems: [`problem ${index}`],
  }))

const rounds = (end: End, ...results: SeriesReport['result'][]) =>
  decide({ end, series: series(...results), rounds: 2, streak: 1, consecutive: 3, tookMs: 1200 })

describe('the verdict of a smoke test', () => {
  test.each<[End, SeriesReport['result'][], string, string]>([
    ['passed', ['passed', 'passed'], 'pass', 'passed'],
    ['retries', ['passed', 'wrong-answer'], 'fail', 'wrong-answer'],
    ['deadline', ['no-answer'], 'fail', 'no-answer'],
    ['deadline', ['unreachable'], 'error', 'unreachable'],
    ['retries', ['unreachable', 'wrong-answer'], 'fail', 'wrong-answer'],
    ['retries', ['wrong-answer', 'wrong-image'], 'fail', 'wrong-image'],
    ['retries', ['wrong-answer', 'not-tried'], 'fail', 'wrong-answer'],
    ['told-to-wait', ['wrong-answer'], 'fail', 'wrong-answer'],
    ['deadline', ['passed'], 'inconclusive', 'too-few-passes'],
    ['deadline', ['not-tried'], 'inconclusive', 'too-few-passes'],
    ['cancelled', ['passed'], 'error', 'cancelled'],
    ['passed', [], 'nothing-to-check', 'nothing-to-check'],
  ])('after %s with %j is %s (%s)', (end, results, verdict, code) => {
    const decided = rounds(end, ...results)
    expect([decided.verdict, decided.reason.code]).toEqual([verdict, code])
  })

  it('says what was wrong first, how often it was tried and when it stopped', () => {
    expect(rounds('deadline', 'passed', 'wrong-answer').reason.text).toBe(
      '1 of 2 checks failed: check 1: problem 1. Tried in 2 rounds and 1.2 s, until the deadline ended',
    )
  })
})

test.each([
  [[5], 50, 5],
  [[4, 1, 3, 2], 50, 2],
  [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 95, 10],
  [Array.from({ length: 100 }, (_, index) => index + 1), 95, 95],
])('the nearest rank of %j at %i percent is %i', (values, percent, expected) => {
  expect(percentile(values, percent)).toBe(expected)
})
