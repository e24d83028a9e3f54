import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
  readonly moments: readonly { readonly text: string; readonly detail: string }[]
  readonly releases: readonly {
    readonly name: string
    readonly run: { readonly outcome: string; readonly outcomeReason: string; readonly conclusion: string }
  }[]
}
type Ended = { readonly code: number | null; readonly result: Result | undefined; readonly said: string }

const root = join(import.meta.dirname, '../..')
const directory = mkdtempSync(join(tmpdir(), 'sluice-rehearsal-test-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** Runs the command as a newcomer does, in a folder, and gives its result. `TMPDIR` is its own, so that what it leaves behind is seen. */
const rehearse = async (name: string, cwd: string, ...flags: readonly string[]): Promise<Ended> => {
  mkdirSync(join(directory, name, 'tmp'), { recursive: true })
  const source = process.env.SLUICE_FROM_SOURCE === undefined ? [] : ['--from-source']
  const args = ['rehearse', '--json', '--report', join(directory, name, 'report'), ...source, ...flags]
  const child = spawn(process.execPath, [join(root, 'packages/cli/src/main.ts'), ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: join(directory, name, 'tmp') },
  })
  let out = ''
  let said = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, said, result: out === '' ? undefined : JSON.parse(out) }
}
const broken = ({ result, said }: Ended): readonly unknown[] =>
  result === undefined ? [said] : result.claims.filter(({ ok }) => !ok)
const ends = ({ result }: Ended): readonly unknown[] =>
  result?.releases.map(({ name, run }) => [name, run.conclusion, run.outcome, run.outcomeReason]) ?? []

