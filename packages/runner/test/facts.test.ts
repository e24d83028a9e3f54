import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const FACTS = readFileSync(join(import.meta.dirname, '../FACTS.md'), 'utf8')

test('every fact names a test that is there', () => {
  expect(rowsOf(FACTS).length).toBeGreaterThan(30)
  expect(rowsOf(FACTS).filter(({ file, title }) => !has(file, title))).toEqual([])
})

test('every fact names a public page', () => {
  expect(
    rowsOf(FACTS).filter(({ sources }) => !sources.length || !sources.every((name) => isPublic(FACTS, name))),
  ).toEqual([])
})

test('every page is a fact’s source', () => {
  const named = new Set(rowsOf(FACTS).flatMap(({ sources }) => sources))
  expect(
    [...FACTS.matchAll(/^\[([^\]]+)\]:/gm)].map(([, name]) => name).filter((name = '') => !named.has(name)),
  ).toEqual([])
})

test('no line of a table is passed over', () => {
  const lines = FACTS.split('\n').filter((line) => line.startsWith('| ') && !/^\| (---|Fact) /.test(line))
  expect(lines.length).toBe(rowsOf(FACTS).length)
})

describe('the checks can fail:', () => {
  const row = (source: string, title: string) => `| A. | ${source} | \`facts.test.ts\` › \`${title}\` |\n`

  test('a title that no test has', () => {
    const [fact] = rowsOf(row('[a]', ['every fact', 'names nothing'].join(' ')))
    expect(fact && has(fact.file, fact.title)).toBe(false)
  })

  test('a file that is not there', () => {
    expect(has('language/none.test.ts', 'x')).toBe(false)
  })

  test('a source without a page, or with one that is not public', () => {
    expect(isPublic('', 'a')).toBe(false)
    expect(isPublic('[a]: https://example.com/x', 'a')).toBe(false)
    expect(isPublic('[a]: https://github.com/actions/runner/issues/491', 'a')).toBe(true)
  })
})

type Row = { readonly sources: readonly string[]; readonly file: string; readonly title: string }

const rowsOf = (text: string): readonly Row[] =>
  [...text.matchAll(/^\| [^|]+ \| ([^|]+) \| `([^`|]+)` › `([^`]+)` \|$/gm)].map(
    ([, sources = '', file = '', title = '']) => ({
      sources: [...sources.matchAll(/\[([^\]]+)\]/g)].map(([, name = '']) => name),
      file,
      title,
    }),
  )

const has = (file: string, title: string): boolean => {
  const path = join(import.meta.dirname, file)
  if (!existsSync(path)) return false
  const source = readFileSync(path, 'utf8')
  return ["'", '"', '`'].some((quote) => source.includes(`${quote}${title.replaceAll(quote, `\\${quote}`)}${quote}`))
}

const isPublic = (text: string, name: string): boolean => {
  const page = text.split('\n').find((line) => line.startsWith(`[${name}]: `))
  return /^https:\/\/(docs\.github\.com|github\.com|github\.blog)\//.test(page?.slice(name.length + 4) ?? '')
}
