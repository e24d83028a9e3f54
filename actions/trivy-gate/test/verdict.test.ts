import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import type { Entry } from '../src/exceptions/match.ts'
import type { Exception, Found, Kind, Scan, Severity } from '../src/found.ts'
import { SEVERITIES } from '../src/found.ts'
import { judge, type Settings, unusable } from '../src/verdict.ts'
import { NOW, scanOf, secret, settings, vulnerability } from './made.ts'

const gate = (found: readonly Found[], over: Partial<Settings> = {}, scan: Partial<Scan> = {}) =>
  judge(scanOf(found, scan), settings(over), NOW)
const LEFT = { name: 'left', version: '1.0.0', purl: 'pkg:npm/left@1.0.0' }
const unfixed = { name: 'right', version: '2.0', status: 'affected' }
const exception = (over: Partial<Exception> = {}): Exception => ({
  id: 'CVE-2026-1000',
  source: 'trivyignore',
  where: '.trivyignore:1',
  kinds: ['vulnerability'],
  ...over,
})
const before = (found: readonly Found[], over: Partial<Scan> = {}): Scan =>
  scanOf(found, { createdAt: '2026-06-01T00:00:00Z', ...over })

const DOUBT = { code: 'unknown-severity', text: 'x' } as const
const IMAGE = { artifact: { name: 'a/shop:1', type: 'container_image', digest: `sha256:${'ab'.repeat(32)}` } }
const ofImage = (digit: string): Entry => ({
  ...exception({ source: 'openvex' }),
  scopes: [{ product: `pkg:oci/shop@sha256%3A${digit.repeat(32)}` }],
})

