import { Fault } from '@sluice/kit/faults'
import { describe, expect, it, test } from 'vitest'
import type { Severity } from '../src/found.ts'
import { type Gated, type Plan, run, type Scanner } from '../src/run.ts'
import type { Ended } from '../src/scanner.ts'

const REPORT = JSON.stringify({
  SchemaVersion: 2,
  ArtifactName: '.',
  ArtifactType: 'filesystem',
  Results: [{ Target: 'package-lock.json', Class: 'lang-pkgs', Type: 'npm' }],
})
const NO_DATABASE: Ended = { kind: 'exited', code: 1, said: 'FATAL DB error: failed to download vulnerability DB: 503' }
const WELL: Ended = { kind: 'exited', code: 0, said: '' }

const PLAN: Plan = {
  target: '.',
  vulnerabilities: true,
  policy: {
    failOn: new Set<Severity>(['CRITICAL']),
    reportSeverity: new Set<Severity>(['CRITICAL']),
    ignoreUnfixed: false,
    grace: { days: {}, from: 'published' },
    strict: false,
    expiringWithinDays: 14,
  },
  vex: [],
  feedMaxAge: 7,
  mirrors: [
    { database: 'one', java: 'j1' },
    { database: 'two', java: 'j2' },
  ],
  timeoutMs: 1000,
}

type Given = {
  readonly plan?: Partial<Plan>
  readonly files?: Readonly<Record<string, string>>
  readonly ends?: readonly Ended[]
  readonly tookMs?: number
  readonly here?: boolean
}

/** Runs with a scanner that ends as told, each scan taking as long as told; what happened, in order. */
const ran = async ({ plan = {}, files = {}, ends = [WELL], tookMs = 1, here = false }: Given) => {
  const happened: string[] = []
  let now = 0
  const left = [...ends]
  let last = WELL
  const scanner: Scanner = {
    scan: async (mirror, timeoutMs) => {
      happened.push(`scan ${mirror?.database ?? 'here'} ${timeoutMs}`)
      now += tookMs
      last = left.shift() ?? WELL
      return last
    },
    here: () => ({ database: here }),
    // A scan that failed may leave something behind.
    written: () => REPORT,
    close: () => void happened.push('close'),
  }
  const gated: Gated = await run(
    { ...PLAN, ...plan },
    {
      read: (input, path) => {
        const text = files[path]
        if (text === undefined) throw new Fault('input', `${input}: ${path} does not exist`)
        happened.push(`read ${path}`)
        return text
      },
      isThere: (path) => path in files,
      open: async () => {
        happened.push('open')
        return scanner
      },
      clock: { now: () => Date.parse('2026-06-15T12:00:00Z'), monotonic: () => now },
      say: () => {},
    },
  )
  return { happened, gated, reason: gated.gate.reason.code, verdict: gated.gate.verdict }
}

describe('what the gate decides by', () => {
  it('is read before there is a scanner, and both ignore files where they are there', async () => {
    const { happened, verdict } = await ran({
      files: { '.trivyignore': '', '.trivyignore.yaml': 'vulnerabilities: []' },
    })
    expect(happened).toEqual(['read .trivyignore', 'read .trivyignore.yaml', 'open', 'scan one 1000', 'close'])
    expect(verdict).toBe('pass')
  })
  it('when it is damaged, there is no scan, and everything wrong is told at once', async () => {
    const files = { '.trivyignore': 'CVE-2026-1 exp:tomorrow', 'kev.json': '{}' }
    const { happened, reason, gated } = await ran({ files, plan: { kev: 'kev.json' } })
    expect([happened.includes('open'), reason]).toEqual([false, 'unusable'])
    expect(gated.gate.reason.text).toMatch(/\.trivyignore:1.*KEV/s)
    expect(gated.scanned).toBe(false)
  })
  it('is no file at all where the caller says none', async () => {
    const { happened } = await ran({ files: { '.trivyignore': '' }, plan: { ignoreFiles: [] } })
    expect(happened).not.toContain('read .trivyignore')
  })
})

