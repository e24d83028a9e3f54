import { describe, expect, it, test } from 'vitest'
import { baselineNotes, baselineProblem, fixSinceOf, newOnes, newsOf } from '../src/baseline.ts'
import type { Found, Scan } from '../src/found.ts'
import { scanOf, secret, vulnerability } from './made.ts'

const npm = (version: string, over: Partial<Found> = {}): Found =>
  vulnerability({ package: { name: 'left', version, purl: `pkg:npm/left@${version}`, fixed: '9.0.0' }, ...over })
const deb = (purl: string): Found =>
  vulnerability({ type: 'os-pkgs/debian', package: { name: 'zlib1g', version: '1', purl } })
const bare = (version: string): Found => vulnerability({ package: { name: 'left', version } })
const { lines: _, ...nowhere } = secret()
const check = (over: Partial<Found> = {}): Found => secret({ kind: 'misconfiguration', id: 'DS-0002', ...over })
const license = (name: string): Found => ({
  ...secret({ kind: 'license', id: 'GPL-3.0-only', target: 'OS Packages', type: 'license' }),
  package: { name, version: '' },
})

const DIRECTORY = { name: '.', type: 'repository' }
const image = (name: string) => ({ name, type: 'container_image' })
const fresh = (
  found: readonly Found[],
  before: readonly Found[],
  [is, was] = [DIRECTORY, DIRECTORY],
): readonly number[] => {
  const candidates = found.map((one) => ({ found: one, fails: true }))
  return [...newOnes(candidates, is, scanOf(before, { artifact: was }))].sort()
}

describe('what is new beside a baseline', () => {
  test.each<[string, Found[], Found[], number[]]>([
    ['the same', [npm('1.0.0')], [npm('1.0.0')], []],
    ['another id', [npm('1.0.0', { id: 'CVE-2026-2' })], [npm('1.0.0')], [0]],
    ['another version of the package', [npm('1.0.1')], [npm('1.0.0')], []],
    ['another lockfile', [npm('1.0.0', { target: 'web/yarn.lock', type: 'lang-pkgs/yarn' })], [npm('1.0.0')], []],
    ['one lockfile more', [npm('1.0.0'), npm('1.0.0', { target: 'web/package-lock.json' })], [npm('1.0.0')], [1]],
    [
      'one lockfile more, which comes first',
      [npm('1.0.0', { target: 'web/yarn.lock' }), npm('1.0.0')],
      [npm('1.0.0')],
      [0],
    ],
    ['other qualifiers', [deb('pkg:deb/debian/zlib1g@2?distro=12')], [deb('pkg:deb/debian/zlib1g@1?distro=11')], []],
    ['another distribution', [deb('pkg:deb/ubuntu/zlib1g@1')], [deb('pkg:deb/debian/zlib1g@1')], [0]],
    ['a scope with an at sign', [deb('pkg:npm/%40a/b@2')], [deb('pkg:npm/%40a/b@1')], []],
    ['a scope that is not encoded', [deb('pkg:npm/@a/c@2')], [deb('pkg:npm/@a/b@1')], [0]],
    ['no purl', [bare('2')], [bare('1')], []],
    ['a secret in the same place', [secret()], [secret()], []],
    ['a secret in other lines of the file', [secret({ lines: { from: 9, to: 9 } })], [secret()], [0]],
    ['a longer secret in the same line', [secret({ lines: { from: 3, to: 9 } })], [secret()], [0]],
    ['a secret of no lines', [nowhere], [nowhere], [0]],
    ['a check in other lines of the file', [check({ lines: { from: 9, to: 9 } })], [check()], []],
    ['a secret in another file', [secret({ target: 'other.sh' })], [secret()], [0]],
    ['a second secret in the file', [secret(), secret({ lines: { from: 9, to: 9 } })], [secret()], [1]],
    ['a licence of another package', [license('bash')], [license('tar')], [0]],
    ['a licence of the same package', [license('tar')], [license('tar')], []],
    ['anything, where there was nothing', [npm('1.0.0'), secret()], [], [0, 1]],
  ])('%s', (_, found, before, expected) => {
    expect(fresh(found, before)).toEqual(expected)
  })

  it('is not what only has another tag of the image in its place', () => {
    const tags: [typeof DIRECTORY, typeof DIRECTORY] = [image('a/shop:2'), image('a/shop:1')]
    const ended = (target: string) => secret({ kind: 'end-of-life', id: 'EOL-debian-9', target })
    expect(fresh([ended('a/shop:2')], [ended('a/shop:1')], tags)).toEqual([])
    const check = (target: string) => secret({ kind: 'misconfiguration', id: 'DS-0002', target })
    expect(fresh([check('a/shop:2 (dockerfile)')], [check('a/shop:1 (dockerfile)')], tags)).toEqual([])
    expect(fresh([check('a/shop:2 (other)')], [check('a/shop:1 (dockerfile)')], tags)).toEqual([0])
  })

  it('is what fails, where it competes with what does not', () => {
    const [failing, excused] = [npm('1.0.0', { target: 'a.lock' }), npm('1.0.0', { target: 'b.lock' })]
    const candidates = [
      { found: failing, fails: true },
      { found: excused, fails: false },
    ]
    expect([...newOnes(candidates, DIRECTORY, scanOf([npm('1.0.0', { target: 'moved.lock' })]))]).toEqual([0])
    expect([...newOnes(candidates, DIRECTORY, scanOf([failing, excused]))]).toEqual([])
  })
})