describe('the verdict of a gate', () => {
  test.each<[string, readonly Found[], Partial<Settings>, Partial<Scan>, string, string]>([
    ['nothing found', [], {}, {}, 'pass', 'passed'],
    ['nothing scanned', [], {}, { targets: 0 }, 'nothing-to-check', 'nothing-to-check'],
    ['a severity that fails', [vulnerability()], {}, {}, 'fail', 'failing-findings'],
    ['another severity', [vulnerability({ severity: 'LOW' })], {}, {}, 'pass', 'passed'],
    [
      'an end of life where nothing else was scanned',
      [secret({ kind: 'end-of-life' })],
      {},
      { targets: 0 },
      'fail',
      'failing-findings',
    ],
    [
      'a severity that is not understood',
      [vulnerability({ severity: 'UNKNOWN' })],
      {},
      { doubts: [DOUBT] },
      'inconclusive',
      'unknown-severity',
    ],
    ['the same beside one that fails', [vulnerability()], {}, { doubts: [DOUBT] }, 'fail', 'failing-findings'],
    ['the same where nothing can fail', [], { failOn: new Set<Severity>() }, { doubts: [DOUBT] }, 'pass', 'passed'],
    [
      'content that is not known, and no result',
      [],
      {},
      { targets: 0, doubts: [{ code: 'unknown-content', text: 'x' }] },
      'inconclusive',
      'unknown-content',
    ],
    [
      'a baseline of another image',
      [vulnerability()],
      { baseline: before([vulnerability()], { artifact: { ...IMAGE.artifact, name: 'a/other:1' } }) },
      IMAGE,
      'error',
      'unusable',
    ],
    [
      'another secret of the same file in the baseline',
      [secret({ lines: { from: 9, to: 9 } })],
      { baseline: before([secret()]) },
      {},
      'fail',
      'failing-findings',
    ],
    ['what could not be read', [], { problems: ['The KEV catalogue is 9 days old.'] }, {}, 'error', 'unusable'],
    ['the same, where nothing was scanned', [], { problems: ['x'] }, { targets: 0 }, 'error', 'unusable'],
    [
      'a baseline of something else',
      [],
      { baseline: before([], { artifact: { name: 'a', type: 'vm' } }) },
      {},
      'error',
      'unusable',
    ],
    ['an exception', [vulnerability()], { exceptions: [exception()] }, {}, 'pass', 'passed'],
    [
      'a VEX statement about another image',
      [vulnerability()],
      { exceptions: [ofImage('cd')] },
      IMAGE,
      'fail',
      'failing-findings',
    ],
    ['a VEX statement about this image', [vulnerability()], { exceptions: [ofImage('ab')] }, IMAGE, 'pass', 'passed'],
    ['in the baseline', [vulnerability()], { baseline: before([vulnerability()]) }, {}, 'pass', 'passed'],
    ['not in the baseline', [vulnerability()], { baseline: before([]) }, {}, 'fail', 'failing-findings'],
    ['without a fix', [vulnerability({ package: unfixed })], { ignoreUnfixed: true }, {}, 'pass', 'passed'],
    ['nothing fails by its severity', [secret()], { failOn: new Set<Severity>() }, {}, 'pass', 'passed'],
  ])('with %s', (_, found, over, scan, verdict, code) => {
    const result = gate(found, over, scan)
    expect([result.verdict, result.reason.code]).toEqual([verdict, code])
  })

  it('says how many fail, the three worst and what to do', () => {
    const found = [
      vulnerability({ id: 'CVE-2026-1', package: unfixed }),
      vulnerability({ id: 'CVE-2026-2' }),
      vulnerability({ id: 'CVE-2026-3', severity: 'LOW' }),
      secret(),
      vulnerability({ id: 'CVE-2026-4', package: { name: 'mid', version: '3', fixed: '3.1, 4.0' } }),
    ]
    expect(gate(found, { kev: new Set(['CVE-2026-2']) }).reason).toEqual({
      code: 'failing-findings',
      text: '4 findings fail (1 CRITICAL, 3 HIGH): aws-access-key-id in deploy.sh:3; CVE-2026-2 in left 1.0.0 (fixed in 1.0.1, known to be exploited); CVE-2026-1 in right 2.0 (no fix); and 1 more',
      next: 'Revoke the secret first, then take it out, also of the history or layer. Update left to 1.0.1, and 1 more package that have a fix. What has no fix can only be replaced or left out. What is accepted for a time belongs in an ignore file, with a reason and an expiry.',
    })
  })

  it('says who brought what is new', () => {
    const found = [vulnerability(), vulnerability({ id: 'CVE-2026-2' })]
    const { reason } = gate(found.slice(1), { baseline: before([vulnerability()]) })
    expect(reason.text).toBe('1 new finding fails (1 HIGH): CVE-2026-2 in left 1.0.0 (fixed in 1.0.1, newly disclosed)')
  })

  describe('beside a baseline that knew it without a fix', () => {
    const grace = { days: { HIGH: 7 }, from: 'fix' as const }
    const knew = (createdAt: string) => before([vulnerability({ package: LEFT })], { createdAt })

    it('lets a fix pass while there is grace, and not when that has ended', () => {
      expect(gate([vulnerability()], { grace, baseline: knew('2026-06-12T00:00:00Z') }).verdict).toBe('pass')
      const { judged, reason } = gate([vulnerability()], { grace, baseline: knew('2026-06-01T00:00:00Z') })
      expect(judged).toEqual([{ found: vulnerability(), state: 'fails', until: '2026-06-08' }])
      expect(reason.text).toBe(
        '1 finding fails (1 HIGH): CVE-2026-1000 in left 1.0.0 (fixed in 1.0.1, grace ended on 2026-06-08)',
      )
    })

    it('calls one new that it does not have, whatever became of the other', () => {
      const found = [vulnerability({ target: 'web/package-lock.json' }), vulnerability()]
      const { judged } = gate(found, { grace, baseline: knew('2026-06-01T00:00:00Z') })
      expect(judged).toEqual([
        { found: found[0], state: 'fails', news: 'disclosed' },
        { found: found[1], state: 'fails', until: '2026-06-08' },
      ])
    })
  })

  it('says of a pass what was let through, and when grace ends', () => {
    const found = [
      vulnerability({ id: 'CVE-2026-5', published: '2026-06-14T00:00:00Z' }),
      vulnerability({ id: 'CVE-2026-6', published: '2026-06-10T00:00:00Z' }),
      vulnerability({ severity: 'LOW', id: 'CVE-2026-7' }),
      vulnerability({ package: unfixed }),
      vulnerability(),
      secret(),
    ]
    const { reason } = gate(found, {
      grace: { days: { HIGH: 7 }, from: 'published' },
      ignoreUnfixed: true,
      exceptions: [exception({ purls: ['pkg:npm/left'] })],
      baseline: before([secret()], { packages: [] }),
    })
    expect(reason).toEqual({
      code: 'passed',
      text: 'None of 6 findings in 1 result fails (fail-on: CRITICAL, HIGH): 1 of no severity or probability that fails, 1 without a fix, 2 within grace, 1 excepted, 1 in the baseline already',
      next: 'Grace ends first on 2026-06-17, for CVE-2026-6 in left 1.0.0 (fixed in 1.0.1): mend it before.',
    })
  })

  it('keeps a sentence on one line, whatever the report has for a name', () => {
    const { text } = gate([secret({ target: `a\n\n# ${'b'.repeat(300)}` })]).reason
    expect(text).not.toContain('\n')
    expect(text.length).toBeLessThan(200)
  })

  it('judges nothing where something could not be read', () => {
    expect(unusable(['The report is empty.', 'The EPSS file has no scores.'])).toMatchObject({
      verdict: 'error',
      reason: { text: 'The report is empty; The EPSS file has no scores' },
      judged: [],
    })
  })
})

