import { expect, test } from 'vitest'
import { cell, fenced, inline, table, unmarked } from '../src/markdown.ts'

test('a code block is not ended by what is in it', () => {
  expect(fenced('a\n```\nb')).toBe('````text\na\n```\nb\n````')
  expect(fenced('')).toBe('```text\n\n```')
})

test('text in a sentence starts no markup, HTML or line of its own', () => {
  expect(inline('a *b*\n# [c](d) <img> `e` &')).toBe('a \\*b\\* # \\[c\\](d) &lt;img> \\`e\\` &amp;')
})

test('a cell of unmarked text is shown as it is', () => {
  expect(table(['A'], [[unmarked('*a* | <b>')]])).toBe('| A |\n| --- |\n| \\*a\\* \\| &lt;b> |')
})

test.each([
  ['a|b', 'a\\|b'],
  ['a\\|b', 'a\\\\\\|b'],
  ['a\\\\\\|b', 'a\\\\\\\\\\|b'],
  [unmarked('a\\|b'), 'a\\\\\\|b'],
  ['`a|b` c\\|d', '`a\\|b` c\\\\\\|d'],
  ['`a\\|b`', '`a\\\\|b`'],
  ['``a`\\|b``', '``a`\\\\|b``'],
  ['a ` b\\|c', 'a ` b\\\\\\|c'],
])('a pipe in a cell, and the backslash before it, are shown: %s', (given, expected) => {
  expect(cell(given)).toBe(expected)
})
