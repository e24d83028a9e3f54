import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { faulty, OUTAGE_SHARE, readSetting, SLOW } from '../rehearsal/faults.ts'
import type { Classify } from '../src/start.ts'

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

const run = async (
  entry: string,
  env: Record<string, string>,
): Promise<{ readonly child: ChildProcess; readonly url: string }> => {
  const path = new URL(`../${entry}`, import.meta.url).pathname
  const child = spawn(process.execPath, [path], { env: { PORT: '0', HOST: '127.0.0.1', ...env }, stdio: 'pipe' })
  children.push(child)
  let out = ''
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', (chunk) => {
      out += chunk
      const match = /on (http:\S+),/.exec(out)
      if (match?.[1] !== undefined) resolve(match[1])
    })
    child.once('exit', (code) => reject(new Error(`exited ${code}: ${out}`)))
  })
  return { child, url }
}

const classify = async (url: string): Promise<number> => {
  const body = JSON.stringify({ text: 'Where is my parcel?' })
  return (await fetch(`${url}/classify`, { method: 'POST', body })).status
}

describe('the process', () => {
  test('SIGTERM ends it with 0', async () => {
    const { child, url } = await run('src/main.ts', { RELEASE: 'r7' })
    const ready = await fetch(`${url}/ready`)
    expect(await ready.json()).toMatchObject({ status: 'ready', release: 'r7' })
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('a PORT that is none ends it with a message', async () => {
    await expect(run('src/main.ts', { PORT: 'eighty' })).rejects.toThrow(/exited 1/)
  })

  test('a crash fault ends the process in production', async () => {
    const { child, url } = await run('rehearsal/main.ts', {
      ENVIRONMENT: 'production',
      FAULT: 'crash',
      FAULT_RATE: '1',
    })
    const exited = once(child, 'exit')
    await expect(classify(url)).rejects.toThrow()
    expect(await exited).toEqual([70, null])
  })

  test('the same image is sound in staging', async () => {
    const { url } = await run('rehearsal/main.ts', { ENVIRONMENT: 'staging', FAULT: 'crash', FAULT_RATE: '1' })
    expect(await classify(url)).toBe(200)
  })

  test('a never-ready fault fails the readiness probe and not the liveness probe', async () => {
    const { url } = await run('rehearsal/main.ts', { ENVIRONMENT: 'production', FAULT: 'never-ready' })
    expect((await fetch(`${url}/ready`)).status).toBe(503)
    expect((await fetch(`${url}/health`)).status).toBe(200)
  })
})

describe('a fault', () => {
  const sound: Classify = async () => ({ intent: 'delivery', scores: [] })
  const around = (fault: 'none' | 'errors' | 'latency' | 'crash', dice: number, outage = false) => {
    const seen: (string | number)[] = []
    const surroundings = {
      draw: () => dice,
      sleep: async (ms: number) => void seen.push(ms),
      exit: () => void seen.push('exit'),
      outage: () => outage,
    }
    const outcome = faulty(
      { fault, rate: 0.2 },
      surroundings,
    )(sound)('x').then(
      ({ intent }) => intent,
      () => 'failed',
    )
    return outcome.then((result) => ({ result, seen }))
  }

  test.each([
    { name: 'errors strikes below its rate', fault: 'errors', dice: 0.19, result: 'failed', seen: [] },
    { name: 'errors spares at its rate', fault: 'errors', dice: 0.2, result: 'delivery', seen: [] },
    { name: 'latency is slow and right', fault: 'latency', dice: 0.1, result: 'delivery', seen: [SLOW] },
    { name: 'crash leaves', fault: 'crash', dice: 0.1, result: 'delivery', seen: ['exit'] },
    { name: 'none never strikes', fault: 'none', dice: 0, result: 'delivery', seen: [] },
  ] as const)('$name', async ({ fault, dice, result, seen }) => {
    expect(await around(fault, dice)).toEqual({ result, seen })
  })

  test('an outage of the shared dependency hits a sound release too, with its own share', async () => {
    expect(await around('none', OUTAGE_SHARE - 0.01, true)).toEqual({ result: 'failed', seen: [] })
    expect(await around('none', OUTAGE_SHARE, true)).toEqual({ result: 'delivery', seen: [] })
  })

  test.each([
    { name: 'outside production there is none', env: { FAULT: 'errors' }, fault: 'none' },
    {
      name: 'in production it is what FAULT says',
      env: { FAULT: 'errors', ENVIRONMENT: 'production' },
      fault: 'errors',
    },
    { name: 'without FAULT there is none', env: { ENVIRONMENT: 'production' }, fault: 'none' },
  ])('$name', ({ env, fault }) => {
    expect(readSetting(env).fault).toBe(fault)
  })

  test.each([
    { env: { FAULT: 'eror' }, says: /never-ready/ },
    { env: { FAULT: 'errors', ENVIRONMENT: 'production', FAULT_RATE: '20' }, says: /FAULT_RATE/ },
  ])('a wrong setting is refused: $env', ({ env, says }) => {
    expect(() => readSetting(env)).toThrow(says)
  })
})