describe('each finding', () => {
  it('keeps its place, and is told with its exception', () => {
    const found = [vulnerability({ severity: 'LOW' }), vulnerability({ published: '2026-06-14T00:00:00Z' }), secret()]
    const { judged, exceptions } = gate(found, {
      grace: { days: { HIGH: 7 }, from: 'published' },
      exceptions: [exception({ id: 'CVE-1' }), exception()],
    })
    expect(judged).toEqual([
      { found: found[0], state: 'excepted', exception: 1 },
      { found: found[1], state: 'excepted', exception: 1 },
      { found: found[2], state: 'fails' },
    ])
    expect(exceptions.map(({ used }) => used)).toEqual([0, 2])
  })

  it('has its news, its exploitation and its probability', () => {
    const epss = new Map([['CVE-2026-1000', 0.5]])
    const policy = { epss, kev: new Set(['CVE-2026-1000']), baseline: before([], { packages: ['pkg:npm/left@1.0.0'] }) }
    expect(gate([vulnerability()], policy).judged).toEqual([
      { found: vulnerability(), state: 'fails', exploited: true, epss: 0.5, news: 'disclosed' },
    ])
  })

  it('is shown by its severity, and always when it fails; the worst first', () => {
    const ids = ['CVE-2026-1', 'CVE-2026-2', 'CVE-2026-3', 'CVE-2026-4', 'CVE-2026-5']
    const found = [
      ...ids.map((id) => vulnerability({ id, score: 5 })),
      vulnerability({ id: 'CVE-2026-6', score: 9 }),
      vulnerability({ severity: 'LOW' }),
      vulnerability({ severity: 'MEDIUM' }),
    ]
    const epss = new Map(ids.slice(0, 4).map((id, index) => [id, index / 10]))
    const { shown } = gate(found, {
      epss,
      kev: new Set(['CVE-2026-1']),
      reportSeverity: new Set<Severity>(['LOW']),
    })
    expect(shown.map((one) => one.found.id)).toEqual([
      'CVE-2026-1',
      'CVE-2026-6',
      'CVE-2026-5',
      'CVE-2026-4',
      'CVE-2026-3',
      'CVE-2026-2',
      'CVE-2026-1000',
    ])
  })
})

describe('the notes', () => {
  test.each<[string, readonly Found[], Partial<Settings>, string]>([
    [
      'grace without a date',
      [vulnerability({ published: '' })],
      { grace: { days: { HIGH: 7 }, from: 'published' } },
      '1 vulnerability of a severity with grace has none: nothing says when it was published',
    ],
    [
      'grace from a fix of no date',
      [vulnerability(), vulnerability()],
      { grace: { days: { HIGH: 7 }, from: 'fix' } },
      '2 vulnerabilities of a severity with grace have none: nothing says when its fix appeared',
    ],
    [
      'what is exploited and let through',
      [vulnerability({ package: unfixed })],
      { kev: new Set(['CVE-2026-1000']), ignoreUnfixed: true },
      'Known to be exploited, and yet let through: CVE-2026-1000 in right 2.0 (no fix, known to be exploited): there is no fix',
    ],
    [
      'what no feed can be asked for',
      [vulnerability({ id: 'GHSA-1111-2222-3333' })],
      { kev: new Set(['CVE-2026-1']) },
      '1 vulnerability has no CVE, by which alone KEV can be asked',
    ],
    [
      'a gap in fail-on',
      [],
      { failOn: new Set<Severity>(['HIGH']) },
      'fail-on leaves out CRITICAL, worse than others that it names',
    ],
  ])('tell %s', (_, found, over, note) => {
    expect(gate(found, over).notes).toEqual([note])
  })

  it('tell nothing where nothing is odd', () => {
    expect(gate([vulnerability()], { kev: new Set(), epss: new Map() }).notes).toEqual([])
  })
})

const severity = fc.constantFrom(...SEVERITIES)
const made = fc
  .record({
    kind: fc.constantFrom<Kind>('vulnerability', 'secret', 'misconfiguration', 'license'),
    id: fc.constantFrom('CVE-2026-1', 'CVE-2026-2', 'rule'),
    severity,
    target: fc.constantFrom('a.lock', 'b.lock'),
    name: fc.constantFrom('left', 'right'),
    version: fc.constantFrom('1', '2'),
    fixed: fc.boolean(),
    published: fc.constantFrom('2026-06-14T00:00:00Z', '2026-01-01T00:00:00Z', undefined),
  })
  .map(
    ({ kind, id, target, name, version, fixed, published, ...rest }): Found => ({
      kind,
      id,
      title: id,
      target,
      type: 'lang-pkgs/npm',
      ...rest,
      ...(kind === 'vulnerability' && {
        package: { name, version, purl: `pkg:npm/${name}@${version}`, ...(fixed && { fixed: '9' }) },
        ...(published && { published }),
      }),
    }),
  )
