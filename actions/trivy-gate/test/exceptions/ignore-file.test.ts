import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { readIgnoreFile } from '../../src/exceptions/ignore-file.ts'
import { anyText } from './findings.ts'

const read = (text: string) => readIgnoreFile(text, '.trivyignore')
const ids = (text: string) => read(text).exceptions.map(({ id }) => id)

describe('a .trivyignore', () => {
  it('gives an id a line with its reason and its day', () => {
    const { exceptions, problems } = read(
      [
        '# Not reached: we never parse XML,',
        '# see docs/xml.md',
        'CVE-2024-1 exp:2027-01-31',
        'CVE-2024-2   # no fix yet',
        '',
        '# A heading.',
        '',
        'AVD-DS-0002',
      ].join('\n'),
    )
    expect(problems).toEqual([])
    const shared = {
      source: 'trivyignore',
      kinds: ['vulnerability', 'misconfiguration', 'secret', 'license', 'end-of-life'],
    }
    const reason = 'Not reached: we never parse XML, see docs/xml.md'
    expect(exceptions).toEqual([
      { ...shared, id: 'CVE-2024-1', where: '.trivyignore:3', reason, expires: '2027-01-31' },
      { ...shared, id: 'CVE-2024-2', where: '.trivyignore:4', reason: 'no fix yet' },
      { ...shared, id: 'AVD-DS-0002', where: '.trivyignore:8' },
    ])
  })

  it('gives the comment of its own line before the one above, and a comment to one entry only', () => {
    const { exceptions } = read('# above\nA # beside\nB\n#\nC')
    expect(exceptions.map(({ id, reason }) => [id, reason])).toEqual([
      ['A', 'beside'],
      ['B', undefined],
      ['C', undefined],
    ])
  })

  it('takes the day from the comment too, as Trivy does', () => {
    expect(read('A # until then exp:2027-01-31').exceptions).toMatchObject([
      { reason: 'until then', expires: '2027-01-31' },
    ])
  })

  it('keeps a # that is part of an id', () => {
    expect(ids('rule#1')).toEqual(['rule#1'])
  })

  test.each([
    ['CRLF', 'A\r\nB\r\n'],
    ['CR', 'A\rB'],
    ['a byte order mark', '\ufeffA\nB'],
    ['a byte order mark within, of joined files', 'A\n\ufeffB'],
    ['no line end at its end', 'A\nB'],
    ['spaces and tabs around', '  A\t\n\tB  '],
  ])('with %s has the same entries', (_, text) => {
    expect(read(text)).toMatchObject({ exceptions: [{ id: 'A' }, { id: 'B' }], problems: [] })
  })

  test.each(['', '\n\n', '\ufeff', '# nothing\n'])('of %j has no entries and no problems', (text) => {
    expect(read(text)).toEqual({ exceptions: [], problems: [] })
  })

  test.each([
    ['CVE-2024-1 exp:2027-02-30', 'CVE-2024-1 has an exp: that is no day; write exp:YYYY-MM-DD'],
    ['CVE-2024-1 exp:soon', 'CVE-2024-1 has an exp: that is no day'],
    ['AVD-DS-0002 exp:', 'AVD-DS-0002 has an exp: that is no day'],
    ['GHSA-69fq-xp46-6x23 exp:2027-1-3', 'GHSA-69fq-xp46-6x23 has an exp: that is no day'],
    ['CVE-2024-1 exp:2027-01-01 # exp:2028-01-01', 'CVE-2024-1 has more than one exp:'],
    ['my-rule exp:soon', 'an entry has an exp: that is no day'],
    ['exp:2027-01-01', 'has no id'],
    ['CVE-2024-1 CVE-2024-2', 'CVE-2024-1 is followed by CVE-2024-2: one id a line'],
    ['CVE-2024-1 until:2027-01-01', 'CVE-2024-1 is followed by another word: the only key is exp:YYYY-MM-DD'],
    ['Apache-2.0 WITH LLVM-exception', 'a name with spaces needs a .trivyignore.yaml'],
    ['CVE-2024-1CVE-2024-2', 'has two ids without a line end between them'],
    ['CVE-2024-1\u200b', 'has an id with a character that cannot be seen or read (U+200B)'],
    ['CVE-2024-1\ufffd', 'has an id with a character that cannot be seen or read'],
  ])('with %j says so', (line, problem) => {
    const { exceptions, problems } = read(`A\n${line}\nB`)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(`.trivyignore:2: ${problem.startsWith('a name') ? '' : problem}`)
    expect(problems[0]).toContain(problem)
    expect(exceptions.map(({ id }) => id)).toEqual(['A', 'B'])
  })

  it('tells all its problems at once, with the name of its file', () => {
    expect(readIgnoreFile('A exp:x\nB\nC exp:y', 'my files/.trivyignore').problems).toEqual([
      'my files/.trivyignore:1: an entry has an exp: that is no day; write exp:YYYY-MM-DD',
      'my files/.trivyignore:3: an entry has an exp: that is no day; write exp:YYYY-MM-DD',
    ])
  })

  it('loses no entry to whatever else is in it, and says which line gave none', () => {
    const junk = fc.oneof(
      anyText,
      fc.string({ unit: fc.constantFrom('exp:', '#', ' ', '\0', '\ufffd', 'CVE-2024-1', ':', '\u2028', '\t') }),
    )
    const line = junk.map((text) => text.replace(/[\r\n]/g, ''))
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 5 }),
        fc.array(line, { maxLength: 5 }),
        fc.constantFrom('\n', '\r\n'),
        (before, after, end) => {
          const { exceptions, problems } = read([...before, 'KEPT-1', ...after].join(end))
          const own = `.trivyignore:${before.length + 1}`
          expect(exceptions.filter(({ where }) => where === own)).toMatchObject([{ id: 'KEPT-1' }])
          const told = [...exceptions.map(({ where }) => where), ...problems]
          const spoken = [...before, 'KEPT-1', ...after].filter((each) => !/^\s*(?:#|$)/.test(each))
          expect(told).toHaveLength(spoken.length)
        },
      ),
    )
  })
})
