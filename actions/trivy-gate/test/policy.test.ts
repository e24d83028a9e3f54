import { describe, expect, it, test } from 'vitest'
import type { Found } from '../src/found.ts'
import { type Policy, stand } from '../src/policy.ts'
import { NOW, secret, settings, vulnerability } from './made.ts'

const unfixed = { name: 'left', version: '1.0.0', status: 'affected' }
const state = (found: Found, policy: Partial<Policy>, fixSince?: string): object =>
  stand(found, settings(policy), NOW, () => fixSince)
const days = (HIGH: number) => ({ days: { HIGH }, from: 'published' as const })

describe('what fails by itself', () => {
  test.each<[string, Found, Partial<Policy>, object]>([
    ['a severity that fails', vulnerability(), {}, { state: 'fails' }],
    ['another severity', vulnerability({ severity: 'MEDIUM' }), {}, { state: 'below' }],
    ['a secret', secret(), {}, { state: 'fails' }],
    [
      'a secret, whatever is said of vulnerabilities',
      secret(),
      { ignoreUnfixed: true, minEpss: 1 },
      { state: 'fails' },
    ],
    ['a secret below', secret({ severity: 'LOW' }), {}, { state: 'below' }],
    ['no fix', vulnerability({ package: unfixed }), {}, { state: 'fails' }],
    ['no fix, ignored', vulnerability({ package: unfixed }), { ignoreUnfixed: true }, { state: 'unfixed' }],
    ['a fix, the others ignored', vulnerability(), { ignoreUnfixed: true }, { state: 'fails' }],
    [
      'a fix that is not said by the status',
      vulnerability({ package: { ...unfixed, fixed: '2' } }),
      { ignoreUnfixed: true },
      { state: 'fails' },
    ],
    [
      'unlikely',
      vulnerability(),
      { minEpss: 0.1, epss: new Map([['CVE-2026-1000', 0.09]]) },
      { state: 'below', epss: 0.09 },
    ],
    [
      'likely',
      vulnerability(),
      { minEpss: 0.1, epss: new Map([['CVE-2026-1000', 0.1]]) },
      { state: 'fails', epss: 0.1 },
    ],
    ['of no known probability', vulnerability(), { minEpss: 0.1, epss: new Map() }, { state: 'fails' }],
    ['of no known probability, without the file', vulnerability(), { minEpss: 0.1 }, { state: 'fails' }],
    [
      'unlikely, but exploited',
      vulnerability(),
      { minEpss: 0.1, epss: new Map([['CVE-2026-1000', 0.01]]), kev: new Set(['CVE-2026-1000']) },
      { state: 'fails', epss: 0.01, exploited: true },
    ],
    [
      'below, but exploited',
      vulnerability({ severity: 'LOW' }),
      { kev: new Set(['CVE-2026-1000']) },
      { state: 'below', exploited: true },
    ],
  ])('%s', (_, found, policy, expected) => {
    expect(state(found, policy)).toEqual(expected)
  })
})

describe('grace', () => {
  const at = (published: string) => vulnerability({ published })

  test.each<[string, string, number, object]>([
    ['has not ended', '2026-06-10T00:00:00Z', 7, { state: 'in-grace', until: '2026-06-17' }],
    ['ends at this instant', '2026-06-08T12:00:00Z', 7, { state: 'fails' }],
    ['ends in a millisecond', '2026-06-08T12:00:00.001Z', 7, { state: 'in-grace', until: '2026-06-15' }],
    ['has ended', '2026-01-01T00:00:00Z', 7, { state: 'fails' }],
    ['is of no days', '2026-06-15T00:00:00Z', 0, { state: 'fails' }],
    ['has no beginning', 'not a date', 7, { state: 'fails', undated: true }],
    ['begins in days to come', '2026-06-17T00:00:00Z', 7, { state: 'fails', undated: true }],
    ['is longer than time', '2026-06-10T00:00:00Z', 1e12, { state: 'in-grace', until: '9999-12-31' }],
  ])('%s', (_, published, HIGH, expected) => {
    expect(state(at(published), { grace: days(HIGH) })).toEqual(expected)
  })

  it('is of one severity, not of others', () => {
    const found = vulnerability({ severity: 'CRITICAL', published: '2026-06-14T00:00:00Z' })
    expect(state(found, { grace: days(7) })).toEqual({ state: 'fails' })
  })

  it('is not for what is known to be exploited', () => {
    const policy = { grace: days(7), kev: new Set(['CVE-2026-1000']) }
    expect(state(at('2026-06-14T00:00:00Z'), policy)).toEqual({ state: 'fails', exploited: true })
  })

  it('from the fix begins where the fix is known to have appeared, else there is none', () => {
    const grace = { days: { HIGH: 7 }, from: 'fix' as const }
    const found = at('2026-06-14T00:00:00Z')
    expect(state(found, { grace }, '2026-06-12T00:00:00Z')).toEqual({ state: 'in-grace', until: '2026-06-19' })
    expect(state(found, { grace })).toEqual({ state: 'fails', undated: true })
  })

  it('from the fix has a day on which it ended, which is the first where there is no grace', () => {
    const grace = { days: { HIGH: 7 }, from: 'fix' as const }
    const since = '2026-06-02T00:00:00Z'
    expect(state(vulnerability(), { grace }, since)).toEqual({ state: 'fails', until: '2026-06-09' })
    const worse = vulnerability({ severity: 'CRITICAL' })
    expect(state(worse, { grace }, since)).toEqual({ state: 'fails', until: '2026-06-02' })
    expect(state(worse, { grace })).toEqual({ state: 'fails' })
    const kev = new Set(['CVE-2026-1000'])
    expect(state(vulnerability(), { grace, kev }, since)).toMatchObject({ state: 'fails', until: '2026-06-02' })
    expect(state(vulnerability(), { grace: { ...grace, days: {} } }, since)).toEqual({ state: 'fails' })
  })
})
