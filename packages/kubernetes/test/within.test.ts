import { expect, test } from 'vitest'
import { within } from '../src/within.ts'

const late = () => new Error('too late')

test('gives the value of what settles in time', async () => {
  expect(await within(1000, Promise.resolve(7), late)).toBe(7)
  await expect(within(1000, Promise.reject(new Error('its own')), late)).rejects.toThrow('its own')
})

test('does not wait for what never settles', async () => {
  await expect(within(20, new Promise(() => undefined), late)).rejects.toThrow('too late')
})
