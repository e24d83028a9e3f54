import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Rules, useExceptions } from '../../src/exceptions/ledger.ts'
import { type Entry, excuses } from '../../src/exceptions/match.ts'
import { vulnerability } from './findings.ts'

const entry = (id: string, more: Partial<Entry> = {}): Entry => ({
  id,
  source: 'trivyignore',
  where: '.trivyignore:1',
  kinds: ['vulnerability'],
  ...more,
})
const rules = (more: Partial<Rules> = {}): Rules => ({
  strict: false,
  now: new Date('2026-11-22T12:00:00Z'),
  expiringWithinDays: 14,
  ...more,
})
const found = [vulnerability('A'), vulnerability('B'), vulnerability('A', { target: 'api/package-lock.json' })]
const states = (exceptions: readonly Entry[], more: Partial<Rules> = {}) =>
  useExceptions(found, exceptions, rules(more)).uses.map(({ state, used }) => [state, used])

describe('the ledger of exceptions', () => {
  it('gives each finding the first exception that holds', () => {
    const exceptions = [entry('C'), entry('A', { paths: ['api/**'] }), entry('A'), entry('A')]
    const { uses, excusedBy } = useExceptions(found, exceptions, rules())
    expect(excusedBy).toEqual([2, undefined, 1])
    expect(uses.map(({ state, used }) => [state, used])).toEqual([
      ['unused', 0],
      ['active', 1],
      ['active', 1],
      ['unused', 0],
    ])
    expect(uses[1]?.exception).toBe(exceptions[1])
  })

  it('ends an exception at 00:00 UTC of its day', () => {
    const until = [entry('A', { expires: '2026-11-23' })]
    const at = (now: string) => states(until, { now: new Date(now) })
    expect(at('2026-11-22T23:59:59.999Z')).toEqual([['expiring', 2]])
    expect(at('2026-11-23T00:00:00.000Z')).toEqual([['expired', 2]])
    const { excusedBy } = useExceptions(found, until, rules({ now: new Date('2026-11-23T00:00:00Z') }))
    expect(excusedBy).toEqual([undefined, undefined, undefined])
  })

  it('says how many findings an expired one would have excused that nothing else does', () => {
    const old = { expires: '2020-01-01' }
    expect(states([entry('A', old)])).toEqual([['expired', 2]])
    expect(states([entry('A', old), entry('A')])).toEqual([
      ['expired', 0],
      ['active', 2],
    ])
    expect(states([entry('A', old), entry('A', old)])).toEqual([
      ['expired', 2],
      ['expired', 0],
    ])
    expect(states([entry('C', old)])).toEqual([['expired', 0]])
  })

  it('tells what ends within so many days', () => {
    expect(states([entry('A', { expires: '2026-12-06' })])).toEqual([['expiring', 2]])
    expect(states([entry('A', { expires: '2026-12-07' })])).toEqual([['active', 2]])
    const midnight = { now: new Date('2026-11-22T00:00:00Z') }
    expect(states([entry('A', { expires: '2026-12-06' })], midnight)).toEqual([['expiring', 2]])
    expect(states([entry('A', { expires: '2026-11-23' })], { expiringWithinDays: 0 })).toEqual([['active', 2]])
    expect(states([entry('C', { expires: '2026-11-23' })])).toEqual([['unused', 0]])
  })

  it('takes what is no day as past', () => {
    expect(states([entry('A', { expires: 'soon' })])).toEqual([['expired', 2]])
    expect(states([entry('A', { expires: '2027-01-01' })], { now: new Date(Number.NaN) })).toEqual([['expired', 2]])
  })

  it('that is strict refuses what has no reason or no expiry, and says which', () => {
    const whole = { reason: 'not reached', expires: '2027-06-01' }
    const exceptions = [
      entry('A', { reason: 'not reached' }),
      entry('A', { expires: '2027-06-01', source: 'trivyignore.yaml' }),
      entry('A', { reason: '  ', source: 'openvex' }),
      entry('A', whole),
    ]
    const { uses, excusedBy } = useExceptions(found, exceptions, rules({ strict: true }))
    expect(excusedBy).toEqual([3, undefined, 3])
    expect(uses.map(({ state, used, problem }) => [state, used, problem])).toEqual([
      ['refused', 0, 'has no expiry (exp:YYYY-MM-DD)'],
      ['refused', 0, 'has no reason (statement)'],
      [
        'refused',
        0,
        'has no reason (justification, impact_statement or status_notes) and no expiry (exp:YYYY-MM-DD in status_notes)',
      ],
      ['active', 2, undefined],
    ])
  })

  it('finds the same exception as asking each in turn', () => {
    const name = fc.constantFrom('A', 'B', 'AB', 'constructor', '__proto__')
    const entries = fc.array(
      fc.record({ id: name, aliases: fc.array(name, { maxLength: 2 }), path: fc.constantFrom('**', 'web/*', 'api/*') }),
    )
    const findings = fc.array(fc.record({ id: name, target: fc.constantFrom('web/x', 'api/x') }))
    fc.assert(
      fc.property(entries, findings, (given, things) => {
        const exceptions = given.map(({ id, aliases, path }) => entry(id, { aliases, paths: [path] }))
        const seen = things.map(({ id, target }) => vulnerability(id, { target }))
        const { uses, excusedBy } = useExceptions(seen, exceptions, rules())
        expect(excusedBy).toEqual(
          seen.map((one) => {
            const index = exceptions.findIndex((exception) => excuses(exception, one))
            return index < 0 ? undefined : index
          }),
        )
        const total = uses.reduce((sum, { used }) => sum + used, 0)
        expect(total).toBe(excusedBy.filter((index) => index !== undefined).length)
      }),
    )
  })
})
