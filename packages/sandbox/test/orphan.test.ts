import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { until } from './cluster.ts'

test('pods end with the process of their sandbox, even when that is killed', async () => {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./service/host.ts', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const pid = await pidOf(child)
  expect(isAlive(pid)).toBe(true)
  child.kill('SIGKILL')
  await until(
    () => isAlive(pid),
    (alive) => !alive,
    5_000,
  )
})

const pidOf = (child: ChildProcess): Promise<number> =>
  new Promise((resolve) => {
    if (child.stdout !== null) createInterface(child.stdout).once('line', (line) => resolve(Number(line)))
  })

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
