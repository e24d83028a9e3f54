import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@sluice/sandbox/ports'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import type { Front } from '../src/rehearsal/front.ts'
import { CLIENT } from '../src/rehearsal/traffic.ts'

const SERVICE = `node -e "require('node:http').createServer((q, r) => { r.setHeader('x-release', 'its own'); r.end(q.url + ' ' + process.env.PORT_3000) }).listen(process.env.PORT, process.env.HOST)"`

let child: ChildProcess
const folder = mkdtempSync(join(tmpdir(), 'sluice-front-'))
const outageFile = join(folder, 'outage')
afterAll(() => rmSync(folder, { recursive: true, force: true }))
afterEach(async () => {
  rmSync(outageFile, { force: true })
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
})

const start = async (fault: Front['fault'], run = SERVICE) => {
  const port = await freePort()
  const front: Front = { run, port: 3000, release: 'r3', fault, seed: 1, outageFile, metricsPath: '/.sluice/metrics' }
  child = spawn(process.execPath, [join(import.meta.dirname, '../src/rehearsal/front.ts'), JSON.stringify(front)], {
    stdio: 'ignore',
    env: { PATH: process.env.PATH, PORT: '1', PORT_3000: String(port), HOST: '127.0.0.1' },
  })
  const ask = async (
    path: string,
    client?: number,
  ): Promise<{ status: number; release: string | null; text: string }> => {
    const headers: Record<string, string> = client === undefined ? {} : { [CLIENT]: `1-${client}` }
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers })
    return { status: answer.status, release: answer.headers.get('x-release'), text: await answer.text() }
  }
  const clients = (count: number) => Promise.all(Array.from({ length: count }, (_, index) => ask('/a', index)))
  const status = async (): Promise<number> =>
    ask('/ready').then(
      ({ status: code }) => code,
      () => 0,
    )
  if (run === SERVICE) await expect.poll(status, { timeout: 10_000 }).toBe(200)
  return { ask, clients }
}
const failed = (answers: readonly { readonly status: number }[]): number =>
  answers.filter(({ status }) => status === 500).length

describe('the process in front of a service', () => {
  test('hands everything on under the name of its release, on a port of the service’s own', async () => {
    const { ask } = await start('none')
    expect(await ask('/shop?q=1')).toEqual({ status: 200, release: 'r3', text: '/shop?q=1 undefined' })
  })

  test('fails a share of the clients’ requests, the same ones each time, and nobody else’s', async () => {
    const { ask, clients } = await start('errors')
    const first = await clients(200)
    const second = await clients(200)
    expect(failed(first)).toBeGreaterThan(20)
    expect(failed(first)).toBeLessThan(60)
    expect(second.map(({ status }) => status)).toEqual(first.map(({ status }) => status))
    expect(failed(await Promise.all(Array.from({ length: 50 }, () => ask('/ready'))))).toBe(0)
  })

  test('counts the clients’ requests and no others', async () => {
    const { ask, clients } = await start('errors')
    const bad = failed(await clients(100))
    const { text } = await ask('/.sluice/metrics')
    expect(text).toContain(`http_requests_total{code="200"} ${100 - bad}\n`)
    expect(text).toContain(`http_requests_total{code="500"} ${bad}\n`)
    expect(text).toContain('http_request_duration_seconds_count 100\n')
  })

  test('fails half of them while the dependency that all releases share is out', async () => {
    const { clients } = await start('none')
    writeFileSync(outageFile, '')
    expect(failed(await clients(100))).toBeGreaterThan(30)
    rmSync(outageFile)
    expect(failed(await clients(100))).toBe(0)
  })

  test('ends with the service, and by its code', async () => {
    await start('none', 'exit 7')
    expect(await once(child, 'exit')).toEqual([7, null])
  })

  test('crashes by a request when that is the fault', async () => {
    const { clients } = await start('crash')
    const ended = once(child, 'exit')
    await clients(100).catch(() => undefined)
    expect(await ended).toEqual([70, null])
  })
})
