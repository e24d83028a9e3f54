import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

type Result = {
  readonly passed: boolean
  readonly figures: { readonly totalMs: number; readonly requests: number; readonly beyondService: number }
  readonly claims: readonly {
    readonly release: string
    readonly text: string
    readonly ok: boolean
    readonly actual: string
  }[]
  readonly releases: readonly { readonly name: string; readonly canary: { readonly verdict: string } }[]
}

const root = join(import.meta.dirname, '..')

/** The rehearsal as a newcomer starts it: both releases, the real bundles, real processes. It is run once, and each test reads what it left. */
describe('the rehearsal', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-rehearsal-test-'))
  let code: number | null = null
  let result: Result | undefined
  let said = ''

  beforeAll(async () => {
    const args = ['rehearse', '--json', '--report', join(directory, 'report')]
    const child = spawn(process.execPath, [join(root, 'packages/cli/src/main.ts'), ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let out = ''
    child.stdout.on('data', (chunk) => {
      out += chunk
    })
    child.stderr.on('data', (chunk) => {
      said += chunk
    })
    code = await new Promise((resolve) => child.on('close', resolve))
    if (out !== '') result = JSON.parse(out)
  }, 150_000)
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true })
  })

  test('every claim holds, read back from the cluster and from the clients', () => {
    expect(
      result?.claims.filter(({ ok }) => !ok),
      said,
    ).toEqual([])
    expect(code, said).toBe(0)
  })

  test('the good release is promoted and the bad one is taken back', () => {
    expect(result?.releases.map(({ name, canary }) => [name, canary.verdict])).toEqual([
      ['good', 'promoted'],
      ['bad', 'rolled-back'],
    ])
  })

  test('the clients sent about 80 requests in each second', () => {
    const { requests = 0, totalMs = 1 } = result?.figures ?? {}
    expect(requests).toBeGreaterThan(30 * 80)
    expect(requests / (totalMs / 1000)).toBeLessThan(85)
  })

  test('it leaves a report to look at, and the log of each action', () => {
    const html = readFileSync(join(directory, 'report/rehearsal.html'), 'utf8')
    expect(html).toContain('✓ Passed')
    expect(html.match(/<svg /g)).toHaveLength(3)
    expect(existsSync(join(directory, 'report/logs/bad-canary-promote.log'))).toBe(true)
  })

  test('each action leaves the report that its schema describes', () => {
    const folder = join(directory, 'report/reports')
    const files = readdirSync(folder)
    expect(files).toHaveLength(7)
    for (const file of files) {
      const report = JSON.parse(readFileSync(join(folder, file), 'utf8'))
      const action = /^sluice\.dev\/(.*)\/v1$/.exec(report.schema)?.[1] ?? ''
      const schema = JSON.parse(readFileSync(join(root, 'actions', action, 'report.schema.json'), 'utf8'))
      const validate = new Ajv2020({ strict: false }).compile(schema)
      expect(validate(report), `${file}: ${JSON.stringify(validate.errors)}`).toBe(true)
    }
  })
})
