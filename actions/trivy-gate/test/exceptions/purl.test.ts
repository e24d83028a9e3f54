import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { covers, parsePurl } from '../../src/exceptions/purl.ts'

const isOf = (general: string, one: string): boolean | undefined => {
  const [a, b] = [parsePurl(general), parsePurl(one)]
  return a === undefined || b === undefined ? undefined : covers(a, b)
}

describe('a package URL', () => {
  test.each([
    ['pkg:npm/left-pad', 'pkg:npm/left-pad@1.3.0'],
    ['pkg:npm/left-pad@1.3.0', 'pkg:npm/left-pad@1.3.0'],
    ['pkg:npm/%40angular/core', 'pkg:npm/@angular/core@1.0.0'],
    ['pkg:npm/@angular/core@1.0.0', 'pkg:npm/%40angular/core@1.0.0'],
    ['PKG:NPM/left-pad', 'pkg:npm/left-pad@1'],
    ['pkg:generic/a@b/c', 'pkg:generic/a@b/c@1'],
    ['pkg://npm//left-pad/', 'pkg:npm/left-pad@1'],
    ['pkg:deb/debian/libc6@1%3A2.36+b1', 'pkg:deb/debian/libc6@1:2.36%2Bb1?arch=amd64'],
    ['pkg:deb/debian/libc6?arch=amd64', 'pkg:deb/debian/libc6@2?distro=debian-12&arch=amd64'],
    ['pkg:deb/debian/libc6?arch=', 'pkg:deb/debian/libc6@2'],
    ['pkg:deb/debian/libc6?ARCH=amd64', 'pkg:deb/debian/libc6@2?arch=amd64'],
    ['pkg:golang/github.com/BurntSushi/toml', 'pkg:golang/github.com/burntsushi/toml@v1.0.0'],
    ['pkg:golang/a.b/c#x/y', 'pkg:golang/a.b/c@v1#/x/./y/'],
    ['pkg:pypi/Typing_Extensions', 'pkg:pypi/typing-extensions@4.0'],
    ['pkg:maven/org.apache/log4j', 'pkg:maven/org.apache/log4j@2.4?type=jar'],
  ])('%s speaks of %s', (general, one) => {
    expect(isOf(general, one)).toBe(true)
  })

  test.each([
    ['pkg:npm/left-pad@1.3.0', 'pkg:npm/left-pad@1.3.01'],
    ['pkg:npm/left-pad@1.3.0', 'pkg:npm/left-pad'],
    ['pkg:npm/left', 'pkg:npm/left-pad'],
    ['pkg:npm/core', 'pkg:npm/%40angular/core'],
    ['pkg:npm/a%2Fb', 'pkg:npm/a/b'],
    ['pkg:npm/Left-Pad', 'pkg:npm/left-pad'],
    ['pkg:pypi/left-pad', 'pkg:npm/left-pad'],
    ['pkg:deb/debian/libc6?arch=arm64', 'pkg:deb/debian/libc6@2?arch=amd64'],
    ['pkg:deb/debian/libc6?arch=amd64', 'pkg:deb/debian/libc6@2'],
    ['pkg:deb/debian/libc6?constructor=x', 'pkg:deb/debian/libc6@2'],
    ['pkg:golang/a.b/c#x', 'pkg:golang/a.b/c@v1#x/y'],
    ['pkg:golang/a.b/c#x', 'pkg:golang/a.b/c@v1'],
    ['pkg:npm/a.b', 'pkg:npm/axb'],
  ])('%s does not speak of %s', (general, one) => {
    expect(isOf(general, one)).toBe(false)
  })

  test.each([
    '',
    'left-pad',
    'pkg:',
    'pkg:npm',
    'pkg:npm/',
    'pkg:npm/%',
    'pkg:npm/a@%zz',
    'pkg:npm/a?x=%E0',
    'http://pkg:npm/a',
  ])('%j is none', (text) => {
    expect(parsePurl(text)).toBeUndefined()
  })

  it('with every part encoded speaks of itself, and without its version too', () => {
    const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).filter((text) => text.trim() !== '')
    fc.assert(
      fc.property(word, word, word, (namespace, name, version) => {
        const bare = `pkg:generic/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`
        const full = `${bare}@${encodeURIComponent(version)}`
        expect(isOf(full, full)).toBe(true)
        expect(isOf(bare, full)).toBe(true)
        expect(isOf(full, bare)).toBe(false)
        expect(isOf(full, `${full}0`)).toBe(false)
      }),
    )
  })

  it('is taken apart without throwing, whatever it is', () => {
    const odd = fc.string({
      unit: fc.constantFrom('pkg:', '/', '@', '?', '#', '%', '&', '=', 'npm', 'a', '%40', '\0', '😀'),
    })
    fc.assert(fc.property(odd, (text) => void parsePurl(text)))
  })
})
