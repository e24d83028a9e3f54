import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { type Entry, excuses } from '../../src/exceptions/match.ts'
import type { Found } from '../../src/found.ts'
import { inPackage, vulnerability } from './findings.ts'

const entry = (id: string, more: Partial<Entry> = {}): Entry => ({
  id,
  source: 'trivyignore.yaml',
  where: '.trivyignore.yaml:2',
  kinds: ['vulnerability'],
  ...more,
})

describe('an exception', () => {
  test.each([
    ['CVE-2024-1', 'CVE-2024-10'],
    ['CVE-2024-10', 'CVE-2024-1'],
    ['CVE-2024-1.', 'CVE-2024-10'],
    ['.*', 'CVE-2024-1'],
    ['*', 'CVE-2024-1'],
    ['', 'CVE-2024-1'],
    ['cve-2024-1', 'CVE-2024-1'],
    ['constructor', 'CVE-2024-1'],
    ['__proto__', 'constructor'],
  ])('for %j does not excuse %s', (id, found) => {
    expect(excuses(entry(id), vulnerability(found))).toBe(false)
  })

  test.each(['CVE-2024-1', 'constructor', '__proto__', 'toString', 'a.*b'])('for %s excuses that', (id) => {
    expect(excuses(entry(id), vulnerability(id))).toBe(true)
  })

  it('excuses its own kinds only', () => {
    const secret: Found = { ...vulnerability('X'), kind: 'secret' }
    expect(excuses(entry('X'), secret)).toBe(false)
    expect(excuses(entry('X', { kinds: ['secret'] }), secret)).toBe(true)
  })

  it("excuses a check by its older name, and by no other check's", () => {
    const check: Found = { ...vulnerability('DS-0002'), kind: 'misconfiguration', aliases: ['AVD-DS-0002'] }
    expect(excuses(entry('AVD-DS-0002', { kinds: ['misconfiguration'] }), check)).toBe(true)
    expect(excuses(entry('AVD-DS-0020', { kinds: ['misconfiguration'] }), check)).toBe(false)
  })

  it("with paths excuses by the target's or the package's path", () => {
    const jar = vulnerability('X', { target: 'Java', package: { name: 'a', version: '1', path: 'app/lib/a.jar' } })
    expect(excuses(entry('X', { paths: ['app/**/*.jar'] }), jar)).toBe(true)
    expect(excuses(entry('X', { paths: ['Java'] }), jar)).toBe(true)
    expect(excuses(entry('X', { paths: ['lib/a.jar'] }), jar)).toBe(false)
    expect(excuses(entry('X', { paths: ['app/**'] }), vulnerability('X', { target: 'app/../key.pem' }))).toBe(false)
  })

  it('with paths that cannot be read, or with none in the list, excuses nothing', () => {
    expect(excuses(entry('X', { paths: ['web/[a'] }), vulnerability('X'))).toBe(false)
    expect(excuses(entry('X', { paths: [] }), vulnerability('X'))).toBe(false)
    expect(excuses(entry('X', { paths: ['**'] }), vulnerability('X', { target: '' }))).toBe(false)
  })

  it('with package URLs excuses what they speak of, and nothing whose package is not known', () => {
    const confined = entry('X', { purls: ['pkg:npm/none', 'pkg:npm/left-pad'] })
    expect(excuses(confined, vulnerability('X'))).toBe(true)
    expect(excuses(confined, inPackage('X', 'pkg:npm/right-pad@1'))).toBe(false)
    expect(excuses(confined, inPackage('X', 'left-pad'))).toBe(false)
    expect(excuses(confined, vulnerability('X', { package: { name: 'left-pad', version: '1.3.0' } }))).toBe(false)
    expect(excuses(entry('X', { purls: ['left-pad'] }), vulnerability('X'))).toBe(false)
  })

  it('with paths and package URLs needs one of each', () => {
    const both = entry('X', { paths: ['web/**'], purls: ['pkg:npm/left-pad'] })
    expect(excuses(both, vulnerability('X'))).toBe(true)
    expect(excuses(both, vulnerability('X', { target: 'api/package-lock.json' }))).toBe(false)
  })

  it('for one id never excuses another, whatever they are', () => {
    const id = fc.string({ unit: fc.constantFrom('CVE', '-', '1', '0', '.', '*', '$', '^', '\\', 'constructor', ' ') })
    fc.assert(
      fc.property(id, id, (one, other) => {
        expect(excuses(entry(one), vulnerability(other))).toBe(one === other)
      }),
    )
  })
})