const excuse = fc.record({
  id: fc.constantFrom('CVE-2026-1', 'CVE-2026-2', 'rule'),
  paths: fc.constantFrom<readonly string[] | undefined>(['a.lock'], undefined),
  expires: fc.constantFrom('2026-01-01', '2027-01-01', undefined),
})
const exceptionOf = ({
  id,
  paths,
  expires,
}: {
  id: string
  paths: readonly string[] | undefined
  expires: string | undefined
}): Exception => ({
  id,
  source: 'trivyignore.yaml',
  where: '.trivyignore.yaml:1',
  kinds: ['vulnerability', 'secret', 'misconfiguration', 'license'],
  ...(paths && { paths }),
  ...(expires && { expires }),
})
/** Policies in which a worse severity is never treated more mildly. */
const upward = fc.record({
  lowest: fc.nat(5),
  ignoreUnfixed: fc.boolean(),
  days: fc.constantFrom({}, { LOW: 7 }, { LOW: 100, MEDIUM: 50, HIGH: 7, CRITICAL: 2 }, { UNKNOWN: 30, LOW: 30 }),
  from: fc.constantFrom<'published' | 'fix'>('published', 'fix'),
  exploited: fc.boolean(),
  baseline: fc.option(fc.array(made, { maxLength: 5 })),
  exceptions: fc.array(excuse, { maxLength: 3 }),
})
type Upward = typeof upward extends fc.Arbitrary<infer T> ? T : never
const settingsOf = (policy: Upward): Settings =>
  settings({
    failOn: new Set(SEVERITIES.slice(policy.lowest)),
    ignoreUnfixed: policy.ignoreUnfixed,
    grace: { days: policy.days, from: policy.from },
    ...(policy.exploited && { kev: new Set(['CVE-2026-1']) }),
    ...(policy.baseline && { baseline: before(policy.baseline) }),
    exceptions: policy.exceptions.map(exceptionOf),
  })
const many = fc.array(made, { maxLength: 6 })
const verdict = (found: readonly Found[], over: Settings): string => judge(scanOf(found), over, NOW).verdict

describe('for every scan and policy', () => {
  it('an exception more never makes a pass a failure', () => {
    fc.assert(
      fc.property(many, upward, excuse, (found, policy, more) => {
        const all = settingsOf(policy)
        fc.pre(verdict(found, all) === 'pass')
        expect(verdict(found, { ...all, exceptions: [exceptionOf(more), ...all.exceptions] })).toBe('pass')
      }),
    )
  })

  it('a worse severity never makes a failure a pass', () => {
    fc.assert(
      fc.property(many, upward, fc.array(severity, { minLength: 6, maxLength: 6 }), (found, policy, raised) => {
        const all = settingsOf(policy)
        fc.pre(verdict(found, all) === 'fail')
        const worse = found.map((one, index) => {
          const other = raised[index] ?? one.severity
          return SEVERITIES.indexOf(other) > SEVERITIES.indexOf(one.severity) ? { ...one, severity: other } : one
        })
        expect(verdict(worse, all)).toBe('fail')
      }),
    )
  })

  it('the order of what was found never changes the verdict, nor that of the baseline', () => {
    const shuffled = many.chain((found) =>
      fc.record({ found: fc.constant(found), other: fc.shuffledSubarray(found, { minLength: found.length }) }),
    )
    fc.assert(
      fc.property(shuffled, upward, ({ found, other }, policy) => {
        const all = settingsOf(policy)
        const turned = { ...all, ...(all.baseline && { baseline: before([...all.baseline.found].reverse()) }) }
        const [one, two] = [judge(scanOf(found), all, NOW), judge(scanOf(other), turned, NOW)]
        expect([two.verdict, two.judged.filter(({ state }) => state === 'fails').length]).toEqual([
          one.verdict,
          one.judged.filter(({ state }) => state === 'fails').length,
        ])
      }),
    )
  })

  it('a finding more never makes a failure a pass', () => {
    fc.assert(
      fc.property(many, made, upward, (found, more, policy) => {
        const all = settingsOf(policy)
        fc.pre(verdict(found, all) === 'fail')
        expect(verdict([more, ...found], all)).toBe('fail')
      }),
    )
  })
})
