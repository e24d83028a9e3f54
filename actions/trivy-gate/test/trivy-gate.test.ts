import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { actionAt, type Ran, type RunOptions } from '../../../test/action.ts'
import { type Doing, fakeTrivy } from './fake-trivy.ts'

const ROOT = join(import.meta.dirname, '..')
const start = actionAt(ROOT)
const isReport = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true }).compile(
  JSON.parse(readFileSync(join(ROOT, 'report.schema.json'), 'utf8')),
)

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trivy-gate-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const BARE = '/usr/bin:/bin'

/** Runs the gate in the test's folder; its report must be what the schema says. */
const gate = async (inputs: Readonly<Record<string, string>>, options: RunOptions = {}): Promise<Ran> => {
  const ran = await start(inputs, { cwd: folder, ...options, env: { PATH: BARE, ...options.env } })
  expect([isReport(ran.report), isReport.errors]).toEqual([true, null])
  return ran
}

const file = (name: string, content: unknown): string => {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

const vulnerability = (id: string, severity: string, more: object = {}): object => ({
  VulnerabilityID: id,
  PkgName: 'left',
  PkgIdentifier: { PURL: 'pkg:npm/left@1.0.0' },
  InstalledVersion: '1.0.0',
  FixedVersion: '1.0.1',
  Status: 'fixed',
  Severity: severity,
  Title: 'a parser reads past the end',
  PublishedDate: '2024-01-01T00:00:00Z',
  ...more,
})

const report = (vulnerabilities: readonly object[], more: object = {}): object => ({
  SchemaVersion: 2,
  CreatedAt: '2026-06-15T11:00:00Z',
  ArtifactName: '.',
  ArtifactType: 'filesystem',
  Results: [
    {
      Target: 'package-lock.json',
      Class: 'lang-pkgs',
      Type: 'npm',
      Packages: [{ Name: 'left', Version: '1.0.0', Identifier: { PURL: 'pkg:npm/left@1.0.0' } }],
      Vulnerabilities: vulnerabilities,
      ...more,
    },
  ],
})

const BAD = report([vulnerability('CVE-2024-1', 'CRITICAL'), vulnerability('CVE-2024-2', 'LOW')])
const GOOD = report([vulnerability('CVE-2024-2', 'LOW')])
const A_SCAN = { path: '.', comment: 'off', 'db-repositories': 'one.example/db:2,two.example/db:2' }
const TOO_MANY =
  'FATAL Fatal error init error: DB error: failed to download vulnerability DB: OCI repository error: GET https://one.example/v2/db: TOOMANYREQUESTS: 429'

/** A scan by the stand-in. */
const scan = async (
  by: Readonly<Record<string, Doing>> | Doing,
  { version, inputs, ...options }: RunOptions & { version?: string; inputs?: Readonly<Record<string, string>> } = {},
) => {
  const fake = fakeTrivy(folder, by, version)
  const ran = await gate({ ...A_SCAN, ...inputs }, { ...options, env: { PATH: `${fake.bin}:${BARE}`, ...options.env } })
  return { ran, ...fake }
}

describe('the verdicts of a report, each with its exit code', { timeout: 120_000 }, () => {
  it.each<readonly [string, unknown, number, string, string]>([
    ['what nothing fails', GOOD, 0, 'pass', 'passed'],
    ['one that fails', BAD, 1, 'fail', 'failing-findings'],
    ['no results', { ...GOOD, Results: undefined }, 22, 'nothing-to-check', 'nothing-to-check'],
    [
      'a severity that nobody knows',
      report([vulnerability('CVE-2024-1', 'DIRE')]),
      21,
      'inconclusive',
      'unknown-severity',
    ],
    ['a class that nobody knows', report([], { Class: 'malware' }), 21, 'inconclusive', 'unknown-content'],
    [
      'a system that was not looked at',
      { ...GOOD, Metadata: { OS: { Family: 'slackware', Name: '15' } } },
      21,
      'inconclusive',
      'system-not-scanned',
    ],
    ['SARIF', { version: '2.1.0', runs: [] }, 20, 'error', 'unreadable-report'],
    ['half a file', JSON.stringify(BAD).slice(0, 200), 20, 'error', 'unreadable-report'],
  ])('%s', async (_, content, code, verdict, reason) => {
    const ran = await gate({ report: file('trivy.json', content) })
    expect(ran).toMatchObject({ code, outputs: { verdict, 'reason-code': reason }, report: { verdict } })
  })

  it('wrong input is an error, with everything that is wrong', async () => {
    const ran = await gate({ image: '--config=x', path: '.', 'fail-on': 'DIRE', grace: 'HIGH', 'min-epss': '2' })
    expect(ran).toMatchObject({ code: 20, outputs: { verdict: 'error', 'reason-code': 'input-fault' } })
    for (const part of [
      'image may not begin with a dash',
      'exactly one',
      'fail-on unknown value',
      'grace must be',
      'min-epss',
    ])
      expect(ran.log).toContain(part)
  })

  it('a step that says so is green with nothing to check, and with what is inconclusive', async () => {
    const nothing = { report: file('a.json', { ...GOOD, Results: undefined }), 'on-nothing-to-check': 'pass' }
    expect(await gate(nothing)).toMatchObject({ code: 0, outputs: { verdict: 'nothing-to-check' } })
    const unknown = { report: file('b.json', report([vulnerability('CVE-2024-1', 'DIRE')])), 'on-inconclusive': 'pass' }
    expect(await gate(unknown)).toMatchObject({ code: 0, outputs: { verdict: 'inconclusive' } })
  })
})

describe('what is written', { timeout: 120_000 }, () => {
  it('every product comes of one scan, and its counts', async () => {
    const { ran } = await scan(
      { does: 'writes', report: BAD },
      { inputs: { sarif: 'out/a.sarif', junit: 'out/a.xml', category: 'shop' } },
    )
    expect(ran.outputs).toMatchObject({ critical: '1', high: '0', low: '1', failing: '1', new: '0' })
    expect(ran.outputs.scan).toMatch(/\.scan\.json$/)
    const sarif = JSON.parse(readFileSync(join(folder, 'out/a.sarif'), 'utf8'))
    expect(sarif.runs[0].automationDetails.id).toBe('shop/')
    expect(sarif.runs[0].results.map(({ ruleId }: { ruleId: string }) => ruleId)).toEqual(['CVE-2024-1'])
    expect(readFileSync(join(folder, 'out/a.xml'), 'utf8')).toContain('failures="1"')
    expect(ran.summary).toContain('CVE-2024-1')
    expect(ran.report.details).toMatchObject({ results: 1, counts: { states: { fails: 1, below: 1 } }, more: 0 })
  })

  it('no product has the text of a secret, nor of the lines around it', async () => {
    const words = ['AKIAIOSFODNN7EXAMPLE', 'wJalrXUtnFEMI']
    const Secrets = [
      {
        RuleID: 'aws-access-key-id',
        Category: 'AWS',
        Severity: 'CRITICAL',
        Title: 'AWS Access Key ID',
        StartLine: 3,
        EndLine: 3,
        Match: `key=${words[0]}`,
        Code: { Lines: [{ Number: 2, Content: `other=${words[1]}` }] },
      },
    ]
    const content = report([], { Target: 'deploy.sh', Class: 'secret', Secrets })
    const ran = await gate({ report: file('trivy.json', content), sarif: 'a.sarif', junit: 'a.xml' })
    expect(ran.code).toBe(1)
    const written = ['a.sarif', 'a.xml'].map((name) => readFileSync(join(folder, name), 'utf8'))
    for (const text of [ran.log, ran.summary, JSON.stringify(ran.report), ...written])
      for (const word of words) expect(text).not.toContain(word)
  })

  it('without a scan there is no SARIF file, which would close every alert; JUnit has the error', async () => {
    const { ran } = await scan({ does: 'silent' }, { inputs: { sarif: 'a.sarif', junit: 'a.xml' } })
    expect(ran.outputs).not.toHaveProperty('sarif')
    expect(() => readFileSync(join(folder, 'a.sarif'))).toThrow('ENOENT')
    expect(readFileSync(join(folder, 'a.xml'), 'utf8')).toContain('errors="1"')
  })

  it('what is excepted is not in the SARIF file, whose marks code scanning does not heed; it is told elsewhere', async () => {
    file('.trivyignore', '# accepted by security\nCVE-2024-1 exp:2099-01-01')
    const content = report([vulnerability('CVE-2024-1', 'CRITICAL'), vulnerability('CVE-2024-3', 'HIGH')])
    const ran = await gate({ report: file('trivy.json', content), sarif: 'a.sarif', junit: 'a.xml' })
    const [run] = JSON.parse(readFileSync(join(folder, 'a.sarif'), 'utf8')).runs
    expect(run.results.map(({ ruleId }: { ruleId: string }) => ruleId)).toEqual(['CVE-2024-3'])
    expect(run.invocations[0].toolExecutionNotifications).toEqual([])
    expect(ran.log).not.toContain('The SARIF file leaves')
    expect(ran.report.details.counts.states).toMatchObject({ excepted: 1, fails: 1 })
    for (const text of [JSON.stringify(ran.report), ran.summary, readFileSync(join(folder, 'a.xml'), 'utf8')])
      expect(text).toContain('CVE-2024-1')
  })

  it('a file that cannot be written changes no verdict', async () => {
    file('here', 'a file')
    const ran = await gate({ report: file('trivy.json', GOOD), sarif: 'here/a.sarif' })
    expect(ran).toMatchObject({ code: 0, outputs: { verdict: 'pass' } })
    expect(ran.log).toContain('sarif could not be written')
  })
})

describe('what the gate decides by', { timeout: 120_000 }, () => {
  it('the ignore files of the workspace, and no other where one is named', async () => {
    file('.trivyignore', '# accepted by security\nCVE-2024-1 exp:2099-01-01')
    const path = file('trivy.json', BAD)
    expect(await gate({ report: path })).toMatchObject({
      code: 0,
      report: { details: { counts: { states: { excepted: 1 } } } },
    })
    expect(await gate({ report: path, 'ignore-file': 'none' })).toMatchObject({ code: 1 })
    expect(await gate({ report: path, 'ignore-file': 'gone' })).toMatchObject({
      code: 20,
      outputs: { 'reason-code': 'input-fault' },
    })
  })

  it.each<readonly [string, string]>([
    ['the token that Git keeps', '.git/config'],
    ['a login of Docker', 'elsewhere/config.json'],
    ['a file of the workspace', 'secrets.txt'],
    ['nothing', 'gone'],
  ])('no ignore file that is a link to %s, of which no word is told', async (_, to) => {
    const word = `${'c2VjcmV0'.repeat(8)}=`
    for (const name of ['.git/config', 'elsewhere/config.json', 'secrets.txt'])
      file(name, `[http "https://github.com/"]\n\textraheader = AUTHORIZATION: basic ${word}\n${word}\n`)
    const cwd = join(folder, 'w')
    file('w/trivy.json', BAD)
    const outside = to.startsWith('elsewhere')
    if (!outside && to !== 'gone') file(`w/${to}`, readFileSync(join(folder, to), 'utf8'))
    symlinkSync(outside ? join(folder, to) : to, join(cwd, '.trivyignore'))
    const told = async (more: Readonly<Record<string, string>>): Promise<Ran> => {
      const ran = await gate({ report: 'trivy.json', comment: 'off', junit: 'a.xml', ...more }, { cwd })
      for (const text of [ran.log, ran.summary, JSON.stringify(ran.report)]) expect(text).not.toContain('c2VjcmV0')
      return ran
    }
    const found = await told({})
    expect(found).toMatchObject({ code: 20, outputs: { verdict: 'error', 'reason-code': 'input-fault' } })
    expect(found.log).toContain('.trivyignore is no regular file')
    if (to === 'secrets.txt') return
    const named = await told({ 'ignore-file': '.trivyignore', vex: '.trivyignore' })
    expect(named).toMatchObject({ code: 20, outputs: { 'reason-code': 'input-fault' } })
  })

  it('a link that the caller names, within the workspace and from without', async () => {
    const cwd = join(folder, 'w')
    file('w/trivy.json', BAD)
    file('w/config/accepted', '# accepted by security\nCVE-2024-1 exp:2099-01-01')
    file('trusted/accepted', '# accepted by security\nCVE-2024-1 exp:2099-01-01')
    symlinkSync('config/accepted', join(cwd, 'inside'))
    symlinkSync(join(folder, 'trusted/accepted'), join(folder, 'trusted/link'))
    for (const path of ['inside', join(folder, 'trusted/link'), '../trusted/accepted'])
      expect(await gate({ report: 'trivy.json', 'ignore-file': path }, { cwd })).toMatchObject({ code: 0 })
  })

  it('an exception that has expired excuses nothing, and is told of', async () => {
    file('.trivyignore', 'CVE-2024-1 exp:2024-02-01')
    const ran = await gate({ report: file('trivy.json', BAD) })
    expect(ran.code).toBe(1)
    expect(ran.log).toContain('has expired and excuses nothing')
  })

  it('a baseline: only what is new fails', async () => {
    const before = { ...BAD, CreatedAt: '2026-06-01T00:00:00Z' }
    const now = report([vulnerability('CVE-2024-1', 'CRITICAL'), vulnerability('CVE-2024-9', 'HIGH')])
    const same = await gate({ report: file('now.json', BAD), baseline: file('before.json', before) })
    expect(same).toMatchObject({ code: 0, outputs: { verdict: 'pass', new: '0' } })
    const ran = await gate({ report: file('now.json', now), baseline: file('before.json', before) })
    expect(ran).toMatchObject({ code: 1, outputs: { failing: '1', new: '1' } })
    expect(ran.report.findings[0]).toMatchObject({ id: 'CVE-2024-9' })
  })

  it('a feed that is too old, or a baseline that is none, decides nothing: error', async () => {
    const kev = file('kev.json', {
      dateReleased: '2024-01-01T00:00:00Z',
      count: 1,
      vulnerabilities: [{ cveID: 'CVE-2024-1' }],
    })
    const old = await gate({ report: file('trivy.json', GOOD), kev })
    expect(old).toMatchObject({ code: 20, outputs: { 'reason-code': 'unusable' } })
    const none = await gate({
      report: file('trivy.json', GOOD),
      baseline: file('sarif.json', { version: '2.1.0', runs: [] }),
    })
    expect(none).toMatchObject({ code: 20, outputs: { 'reason-code': 'unusable' } })
  })
})

describe('the scanner', { timeout: 120_000 }, () => {
  it('is given no secret, no input, no option of its own, and no file of the workspace that decides', async () => {
    file('trivy.yaml', 'severity: [LOW]\n')
    file('.trivyignore', '')
    const env = {
      GITHUB_TOKEN: 'ghs_1',
      AWS_SECRET_ACCESS_KEY: 'aws_1',
      TRIVY_IGNORE_UNFIXED: 'true',
      DOCKER_AUTH_CONFIG: 'docker_1',
      HTTPS_PROXY: 'http://proxy.example:3128',
      RUNNER_TRACKING_ID: 'github_1',
    }
    const { calls } = await scan(
      { does: 'writes', report: GOOD },
      { env, inputs: { token: 'ghs_2', scanners: 'vuln,secret' } },
    )
    const [call] = calls()
    expect(Object.keys(call?.env ?? {}).sort()).toEqual(
      [
        'DOCKER_CONFIG',
        'HOME',
        'HTTPS_PROXY',
        'PATH',
        'RUNNER_TRACKING_ID',
        'TRIVY_CACHE_DIR',
        'TRIVY_DISABLE_TELEMETRY',
        'TRIVY_SKIP_VERSION_CHECK',
      ].sort(),
    )
    expect(JSON.stringify(call)).not.toMatch(/ghs_|aws_|docker_1/)
    expect(call?.args.slice(-2)).toEqual(['--', '.'])
    expect(call?.args.join(' ')).toMatch(
      /--exit-code 0 --severity UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL --scanners vuln,secret/,
    )
    expect(call).toMatchObject({ ignored: '', config: '{}\n' })
  })

  it('asks the next mirror where one gives no database', async () => {
    const { ran, calls } = await scan({
      'one.example/db:2': { does: 'fails', says: TOO_MANY, code: 1 },
      'two.example/db:2': { does: 'writes', report: GOOD },
    })
    expect(ran).toMatchObject({ code: 0, outputs: { verdict: 'pass' } })
    expect(calls()).toHaveLength(2)
    expect(ran.log).toContain('one.example/db:2 did not give its database, two.example/db:2 is next')
  })

  it('is an error where no mirror has a database, and uses that of today where there is one', async () => {
    const fails: Doing = { does: 'fails', says: TOO_MANY, code: 1 }
    const by = { 'one.example/db:2': fails, 'two.example/db:2': fails, '-': { does: 'writes', report: GOOD } as const }
    const cache = join(folder, 'cache')
    const first = await scan(by, { inputs: { 'cache-dir': cache } })
    expect(first.ran).toMatchObject({ code: 20, outputs: { verdict: 'error', 'reason-code': 'no-database' } })
    expect(first.calls()).toHaveLength(2)
    const today = new Date().toISOString().slice(0, 10)
    for (const name of ['trivy.db', 'metadata.json']) file(`cache/${today}/db/${name}`, '{}')
    const second = await scan(by, { inputs: { 'cache-dir': cache } })
    expect(second.ran).toMatchObject({ code: 0, outputs: { verdict: 'pass' } })
    expect(second.calls().at(-1)?.args).toContain('--skip-db-update')
  })

  it.each<readonly [string, Doing]>([
    ['a crash', { does: 'fails', says: 'INFO Downloading vulnerability DB...\npanic: runtime error', code: 2 }],
    ['a crash after it wrote its report', { does: 'partial', report: GOOD }],
    ['an end without a report', { does: 'silent' }],
  ])('%s is an error, and no other mirror is asked', async (_, doing) => {
    const { ran, calls } = await scan(doing)
    expect(ran).toMatchObject({ code: 20, outputs: { verdict: 'error', 'reason-code': 'scan-failed' } })
    expect(calls()).toHaveLength(1)
  })

  it('is stopped when its time is up, with all that it started', async () => {
    const { ran, pids } = await scan({ does: 'hangs' }, { inputs: { timeout: '4s' } })
    onTestFinished(() => {
      for (const pid of pids()) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    })
    expect(ran).toMatchObject({ code: 20, outputs: { verdict: 'error', 'reason-code': 'scan-timeout' } })
    expect(pids()).toHaveLength(2)
    for (const pid of pids()) expect(isAlive(pid)).toBe(false)
  })

  it('is stopped when the job is cancelled', async () => {
    const fake = fakeTrivy(folder, { does: 'hangs' })
    let kill: (signal: NodeJS.Signals) => void = () => {}
    const ran = await gate(A_SCAN, {
      env: { PATH: `${fake.bin}:${BARE}` },
      started: (each) => {
        kill = each
      },
      seen: (log) => (log.includes('trivy: INFO') ? kill('SIGINT') : undefined),
    })
    expect(ran).toMatchObject({ code: 20, outputs: { verdict: 'error', 'reason-code': 'cancelled' } })
    expect(ran.afterSignalMs).toBeLessThan(6000)
  })

  it('that is not there, or not the version, says how to add one', async () => {
    const none = await gate(A_SCAN)
    expect(none).toMatchObject({ code: 20, outputs: { 'reason-code': 'input-fault' } })
    expect(none.log).toContain('actions/trivy-gate/src/ports/releases.json')
    const { ran, calls } = await scan({ does: 'writes', report: GOOD }, { inputs: { 'trivy-version': '0.71.0' } })
    expect(ran.code).toBe(20)
    expect(ran.log).toContain('the one on PATH is 0.72.0')
    expect(calls()).toEqual([])
  })

  it('is not taken from a relative folder on PATH, which a pull request could fill', async () => {
    const { bin, calls } = fakeTrivy(folder, { does: 'writes', report: GOOD })
    const ran = await gate(A_SCAN, { env: { PATH: `${relative(folder, bin)}:${BARE}` } })
    expect(ran).toMatchObject({ code: 20, outputs: { 'reason-code': 'input-fault' } })
    expect(ran.log).toContain('There is no trivy on PATH')
    expect(calls()).toEqual([])
  })

  it('is not run where it is one of the stolen releases', async () => {
    const { ran, calls } = await scan({ does: 'writes', report: GOOD }, { version: '0.69.4' })
    expect(ran).toMatchObject({ code: 20, outputs: { verdict: 'error' } })
    expect(calls()).toEqual([])
  })
})

const isAlive = (pid: number): boolean => {
  try {
    // What ended and nobody took notice of is still listed.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

describe('the comment on a pull request', { timeout: 120_000 }, () => {
  type Comment = { id: number; body: string; user: { login: string; type: string } }
  let server: Server
  let comments: Comment[]
  let refuse: boolean
  beforeEach(async () => {
    comments = []
    refuse = false
    server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const { method, url = '' } = request
        const said = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString())
        const answer = (status: number, body: unknown): void =>
          void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
        const no = (): void => answer(403, { message: 'Resource not accessible by integration' })
        if (url === '/user') return no()
        if (method === 'GET' && url.startsWith('/repos/acme/shop/issues/7/comments')) return answer(200, comments)
        if (refuse) return no()
        const id = Number(/^\/repos\/acme\/shop\/issues\/comments\/(\d+)$/.exec(url)?.[1])
        const found = comments.find((one) => one.id === id)
        if (method === 'PATCH' && found !== undefined) {
          found.body = said.body
          return answer(200, found)
        }
        if (method !== 'POST' || url !== '/repos/acme/shop/issues/7/comments')
          return answer(404, { message: 'Not Found' })
        const made = { id: comments.length + 1, body: said.body, user: { login: 'github-actions[bot]', type: 'Bot' } }
        comments.push(made)
        answer(201, made)
      })
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
  })
  afterEach(() => server.close())

  const env = (): Readonly<Record<string, string>> => ({
    GITHUB_API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    GITHUB_REPOSITORY: 'acme/shop',
    GITHUB_EVENT_PATH: file('event.json', { pull_request: { number: 7 } }),
  })

  it('is made once something fails, and is the same one afterwards', async () => {
    const [bad, good] = [file('bad.json', BAD), file('good.json', GOOD)]
    await gate({ report: good, token: 't' }, { env: env() })
    expect(comments).toEqual([])
    await gate({ report: bad, token: 't' }, { env: env() })
    expect(comments.map(({ body }) => body)).toEqual([expect.stringContaining('CVE-2024-1')])
    await gate({ report: good, token: 't' }, { env: env() })
    expect(comments.map(({ body }) => body)).toEqual([expect.stringContaining('Trivy gate: pass')])
    await gate({ report: bad, token: 't', category: 'other' }, { env: env() })
    expect(comments).toHaveLength(2)
  })

  it('of somebody else with the same marker is left alone', async () => {
    const theirs = {
      id: 1,
      body: '<!-- sluice trivy-gate: trivy-gate --> all is well',
      user: { login: 'eve', type: 'User' },
    }
    comments.push({ ...theirs })
    await gate({ report: file('bad.json', BAD), token: 't' }, { env: env() })
    expect(comments).toEqual([theirs, expect.objectContaining({ id: 2 })])
  })

  it('that a token may not write is a note and changes no verdict', async () => {
    refuse = true
    const ran = await gate({ report: file('bad.json', BAD), token: 't' }, { env: env() })
    expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'fail' } })
    expect(ran.log).toContain('The comment could not be written')
  })
})
