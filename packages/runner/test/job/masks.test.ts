import { describe, expect, test } from 'vitest'
import { masksOf } from '../../src/job/masks.ts'

const secret = `s3cret&"<'x`
const bytes = Buffer.from(secret)

describe('masks', () => {
  test.each([
    ['as it is', secret],
    ['in base64', bytes.toString('base64')],
    ['in base64, one byte in', bytes.subarray(1).toString('base64')],
    ['in base64, two bytes in', bytes.subarray(2).toString('base64')],
    ['in JSON', JSON.stringify(secret).slice(1, -1)],
    ['in a URL', 's3cret%26%22%3C%27x'],
    ['in XML', 's3cret&amp;&quot;&lt;&apos;x'],
    ['in an expression', secret.replaceAll("'", "''")],
    ['in a quoted argument', secret.replaceAll('"', '\\"')],
  ])('hide a secret %s', (_, form) => {
    expect(masksOf([secret]).mask(`[${form}]`)).toBe('[***]')
  })

  test('hide each line of a secret, without the blanks around it', () => {
    const masks = masksOf(['first line\n  second line  \n\n'])
    expect(['a first line', 'a second line.'].map(masks.mask)).toEqual(['a ***', 'a ***.'])
  })

  test('hide what a quoted secret quotes', () => {
    expect(masksOf(['"0123456789"']).mask('0123456789')).toBe('***')
  })

  test('become one where they overlap or touch', () => {
    const masks = masksOf(['abcd', 'cdef', 'gh'])
    expect(masks.mask('-abcdef-abcdefgh-ghgh-')).toBe('-***-***-***-')
  })

  test('hide nothing for empty text, and what is added later too', () => {
    const masks = masksOf(['', '  ', '\n'])
    expect(masks.mask('a  b')).toBe('a  b')
    masks.add('b')
    expect(masks.mask('a  b')).toBe('a  ***')
  })
})
