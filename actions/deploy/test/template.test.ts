// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are templates of manifests
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { LineCounter, parseDocument } from 'yaml'
import { fillTemplate, type Value } from '../src/template.ts'
import { readValues } from '../src/values.ts'

const fill = (text: string, values: Readonly<Record<string, Value>>) => {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const { problems, used } = fillTemplate(document, new Map(Object.entries(values)), { file: 'app.yaml', text, lines })
  return {
    value: document.toJS(),
    problems: problems.map(({ where, text: what }) => `${where}: ${what}`),
    used: [...used],
  }
}

describe('a template', () => {
  test.each<[string, Record<string, Value>, unknown]>([
    ['a: ${X}', { X: 'text' }, { a: 'text' }],
    ['a: ${X}', { X: 3 }, { a: 3 }],
    ['a: "${X}"', { X: 3 }, { a: '3' }],
    ['a: v${X}.${Y}', { X: 1, Y: 2 }, { a: 'v1.2' }],
    ['a: ${X}', { X: true }, { a: true }],
    ['${X}: 1', { X: 'key' }, { key: 1 }],
    ['a: |\n  one ${X}\n  two', { X: '1' }, { a: 'one 1\ntwo\n' }],
    ['a: $${X} and $X and $(X)', {}, { a: '${X} and $X and $(X)' }],
    ['a: 1 # ${NOT}', {}, { a: 1 }],
    ['a: ["${X}"]', { X: '}]' }, { a: ['}]'] }],
  ])('%s with %j', (text, values, expected) => {
    expect(fill(text, values)).toMatchObject({ value: expected, problems: [] })
  })

  it('names every unset name with file and line', () => {
    expect(fill('a: ${X}\nb:\n  c: "${Y} ${Z}"\n', { Y: 'y' }).problems).toEqual([
      'app.yaml:1:4: ${X} has no value: set it in values, or write $${X} for the text itself',
      'app.yaml:3:12: ${Z} has no value: set it in values, or write $${Z} for the text itself',
    ])
  })

  it('names the very line inside a text of several lines', () => {
    expect(fill('a: |\n  $${X} one\n  ${X} two\n', {}).problems[0]).toMatch(/^app.yaml:3:3: /)
  })

  it('does not know defaults of a shell', () => {
    expect(fill('a: ${X:-1}', { X: 'x' }).problems[0]).toContain('${X:-1} is not a placeholder')
  })

  test.each(['a: "${X"', 'a: "${${X}}"', 'a: image-${'])(
    'does not let a placeholder without an end through (%s)',
    (text) => {
      expect(fill(text, { X: 'x' }).problems[0]).toContain('${ is not a placeholder')
    },
  )

  it('keeps the structure whatever a value holds', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const { value: read } = fill('a: ${X}\nb: "${X}"\nc: 1\n', { X: value })
        expect(read).toEqual({ a: value, b: value, c: 1 })
      }),
    )
  })
})

describe('values', () => {
  test.each<[string, string, [string, Value][]]>([
    [
      'lines',
      'A=1\n# no\nB = x=y \n',
      [
        ['A', 1],
        ['B', 'x=y'],
      ],
    ],
    [
      'lines that look like numbers',
      'A=1.10\nB=007\nC=1e5\nD=true\nE=',
      [
        ['A', '1.10'],
        ['B', '007'],
        ['C', '1e5'],
        ['D', true],
        ['E', ''],
      ],
    ],
    [
      'a map',
      'A: 1\nB: "1"\nC: 1.5\n',
      [
        ['A', 1],
        ['B', '1'],
        ['C', 1.5],
      ],
    ],
    [
      'a map with what only looks like numbers',
      'A: 1.10\nB: 0123\nC: 1e5\nD: 0x1F\n',
      [
        ['A', '1.10'],
        ['B', '0123'],
        ['C', '1e5'],
        ['D', '0x1F'],
      ],
    ],
    ['a map in JSON', '{"A": "x"}', [['A', 'x']]],
    ['nothing', ' \n', []],
  ])('may be %s', (_what, text, expected) => {
    const read = readValues(text)
    expect('values' in read ? [...read.values] : read).toEqual(expected)
  })

  test.each([
    ['A=1\nB\n', 'values:2: is not NAME=value'],
    ['A=1\nA=2\n', 'values:2: names A twice'],
    ['A=1\n1B=2\n', 'values:2: "1B" is not a name'],
    ['A: [1]\n', 'values:1:1: A must be a text, a number or a boolean'],
    ['A: "x\n', 'values:2:1: '],
    ['- A\n', 'values:1:1: must be NAME=value lines or a YAML map'],
  ])('%j is refused', (text, message) => {
    const read = readValues(text)
    expect('problems' in read ? read.problems.join() : '').toContain(message)
  })

  it('never shows a value, which may be a secret', () => {
    expect(JSON.stringify(readValues('A: 1\nPASSWORD: [hunter2]\n'))).not.toContain('hunter2')
    expect(JSON.stringify(readValues('A=1\nhunter2\n'))).not.toContain('hunter2')
  })
})