test('a report that is there needs no scanner', async () => {
  const { happened, verdict } = await ran({ files: { 'r.json': REPORT }, plan: { report: 'r.json' } })
  expect([happened, verdict]).toEqual([['read r.json'], 'pass'])
})

describe('a report that must be of a digest', () => {
  const digest = `sha256:${'cd'.repeat(32)}`
  const of = (...digests: readonly unknown[]) => {
    const report = JSON.stringify({ ...JSON.parse(REPORT), Metadata: { RepoDigests: digests } })
    return ran({ plan: { report: 'r.json', digest }, files: { 'r.json': report } })
  }

  it('counts when it is, whichever of its names says so', async () => {
    const { gated } = await of(`other/shop@sha256:${'ab'.repeat(32)}`, `ghcr.io/acme/shop@${digest}`)
    expect(gated.gate.verdict).toBe('pass')
  })

  it.for([
    ['is of another image', [`ghcr.io/acme/shop@sha256:${'ab'.repeat(32)}`]],
    ['is of none', []],
    ['only looks like it', [`ghcr.io/acme/shop@${digest}0`, digest, 7]],
  ] as const)('is an error when it %s, however clean it is', async ([, digests]) => {
    const { gated } = await of(...digests)
    expect(gated.gate).toMatchObject({ verdict: 'error', reason: { code: 'other-image' } })
    expect(gated.gate.reason.text).toContain(digest)
  })
})

test('a baseline that is the report itself decides nothing, though no date says so', async () => {
  const same = await ran({
    files: { 'r.json': REPORT, 'b.json': REPORT },
    plan: { report: 'r.json', baseline: 'b.json' },
  })
  expect([same.verdict, same.reason, same.gated.gate.reason.text]).toEqual([
    'error',
    'unusable',
    expect.stringContaining('letter by letter'),
  ])
  const other = await ran({
    files: { 'r.json': REPORT, 'b.json': `${REPORT} ` },
    plan: { report: 'r.json', baseline: 'b.json' },
  })
  expect(other.verdict).toBe('pass')
})

test('packages of the system are missed only where vulnerabilities are looked for', async () => {
  const OS = { Metadata: { OS: { Family: 'debian', Name: '12' } } }
  const files = { 'r.json': JSON.stringify({ ...JSON.parse(REPORT), ...OS }) }
  expect((await ran({ files, plan: { report: 'r.json' } })).reason).toBe('system-not-scanned')
  expect((await ran({ files, plan: { report: 'r.json', vulnerabilities: false } })).verdict).toBe('pass')
})

describe('mirrors', () => {
  it('share the time for the scan', async () => {
    const { happened, verdict } = await ran({ ends: [NO_DATABASE, WELL], tookMs: 400 })
    expect(happened).toEqual(['open', 'scan one 1000', 'scan two 600', 'close'])
    expect(verdict).toBe('pass')
  })
  it('are not asked when the time is up', async () => {
    const { happened, reason } = await ran({ ends: [NO_DATABASE, WELL], tookMs: 1000 })
    expect([happened.length, reason]).toEqual([3, 'scan-timeout'])
  })
  it('that all fail leave what was fetched today, or an error', async () => {
    const ends = [NO_DATABASE, NO_DATABASE, WELL]
    expect(await ran({ ends, here: true })).toMatchObject({ verdict: 'pass' })
    expect(await ran({ ends, here: false })).toMatchObject({ verdict: 'error', reason: 'no-database' })
  })
})

it.each<readonly [string, Ended]>([
  ['a code', { kind: 'exited', code: 1, said: 'x' }],
  ['a signal', { kind: 'signalled', signal: 'SIGKILL', said: '' }],
  ['its time', { kind: 'timed-out', said: '' }],
  ['nothing: it was not started', { kind: 'not-started', said: '' }],
])('a scan that ended by %s is no scan, whatever it left', async (_, ended) => {
  const { verdict, gated, happened } = await ran({ ends: [ended] })
  expect([verdict, gated.scanned, happened.at(-1)]).toEqual(['error', false, 'close'])
})
