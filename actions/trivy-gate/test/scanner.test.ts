import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { describe, expect, it, test } from 'vitest'
import { readAll } from '../src/inputs.ts'
import { isGreen } from '../src/outcome.ts'
import { verified } from '../src/ports/install.ts'
import {
  argumentsOf,
  type Call,
  type Ended,
  environmentOf,
  failureOf,
  isMirrorFault,
  releaseFor,
  versionIn,
  warned,
} from '../src/scanner.ts'

const CALL: Call = {
  target: { kind: 'image', name: 'shop:1' },
  scanners: ['vuln', 'secret'],
  output: '/tmp/out.json',
  nothing: '/tmp/nothing.yaml',
  noExceptions: '/tmp/none',
  timeoutMs: 90_500,
  mirror: { database: 'a.example/db:2', java: 'a.example/java:1' },
}

describe('the arguments of a scan', () => {
  const said = (call: Partial<Call>): string => argumentsOf({ ...CALL, ...call }).join(' ')

  test('have the time that is left: Trivy’s own limit is five minutes', () => {
    expect(said({})).toContain('--timeout 91s')
  })
  test('keep what lies in the workspace from deciding, unless the caller names a file', () => {
    expect(said({})).toMatch(/--config \/tmp\/nothing.yaml --secret-config \/tmp\/nothing.yaml/)
    expect(said({ config: '/w/trivy.yaml' })).toContain('--config /w/trivy.yaml')
    expect(said({ config: '/w/trivy.yaml' })).not.toContain('--secret-config')
  })
  test('name the platform that was asked for, and none otherwise', () => {
    expect(said({ target: { kind: 'image', name: 'shop:1', platform: 'linux/arm64' } })).toMatch(
      /--platform linux\/arm64 .*-- shop:1$/,
    )
    expect(said({})).not.toContain('--platform')
  })
  test('have no option that the command for an SBOM does not know', () => {
    const sbom = said({ target: { kind: 'sbom', name: 'a.json' }, scanners: ['vuln'] })
    expect(sbom).toMatch(/^sbom .* -- a\.json$/)
    expect(sbom).not.toContain('secret')
  })
  test('without a mirror use what is here, and fetch what is not', () => {
    const { mirror: _, ...here } = CALL
    const args = argumentsOf({ ...here, here: { database: true, java: false } })
    expect(args).toContain('--skip-db-update')
    expect(args).not.toContain('--skip-java-db-update')
    expect(args).not.toContain('--db-repository')
  })
})

test('what the scanner leaves behind is the runner’s to find', () => {
  const given = environmentOf({ RUNNER_TRACKING_ID: 'github_1' }, { home: '/h', cache: '/c', docker: '/d' })
  expect(given).toMatchObject({ RUNNER_TRACKING_ID: 'github_1' })
})

test('the machine’s own engine is for images', () => {
  const folders = { home: '/h', cache: '/c', docker: '/d' }
  const env = { DOCKER_HOST: 'unix:///x', PATH: '/bin', GITHUB_TOKEN: 't' }
  expect(environmentOf(env, folders, { kind: 'image', name: 'a' })).toMatchObject({ DOCKER_HOST: 'unix:///x' })
  expect(environmentOf(env, folders, { kind: 'path', name: '.' })).not.toHaveProperty('DOCKER_HOST')
})

const ended = (said: string, more: Partial<Ended> = {}): Ended => ({ kind: 'exited', code: 1, said, ...more })

