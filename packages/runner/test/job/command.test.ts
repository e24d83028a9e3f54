import { describe, expect, test } from 'vitest'
import { COMMANDS, readCommand } from '../../src/job/command.ts'
import { readCommandFile, readPathFile } from '../../src/job/command-file.ts'

describe('a line of output', () => {
  test.each([
    ['::error::no', 'error', {}, 'no'],
    ['  ::warning file=a.ts,line=3,title=T::x', 'warning', { file: 'a.ts', line: '3', title: 'T' }, 'x'],
    ['::error title=a%3Ab%2Cc::1%25%0A2', 'error', { title: 'a:b,c' }, '1%\n2'],
    ['::ERROR::loud', 'error', {}, 'loud'],
    ['::set-output name=a::b::c', 'set-output', { name: 'a' }, 'b::c'],
    ['::endgroup::', 'endgroup', {}, ''],
    ['##[group]as other tools write it', 'group', {}, 'as other tools write it'],
    ['seen ##[error file=a;line=2]here', 'error', { file: 'a', line: '2' }, 'here'],
    ['::notice file=,line=4::x', 'notice', { line: '4' }, 'x'],
  ])('%s is a command', (line, name, properties, data) => {
    expect(readCommand(line, COMMANDS)).toEqual({ name, properties, data })
  })

  test.each(['plain', 'a ::error::b', '::unknown::x', '::error', '##[unknown]x', '##[error'])('%s is not', (line) => {
    expect(readCommand(line, COMMANDS)).toBeUndefined()
  })
})

describe('a command file', () => {
  test.each([
    [
      'a=1\nb=2=3\n',
      [
        ['a', '1'],
        ['b', '2=3'],
      ],
    ],
    ['a=', [['a', '']]],
    ['\n\na=1\n\n', [['a', '1']]],
    ['#a=1\n', [['#a', '1']]],
    [
      'a<<EOF\none\n\ntwo\nEOF\nb=1\n',
      [
        ['a', 'one\n\ntwo'],
        ['b', '1'],
      ],
    ],
    ['a<<EOF\nEOF\n', [['a', '']]],
    ['a<<EOF\nx\nEOF', [['a', 'x']]],
    ['a=b<<c\n', [['a', 'b<<c']]],
    ['a<<b=c\nx\nb=c\n', [['a', 'x']]],
    ['', []],
  ])('%j gives its pairs', (text, pairs) => {
    expect(readCommandFile(text)).toEqual({ pairs, wrong: '' })
  })

  test.each([
    ['a<<EOF\none\n', "Invalid value. Matching delimiter not found 'EOF'"],
    ['a<<EOF', "Invalid value. Matching delimiter not found 'EOF'"],
    ['a<<EOF\none', 'Invalid value. EOF marker missing new line.'],
    ['no sense\n', "Invalid format 'no sense'"],
    ['<<EOF\nEOF\n', "Invalid format '<<EOF'. Name must not be empty and delimiter must not be empty"],
    ['a<<\n', "Invalid format 'a<<'. Name must not be empty and delimiter must not be empty"],
  ])('%j is wrong, in the words of the runner', (text, wrong) => {
    expect(readCommandFile(`first=1\n${text}`)).toEqual({ pairs: [['first', '1']], wrong })
  })

  test('a path file names one folder on each line', () => {
    expect(readPathFile('/a\n\n/b c\n')).toEqual(['/a', '/b c'])
  })
})
