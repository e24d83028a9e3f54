import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { readIgnoreYaml } from '../../src/exceptions/ignore-yaml.ts'
import { anyText } from './findings.ts'

const read = (text: string) => readIgnoreYaml(text, '.trivyignore.yaml')

const FULL = `vulnerabilities:
  - id: CVE-2024-1
    paths:
      - "**/package-lock.json"
    purls: [pkg:npm/left-pad]
    expired_at: 2027-01-31
    statement: |
      Not reached,
      we never pad.
  - id: CVE-2024-2
misconfigurations:
  - id: DS-0002
secrets:
  - id: aws-access-key-id
    paths: [test/**]
licenses:
  - id: Apache-2.0 WITH LLVM-exception
`

describe('a .trivyignore.yaml', () => {
  it('gives the entries of each list for their kind', () => {
    const source = 'trivyignore.yaml'
    expect(read(FULL)).toEqual({
      problems: [],
      exceptions: [
        {
          id: 'CVE-2024-1',
          source,
          where: '.trivyignore.yaml:2',
          kinds: ['vulnerability'],
          paths: ['**/package-lock.json'],
          purls: ['pkg:npm/left-pad'],
          reason: 'Not reached, we never pad.',
          expires: '2027-01-31',
        },
        { id: 'CVE-2024-2', source, where: '.trivyignore.yaml:10', kinds: ['vulnerability'] },
        { id: 'DS-0002', source, where: '.trivyignore.yaml:12', kinds: ['misconfiguration'] },
        {
          id: 'aws-access-key-id',
          source,
          where: '.trivyignore.yaml:14',
          kinds: ['secret'],
          paths: ['test/**'],
        },
        { id: 'Apache-2.0 WITH LLVM-exception', source, where: '.trivyignore.yaml:17', kinds: ['license'] },
      ],
    })
  })

  test.each([
    ['CRLF', FULL.replaceAll('\n', '\r\n')],
    ['a byte order mark', `\ufeff${FULL}`],
    ['no line end at its end', FULL.trimEnd()],
  ])('with %s has the same entries', (_, text) => {
    expect(read(text)).toEqual(read(FULL))
  })

  test.each(['', '\n', '\ufeff', '# nothing\n', 'vulnerabilities:\nsecrets: []\n', '---\n'])(
    'of %j has no entries and no problems',
    (text) => {
      expect(read(text)).toEqual({ exceptions: [], problems: [] })
    },
  )

  test.each([
    ['2027-01-31', '2027-01-31'],
    ['"2027-01-31"', '2027-01-31'],
    ['2027-01-31T12:00:00Z', '2027-01-31'],
    ['2027-01-31T23:00:00-05:00', '2027-02-01'],
  ])('ends an entry of %s with the beginning of %s', (written, day) => {
    expect(read(`secrets:\n  - id: A\n    expired_at: ${written}\n`).exceptions).toMatchObject([{ expires: day }])
  })

  test.each([
    ['expired_at: 2027-02-30', 'expired_at is no day; write YYYY-MM-DD'],
    ['expired_at: 2027-02-30T00:00:00Z', 'expired_at is no day; write YYYY-MM-DD'],
    ['expired_at: 20270131', 'expired_at is no day; write YYYY-MM-DD'],
    ['expired_at:', 'expired_at is no day; write YYYY-MM-DD'],
    ['expires_at: 2027-01-31', 'unknown key; did you mean "expired_at"?'],
    ['constructor: 1', 'unknown key; known: id, paths, purls, expired_at, statement'],
    ['__proto__: { id: B }', 'unknown key; known: id, paths, purls, expired_at, statement'],
    ['paths: web/**', 'paths is a text, not a list'],
    ['paths: []', 'paths is an empty list; leave it out if the entry holds everywhere'],
    ['paths:', 'paths is empty, not a list'],
    ['paths: [1]', 'paths has a number, not a text'],
    ['paths: ["a[b"]', 'a path has a [ that is not closed'],
    ['purls: [left-pad]', 'one of its purls is no package URL'],
    ['statement: [a]', 'statement is a list, not a text'],
  ])('with %s in an entry says so, and keeps the others', (line, problem) => {
    const { exceptions, problems } = read(`vulnerabilities:\n  - id: BEFORE\n  - id: A\n    ${line}\n  - id: AFTER\n`)
    expect(problems).toEqual([`.trivyignore.yaml:4: ${problem}`])
    expect(exceptions.map(({ id }) => id)).toEqual(['BEFORE', 'AFTER'])
  })

  test.each([
    ['vulnerabilities:\n  - paths: [a]', 2, 'an entry has no id: it would excuse whatever is found'],
    ['vulnerabilities:\n  - ID: a', 2, 'unknown key; did you mean "id"?'],
    ['vulnerabilities:\n  - id: 7', 2, 'id is a number, not a text; put it in quotes'],
    ['vulnerabilities:\n  - id: ""', 2, 'an entry has an empty id'],
    ['vulnerabilities:\n  - CVE-2024-1', 2, 'an entry is "CVE-2024-1", not a map with id, paths'],
    ['vulnerabilities: CVE-2024-1', 1, 'vulnerabilities is "CVE-2024-1", not a list'],
    ['vulnerabilites:\n  - id: a', 1, 'unknown key; did you mean "vulnerabilities"?'],
    ['secrets:\n  - id: a\n    purls: [pkg:npm/a]', 3, 'purls are compared for vulnerabilities only'],
    ['CVE-2024-1\nCVE-2024-2', 1, 'is a text, not a map with vulnerabilities'],
    ['secrets: []\nsecrets: []', 2, 'a key stands twice in one map'],
    ['secrets: [', 1, 'is indented too little or too much, or has a bracket that is not closed'],
    ['secrets: []\n---\nlicenses: []', 2, 'has more than one document'],
    ['secrets: &a [*a]', 1, 'an entry is a list, not a map'],
    ['secrets: [*a]', 1, ''],
  ])('that is %j is refused at its line', (text, line, problem) => {
    const { exceptions, problems } = read(text)
    expect(exceptions).toEqual([])
    expect(problems[0]).toContain(`.trivyignore.yaml:${line}: ${problem}`)
  })

  it('tells all its problems at once, in their order', () => {
    const { problems } = read('licenses:\n  - id: 1\n    paths: []\n  - {}\nvulnerability: []\n')
    expect(problems.map((problem) => problem.split(':')[1])).toEqual(['2', '3', '4', '5'])
  })

  it('follows anchors, and bounds what they can become', () => {
    const shared = 'secrets:\n  - &a { id: A, paths: [x] }\nlicenses:\n  - *a\n  - { <<: *a, id: B }\n'
    expect(read(shared).exceptions).toMatchObject([{ id: 'A' }, { id: 'A', paths: ['x'] }, { id: 'B', paths: ['x'] }])
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefgh'.split('').map((key, index) => {
        const before = `*${'abcdefgh'[index]}`
        return `${key}: &${key} [${Array(9).fill(before).join(',')}]`
      }),
    ].join('\n')
    expect(read(bomb).problems[0]).toContain('its aliases cannot be resolved')
  })

  it('never throws, and loses no entry in silence', () => {
    const unit = fc.constantFrom(
      'secrets',
      ':',
      ' ',
      '\n',
      '- ',
      'id',
      '"',
      '[',
      ']',
      '{',
      '}',
      '&a',
      '*a',
      '#',
      '\0',
      '\ufffd',
      '|',
      '%',
      '\t',
      '<<',
    )
    const junk = fc.oneof(fc.string({ unit }), anyText)
    fc.assert(
      fc.property(junk, fc.boolean(), (text, first) => {
        const entry = 'secrets:\n  - id: KEPT-1\n'
        const { exceptions, problems } = read(first ? `${text}\n${entry}` : `${entry}${text}`)
        const kept = exceptions.some(({ id }) => id === 'KEPT-1')
        // What follows on the next line may go on with the entry, or with its id.
        expect(kept || problems.length > 0 || exceptions.some(({ id }) => id.startsWith('KEPT-1'))).toBe(true)
      }),
    )
  })
})
