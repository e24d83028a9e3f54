import { describe, expect, test } from 'vitest'
import type { HttpAnswer, HttpResult, NoAnswer } from '../src/request.ts'
import { backoff, withRetries } from '../src/retry.ts'
import { retryAfter } from '../src/retry-after.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')

describe('Retry-After', () => {
  test.each([
    ['7', 7000],
    [' 0 ', 0],
    ['Sat, 21 Nov 2026 12:00:30 GMT', 30_000],
    ['Sat, 21 Nov 2026 11:00:00 GMT', 0],
    ['1.5', undefined],
    ['-3', undefined],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j asks to wait %j ms', (header, ms) => {
    expect(retryAfter(header, NOW)).toBe(ms)
  })
})

const answered = (status: number, headers = {}): HttpAnswer => ({
  kind: 'answered',
  status,
  headers,
  body: '',
  tookMs: 1,
})
const lost = (connected: boolean, cause: NoAnswer['cause'] = 'reset'): NoAnswer => ({
  kind: 'no-answer',
  cause,
  connected,
  text: '',
})

const policy = { tries: 4, firstWait: 100, longestWait: 1000 }
const attempts = async (results: readonly HttpResult[], repeatable: boolean) => {
  const waits: number[] = []
  let made = 0
  const clock = { now: () => NOW, random: () => 1, sleep: async (ms: number) => void waits.push(ms) }
  const last = await withRetries(async () => results[made++] ?? answered(200), repeatable, policy, clock)
  return { made, waits, last }
}

describe('a call is repeated', () => {
  test.each([
    ['a read after 503', true, answered(503), 2],
    ['a read after a lost connection', true, lost(true), 2],
    ['a write that never reached the server', false, lost(false, 'refused'), 2],
    ['a write that was turned away with 429', false, answered(429), 2],
    ['not: a write after 503, which may have been done', false, answered(503), 1],
    ['not: a write whose connection broke', false, lost(true), 1],
    ['not: a read with a bad certificate', true, lost(false, 'tls'), 1],
    ['not: a read that is refused', true, answered(403), 1],
  ])('%s', async (_, repeatable, first, made) => {
    expect((await attempts([first], repeatable)).made).toBe(made)
  })

  test('as often as the policy says, waiting longer each time', async () => {
    const result = await attempts(
      [500, 502, 503, 504, 500].map((status) => answered(status)),
      true,
    )
    expect(result.made).toBe(4)
    expect(result.waits).toEqual([100, 200, 400])
    expect(result.last).toMatchObject({ status: 504 })
  })

  test('when the server says, and not at all when that is too long', async () => {
    expect((await attempts([answered(429, { 'retry-after': '1' })], true)).waits).toEqual([1000])
    expect((await attempts([answered(429, { 'retry-after': '60' })], true)).made).toBe(1)
  })
})

test('waits vary from half to all of their length and stay under the longest', () => {
  expect([backoff(1, policy, 0), backoff(1, policy, 1)]).toEqual([50, 100])
  expect(backoff(30, policy, 1)).toBe(1000)
})
