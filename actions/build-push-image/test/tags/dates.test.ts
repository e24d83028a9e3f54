import { afterEach, describe, expect, it, test } from 'vitest'
import { formatDate } from '../../src/tags/dates.ts'
import { faultOf } from './made.ts'

const of = (iso: string, format: string, zone = 'UTC'): string => formatDate(Date.parse(iso), format, zone)

describe("moment's tokens", () => {
  test.each<[string, string]>([
    ['M Mo MM MMM MMMM', '1 1st 01 Jan January'],
    ['Q Qo', '1 1st'],
    ['D Do DD', '10 10th 10'],
    ['DDD DDDo DDDD', '10 10th 010'],
    ['d do dd ddd dddd', '5 5th Fr Fri Friday'],
    ['e E', '5 5'],
    ['w wo ww W Wo WW', '2 2nd 02 2 2nd 02'],
    ['YY YYYY Y gg gggg GG GGGG', '20 2020 2020 20 2020 20 2020'],
    ['H HH h hh k kk A a', '0 00 12 12 24 24 AM am'],
    ['m mm s ss', '30 30 5 05'],
    ['S SS SSS SSSS SSSSSSSSS', '0 06 067 0670 067000000'],
    ['Z ZZ', '+00:00 +0000'],
    ['X x', '1578616205 1578616205067'],
    ['YYYYMMDD-HHmmss', '20200110-003005'],
    ['YYYY-MM-DDTHH:mm:ss.SSS[Z]', '2020-01-10T00:30:05.067Z'],
    ['[week] W, \\Y', 'week 2, Y'],
    ['', ''],
  ])('%s', (format, expected) => {
    expect(of('2020-01-10T00:30:05.067Z', format)).toBe(expected)
  })

  test.each<[string, string, string]>([
    ['2021-01-03', 'GGGG-WW E', '2020-53 7'],
    ['2018-12-31', 'GGGG-WW E', '2019-01 1'],
    ['2016-01-01', 'GGGG-WW E', '2015-53 5'],
    ['2021-01-03', 'gggg-ww e', '2021-02 0'],
    ['2018-12-31', 'gggg-ww e', '2019-01 1'],
    ['2021-12-25', 'gggg-ww', '2021-52'],
    ['2024-12-31', 'DDDo Q', '366th 4'],
    ['2026-03-11', 'Do', '11th'],
    ['2026-03-13', 'Do', '13th'],
    ['2026-03-22', 'Do', '22nd'],
    ['2026-03-23', 'Do', '23rd'],
    ['2026-03-31', 'Do', '31st'],
    ['2026-03-31T13:05:00Z', 'h A k', '1 PM 13'],
  ])('%s as %s', (iso, format, expected) => {
    expect(of(iso, format)).toBe(expected)
  })

  test.each(['z', 'zz', 'N', 'y', 'yo', 'L', 'LL', 'LTS', 'l', 'YYY', 'YYYYYY', 'ggggg'])('%s is refused', (token) => {
    expect(faultOf(() => of('2020-01-10', `YYYY-${token}-X`))).toContain(
      `the date's token ${token} is not known; known: M`,
    )
  })
})

describe('time zones', () => {
  afterEach(() => {
    delete process.env.TZ
  })

  test.each<[string, string, string]>([
    ['2020-01-10T00:30:00Z', 'Asia/Tokyo', '20200110-0930 +09:00'],
    ['2020-01-10T00:30:00Z', 'America/New_York', '20200109-1930 -05:00'],
    ['2026-03-08T06:59:00Z', 'America/New_York', '20260308-0159 -05:00'],
    ['2026-03-08T07:00:00Z', 'America/New_York', '20260308-0300 -04:00'],
    ['2026-03-29T01:30:00Z', 'Europe/Berlin', '20260329-0330 +02:00'],
    ['2020-01-10T00:30:00Z', 'Asia/Kathmandu', '20200110-0615 +05:45'],
    ['2020-01-10T00:30:00Z', 'America/St_Johns', '20200109-2100 -03:30'],
    ['2020-01-10T00:30:00Z', 'Etc/UTC', '20200110-0030 +00:00'],
  ])('%s in %s, wherever the machine is', (iso, zone, expected) => {
    for (const machine of ['UTC', 'America/New_York', 'Europe/Berlin', 'Pacific/Auckland']) {
      process.env.TZ = machine
      expect(of(iso, 'YYYYMMDD-HHmm Z', zone)).toBe(expected)
    }
  })

  it('one that does not exist is refused', () => {
    expect(faultOf(() => of('2020-01-10', 'YYYY', 'Europe/Atlantis'))).toContain('"Europe/Atlantis" is no time zone')
  })
})
