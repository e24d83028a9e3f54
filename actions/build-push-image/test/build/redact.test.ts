import { describe, expect, it } from 'vitest'
import { cleaner } from '../../src/build/redact.ts'

describe('what nobody may read', () => {
  it('is who asks, in any address', () => {
    const clean = cleaner([])
    expect(clean('[internal] load git source http://u:SECRETPW@127.0.0.1:1/x.git#main')).toBe(
      '[internal] load git source http://***@127.0.0.1:1/x.git#main',
    )
    expect(clean('a https://TOKEN@h/x, "ssh://u:p@ss@h:22/y"')).toBe('a https://***@h/x, "ssh://***@h:22/y"')
    for (const text of ['http://h/a@b', 'docker-image://alpine@sha256:00', 'git@github.com:a/b', 'https://h?to=a@b'])
      expect(clean(text)).toBe(text)
  })

  it('is every secret, and each line of one that is long enough', () => {
    const clean = cleaner(['hunter2', 'first line\nshort\n  second line\r\n', 'hunter2-and-more\n'])
    expect(clean('a hunter2, b hunter2-and-more')).toBe('a ***, b ***')
    expect(clean('first linefirst line|second line|short')).toBe('******|***|short')
    expect(clean('first lin')).toBe('first lin')
  })

  it('is nothing that any text has', () => {
    expect(cleaner(['', ' ', 'a', 'no\n'])('no banana')).toBe('no banana')
  })

  it('is found in much, among many', () => {
    const secret = Array.from({ length: 7000 }, (_, line) => `line ${line} of it`).join('\n')
    const clean = cleaner([secret])
    const began = performance.now()
    expect(clean(`${'line 1 '.repeat(100_000)}line 6999 of it`)).toMatch(/ \*\*\*$/)
    expect(performance.now() - began).toBeLessThan(3000)
  })
})
