import { expect, test } from 'vitest'
import { cancellation, realClock } from '../src/clock.ts'

test('a sleep ends when the run is cancelled, and none begins after', async () => {
  const controller = new AbortController()
  const clock = realClock(controller.signal)
  const began = clock.monotonic()
  const sleep = clock.sleep(60_000)
  controller.abort()
  await sleep
  await clock.sleep(60_000)
  expect(clock.monotonic() - began).toBeLessThan(10_000)
})

test('the first signal cancels and is told, the second is not', () => {
  const told: string[] = []
  const before = { SIGINT: process.listeners('SIGINT'), SIGTERM: process.listeners('SIGTERM') }
  const cancelled = cancellation((name) => told.push(name))
  process.emit('SIGTERM', 'SIGTERM')
  process.emit('SIGINT', 'SIGINT')
  expect(cancelled.aborted).toBe(true)
  expect(told).toEqual(['SIGTERM'])
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    for (const listener of process.listeners(name)) if (!before[name].includes(listener)) process.off(name, listener)
  }
})
