import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { groupOf, hostLink } from './box.ts'
import { pathsOf } from './paths.ts'
import { output } from './shell.ts'

/** The commands that bring a cluster up and down, and what they leave of the machine. A second cluster, beside the one that the other tests use. */
const NAME = 'spare'
const paths = pathsOf(NAME)
const SCRIPT = join(import.meta.dirname, 'cluster.ts')

const run = (
  order: string,
  killAfter?: number,
): Promise<{ readonly code: number | null; readonly seconds: number; readonly said: string }> =>
  new Promise((resolve) => {
    const began = performance.now()
    const child = spawn(process.execPath, [SCRIPT, order, '--name', NAME], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (said += part.toString()))
    if (killAfter !== undefined) setTimeout(() => child.kill('SIGKILL'), killAfter)
    child.on('close', (code) => resolve({ code, seconds: (performance.now() - began) / 1000, said }))
  })

/** All that a cluster could leave: processes that name its folder, mounts, interfaces, nftables tables, control groups, files. */
const traces = (): readonly string[] => [
  ...(output('ps', ['-eo', 'args']) ?? '')
    .split('\n')
    .filter((line) => line.includes(paths.run) && !line.includes('cluster.ts')),
  ...readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(paths.run)),
  ...(output('ip', ['-brief', 'link']) ?? '').split('\n').filter((line) => line.startsWith(hostLink(paths))),
  ...(output('ip', ['route']) ?? '').split('\n').filter((line) => line.includes(hostLink(paths))),
  ...(output('find', ['/sys/fs/cgroup', '-maxdepth', '2', '-name', groupOf(paths.run)]) ?? '')
    .split('\n')
    .filter((line) => line !== ''),
  ...(existsSync(paths.run) ? [paths.run] : []),
]
/** What of the machine itself nothing of a cluster may touch. */
const machine = (): string =>
  ['/var/lib', '/run', '/etc/cni', '/var/log', '/opt']
    .map((folder) => output('ls', ['-A', folder]) ?? 'absent')
    .join('\n') + (output('sysctl', ['net.ipv4.ip_forward']) ?? '')

let before: string
beforeAll(async () => {
  await run('down')
  before = machine()
}, 60_000)
afterAll(async () => {
  await run('down')
}, 60_000)

test('up stands, a second up finds it in seconds, status and kubeconfig say so', { timeout: 300_000 }, async () => {
  expect((await run('status')).code).toBe(1)
  expect((await run('kubeconfig')).code).toBe(1)
  const first = await run('up')
  expect(first.code, first.said).toBe(0)
  const again = await run('up')
  expect(again.code, again.said).toBe(0)
  expect(again.said).not.toContain('up in')
  expect((await run('status')).said).toContain('kube-apiserver ready')
  expect(JSON.parse((await run('kubeconfig')).said)).toMatchObject({ kind: 'Config', 'current-context': 'sluice' })
})

test('down leaves nothing of it, and a second down is fine', { timeout: 120_000 }, async () => {
  expect(traces()).not.toEqual([])
  expect((await run('down')).code).toBe(0)
  expect(traces()).toEqual([])
  expect(machine()).toBe(before)
  expect((await run('down')).code).toBe(0)
})

test.each([500, 2500, 6000])(
  'an up that is killed after %i ms keeps neither the next up nor down from working',
  { timeout: 300_000 },
  async (ms) => {
    await run('up', ms)
    expect((await run('down')).code).toBe(0)
    expect(traces()).toEqual([])
    await run('up', ms)
    const next = await run('up')
    expect(next.code, next.said).toBe(0)
    expect((await run('down')).code).toBe(0)
    expect(traces()).toEqual([])
  },
)

test('two ups at once bring one cluster up', { timeout: 300_000 }, async () => {
  const both = await Promise.all([run('up'), run('up')])
  expect(
    both.map(({ code }) => code),
    both.map(({ said }) => said).join('\n'),
  ).toEqual([0, 0])
  expect(both.filter(({ said }) => said.includes('up in')).length).toBe(1)
})

test('a down that is killed keeps the next down from nothing', { timeout: 120_000 }, async () => {
  await run('down', 300)
  await pause(200)
  expect((await run('down')).code).toBe(0)
  expect(traces()).toEqual([])
})

test('where there is no Go it says so, and brings nothing up', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-path-'))
  for (const command of ['sh', 'env']) symlinkSync(`/bin/${command}`, join(folder, command))
  const child = spawn(process.execPath, [SCRIPT, 'can', '--name', NAME], {
    env: { PATH: folder, HOME: process.env.HOME ?? '' },
  })
  let said = ''
  child.stderr.on('data', (part: Buffer) => (said += part.toString()))
  const code = await new Promise((resolve) => child.on('close', resolve))
  rmSync(folder, { recursive: true })
  expect(code).toBe(1)
  expect(said).toContain('it needs Go')
})
