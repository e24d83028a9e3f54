import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { call } from './access.ts'
import { PORTS } from './processes.ts'
import { type Real, realCluster } from './site.ts'

/** `npm run rehearse -- --cluster`: the example through the published workflows, on the cluster that the tests run on. */
type Result = {
  readonly passed: boolean
  readonly claims: readonly { readonly text: string; readonly ok: boolean }[]
  readonly releases: readonly {
    readonly name: string
    readonly image: string
    readonly run: { readonly conclusion: string; readonly outcome: string; readonly outcomeReason: string }
    readonly reap?: { readonly conclusion: string }
  }[]
}
type Ended = { readonly code: number | null; readonly said: string; readonly result: Result }

const ROOT = join(import.meta.dirname, '../..')
const NAMESPACES = ['support-staging', 'support-production']
const reports = mkdtempSync(join(tmpdir(), 'sluice-cluster-rehearsal-'))
let real: Real
beforeAll(async () => {
  real = await realCluster()
}, 180_000)
afterAll(() => rmSync(reports, { recursive: true, force: true }))

const start = (report: string, ...flags: readonly string[]): ReturnType<typeof startOn> =>
  startOn(real.paths.name, report, flags)

const startOn = (
  name: string,
  report: string,
  flags: readonly string[],
): { child: ChildProcess; ended: Promise<Ended> } => {
  const source = process.env.SLUICE_FROM_SOURCE === undefined ? [] : ['--from-source']
  const args = ['rehearse', `--cluster=${name}`, '--no-live', '--report', report, ...source, ...flags]
  const child = spawn(process.execPath, [join(ROOT, 'packages/cli/src/main.ts'), ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (part: string) => {
      said += part
      child.emit('said', said)
    })
  const ended = new Promise<Ended>((resolve) =>
    child.once('close', (code) => {
      const file = join(report, 'rehearsal.json')
      const result = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { claims: [], releases: [] }
      resolve({ code, said, result })
    }),
  )
  return { child, ended }
}

const statusOf = async (namespace: string): Promise<number> =>
  (await call(real.access, 'GET', `/api/v1/namespaces/${namespace}`)).code
afterEach(async () => {
  for (const namespace of NAMESPACES) expect(await statusOf(namespace), `${namespace} is removed`).toBe(404)
})

describe('the rehearsal on a real cluster', () => {
  test('a good release is promoted and a bad one taken back, read back from the cluster and the clients', {
    timeout: 600_000,
  }, async () => {
    const { code, said, result } = await start(join(reports, 'errors'), '--fault', 'errors').ended
    expect(
      result.claims.filter(({ ok }) => !ok),
      said,
    ).toEqual([])
    expect(code, said).toBe(0)
    expect(result.claims.length).toBeGreaterThan(30)
    expect(result.releases.map(({ name, run }) => [name, run.conclusion, run.outcomeReason])).toEqual([
      ['good', 'success', 'delivered'],
      ['bad', 'failure', 'rolled-back'],
    ])
    // The digests are the registry's: it has a manifest of each release under them.
    for (const { image } of result.releases) {
      const url = `http://${real.address}:${PORTS.registry}/v2/rehearsal/support-router/manifests/${image}`
      const answer = await fetch(url, { headers: { accept: 'application/vnd.oci.image.manifest.v1+json' } })
      expect(answer.headers.get('docker-content-digest')).toBe(image)
    }
  })

  test('two machines die in the middle of a canary, and reap ends it with the rights of repair alone', {
    timeout: 600_000,
  }, async () => {
    const { code, said, result } = await start(join(reports, 'killed'), '--kill-runner', '--second-only').ended
    expect(
      result.claims.filter(({ ok }) => !ok),
      said,
    ).toEqual([])
    expect(code, said).toBe(0)
    expect(result.releases).toMatchObject([
      { name: 'second', run: { conclusion: 'failure', outcomeReason: 'canary-lost' }, reap: { conclusion: 'success' } },
    ])
  })

  test('Ctrl-C ends it with 130 and takes the namespaces with it; while it runs, nobody else may have them', {
    timeout: 300_000,
  }, async () => {
    const { child, ended } = start(join(reports, 'interrupted'), '--second-only')
    const pushed = new Promise<boolean>((resolve) => {
      child.on('said', (said: string) => /first: r1 is pushed/.test(said) && resolve(true))
      child.once('close', () => resolve(false))
    })
    expect(await pushed).toBe(true)
    for (const namespace of NAMESPACES) expect(await statusOf(namespace)).toBe(200)
    const second = await start(join(reports, 'second')).ended
    expect(second.code, second.said).toBe(2)
    expect(second.said).toContain(`Another rehearsal (process ${child.pid})`)
    child.kill('SIGINT')
    const { code, said } = await ended
    expect(code, said).toBe(130)
  })
})

test('a cluster that does not stand is said, with the command that brings it up', { timeout: 30_000 }, async () => {
  const { code, said } = await startOn('nowhere', join(reports, 'none'), []).ended
  expect(code, said).toBe(2)
  expect(said).toContain('npm run cluster -- up --name nowhere')
})
