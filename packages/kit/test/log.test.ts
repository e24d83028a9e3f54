import { expect, test } from 'vitest'
import { logged } from '../src/log.ts'

test.each([
  ['in app##[set-output name=verdict]pass', 'in app## [set-output name=verdict]pass'],
  ['no\n::set-output name=x::y\r\n  ##[add-mask]z\n', 'no; ::set-output name=x::y; ## [add-mask]z'],
  ['a line; as it is', 'a line; as it is'],
])('%j is one line of the log, with no command in it', (text, expected) => {
  expect(logged(text)).toBe(expected)
})
