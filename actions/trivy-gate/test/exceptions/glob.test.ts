import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { compileGlob } from '../../src/exceptions/glob.ts'

const matches = (pattern: string, path: string): boolean => {
  const glob = compileGlob(pattern)
  if (typeof glob === 'string') throw new Error(glob)
  return glob(path)
}

describe('a path pattern', () => {
  test.each([
    ['bar/package.json', 'bar/package.json'],
    ['./bar/package.json', 'bar/package.json'],
    ['bar/package.json', './bar/package.json'],
    ['*/package.json', 'bar/package.json'],
    ['**/*-lock.json', 'package-lock.json'],
    ['**/*-lock.json', 'a/b/package-lock.json'],
    ['a/**', 'a'],
    ['a/**', 'a/b/c'],
    ['a/**/d', 'a/d'],
    ['a/**/d', 'a/b/c/d'],
    ['**', 'a/b'],
    ['*', '.env'],
    ['?.env', 'é.env'],
    ['?.env', '😀.env'],
    ['[a-c]/[!x]', 'b/y'],
    ['[]]', ']'],
    ['[\\]a]', 'a'],
    ['[+\\-9]', '-'],
    ['{web,api/v2}/**', 'api/v2/x'],
    ['a{,.lock}', 'a'],
    ['{a,{b,c}}d', 'cd'],
    ['a\\*b', 'a*b'],
    ['a\\{b', 'a{b'],
    ['my app/file (1).txt', 'my app/file (1).txt'],
    ['usr/lib/../lib64/x', 'usr/lib/../lib64/x'],
    ['../shared/x', '../shared/x'],
  ])('%s is %s', (pattern, path) => {
    // A pattern is not made plain, a path is: the one that has `..` in its middle is of nothing.
    expect(matches(pattern, path)).toBe(!pattern.includes('/../'))
  })

  test.each([
    ['package.json', 'bar/package.json'],
    ['bar', 'bar/package.json'],
    ['bar/*', 'bar/baz/package.json'],
    ['a**/d', 'a/b/d'],
    ['*.json', 'packagexjson/'],
    ['a.c', 'abc'],
    ['(a|b)', 'a'],
    ['^a$', 'a'],
    ['a+', 'aa'],
    ['a\\*b', 'axb'],
    ['[!a]', 'a'],
    ['[a-c]', 'd'],
    ['?', ''],
    ['?', '/'],
    ['[!a]', '/'],
    ['A', 'a'],
    ['', 'a'],
  ])('%s is not %s', (pattern, path) => {
    expect(matches(pattern, path)).toBe(false)
  })

  test.each([
    ['test/**', 'test/../src/key.pem'],
    ['test/*', 'test/..'],
    ['**', '../key.pem'],
    ['**/key.pem', '../key.pem'],
    ['*/key.pem', '../key.pem'],
    ['??/key.pem', '../key.pem'],
    ['[.][.]/key.pem', '../key.pem'],
  ])('%s does not reach out of its folder to %s', (pattern, path) => {
    expect(matches(pattern, path)).toBe(false)
  })

  test.each([
    ['a[b', 'a [ that is not closed'],
    ['{a,b', 'a { that is not closed'],
    ['a\\', 'a backslash that escapes nothing'],
    ['{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}', 'more than 256 alternatives'],
  ])('%s is refused, since it has %s', (pattern, why) => {
    expect(compileGlob(pattern)).toContain(why)
  })

  it('that a backtracking matcher never ends with is answered', () => {
    expect(matches(`${'*a'.repeat(60)}b`, 'a'.repeat(5000))).toBe(false)
    expect(matches(`${'**/'.repeat(60)}b`, 'a/'.repeat(2000))).toBe(false)
  })

  it('that is a plain path matches that path alone', () => {
    const segment = fc.stringMatching(/^[a-z$^+.|()\u00e9 -]{1,6}$/).filter((text) => !/^\.+$/.test(text))
    const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
    fc.assert(
      fc.property(path, path, (one, other) => {
        expect(matches(one, one)).toBe(true)
        expect(matches(one, other)).toBe(one === other)
      }),
    )
  })

  it('never throws, whatever it and the path are', () => {
    const odd = fc.string({
      unit: fc.constantFrom('*', '?', '[', ']', '{', '}', ',', '\\', '/', '.', '!', '-', 'a', '😀'),
    })
    fc.assert(
      fc.property(odd, odd, (pattern, path) => {
        const glob = compileGlob(pattern)
        expect(typeof (typeof glob === 'string' ? glob : glob(path))).toMatch(/string|boolean/)
      }),
    )
  })
})
