import { describe, expect, it, test } from 'vitest'
import { readEpss, readKev } from '../src/feeds.ts'
import { NOW } from './made.ts'

const AGE = { now: NOW, maxDays: 7 }
const kevOf = (over: object): string =>
  JSON.stringify({
    title: 'Catalogue',
    catalogVersion: '2026.06.12',
    dateReleased: '2026-06-12T15:00:00.1234Z',
    count: 2,
    vulnerabilities: [{ cveID: 'CVE-2026-1000' }, { cveID: 'CVE-2026-1001' }],
    ...over,
  })
const epssOf = (date: string, ...rows: string[]): string =>
  [`#model_version:v2026.01.01,score_date:${date}`, 'cve,epss,percentile', ...rows, ''].join('\n')

describe('the KEV catalogue', () => {
  it('is read', () => {
    expect(readKev(kevOf({}), AGE)).toEqual({
      kev: { ids: new Set(['CVE-2026-1000', 'CVE-2026-1001']), released: '2026-06-12T15:00:00.1234Z' },
    })
  })

  test.each<[string, string, RegExp]>([
    ['too old', kevOf({ dateReleased: '2026-06-08T11:59:00Z' }), /is 7 days old, and 7 are allowed/],
    ['of days to come', kevOf({ dateReleased: '2026-06-17T00:00:00Z' }), /yet to come/],
    ['without a day', kevOf({ dateReleased: undefined }), /does not say of which day/],
    ['of a day that is none', kevOf({ dateReleased: '2026-13-40' }), /does not say of which day/],
    ['shorter than it says', kevOf({ count: 3 }), /says it has 3 entries and has 2/],
    ['empty', kevOf({ count: 0, vulnerabilities: [] }), /no list/],
    ['without an id', kevOf({ vulnerabilities: [{ cveID: 'CVE-2026-1000' }, { cve: 'x' }] }), /without a cveID/],
    ['no JSON', 'cveID,vendor', /no JSON object/],
    ['a list', '[]', /no JSON object/],
  ])('is a problem when it is %s', (_, text, expected) => {
    const read = readKev(text, AGE)
    expect('problem' in read ? read.problem : read).toMatch(expected)
  })

  it('is as old as allowed on the last instant', () => {
    expect(readKev(kevOf({ dateReleased: '2026-06-08T12:00:00Z' }), AGE)).toHaveProperty('kev')
  })
})

describe('the EPSS file', () => {
  it.each(['\n', '\r\n'])('is read, with lines that end in %j', (end) => {
    const text = epssOf('2026-06-14T00:00:00+0000', 'CVE-2026-1000,0.00043,0.1', 'CVE-2026-1001,1,1')
    const scores = new Map([
      ['CVE-2026-1000', 0.00043],
      ['CVE-2026-1001', 1],
    ])
    expect(readEpss(text.replaceAll('\n', end), AGE)).toEqual({ epss: { scores, scored: '2026-06-14T00:00:00+0000' } })
  })

  test.each<[string, string, RegExp]>([
    ['too old', epssOf('2026-06-01T00:00:00+0000', 'CVE-2026-1,0.1,0.1'), /14 days old/],
    ['without a day', 'cve,epss,percentile\nCVE-2026-1000,0.1,0.1', /of which day/],
    ['without a header', '#score_date:2026-06-14\nCVE-2026-1000,0.1,0.1', /no header/],
    ['without rows', epssOf('2026-06-14'), /no scores/],
    ['of scores above 1', epssOf('2026-06-14', 'CVE-2026-1000,1.2,0.1'), /Line 3 .* score from 0 to 1/],
    ['without a score', epssOf('2026-06-14', 'CVE-2026-1000,,0.1'), /Line 3/],
    ['cut off', epssOf('2026-06-14', 'CVE-2026-1000,0.2,0.1', 'CVE-20'), /Line 4/],
  ])('is a problem when it is %s', (_, text, expected) => {
    const read = readEpss(text, AGE)
    expect('problem' in read ? read.problem : read).toMatch(expected)
  })
})
