import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Found, Gate, Judged, Scan } from '../src/found.ts'
import { sarif } from '../src/sarif.ts'
import { found, gate, HOSTILE, judged, scan, use } from './products.ts'

const OPTIONS = {
  category: 'trivy/shop',
  tool: { version: '1.0.0', commit: 'abc' },
  sizeOf: (text: string) => gzipSync(text).length,
}

type Result = {
  ruleId: string
  ruleIndex: number
  level: string
  message: { text: string }
  locations: {
    physicalLocation: { artifactLocation: { uri: string }; region: { startLine: number; endLine: number } }
  }[]
  partialFingerprints: { primaryLocationLineHash: string }
  suppressions?: { kind: string; status: string; justification: string }[]
}
type Run = {
  tool: {
    driver: {
      rules: {
        id: string
        shortDescription: { text: string }
        fullDescription: { text: string }
        help: { text: string }
        helpUri?: string
        defaultConfiguration: { level: string }
        properties: { tags: string[]; 'security-severity': string }
      }[]
    }
  }
  automationDetails: { id: string }
  invocations: {
    executionSuccessful: boolean
    toolExecutionNotifications: { level: string; message: { text: string } }[]
  }[]
  results: Result[]
}

type Rule = Run['tool']['driver']['rules'][number]

const isSoundRule = ({ id, shortDescription, fullDescription, help, helpUri, properties }: Rule): boolean =>
  [id, shortDescription.text, fullDescription.text, help.text].every(
    (said) => /\S/.test(said) && said.length < 2_100,
  ) &&
  /^(\d|10)\.\d$/.test(properties['security-severity']) &&
  new Set(properties.tags).size === properties.tags.length &&
  properties.tags.length <= 10 &&
  (helpUri === undefined || new URL(helpUri).protocol === 'https:')

const isSound = (one: Result, rules: readonly Rule[]): boolean => {
  const [at, ...others] = one.locations.map(({ physicalLocation }) => physicalLocation)
  if (at === undefined || others.length > 0) return false
  const { uri } = at.artifactLocation
  return (
    rules[one.ruleIndex]?.id === one.ruleId &&
    ['error', 'warning', 'note'].includes(one.level) &&
    /\S/.test(one.message.text) &&
    /^[0-9a-f]{32}:\d+$/.test(one.partialFingerprints.primaryLocationLineHash) &&
    // A relative reference without a scheme, a query or a step upwards.
    /^[\w.!~*'()%-]+(\/[\w.!~*'()%-]+)*$/.test(uri) &&
    !uri.split('/').includes('..') &&
    at.region.startLine > 0 &&
    at.region.endLine >= at.region.startLine
  )
}

/** The one run of the file, once it keeps the rules of SARIF 2.1.0 and of code scanning that its schema cannot all say. */
const runOf = (text: string): Run => {
  const { version, runs } = JSON.parse(text) as { version: string; runs: Run[] }
  expect([version, runs.length]).toEqual(['2.1.0', 1])
  const [run] = runs
  if (run === undefined) throw new Error('no run')
  const { rules } = run.tool.driver
  expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length)
  expect(rules.length).toBeLessThanOrEqual(25_000)
  expect(rules.filter((one) => !isSoundRule(one))).toEqual([])
  const prints = run.results.map(({ partialFingerprints }) => partialFingerprints.primaryLocationLineHash)
  expect(new Set(prints).size).toBe(prints.length)
  expect(run.results.filter((one) => !isSound(one, rules))).toEqual([])
  const marked = run.results.filter(({ suppressions }) => suppressions !== undefined)
  expect([0, run.results.length]).toContain(marked.length)
  return run
}

const written = (all: readonly Judged[], of: Scan = scan(), over: Partial<Gate> = {}): Run =>
  runOf(sarif(gate(all, over), of, OPTIONS).text)

/** Fingerprint by title, which no fingerprint holds. */
const prints = (all: readonly Found[], of: Scan = scan()): Map<string, string> =>
  new Map(
    written(
      all.map((one) => judged(one)),
      of,
    ).results.map(({ message, partialFingerprints }) => [
      /: (.*?)\.? (?:Fixed|No fixed|Gate)/.exec(message.text)?.[1] ?? '',
      partialFingerprints.primaryLocationLineHash,
    ]),
  )

const onePrint = (one: Found, of: Scan = scan()): string => [...prints([one], of).values()].join()

