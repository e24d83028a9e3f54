import { describe, expect, it, test } from 'vitest'
import { labelsOf } from '../../src/tags/labels.ts'
import { eventOf, faultOf, SHA, SHORT } from './made.ts'

const OCI = 'org.opencontainers.image.'

describe('labels', () => {
  it("are the OCI's, sorted", () => {
    expect(Object.entries(labelsOf('', eventOf(), '1.2.3'))).toEqual([
      [`${OCI}created`, '2020-01-09T23:30:00.000Z'],
      [`${OCI}description`, 'Counts the coins'],
      [`${OCI}licenses`, 'MIT'],
      [`${OCI}revision`, SHA],
      [`${OCI}source`, 'https://github.com/corner-shop/till'],
      [`${OCI}title`, 'till'],
      [`${OCI}url`, 'https://github.com/corner-shop/till'],
      [`${OCI}version`, '1.2.3'],
    ])
  })

  it('without the time of the commit are of now', () => {
    const labels = labelsOf('', eventOf({ committedAt: undefined }), 'x')
    expect(labels[`${OCI}created`]).toBe('2020-01-10T00:30:05.067Z')
  })

  it('are empty where nothing is known, lest they be those of the base image', () => {
    const repository = { ...eventOf().repository, description: '', license: '' }
    expect(labelsOf('', eventOf({ repository }), 'x')).toMatchObject({
      [`${OCI}description`]: '',
      [`${OCI}licenses`]: '',
    })
  })

  it('of the input win, the later one', () => {
    const custom = [
      '# ours',
      `${OCI}title = Our till`,
      'maintainer=Ada <ada@corner.shop>, "Bob"',
      'a/b=1=2',
      'empty=',
      'commit={{sha}}',
      "built={{commit_date 'YYYY-MM-DDTHH:mm:ss.SSS[Z]'}}",
      'go=\\{{.Version}}',
      'word=été',
      'constructor=x',
      'empty=',
      'a/b=3',
    ].join('\r\n')
    const labels = labelsOf(custom, eventOf(), 'x')
    expect(labels).toMatchObject({
      [`${OCI}title`]: 'Our till',
      maintainer: 'Ada <ada@corner.shop>, "Bob"',
      'a/b': '3',
      empty: '',
      commit: SHORT,
      built: '2020-01-09T23:30:00.000Z',
      go: '{{.Version}}',
      word: 'été',
    })
    expect(Object.hasOwn(labels, 'constructor')).toBe(true)
    expect(Object.keys(labels)).toEqual(Object.keys(labels).toSorted())
  })

  it('hold no line of a description', () => {
    const repository = { ...eventOf().repository, description: ' a\nb\u0000 ' }
    expect(labelsOf('', eventOf({ repository }), 'x')[`${OCI}description`]).toBe('a b')
  })

  test.each<[string, string]>([
    ['x', 'labels, line 1: "x" is written as name=value'],
    ['=x', 'labels, line 1: "" is no name of a label'],
    ['a b=x', 'labels, line 1: "a b" is no name of a label'],
    ['-a=x', '"-a" is no name of a label'],
    ['__proto__=x', '"__proto__" is no name of a label'],
    ['a=b\u0000c', 'the value of a has a control character'],
    ['a={{nope}}', 'unknown expression "nope"'],
    ['a={{sha', '"{{" is not closed'],
    ['\nx\na=1\n=', '2 problems:\n  labels, line 2: "x" is written as name=value\n  labels, line 4: "" is no name'],
  ])('%j is refused', (custom, expected) => {
    expect(faultOf(() => labelsOf(custom, eventOf(), 'x'))).toContain(expected)
  })
})

test.for(['org.opencontainers.image.revision', 'dev.sluice.run'])('%s cannot be given', (name) => {
  expect(() => labelsOf(`${name}=x`, eventOf(), '1')).toThrow('it is set by itself')
})
