import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { orCancelled } from '../src/cancelled.ts'

const never = new Promise<string>(() => {})

test('work that ends is awaited, and nothing of the wait is left', async () => {
  const { signal } = new AbortController()
  expect(await orCancelled(Promise.resolve('done'), signal, 'other')).toBe('done')
  await expect(orCancelled(Promise.reject(new Error('broken')), signal, 'other')).rejects.toThrow('broken')
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('work that hangs is given up once the run is cancelled', async () => {
  const controller = new AbortController()
  const waiting = orCancelled(never, controller.signal, 'other')
  controller.abort()
  expect(await waiting).toBe('other')
})

test('work that was begun after the cancellation is awaited', async () => {
  expect(await orCancelled(Promise.resolve('done'), AbortSignal.abort(), 'other')).toBe('done')
})
