import { describe, expect, it, test } from 'vitest'
import { assertionProblem, check } from '../src/assertion.ts'
import type { Json, Operator } from '../src/check.ts'
import { boundedMatch } from '../src/ports/pattern.ts'

const match = boundedMatch()

const holds = (actual: Json, op: Operator, value: Json) =>
  check({ kind: 'found', value: actual }, { op, value }, match) === undefined

describe('an assertion', () => {
  test.each<[Json, Operator, Json, boolean]>([
    [1, 'eq', 1, true],
    [1, 'eq', '1', false],
    [{ a: 1, b: [2] }, 'eq', { b: [2], a: 1 }, true],
    [[1, 2], 'eq', [2, 1], false],
    [null, 'eq', null, true],
    ['a', 'ne', 'b', true],
    ['a', 'ne', 'a', false],
    [2, 'gt', 1, true],
    [1, 'gt', 1, false],
    [1, 'ge', 1, true],
    [0, 'lt', 1, true],
    [1, 'le', 1, true],
    ['2', 'gt', 1, false],
    ['hello', 'contains', 'ell', true],
    [['a', 'b'], 'contains', 'b', true],
    [{ a: 1 }, 'contains', 'a', true],
    [5, 'contains', 5, false],
    ['v1.2.3', 'matches', '^v\\d+\\.', true],
    [123, 'matches', '123', false],
    ['äöü', 'length', 3, true],
    [[], 'length', 0, true],
    [{ a: 1 }, 'length', 1, true],
    [7, 'length', 1, false],
    [1.5, 'type', 'number', true],
    [1, 'type', 'integer', true],
    [1.5, 'type', 'integer', false],
    [[], 'type', 'array', true],
    [[], 'type', 'object', false],
    [null, 'type', 'null', true],
    ['x', 'exists', true, true],
    ['x', 'exists', false, false],
  ])('%j %s %j is %s', (actual, op, value, expected) => {
    expect(holds(actual, op, value)).toBe(expected)
  })

  test.each<Operator>(['eq', 'ne', 'gt', 'le', 'contains', 'matches', 'length', 'type'])(
    '%s fails for an absent value',
    (op) => {
      expect(check({ kind: 'absent' }, { op, value: 'x' }, match)).toContain('is absent')
    },
  )

  it('exists does not hold for a list of nothing', () => {
    const nothing = { kind: 'found', value: [], nothing: true } as const
    expect(check(nothing, { op: 'exists', value: true }, match)).toBe('is absent')
    expect(check(nothing, { op: 'exists', value: false }, match)).toBeUndefined()
    expect(check(nothing, { op: 'length', value: 0 }, match)).toBeUndefined()
  })

  it('gives a pattern up that backtracks without end', () => {
    const found = { kind: 'found', value: `${'a'.repeat(60)}!` } as const
    expect(check(found, { op: 'matches', value: '^(a+)+$' }, boundedMatch(50))).toContain('backtracks without end')
    expect(check(found, { op: 'matches', value: '!$' }, boundedMatch(50))).toBeUndefined()
  })

  it('exists: false holds for an absent value', () => {
    expect(check({ kind: 'absent' }, { op: 'exists', value: false }, match)).toBeUndefined()
  })

  test.each<[Operator, Json, string]>([
    ['gt', '5', 'gt takes a number'],
    ['length', 1.5, 'length takes a whole number'],
    ['type', 'text', 'type takes one of'],
    ['matches', '(', 'Invalid regular expression'],
    ['exists', 'yes', 'exists takes true or false'],
  ])('%s %j can never pass and is refused', (op, value, message) => {
    expect(assertionProblem({ op, value })).toContain(message)
  })
})
