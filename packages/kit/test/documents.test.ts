import { describe, expect, test } from 'vitest'
import * as z from 'zod/mini'
import { checkYaml, parseYaml } from '../src/documents.ts'

const schema = z.strictObject({
  steps: z.array(z.strictObject({ weight: z.number().check(z.gte(1)), hold: z.string() })),
  baseline: z.optional(z.enum(['stable', 'fresh'])),
  metrics: z.optional(z.record(z.string(), z.strictObject({ kind: z.string() }))),
})

const problems = (source: string) => {
  const result = checkYaml(source, schema)
  return result.kind === 'wrong' ? result.problems.map(({ line, column, text }) => `${line}:${column} ${text}`) : []
}

describe('a YAML document', () => {
  test('that fits its schema is returned', () => {
    expect(parseYaml('steps: [{ weight: 5, hold: 10m }]', { file: 'plan', schema })).toEqual({
      steps: [{ weight: 5, hold: '10m' }],
    })
  })

  test.each([
    ['nothing', '', ['1:1 is empty']],
    ['only a comment', '# later\n', ['1:1 is empty']],
    [
      'a misspelt key',
      'steps:\n  - { wieght: 5, hold: 1m, weight: 5 }',
      ['2:7 steps.0: unknown key "wieght"; did you mean "weight"?'],
    ],
    [
      'a misspelt key under a record',
      'steps: []\nmetrics:\n  errors:\n    kindd: ratio\n    kind: ratio',
      ['4:5 metrics.errors: unknown key "kindd"; did you mean "kind"?'],
    ],
    ['a key like no other', 'steps: []\nzzzzzz: 1', ['2:1 unknown key "zzzzzz"; known: steps, baseline, metrics']],
    ['a wrong type', 'steps:\n  - weight: five\n    hold: 1m', ['2:5 steps.0.weight: must be a number, not "five"']],
    ['a missing key', 'baseline: stable', ['1:1 steps: is required: an array']],
    ['a wrong word', 'steps: []\nbaseline: stabel', ['2:1 baseline: unknown value "stabel"; did you mean "stable"?']],
    ['a tab as indentation', 'steps:\n\t- 1', ['2:1 ']],
    ['a key given twice', 'steps: []\nsteps: []', ['2:1 Map keys must be unique']],
    [
      'an unclosed bracket',
      'steps: [',
      ['1:9 Flow sequence in block collection must be sufficiently indented and end with a ]'],
    ],
  ])('with %s is told where', (_, source, expected) => {
    const found = problems(source)
    expected.forEach((start, index) => {
      expect(found[index]?.startsWith(start), `${found[index]} starts with ${start}`).toBe(true)
    })
  })

  test('with several problems is told all of them, in the order of the lines', () => {
    expect(() => parseYaml('baseline: no\nsteps:\n  - { weight: 0, hold: 3 }\n', { file: 'plan.yml', schema })).toThrow(
      /^3 problems:\n {2}plan\.yml:1:1: .*\n {2}plan\.yml:3:7: .*\n {2}plan\.yml:3:18: /,
    )
  })

  test('that grows by nested aliases is refused, not expanded', () => {
    const bomb = [
      'a: &a [1,1,1,1,1,1,1,1,1]',
      ...'bcdefgh'.split('').map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`),
    ].join('\n')
    expect(problems(bomb)[0]).toMatch(/alias/)
  })

  test.each([
    ['a map', 'steps: &s [{ weight: 5, hold: 1m, more: *s }]'],
    ['a list in a list', 'steps: &s [*s, *s, *s, *s]'],
    ['a list through a map', 'steps: []\nmetrics: &m\n  errors: { kind: &k [*m, *m], other: *k }'],
  ])('that holds itself by an alias is refused: %s', (_, source) => {
    expect(problems(source)).toEqual(['1:1 has an alias of something that it is itself a part of'])
  })

  test('that says the same thing twice by an alias is read', () => {
    const source = 'steps:\n  - &s { weight: 5, hold: 1m }\n  - *s\n  - *s'
    expect(checkYaml(source, schema).kind).toBe('read')
  })

  test('with a text where the same number is wanted is told the difference', () => {
    const numbered = z.strictObject({ version: z.literal(1) })
    const result = checkYaml('version: "1"', numbered)
    expect(result.kind === 'wrong' && result.problems[0]?.text).toBe('version: must be 1, not the text "1"')
  })
})