describe('who brought it', () => {
  const news = (found: Found, baseline: Partial<Scan>, scan: Partial<Scan> = {}) =>
    newsOf(scanOf([found], scan), scanOf([], { createdAt: '2026-06-01T00:00:00Z', ...baseline }))(found)
  const system = { family: 'debian', name: '11', endOfLife: true }
  const ended = vulnerability({ kind: 'end-of-life', id: 'EOL-debian-11' })

  test.each<[string, Found, Partial<Scan>, string | undefined]>([
    ['in the list of packages', npm('1.0.0'), { packages: ['pkg:npm/left@1.0.0?x=y'] }, 'disclosed'],
    ['there in another version', npm('1.0.1'), { packages: ['pkg:npm/left@1.0.0'] }, 'added'],
    [
      'not in the list, though published since',
      npm('1.0.0', { published: '2026-06-10T00:00:00Z' }),
      { packages: ['pkg:npm/right@1'] },
      'added',
    ],
    ['there with another finding', npm('1.0.0'), { found: [npm('1.0.0', { id: 'CVE-2025-1' })] }, 'disclosed'],
    ['published since', npm('1.0.0', { published: '2026-06-10T00:00:00Z' }), {}, 'disclosed'],
    ['published before', npm('1.0.0'), {}, 'added'],
    ['without a purl beside a list', bare('1'), { packages: ['pkg:npm/right@1'] }, 'added'],
    ['of no date', npm('1.0.0', { published: 'unknown' }), {}, undefined],
    ['beside a baseline of no date', npm('1.0.0'), { createdAt: 'unknown' }, undefined],
    ['a secret', secret(), {}, 'added'],
    ['a secret that may have moved', secret({ lines: { from: 9, to: 9 } }), { found: [secret()] }, undefined],
    ['a secret, found by another scanner', secret(), { scanner: '0.69.0' }, undefined],
    ['a licence', license('tar'), { packages: ['pkg:npm/left@1.0.0'] }, 'added'],
  ])('%s', (_, found, baseline, expected) => {
    expect(news(found, baseline)).toBe(expected)
  })

  it('an end of life is disclosed where the system was the same', () => {
    expect(news(ended, { os: { ...system, endOfLife: false } }, { os: system })).toBe('disclosed')
    expect(news(ended, { os: { ...system, name: '12' } }, { os: system })).toBe('added')
  })
})

describe('a baseline', () => {
  const ofImage = (name: string, over: Partial<Scan> = {}) =>
    scanOf([npm('1.0.0')], { artifact: image(name), packages: ['pkg:npm/left@1.0.0'], ...over })

  it('of another kind of artifact, or that is this very report, is a problem', () => {
    const made = { createdAt: '2026-06-01T00:00:00Z' }
    expect(baselineProblem(scanOf([]), ofImage('a:1'))).toMatch(
      /of a container_image \(a:1\) and the scan of a repository/,
    )
    expect(baselineProblem(ofImage('a:1'), ofImage('a:1'))).toMatch(/is this very report/)
    expect(baselineProblem(ofImage('a:1'), ofImage('a:1', made))).toBeUndefined()
    expect(baselineProblem(ofImage('a:2'), ofImage('a:1'))).toBeUndefined()
    expect(baselineProblem(ofImage('a:2'), ofImage('docker.io/library/a:1'))).toBeUndefined()
    expect(baselineProblem(ofImage(`host:5000/a@sha256:${'ab'.repeat(32)}`), ofImage('host:5000/a:1'))).toBeUndefined()
    expect(baselineProblem(ofImage('host:5000/b:1'), ofImage('host:5000/a:1', made))).toMatch(/of another image/)
    expect(baselineProblem(ofImage('a:1'), ofImage('a:1', { createdAt: '2026-06-15T11:00:01Z' }))).toMatch(
      /after the scan/,
    )
    const plain = scanOf([], { artifact: { name: '/work', type: 'filesystem' } })
    expect(baselineProblem(scanOf([]), plain)).toBeUndefined()
  })

  test.each<[string, Scan, Scan, RegExp[]]>([
    ['another tag', ofImage('host:5000/a:2'), ofImage('host:5000/a:1'), []],
    [
      'another folder',
      ofImage('a'),
      ofImage('b', { artifact: { name: '/b', type: 'filesystem' } }),
      [/make sure that they belong together/],
    ],
    ['no packages', ofImage('a'), ofImage('a', { packages: undefined as never }), [/lists no packages/]],
    ['nothing scanned', ofImage('a'), ofImage('a', { targets: 0 }), [/nothing was scanned/]],
    ['of yesterday', ofImage('a'), ofImage('a', { createdAt: '2026-06-14T10:00:00Z' }), [/is 1 day older/]],
    ['of long ago', ofImage('a'), ofImage('a', { createdAt: '2019-01-01T00:00:00Z' }), [/is 2722 days older/]],
    ['of no day', ofImage('a'), ofImage('a', { createdAt: undefined as never }), [/does not say when/]],
  ])('says what to know of it: %s', (_, scan, baseline, expected) => {
    const notes = baselineNotes(scan, baseline)
    expect(notes).toHaveLength(expected.length)
    for (const [index, pattern] of expected.entries()) expect(notes[index]).toMatch(pattern)
  })

  it('knows since when there is a fix only where it knew of none', () => {
    const none = vulnerability({ package: { name: 'left', version: '1.0.0', purl: 'pkg:npm/left@1.0.0' } })
    const since = (before: Found[]) => fixSinceOf(scanOf(before))(npm('1.0.0'))
    expect(since([none])).toBe('2026-06-15T11:00:00Z')
    expect(since([npm('1.0.0')])).toBeUndefined()
    expect(since([none, npm('1.0.0')])).toBeUndefined()
    expect(since([])).toBeUndefined()
    expect(fixSinceOf(scanOf([none]))(none)).toBeUndefined()
    expect(fixSinceOf(undefined)(npm('1.0.0'))).toBeUndefined()
  })
})
