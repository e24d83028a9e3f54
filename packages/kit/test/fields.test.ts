import { describe, expect, test } from 'vitest'
import * as z from 'zod/mini'
import { Fault, describe as tell } from '../src/faults.ts'
import { choice, count, duration, type Field, lines, optionalImage, optionalText, text } from '../src/fields.ts'
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
    ['seconds', duration, '10s', 10_000],
    ['half a minute', duration, '0.5m', 30_000],
    ['a duration without unit', duration, '10', 'must be a duration such as 500ms, 10s, 5m or 1h, not "10"'],
    ['a word', choice(['run', 'abort']), 'abort', 'abort'],
    ['a misspelt word', choice(['run', 'abort']), 'abrot', 'unknown value "abrot"; did you mean "abort"?'],
    ['lines', lines, 'a\n\n# no\n b ', ['a', 'b']],
    [
      'an image',
      optionalImage,
      `ghcr.io/o/shop@sha256:${hex}`,
      { repository: 'ghcr.io/o/shop', digest: `sha256:${hex}` },
    ],
    ['an image left out', optionalImage, ' ', undefined],
    [
      'an image with port and tag',
      optionalImage,
      `r:5000/shop:v1@sha256:${hex}`,
      { repository: 'r:5000/shop', digest: `sha256:${hex}` },
    ],
  ])('%s', (_, field, value, expected) => {
    expect(read(field as Field<unknown>, value)).toEqual(expected)
  })

  test('that is an image by tag is refused with the reason', () => {
    expect(read(optionalImage, 'shop:v1')).toMatch(/a tag alone can move between two reads/)
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