describe('another mirror may have it', () => {
  it.each([
    'FATAL Fatal error init error: DB error: failed to download vulnerability DB: TOOMANYREQUESTS',
    'FATAL java DB error: failed to download Java DB: GET https://ghcr.io/v2/aquasecurity/trivy-java-db: 503 Service Unavailable',
    'FATAL OCI repository error: GET https://mirror.gcr.io/v2/aquasec/trivy-db/manifests/2: 429',
  ])('after: %s', (said) => expect(isMirrorFault(ended(said))).toBe(true))

  it.each<readonly [string, Ended]>([
    [
      'an image that may not be pulled',
      ended('FATAL unable to find the image: GET https://ghcr.io/v2/acme/shop: DENIED'),
    ],
    ['a registry of the image that is overrun', ended('FATAL GET https://ghcr.io/v2/acme/shop/manifests/1: 429')],
    [
      'a crash after the database was downloaded',
      ended('INFO [vulndb] Downloading vulnerability DB...\n2026 FATAL Fatal error run error: unpack error'),
    ],
    ['a time-out while it loaded', ended('downloading vulnerability DB', { kind: 'timed-out' })],
  ])('not after %s', (_, one) => expect(isMirrorFault(one)).toBe(false))
})

test('a failure is told by what it ended by, with every error below', () => {
  const said = '2026 INFO begins\n2026 FATAL Fatal error: 2 errors:\n\t* GET a: 429\n\t* GET b: 503\n'
  expect(failureOf(ended(said), 1000).text).toBe(
    'Trivy ended with exit code 1: 2026 FATAL Fatal error: 2 errors: * GET a: 429 * GET b: 503',
  )
  expect(failureOf(ended('INFO a\npanic: b\n'), 1000).text).toBe('Trivy ended with exit code 1: panic: b')
})

test.each([
  ['Version: 0.72.0\nVulnerability DB:\n  Version: 2', '0.72.0'],
  ['Version: v0.72.0', '0.72.0'],
  ['trivy, of a kind', undefined],
])('the version in %j', (said, version) => expect(versionIn(said)).toBe(version))

describe('a release to install', () => {
  const entry = { url: 'https://example.com/t.tar.gz', sha256: 'a'.repeat(64) }
  const releases = { '0.72.0': { 'linux-x64': entry } }

  test('is the one of the version and platform', () => {
    expect(releaseFor(releases, '0.72.0', 'linux-x64')).toEqual(entry)
  })
  it.each<readonly [string, typeof releases | object, string, string]>([
    ['no version', {}, '0.72.0', 'it has none yet'],
    ['another version', releases, '0.71.0', 'it has 0.72.0'],
    ['a figure that is none', { '0.72.0': { 'linux-x64': { ...entry, sha256: 'abc' } } }, '0.72.0', '64 digits'],
    ['an address without https', { '0.72.0': { 'linux-x64': { ...entry, url: 'http://a' } } }, '0.72.0', 'https'],
    ['a stolen one', { '0.69.4': { 'linux-x64': entry } }, '0.69.4', 'thief'],
  ])('is none with %s', (_, table, version, problem) => {
    expect(releaseFor(table as typeof releases, version, 'linux-x64')).toEqual({
      problem: expect.stringContaining(problem),
    })
  })
  test('the stolen ones are three', () => {
    expect(['0.69.3', '0.69.4', '0.69.5', '0.69.6', '0.70.0'].filter((one) => warned(one) !== undefined)).toHaveLength(
      3,
    )
  })
})

describe('an archive', () => {
  /** A tar archive as GNU tar writes it, of names and contents. */
  const tar = (files: Readonly<Record<string, string>>): Buffer =>
    gzipSync(
      Buffer.concat([
        ...Object.entries(files).flatMap(([name, content]) => {
          const header = Buffer.alloc(512)
          header.write(name, 0)
          header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
          header.write('0', 156)
          return [header, Buffer.from(content), Buffer.alloc((512 - (content.length % 512)) % 512)]
        }),
        Buffer.alloc(1024),
      ]),
    )
  const release = (archive: Buffer) => ({
    url: 'https://example.com/t.tar.gz',
    sha256: createHash('sha256').update(archive).digest('hex'),
  })

  test('gives its program when it is the file that the table names', () => {
    const archive = tar({ LICENSE: 'x'.repeat(700), 'contrib/trivy': 'no', trivy: 'the program' })
    expect(verified(release(archive), archive).toString()).toBe('the program')
  })
  test('with one byte more gives nothing', () => {
    const archive = tar({ trivy: 'the program' })
    expect(() => verified(release(archive), Buffer.concat([archive, Buffer.from([0])]))).toThrow('has the SHA-256')
  })
  it.each<readonly [string, Buffer]>([
    ['without the program', tar({ LICENSE: 'x' })],
    ['that is none', Buffer.from('PK..')],
    ['that is cut off', gzipSync(Buffer.from('x'.repeat(600)))],
  ])('%s gives nothing', (_, archive) => {
    expect(() => verified(release(archive), archive)).toThrow('has no file trivy')
  })
})

