import { describe, expect, test } from 'vitest'
import type { Check } from '../src/check.ts'
import { type Ports, run } from '../src/run.ts'

const check = (name: string): Check => ({ name, run: 'a\nb ##[x]', folder: '.', timeoutMs: 600_000, env: {} })

/** Ports whose clock stands still but for sleeps, and whose command says its lines and ends after so many of them. */
const world = (sleeps: number, lines: readonly string[] = []) => {
  const said: string[] = []
  let now = 0
  let end: () => void = () => {}
  const ports: Ports = {
    execute: (_, heard) => {
      for (const line of lines) heard(line)
      return new Promise((resolve) => {
        end = () => resolve({ kind: 'exited', code: 1 })
        if (sleeps === 0) end()
      })
    },
    say: (line) => said.push(line),
    clock: {
      monotonic: () => now,
      sleep: async (ms) => {
        await Promise.resolve()
        now += ms
        if (now >= sleeps * ms) end()
      },
    },
    cancelled: new AbortController().signal,
    secrets: new Set(['initial']),
  }
  return { ports, said }
}

describe('a run of checks', () => {
  test('is never silent for more than 30 s, and says how long it may still take', async () => {
    const { ports, said } = world(4)
    const [report] = await run([check('slow')], ports)
    expect(said.filter((line) => line.includes('still running'))).toEqual([
      '… slow: still running, 20 s of at most 10 min',
      '… slow: still running, 40 s of at most 10 min',
      '… slow: still running, 1 min of at most 10 min',
    ])
    expect(report).toMatchObject({ name: 'slow', result: 'failed', exitCode: 1, tookMs: 80_000 })
  })

  test('shows the command as text that starts no workflow command', async () => {
    const { ports, said } = world(0)
    await run([check('one')], ports)
    expect(said.slice(0, 4)).toEqual(['::group::one', '$ a', '$ b ## [x]', 'in ., at most 10 min'])
  })

  test('keeps secrets out of the report, also those that came after they were shown', async () => {
    const { ports } = world(0, ['initial', 'later', 'key', '::add-mask::later%0Akey'])
    expect(await run([check('one')], ports)).toMatchObject([{ tail: ['***', '***', '***'] }])
  })

  test('that is cancelled already begins nothing', async () => {
    const { ports } = world(0)
    const reports = await run([check('one')], {
      ...ports,
      cancelled: AbortSignal.abort(),
      execute: () => Promise.reject(),
    })
    expect(reports).toMatchObject([{ result: 'not-run', tookMs: 0 }])
  })
})
