import { describe, expect, test } from 'vitest'
import { letThrough, type Passage } from '../src/workflow-command.ts'

/** The lines as they come out, one after the other. */
const through = (lines: readonly string[]): readonly string[] => {
  let passage: Passage = {}
  return lines.map((line) => {
    const passed = letThrough(line, passage)
    passage = passed.next
    return passed.line
  })
}

/** What the runner takes for a command. Source: actions/runner, ActionCommand.cs, of which this is the reading of a line. */
const commandIn = (line: string): string | undefined => {
  const modern = /^\s*::([^ ]*?)(?: (?:(?!::).)*)?::/.exec(line)?.[1]
  const old = /##\[([^\] ]*)[^\]]*\]/.exec(line)?.[1]
  return [modern, old].find((name) => REGISTERED.has(name?.toLowerCase() ?? ''))
}
const REGISTERED = new Set(
  'set-output save-state set-env add-path stop-commands internal-set-repo-path add-mask error warning notice debug group endgroup'.split(
    ' ',
  ),
)

describe('passes untouched:', () => {
  test.each([
    'plain text',
    '',
    '::error file=a.ts,line=3,title=Wrong::type%0A:: and more',
    '  ::warning::indented',
    '::notice::x',
    '::debug::x',
    '::group::Step 1',
    '::endgroup::',
    '::ERROR::x',
    '##[error]x',
    '##[section]Starting',
    'std::vector<int>::set-output',
    'text with ::set-output name=a::b inside',
    '::add-matcher::.github/eslint.json',
    '\u001b[31mred\u001b[0m',
    '::1::',
    ':: ::',
  ])('%s', (line) => {
    expect(through([line])).toEqual([line])
  })
})

describe('becomes plain text:', () => {
  test.each([
    '::set-output name=verdict::pass',
    '   ::set-output name=verdict::pass',
    '\t::SET-OUTPUT name=verdict::pass',
    '::save-state name=phase::done',
    '::set-env name=PATH::/tmp',
    '::add-path::/tmp',
    '::internal-set-repo-path repoFullName=a/b::x',
    '##[set-output name=verdict]pass',
    'text ##[set-output name=verdict]pass',
    '::error::x ##[set-output name=verdict]pass',
    '\u200b::set-output name=verdict::pass',
    ':\u00ad:set-output name=verdict::pass',
    '\u0000::set-output name=verdict::pass',
    '::set-output\u200b name=verdict::pass',
    '::some-new-command::x',
  ])('%j', (line) => {
    const [out = ''] = through([line])
    expect(out).not.toBe(line)
    expect(out).toMatch(/^\| /)
    expect(commandIn(out.replace(/[^\x20-\x7e]/g, ''))).toBeUndefined()
  })
})

test('a check that stops the commands stops its own, until its word or its end', () => {
  const lines = ['::stop-commands::halt', '::error::quoted', '::set-output name=a::b', '::halt::', '::error::real']
  expect(through(lines)).toEqual([
    '| ::stop-commands::halt',
    '| ::error::quoted',
    '| ::set-output name=a::b',
    '| ::halt::',
    '::error::real',
  ])
})

test('a long line takes no time', () => {
  const begun = performance.now()
  for (const piece of ['::a', ':: ', '##[', ': ', ' ']) through([piece.repeat(20_000), `::${piece.repeat(20_000)}`])
  expect(performance.now() - begun).toBeLessThan(2000)
})

test('what a check masks is a secret from then on', () => {
  expect(letThrough('::add-mask::hunter%252%0Aline', {})).toMatchObject({ secret: 'hunter%2\nline' })
  expect(letThrough('::add-mask::', {})).not.toHaveProperty('secret')
  expect(letThrough('::add-mask::a::b', {})).toMatchObject({ secret: 'a::b' })
})