test('a finding of an image is told at the image, with rule, level and what mends it', () => {
  const run = written([
    judged(found({ url: 'https://avd.aquasec.com/nvd/cve-2026-0001', score: 9.8 }), { news: 'added' }),
  ])
  expect(run.automationDetails).toEqual({ id: 'trivy/shop/' })
  expect(run.invocations[0]).toEqual({ executionSuccessful: true, toolExecutionNotifications: [] })
  expect(run.tool.driver.rules[0]).toMatchObject({
    id: 'CVE-2026-0001',
    helpUri: 'https://avd.aquasec.com/nvd/cve-2026-0001',
    defaultConfiguration: { level: 'error' },
    properties: { tags: ['security', 'vulnerability', 'critical'], 'security-severity': '9.8' },
  })
  expect(run.results[0]?.message.text).toBe(
    'CVE-2026-0001 (CRITICAL) in openssl 3.0.11: a buffer is read past its end. Fixed in 3.0.13. Gate: fails the gate; new: this change added it.',
  )
  expect(run.results[0]?.locations[0]?.physicalLocation).toEqual({
    artifactLocation: { uri: 'ghcr.io/acme/shop' },
    region: { startLine: 1, endLine: 1 },
  })
})

test.each([
  ['CRITICAL', 'error', '9.5'],
  ['HIGH', 'error', '8.0'],
  ['MEDIUM', 'warning', '5.5'],
  ['LOW', 'note', '2.0'],
  ['UNKNOWN', 'note', '0.0'],
] as const)('without a score %s is %s and counts as %s', (severity, level, score) => {
  for (const bad of [undefined, 0, -1, 11, Number.NaN]) {
    const run = written([judged(found({ severity, ...(bad === undefined ? {} : { score: bad }) }))])
    expect([run.results[0]?.level, run.tool.driver.rules[0]?.properties['security-severity']]).toEqual([level, score])
  }
})

test('a rule is there once, as its worst finding has it', () => {
  const run = written([
    judged(found({ severity: 'LOW', score: 9.9 })),
    judged(found({ severity: 'HIGH', target: 'app/package-lock.json', type: 'lang-pkgs/npm' })),
    judged(found({ id: 'AVD-DS-0002', kind: 'misconfiguration' })),
  ])
  expect(run.tool.driver.rules.map(({ id }) => id).sort()).toEqual(['AVD-DS-0002', 'CVE-2026-0001'])
  expect(run.tool.driver.rules.find(({ id }) => id === 'CVE-2026-0001')?.properties['security-severity']).toBe('8.0')
})

const files = (name: string): Scan => scan({ artifact: { name, type: 'filesystem' } })

test.each([
  ['.', 'Dockerfile', 'Dockerfile'],
  ['services/a', 'package-lock.json', 'services/a/package-lock.json'],
  ['./services/a/', 'b c/ü#?.tf', 'services/a/b%20c/%C3%BC%23%3F.tf'],
  ['services/a/package-lock.json', 'package-lock.json', 'services/a/package-lock.json'],
  ['/home/runner/work/shop', 'app/go.mod', 'app/go.mod'],
  ['https://github.com/acme/shop', 'go.mod', 'go.mod'],
  ['.', '../../etc/passwd', 'etc/passwd'],
  ['.', 'C:x', 'C%3Ax'],
  ['.', '', 'unknown'],
])('a file of %s that is called %s is told at %s', (name, target, uri) => {
  const { physicalLocation } = written(
    [judged(found({ kind: 'secret', type: 'secret', target, lines: { from: 7, to: 9 } }))],
    name === '.' ? files('') : files(name),
  ).results[0]?.locations[0] ?? { physicalLocation: undefined }
  expect(physicalLocation).toEqual({ artifactLocation: { uri }, region: { startLine: 7, endLine: 9 } })
})

test('lines that are no lines become the first', () => {
  for (const lines of [
    { from: 0, to: 0 },
    { from: -3, to: 2.5 },
    { from: Number.NaN, to: Number.NaN },
  ])
    expect(written([judged(found({ lines }))]).results[0]?.locations[0]?.physicalLocation.region).toEqual({
      startLine: 1,
      endLine: 1,
    })
})

test('a file within an image is told behind the image, so that none of the repository is blamed', () => {
  const run = written([judged(found({ target: 'app/package-lock.json', type: 'lang-pkgs/npm' }))])
  expect(run.results[0]?.locations[0]?.physicalLocation.artifactLocation.uri).toBe(
    'ghcr.io/acme/shop/app/package-lock.json',
  )
})

