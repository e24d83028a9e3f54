import { expect, test } from 'vitest'
import { judge } from '../src/verdict.ts'

test.each([
  { name: 'a file of exactly the limit passes', bytes: 100, kind: 'pass' },
  { name: 'one byte more fails', bytes: 101, kind: 'fail' },
  { name: 'an empty file passes', bytes: 0, kind: 'pass' },
  { name: 'no file is nothing to check, never a pass', bytes: undefined, kind: 'nothing-to-check' },
])('$name', ({ bytes, kind }) => {
  expect(judge(bytes, 100).kind).toBe(kind)
})