describe('inputs', () => {
  const DEFAULTS: Readonly<Record<string, string>> = {
    path: '.',
    'fail-on': 'CRITICAL,HIGH',
    'report-severity': 'CRITICAL',
    scanners: 'vuln',
    'ignore-unfixed': 'false',
    'strict-exceptions': 'false',
    'expiring-within': '14d',
    'grace-from': 'publication',
    'feed-max-age': '7d',
    comment: 'off',
    category: 'trivy-gate',
    timeout: '10m',
    'db-repositories': 'a.example/db:2',
    'java-db-repositories': 'a.example/java:1',
    'on-nothing-to-check': 'fail',
    'on-inconclusive': 'fail',
  }
  const read = (given: Readonly<Record<string, string>>) => readAll((name) => given[name] ?? DEFAULTS[name] ?? '')

  test('severities in any case and order, and grace in days', () => {
    const found = read({ 'fail-on': 'high, Critical', grace: 'HIGH=7, medium=30d' })
    expect(found['fail-on']).toEqual(['HIGH', 'CRITICAL'])
    expect(found.grace).toEqual({ HIGH: 7, MEDIUM: 30 })
    expect(read({ 'fail-on': 'none' })['fail-on']).toEqual([])
  })
  it.each<readonly [string, Readonly<Record<string, string>>, string]>([
    ['an empty list of what fails', { 'fail-on': '' }, 'fail-on is empty'],
    ['none among severities', { 'fail-on': 'none,HIGH' }, 'fail-on unknown value "NONE"'],
    ['nothing to look at', { path: '' }, 'image, path, sbom or report is required'],
    ['two things to look at', { image: 'a' }, 'image and path are given'],
    ['an option for a target', { path: '--ignorefile=x' }, 'path may not begin with a dash'],
    ['secrets of an SBOM', { path: '', sbom: 'a', scanners: 'secret' }, 'vuln and license'],
    ['grace from a fix without a baseline', { 'grace-from': 'fix' }, 'needs baseline'],
    ['a login without an image', { 'docker-config': 'x' }, 'docker-config needs image'],
    ['a probability without scores', { 'min-epss': '0.5' }, 'min-epss needs epss'],
    ['a marker that ends', { category: 'a-->b' }, 'category must be'],
    ['grace twice', { grace: 'HIGH=7,HIGH=8' }, 'grace has HIGH twice'],
    ['days without a unit', { 'expiring-within': '14' }, 'expiring-within must be days'],
    ['a repository that is an option', { 'db-repositories': '--config=x' }, 'db-repositories has'],
    ['a version with a range', { 'trivy-version': '^0.72' }, 'trivy-version must be a version'],
  ])('%s is refused', (_, given, problem) => expect(() => read(given)).toThrow(problem))
})

test('only a pass is green by itself', () => {
  const verdicts = ['pass', 'fail', 'error', 'inconclusive', 'nothing-to-check'] as const
  const green = (nothing: 'fail' | 'pass', inconclusive: 'fail' | 'pass') =>
    verdicts.filter((verdict) => isGreen(verdict, { nothing, inconclusive }))
  expect(green('fail', 'fail')).toEqual(['pass'])
  expect(green('pass', 'pass')).toEqual(['pass', 'inconclusive', 'nothing-to-check'])
})
