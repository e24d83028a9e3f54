import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { endGroup, POLITELY, startGroup } from '../src/group.ts'

const PATH = process.env.PATH ?? ''

/** A script of bash that runs as a group, and the numbers of its first line. */
const started = async (script: string): Promise<{ readonly child: ChildProcess; readonly pids: readonly number[] }> => {
  const child = startGroup('bash', ['-c', script], { env: { PATH } })
  if ('problem' in child) throw new Error(child.problem)
  onTestFinished(() => kill(-(child.pid ?? 0)))
  const [said] = child.stdout === null ? [''] : await once(child.stdout, 'data')
  const pids = String(said).trim().split(' ').map(Number)
  onTestFinished(() => pids.filter(isAlive).forEach(kill))
  return { child, pids }
}

const kill = (pid: number): void => {
  try {
    if (pid !== 0) process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended, as it should have.
  }
}

const isAlive = (pid: number): boolean => {
  try {
    // What ended and nobody took notice of is still listed.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

const took = async (doing: Promise<void>): Promise<number> => {
  const begun = performance.now()
  await doing
  return performance.now() - begun
}

describe('what a program starts with', () => {
  test('is the environment that it is given and no other, its folder, and nothing to read', async () => {
    const child = startGroup('bash', ['-c', 'cat; pwd; env'], { env: { PATH, ONLY: 'this' }, cwd: '/' })
    if ('problem' in child) throw new Error(child.problem)
    let said = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk
    })
    await once(child, 'close')
    expect(said).toMatch(/^\/\n/)
    expect(said).toMatch(/^ONLY=this$/m)
    expect(said).not.toMatch(/^HOME=/m)
  })

  test('cannot have a zero byte, which is told and not thrown', () => {
    expect(startGroup('bash', [], { env: { A: 'a\0b' } })).toEqual({ problem: expect.stringContaining('null bytes') })
  })

  test('may be no program: it has no pid then, and says why', async () => {
    const child = startGroup('/nowhere/at-all', [], { env: {} })
    if ('problem' in child) throw new Error(child.problem)
    expect(child.pid).toBeUndefined()
    const [error] = await once(child, 'error')
    expect(error).toMatchObject({ code: 'ENOENT' })
  })
})

describe('a group', () => {
  test('that heeds SIGTERM ends by it, children included, long before the time for it is over', async () => {
    const { child, pids } = await started('sleep 300 & echo "$$ $!"; wait')
    const exited = once(child, 'exit')
    expect(await took(endGroup(child.pid ?? 0, [['SIGTERM', 60_000]]))).toBeLessThan(20_000)
    expect(await exited).toEqual([null, 'SIGTERM'])
    expect(pids.map(isAlive)).toEqual([false, false])
  })

  test('gets each signal in turn, and SIGKILL when it heeds none', async () => {
    const { child, pids } = await started(
      `trap 'echo got INT >&2' INT; trap 'echo got TERM >&2' TERM; echo $$; while true; do sleep 0.05; done`,
    )
    let said = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk
    })
    const closed = once(child, 'close')
    const begun = performance.now()
    await endGroup(child.pid ?? 0, [
      ['SIGINT', 1000],
      ['SIGTERM', 1000],
    ])
    expect(performance.now() - begun).toBeGreaterThan(1950)
    expect(await closed).toEqual([null, 'SIGKILL'])
    expect(said).toMatch(/^got INT\n(.*\n)*got TERM\n/)
    expect(pids.map(isAlive)).toEqual([false])
  })

  test('is ended though its leader has ended and only a child that heeds nothing is left', async () => {
    const { child, pids } = await started(
      `(trap '' TERM; echo $BASHPID; exec >&- 2>&-; while true; do sleep 0.05; done) & exit`,
    )
    if (child.exitCode === null) await once(child, 'exit')
    expect(pids.map(isAlive)).toEqual([true])
    await endGroup(child.pid ?? 0, [['SIGTERM', 200]])
    expect(pids.map(isAlive)).toEqual([false])
  })

  test('of which only what nobody took notice of is left is not waited for', async () => {
    // The parent is in a group of its own and never waits for its child, which leads another.
    const parent = spawn('bash', ['-c', `set -m; bash -c 'echo $$; exec sleep 0.2' & exec sleep 300`], {
      env: { PATH },
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    })
    onTestFinished(() => kill(-(parent.pid ?? 0)))
    const [chunk] = await once(parent.stdout, 'data')
    const leader = Number(chunk)
    await expect.poll(() => readFileSync(`/proc/${leader}/stat`, 'utf8'), { timeout: 20_000 }).toMatch(/\) Z /)
    expect(() => process.kill(-leader, 0)).not.toThrow()
    expect(await took(endGroup(leader, [['SIGTERM', 25_000]]))).toBeLessThan(10_000)
  })

  test('that is gone already is done at once', async () => {
    const { child } = await started('echo $$')
    if (child.exitCode === null) await once(child, 'exit')
    expect(await took(endGroup(child.pid ?? 0, POLITELY))).toBeLessThan(1000)
  })
})