/** The rehearsals run once, at the same time; each test reads what they left. */
describe('the rehearsal', () => {
  let ended: Ended
  let own: Ended
  const report = join(directory, 'example/report')
  const shop = join(directory, 'shop')
  const before = SHOP()

  beforeAll(async () => {
    for (const [path, text] of Object.entries(before)) {
      mkdirSync(join(shop, path, '..'), { recursive: true })
      writeFileSync(join(shop, path), text)
    }
    ;[ended, own] = await Promise.all([
      rehearse('example', root, '--second-only'),
      rehearse('own', shop, '--kill-runner=once'),
    ])
  }, 200_000)

  test('of the example: every claim holds, read back from the runs, the cluster and the clients', () => {
    expect(broken(ended)).toEqual([])
    expect(ended.code, ended.said).toBe(0)
  })

  test('the bad release is taken back, by its last job’s word', () => {
    expect(ends(ended)).toEqual([['bad', 'failure', 'fail', 'rolled-back']])
  })

  test('of the example shows the gate: each release takes a prebuilt image, and its scan passed before anything was deployed', () => {
    const scans = ended.result?.claims.filter(({ text }) => text === 'the scan passed before anything was deployed')
    expect(scans?.map(({ release, actual }) => [release, actual])).toEqual([
      ['first', 'pass'],
      ['bad', 'pass'],
    ])
    const told = ended.result?.moments.map(({ text, detail }) => `${text}; ${detail}`) ?? []
    for (const run of [1, 3])
      expect(told).toEqual(
        expect.arrayContaining([
          expect.stringMatching(`^package takes a prebuilt image: no image is built; sha256:[0-9a-f]{12}; run ${run}$`),
          `the gate says pass (scan of the image); 0 of 4 findings fail; run ${run}`,
        ]),
      )
    const html = readFileSync(join(report, 'rehearsal.html'), 'utf8')
    expect(html).toContain('the gate says pass (scan of the image)')
    expect(html).toContain('rehearsal/trivy.json, in place of a scan of the image')
  })

  test('of one’s own repository, which says how its image is built and scanned, builds and scans nothing, and says so', () => {
    const html = readFileSync(join(directory, 'own/report/rehearsal.html'), 'utf8')
    expect(html).toContain('It takes a prebuilt image: no image is built')
    expect(html).toContain('Nothing is scanned here')
    expect(own.result?.claims.filter(({ text }) => text.startsWith('the scan'))).toEqual([])
  })

  test('the clients sent about 80 requests in each second', () => {
    const { requests = 0, totalMs = 1 } = ended.result?.figures ?? {}
    expect(requests).toBeGreaterThan(10 * 80)
    expect(requests / (totalMs / 1000)).toBeLessThan(85)
  })

  test('it leaves a report to look at, and each run’s trace, logs and summaries', () => {
    const html = readFileSync(join(report, 'rehearsal.html'), 'utf8')
    expect(html).toContain('✓ Passed')
    expect(html.match(/<svg /g)).toHaveLength(3)
    expect(html).toContain('deliver / canary / canary')
    const runs = readdirSync(join(report, 'runs'))
    const traces = runs.filter((name) => name.endsWith('-deliver.json'))
    expect(traces).toHaveLength(2)
    for (const trace of traces)
      expect(readFileSync(join(report, 'runs', trace.replace('.json', '.md')), 'utf8')).toContain('\n#')
    expect(readdirSync(join(report, 'logs')).filter((name) => name.endsWith('deliver-canary-canary.log'))).toHaveLength(
      2,
    )
  })

  test('it keeps the canary’s report, which `sluice judge` judges again to the same end and the same evidence', () => {
    const kept = readdirSync(join(report, 'reports'), { recursive: true, encoding: 'utf8' })
    const [file = ''] = kept.filter((name) => name.endsWith('canary-promote-canary.json'))
    expect(kept).toContain(file.replace('.json', '.html'))
    const recorded = JSON.parse(readFileSync(join(report, 'reports', file), 'utf8'))
    const main = join(root, 'packages/cli/src/main.ts')
    const again = spawnSync(process.execPath, [main, 'judge', join(report, 'reports', file)], { encoding: 'utf8' })
    expect(again.status, again.stderr).toBe(1)
    const { verdict, reason, metrics } = JSON.parse(again.stdout)
    expect({ verdict, reason }).toEqual({ verdict: recorded.verdict, reason: recorded.reason })
    const evidence = ({ name, logE }: { readonly name: string; readonly logE: number }) => [name, logE]
    expect(metrics.map(evidence)).toEqual(recorded.details.metrics.map(evidence))
  })

  test('of one’s own repository, a plain service: a release is delivered, and one whose canary’s machine dies is taken back', () => {
    expect(broken(own)).toEqual([])
    expect(own.code, own.said).toBe(0)
    expect(ends(own)).toMatchObject([
      ['good', 'success', 'pass', 'delivered'],
      ['second', 'failure', 'fail', expect.stringMatching(/^(canary-lost|rolled-back)$/)],
    ])
  })

  test('changes nothing in it', () => {
    const files = readdirSync(shop, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    expect(files.map(({ name, parentPath }) => join(parentPath, name).slice(shop.length + 1)).sort()).toEqual(
      Object.keys(before).sort(),
    )
    for (const [path, text] of Object.entries(before)) expect(readFileSync(join(shop, path), 'utf8')).toBe(text)
  })

  test('leaves no folder behind', () => {
    for (const name of ['example', 'own']) {
      expect(existsSync(join(directory, name, 'tmp'))).toBe(true)
      expect(readdirSync(join(directory, name, 'tmp')).filter((entry) => !entry.startsWith('node-'))).toEqual([])
    }
  })
})

/** A repository as small as one can be: a service of a few lines, its manifests, and sluice.yml. */
function SHOP(): Readonly<Record<string, string>> {
  return {
    'server.mjs': `import { createServer } from 'node:http'
const server = createServer((asked, answer) => answer.end(asked.url === '/ready' ? 'ready' : 'a shop'))
server.listen(Number(process.env.PORT), process.env.HOST)
process.on('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
`,
    'k8s/shop.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: { name: shop }
spec:
  replicas: 2
  selector: { matchLabels: { app: shop } }
  template:
    metadata: { labels: { app: shop } }
    spec:
      terminationGracePeriodSeconds: 2
      containers:
        - name: shop
          image: \${IMAGE}
          ports: [{ name: http, containerPort: 3000 }]
          readinessProbe: { httpGet: { path: /ready, port: 3000 }, periodSeconds: 1, failureThreshold: 3 }
          lifecycle: { preStop: { sleep: { seconds: 1 } } }
---
apiVersion: v1
kind: Service
metadata: { name: shop }
spec:
  selector: { app: shop }
  ports: [{ name: http, port: 80, targetPort: http }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: shop }
spec:
  parentRefs: [{ name: outside, namespace: infra }]
  hostnames: [shop.example.com]
  rules: [{ backendRefs: [{ name: shop, port: 80 }] }]
`,
    'sluice.yml': `version: 1
services:
  shop:
    image: ghcr.io/acme/shop
    checks: [{ name: syntax, run: node --check server.mjs }]
    package: { tags: [type=sha] }
    scan: { ignore-unfixed: true }
    start: { run: node server.mjs, port: 3000, ready: /ready }
    smoke: [{ name: shop, path: /goods, expect: { status: 200 } }]
    deploy:
      production: { namespace: shop, manifests: k8s }
environments:
  production: { role: production, approval: none }
plan:
  steps: [{ weight: 20, hold: 5m }]
`,
  }
}
