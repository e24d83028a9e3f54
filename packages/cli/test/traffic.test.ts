import { describe, expect, test } from 'vitest'
import { changes, type Look, recent, returnSpan } from '../src/rehearsal/moments.ts'
import {
  type Answer,
  badSpan,
  byRelease,
  isBad,
  isBeyondService,
  perSecond,
  quantile,
  sentBetween,
} from '../src/rehearsal/traffic.ts'

const answer = (change: Partial<Answer> = {}): Answer => ({ at: 0, took: 5, status: 200, release: 'r1', ...change })
const look = (at: number, change: Partial<Look> = {}): Look => ({
  at,
  weight: 0,
  phase: 'analysing',
  step: 0,
  reason: '',
  since: at,
  direction: undefined,
  evidence: undefined,
  ...change,
})

describe('an answer', () => {
  test.each([
    { name: 'of 200 in time is sound', given: answer(), bad: false, beyond: false },
    { name: 'of 500 by the service is bad and its own', given: answer({ status: 500 }), bad: true, beyond: false },
    {
      name: 'of 502 by the gateway is bad and beyond the service',
      given: answer({ status: 502, release: '' }),
      bad: true,
      beyond: true,
    },
    {
      name: 'that never came is bad and beyond the service',
      given: answer({ status: 0, release: '' }),
      bad: true,
      beyond: true,
    },
    { name: 'of exactly the limit is not slow', given: answer({ took: 500 }), bad: false, beyond: false },
    { name: 'above the limit is slow', given: answer({ took: 501 }), bad: true, beyond: false },
    { name: 'of 404 is the client’s fault', given: answer({ status: 404 }), bad: false, beyond: false },
  ])('$name', ({ given, bad, beyond }) => {
    expect(isBad(given)).toBe(bad)
    expect(isBeyondService(given)).toBe(beyond)
  })
})

describe('the time of bad answers', () => {
  test('is from the first to the last that reached a client, without stable’s own', () => {
    const answers = [
      answer({ at: 100, status: 500, release: 'r1' }),
      answer({ at: 1_000, took: 10, status: 500, release: 'r2' }),
      answer({ at: 2_000, took: 2_000, status: 0, release: '' }),
      answer({ at: 3_000, release: 'r2' }),
    ]
    expect(badSpan(answers, 'r1')).toEqual({ first: 1_010, last: 4_000, count: 2 })
  })

  test('is absent when nothing was bad', () => expect(badSpan([answer()], 'r1')).toBeUndefined())
})

test('sent between takes the beginning and leaves the end', () => {
  const answers = [answer({ at: 9 }), answer({ at: 10 }), answer({ at: 20 })]
  expect(sentBetween(answers, 10, 20).map(({ at }) => at)).toEqual([10])
})

test('counts by release and by second, with zeros for seconds without an answer', () => {
  const answers = [
    answer({ at: 100 }),
    answer({ at: 2_100, status: 500 }),
    answer({ at: 2_200, took: 900, release: 'r2' }),
  ]
  expect([...byRelease(answers)]).toEqual([
    ['r1', { total: 2, failed: 1, slow: 0 }],
    ['r2', { total: 1, failed: 0, slow: 1 }],
  ])
  const rows = perSecond(answers, { from: 0, to: 3_000 })
  expect(rows.get('r1')?.map(({ total, failed }) => [total, failed])).toEqual([
    [1, 0],
    [0, 0],
    [1, 1],
  ])
  expect(rows.get('r2')?.map(({ total }) => total)).toEqual([0, 0, 1])
})

test('recent counts the last five seconds', () => {
  const answers = [answer({ at: 1_000 }), answer({ at: 6_000 }), answer({ at: 9_000 })]
  expect(recent(answers, 10_000)).toEqual({
    perSecond: 2 / 5,
    shares: new Map([['r1', { total: 2, failed: 0, slow: 0 }]]),
  })
})

test.each([
  { values: [3, 1, 2], share: 0.5, is: 2 },
  { values: [1, 2, 3, 4], share: 0.5, is: 2 },
  { values: Array.from({ length: 20 }, (_, index) => index + 1), share: 0.9, is: 18 },
  { values: [7], share: 0.99, is: 7 },
  { values: [], share: 0.5, is: Number.NaN },
])('the $share quantile of $values is $is', ({ values, share, is }) => expect(quantile(values, share)).toBe(is))

describe('looks', () => {
  test('the way back takes from the verdict to the first look that reads weight 0', () => {
    const back = { phase: 'lowering', direction: 'back' } as const
    const looks = [
      look(0, { weight: 5 }),
      look(1_000, { weight: 5, since: 950, ...back }),
      look(1_100, { weight: 0, since: 950, ...back }),
      look(1_200, { weight: 0, ...back }),
    ]
    expect(returnSpan(looks)).toEqual({ verdict: 950, zero: 1_100, took: 150 })
  })

  test('a release that goes forward has no way back', () => {
    expect(returnSpan([look(0), look(1, { direction: 'forward', phase: 'lowering' })])).toBeUndefined()
  })

  test('only changes of weight, phase or step are kept', () => {
    const looks = [
      look(0),
      look(1),
      look(2, { weight: 5 }),
      look(3, { weight: 5, step: 1 }),
      look(4, { weight: 5, step: 1 }),
    ]
    expect(changes(looks).map(({ at }) => at)).toEqual([0, 2, 3])
  })
})