test('a fingerprint is the same under another tag or digest, a new version, another release of the system and moved lines', () => {
  const first = onePrint(found())
  const of = (name: string): Scan => scan({ artifact: { name, type: 'container_image' } })
  for (const name of [
    'ghcr.io/acme/shop:2.0.0',
    `ghcr.io/acme/shop@sha256:${'ab'.repeat(32)}`,
    `ghcr.io/acme/shop:2@sha256:${'ab'.repeat(32)}`,
  ]) {
    const moved = found({
      target: `${name} (debian 13.1)`,
      severity: 'LOW',
      lines: { from: 4, to: 4 },
      package: { name: 'openssl', version: '3.0.12', purl: 'pkg:deb/debian/openssl@3.0.12?distro=debian-13.1' },
    })
    expect(onePrint(moved, of(name))).toBe(first)
  }
  expect(onePrint(found(), of('localhost:5000/shop:1'))).toBe(onePrint(found(), of('localhost:5000/shop:2')))
  const config = (name: string): string =>
    onePrint(found({ kind: 'misconfiguration', type: 'config/dockerfile', target: name }), of(name))
  expect(config('shop:1')).toBe(config('shop:2'))
  const layer = (digest: string): Found => found({ target: `layers/${digest}/app.jar`, type: 'lang-pkgs/jar' })
  expect(onePrint(layer('a1'.repeat(32)))).toBe(onePrint(layer('b2'.repeat(32))))
})

test('a fingerprint is another under another id, kind, package, file or image', () => {
  const all = [
    onePrint(found()),
    onePrint(found({ id: 'CVE-2026-0002' })),
    onePrint(found({ kind: 'license' })),
    onePrint(found({ package: { name: 'libssl3', version: '3.0.11', purl: 'pkg:deb/debian/libssl3@3.0.11' } })),
    onePrint(found({ package: { name: 'libssl3', version: '3.0.11' } })),
    onePrint(found({ target: 'app/go.mod', type: 'lang-pkgs/gomod' })),
    onePrint(found(), scan({ artifact: { name: 'ghcr.io/acme/till:1.2.3', type: 'container_image' } })),
    onePrint(found(), scan({ artifact: { name: 'localhost:5000/acme/shop', type: 'container_image' } })),
  ]
  expect(new Set(all).size).toBe(all.length)
})

test('scoped packages of one scope are told apart', () => {
  const of = (purl: string): string => onePrint(found({ package: { name: 'x', version: '1', purl } }))
  expect(of('pkg:npm/%40angular/core@17.0.0')).toBe(of('pkg:npm/%40angular/core@18.0.0'))
  expect(of('pkg:npm/%40angular/core@17.0.0')).not.toBe(of('pkg:npm/%40angular/router@17.0.0'))
  const from = '?repository_url=https://registry.example/a@b'
  expect(of(`pkg:npm/core@17.0.0${from}`)).toBe(of('pkg:npm/core@18.0.0'))
  expect(of('pkg:golang/example.com/m@v1.0.0#sub/a')).toBe(of('pkg:golang/example.com/m@v1.1.0'))
  expect(of('pkg:npm/@angular/core')).not.toBe(of('pkg:npm/@angular/router'))
})

test('the order of the report changes no fingerprint, of the same thing found twice neither', () => {
  const small = fc.record({
    id: fc.constantFrom('CVE-1', 'CVE-2'),
    severity: fc.constantFrom('LOW' as const, 'HIGH' as const),
    from: fc.integer({ min: 1, max: 9 }),
    path: fc.constantFrom('a', 'b'),
  })
  fc.assert(
    fc.property(
      fc.array(small, { maxLength: 12 }).chain((all) =>
        fc.tuple(
          fc.constant(all),
          fc.shuffledSubarray(
            all.map((_, index) => index),
            { minLength: all.length },
          ),
        ),
      ),
      ([all, order]) => {
        const made = all.map(({ id, severity, from, path }, index) =>
          found({
            id,
            severity,
            title: `t${index}`,
            lines: { from, to: from },
            package: { name: 'p', version: '1', path },
          }),
        )
        const moved = order.flatMap((index) => made[index] ?? [])
        expect(prints(moved)).toEqual(prints(made))
      },
    ),
  )
})

