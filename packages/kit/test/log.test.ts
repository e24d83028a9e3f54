import { expect, test } from 'vitest'
import { logged, loggedLine } from '../src/log.ts'

test.each([
  ['in app##[set-output name=verdict]pass', 'in app## [set-output name=verdict]pass'],
  ['no\n::set-output name=x::y\r\n  ##[add-mask]z\n', 'no; ::set-output name=x::y; ## [add-mask]z'],
  ['a line; as it is', 'a line; as it is'],
])('%j is one line of the log, with no command in it', (text, expected) => {
  expect(logged(text)).toBe(expected)
})

test.each([
  ['    ::set-output name=verdict::pass', '    : :set-output name=verdict::pass'],
  ['\u0085::add-mask::promoted', '\u0085: :add-mask::promoted'],
  ['\r\n::error::x', ': :error::x'],
  ['    at main::run (a.rs:1)', '    at main::run (a.rs:1)'],
])('%j is a line of its own, with its blanks and no command', (text, expected) => {
  expect(loggedLine(text)).toBe(expected)
})
