import { describe, expect, test } from 'vitest'
import * as z from 'zod/mini'
import { Fault, describe as tell } from '../src/faults.ts'
import {
  choice,
  count,
  duration,
  type Field,
  fraction,
  image,
  lines,
  optionalDuration,
  optionalText,
  pairs,
  text,
  yesNo,
} from '../src/fields.ts'
import { readInputs } from '../src/inputs.ts'
import { nearest } from '../src/nearest.ts'

const hex = 'ab'.repeat(32)
const read = <T>(field: Field<T>, value: string): unknown => {
  const result = z.safeParse(field, value)
  return result.success ? result.data : result.error.issues[0]?.message
}

describe('an input', () => {
  test.each([
    ['text', text, ' shop ', 'shop'],
    ['no text', text, ' ', 'is required and is empty'],
    ['text that may be left out', optionalText, '', undefined],
    ['a whole number', count(1), '30', 30],
    ['a number out of range', count(1, 10), '11', 'must be a whole number from 1 to 10, not "11"'],
    ['a negative number', count(0), '-1', 'must be a whole number of at least 0, not "-1"'],
    ['a number in another notation', count(0), '1e3', 'must be a whole number of at least 0, not "1e3"'],
    [
      'a number beyond what is exact',
      count(0),
      '9007199254740993',
      'must be a whole number of at least 0, not "9007199254740993"',
    ],
    ['a fraction', fraction, '0.01', 0.01],
    ['a fraction of one', fraction, '1', 'must be a number between 0 and 1, not "1"'],
    ['no fraction', fraction, '', 'must be a number between 0 and 1, not ""'],
    ['seconds', duration, '10s', 10_000],
    ['half a minute', duration, '0.5m', 30_000],
    ['a duration without unit', duration, '10', 'must be a duration such as 500ms, 10s, 5m or 1h, not "10"'],
    ['a duration left out', optionalDuration, '', undefined],
    ['yes', yesNo, 'true', true],
    ['a misspelt yes', yesNo, 'yes', 'must be true or false, not "yes"'],
    ['a word', choice(['run', 'abort']), 'abort', 'abort'],
    ['a misspelt word', choice(['run', 'abort']), 'abrot', 'unknown value "abrot"; did you mean "abort"?'],
    ['lines', lines, 'a\n\n# no\n b ', ['a', 'b']],
    [
      'pairs',
      pairs,
      'A=1\nB = x=y ',
      new Map([
        ['A', '1'],
        ['B', 'x=y'],
      ]),
    ],
    ['a pair given twice', pairs, 'A=1\nA=2', 'names A twice'],
    ['an image', image, `ghcr.io/o/shop@sha256:${hex}`, { repository: 'ghcr.io/o/shop', digest: `sha256:${hex}` }],
    [
      'an image with port and tag',
      image,
      `r:5000/shop:v1@sha256:${hex}`,
      { repository: 'r:5000/shop', digest: `sha256:${hex}` },
    ],
  ])('%s', (_, field, value, expected) => {
    expect(read(field as Field<unknown>, value)).toEqual(expected)
  })

  test('that is an image by tag is refused with the reason', () => {
    expect(read(image, 'shop:v1')).toMatch(/a tag alone can move between two reads/)
  })

  test('that is a secret pair is not shown beyond its name', () => {
    expect(read(pairs, '=hunter2')).toBe('has a line that is not NAME=value: "="')
  })

  test('wrong in several ways names them all at once', () => {
    const schema = z.object({ mode: choice(['run']), 'max-hold': duration })
    const problem = (() => {
      try {
        return readInputs(schema, () => '')
      } catch (thrown) {
        return thrown
      }
    })()
    expect(problem).toBeInstanceOf(Fault)
    expect(tell(problem)).toBe(
      '2 invalid inputs: mode is required: one of run\n  max-hold must be a duration such as 500ms, 10s, 5m or 1h, not ""',
    )
  })
})

test.each([
  ['wieght', 'weight'],
  ['Weight', 'weight'],
  ['hodl', 'hold'],
  ['banana', undefined],
])('the name nearest to %s is %s', (word, meant) => {
  expect(nearest(word, ['weight', 'hold', 'metrics'])).toBe(meant)
})