test('an excepted finding is marked with its reason, or left out', () => {
  const all = [judged(found()), judged(found({ id: 'CVE-2026-0002' }), { state: 'excepted', exception: 0 })]
  const run = written(all, scan(), { exceptions: [use()] })
  expect(run.results.map(({ suppressions }) => suppressions)).toEqual([
    [],
    [{ kind: 'external', status: 'accepted', justification: 'not reached' }],
  ])
  const without = sarif(gate(all, { exceptions: [use()] }), scan(), { ...OPTIONS, excepted: 'left-out' })
  expect(runOf(without.text).results.map(({ ruleId }) => ruleId)).toEqual(['CVE-2026-0001'])
  expect(without.left).toBe(0)
})

test('of 30,000 findings the 5,000 worst are kept, what fails first, and the run says how many are not', () => {
  const severities = ['LOW', 'CRITICAL', 'UNKNOWN', 'HIGH', 'MEDIUM', 'LOW'] as const
  const all = Array.from({ length: 30_000 }, (_, index) =>
    judged(
      found({
        id: `CVE-${index}`,
        severity:
          index < 3_000 ? 'CRITICAL' : index < 9_000 ? 'HIGH' : severities[index % 6] === 'CRITICAL' ? 'LOW' : 'MEDIUM',
      }),
      {
        state: index < 1_000 ? 'excepted' : index % 2 === 0 ? 'fails' : 'below',
      },
    ),
  )
  const { text, left } = sarif(gate([...all].reverse()), scan(), OPTIONS)
  const run = runOf(text)
  expect([run.results.length, left]).toEqual([5_000, 25_000])
  const kept = new Set(run.results.map(({ ruleId }) => Number(ruleId.slice(4))))
  // Of 2,000 CRITICAL that nobody excepted all are there, and of 6,000 HIGH the 3,000 that fail.
  expect([...kept].filter((index) => index >= 1_000 && index < 3_000)).toHaveLength(2_000)
  expect([...kept].filter((index) => index >= 3_000 && index < 9_000 && index % 2 === 0)).toHaveLength(3_000)
  expect(run.invocations[0]?.toolExecutionNotifications[0]?.message.text).toMatch(
    /^25000 of 30000 findings are left out.* Trivy's own report \(output scan\) has all of them\.$/,
  )
})

test('what is too large is trimmed to 10 MB, the worst stay', () => {
  const title = 'a title that goes on and on '.repeat(32)
  const all = Array.from({ length: 5_000 }, (_, index) =>
    judged(found({ id: `CVE-${index}`, title, severity: index < 1_000 ? 'CRITICAL' : 'LOW' })),
  )
  const reversed = gate([...all].reverse())
  const sizeOf = (text: string): number => Buffer.byteLength(text)
  const { text, left } = sarif(reversed, scan(), { ...OPTIONS, sizeOf })
  expect(sizeOf(text)).toBeLessThanOrEqual(10_000_000)
  const run = runOf(text)
  expect(left).toBeGreaterThan(0)
  expect(run.results.length + left).toBe(5_000)
  expect(run.results.filter(({ level }) => level === 'error')).toHaveLength(1_000)
  expect(sizeOf(text)).toBeGreaterThan(8_000_000)
  expect(sarif(reversed, scan(), OPTIONS).left).toBe(0)
})

test('a measure that nothing satisfies ends', () => {
  const { left } = sarif(gate([judged(found()), judged(found({ id: 'b' }))]), scan(), { ...OPTIONS, sizeOf: () => 1e9 })
  expect(left).toBe(2)
})

test('a gate that could not judge says so in the run', () => {
  const run = written([], scan(), { verdict: 'error' })
  expect(run.invocations[0]).toMatchObject({
    executionSuccessful: false,
    toolExecutionNotifications: [{ level: 'error' }],
  })
})

test('no text of a report leaves its place', () => {
  for (const bad of HOSTILE) {
    const one = found({
      id: bad,
      title: bad,
      target: bad,
      type: bad,
      url: bad,
      package: { name: bad, version: bad, purl: bad, fixed: bad, path: bad },
    })
    for (const kind of ['vulnerability', 'secret', 'license'] as const) {
      const run = written(
        [judged({ ...one, kind })],
        scan({ artifact: { name: bad, type: 'filesystem' }, scanner: bad }),
      )
      expect(run.results).toHaveLength(1)
      expect(run.results[0]?.message.text).not.toMatch(/(?<!\\)\[/)
    }
  }
  const all = HOSTILE.map((id) => judged(found({ id })))
  expect(written(all).results).toHaveLength(HOSTILE.length)
})
