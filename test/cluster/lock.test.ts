import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { locked } from './lock.ts'
import { pathsOf } from './paths.ts'

const cache = mkdtempSync(join(tmpdir(), 'sluice-lock-'))
afterAll(() => rmSync(cache, { recursive: true }))
const paths = { ...pathsOf('spare'), cache }

test('one at a time, also within a process; what fails gives it back', async () => {
  let [inside, most] = [0, 0]
  const act = async (): Promise<void> => {
    inside += 1
    most = Math.max(most, inside)
    await pause(50)
    inside -= 1
  }
  await Promise.all([locked(paths, act), locked(paths, act), locked(paths, act)])
  expect(most).toBe(1)
  await expect(locked(paths, () => Promise.reject(new Error('refused')))).rejects.toThrow('refused')
  expect(await locked(paths, async () => 'mine')).toBe('mine')
})

test('a holder that is killed holds nothing', { timeout: 20_000 }, async () => {
  const module = join(import.meta.dirname, 'lock.ts')
  const program = `const { locked } = await import(${JSON.stringify(module)})
    await locked(${JSON.stringify(paths)}, () => { console.log('held'); return new Promise((resolve) => setTimeout(resolve, 60_000)) })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise((resolve) => child.stdout.once('data', resolve))
  let taken = false
  const waiting = locked(paths, async () => {
    taken = true
  })
  await pause(500)
  expect(taken).toBe(false)
  child.kill('SIGKILL')
  await waiting
  expect(taken).toBe(true)
})
