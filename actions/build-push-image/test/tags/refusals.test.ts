import { describe, expect, it, test } from 'vitest'
import type { GitEvent } from '../../src/tags/event.ts'
import { tagsOf } from '../../src/tags/tags.ts'
import { eventOf, faultOf, onBranch, onPull, onTag, SHORT } from './made.ts'

const MAIN = onBranch('main')
const saidOf = (rules: string, event: GitEvent = MAIN): string => faultOf(() => tagsOf(rules, '', event))

describe('a rule that cannot be read', () => {
  test.each<[string, string]>([
    ['type=semvr,pattern={{version}}', 'unknown type "semvr"; did you mean "semver"?'],
    ['type=constructor', 'unknown type "constructor"; known: schedule, semver'],
    ['type=', 'unknown type ""'],
    ['type=Raw,value=x', 'unknown type "Raw"; did you mean "raw"?'],
    ['type=sha,prioritty=5', 'unknown attribute "prioritty"; did you mean "priority"?'],
    ['type=sha,__proto__=5', 'unknown attribute "__proto__"'],
    ['foo=bar', 'unknown attribute "foo"'],
    ['type=sha,prefix=a,prefix=b', 'prefix is given twice'],
    ['type=raw,a,b', 'value is given twice'],
    ['type=match,pattern=\\d{1,3}', '"3}" has no name; a value with a comma stands in quotes'],
    ['type=sha,long', '"long" has no name'],
    ['type=sha,format=medium', 'unknown format "medium"; known: short, long'],
    ['type=sha,format=', 'format is empty'],
    ['type=ref', 'event= is missing'],
    ['type=ref,event=pull', 'unknown event "pull"'],
    ['type=raw', 'value= is missing'],
    ['type=raw,value=', 'value is empty'],
    ['type=semver', 'pattern= is missing'],
    ['type=pep440,pattern=', 'pattern is empty'],
    ['type=match', 'pattern= is missing'],
    [`type=match,pattern=${'x'.repeat(40_000)}`, 'a pattern has at most 1000 characters, and this one 40000'],
    ['type=match,pattern=(', 'Invalid regular expression'],
    ['type=match,pattern=/x/qq', 'Invalid flags'],
    ['type=match,pattern=x,group=first', 'group must be the number of a group'],
    ['type=semver,pattern={{version}},match=v.*', 'match needs a group in parentheses'],
    ['type=semver,pattern={{version}},match=v(', 'Invalid regular expression'],
    ['type=sha,priority=high', 'priority must be a number, not "high"'],
    ['type=sha,priority=', 'priority must be a number, not ""'],
    ['type=sha,priority=Infinity', 'priority must be a number'],
    ['type=sha,enable=yes', 'enable must be true or false, not "yes"'],
    ['type=sha,enable=', 'enable must be true or false, not ""'],
    ['type=raw,value="x"', 'a quote stands inside of a field'],
    ['"type=raw,value=x', 'a quote is not closed'],
    ['type=raw,value=x-{{brnch}}', 'unknown expression "brnch"; did you mean "branch"? known: branch, tag, sha'],
    ['type=raw,value=x-{{version}}', 'unknown expression "version"; known: branch'],
    ['type=semver,pattern={{constructor}}', 'unknown expression "constructor"; known: raw, version, major'],
    ['type=raw,value={{__proto__}}', 'unknown expression "__proto__"'],
    ['type=raw,value={{#if branch}}x{{/if}}', 'unknown expression "#if"'],
    ['type=raw,value={{}}', 'unknown expression ""'],
    ['type=raw,value=x{{branch', '"{{" is not closed in "{{branch"'],
    ['type=raw,value=x{{a{{branch}}', '"{{" is not closed'],
    ['type=raw,value={{branch main}}', '{{branch}} takes nothing, and is given main'],
    ['type=raw,value={{date}}', "{{date}} is written as {{date 'YYYYMMDD'}}"],
    ["type=raw,value={{date 'YYYY' zone='UTC'}}", "{{date}} is written as {{date 'YYYYMMDD'}}"],
    ["type=raw,value={{date 'YYYY' tz='Mars/Base'}}", '"Mars/Base" is no time zone'],
    ["type=raw,value={{date 'YYYYMMDD-z'}}", "the date's token z is not known"],
    ["type=raw,value={{date 'LT'}}", "the date's token LT is not known"],
  ])('%s', (rule, expected) => {
    expect(saidOf(`# why\n${rule}`)).toContain(`tags, line 2: ${expected}`)
  })

  it('is told also where this run has no use for it', () => {
    expect(saidOf('type=sha,enable=false,prefix={{nope}}')).toContain('unknown expression "nope"')
    expect(saidOf('type=semver,pattern={{nope}}\ntype=sha')).toContain('unknown expression "nope"')
    expect(saidOf("type=schedule,pattern={{date 'z'}}\ntype=sha")).toContain("the date's token z is not known")
    expect(saidOf("type=schedule,pattern={{date 'Y' tz='x'}}\ntype=sha")).toContain('"x" is no time zone')
  })

  it('is told with all the others, by line', () => {
    const said = faultOf(() => tagsOf('type=x\ntype=sha\ntype=ref\n-', 'latest=no', MAIN))
    expect(said.split('\n')).toEqual([
      '4 problems:',
      '  flavor, line 1: latest is one of auto, true, false, not "no"',
      expect.stringMatching(/^ {2}tags, line 1: unknown type "x"/),
      '  tags, line 3: event= is missing',
      '  tags, line 4: gives "-": a tag begins with a letter, a digit or _',
    ])
  })

  it('of ten thousand the first twenty are shown', () => {
    const lines = saidOf('type=x\n'.repeat(10_000)).split('\n')
    expect(lines[0]).toBe('10000 problems:')
    expect(lines).toHaveLength(22)
    expect(lines.at(-1)).toBe('  … and 9980 more')
  })

  it('with an attribute of another type is followed, with a note', () => {
    const { tags, notes } = tagsOf('type=sha,event=branch', '', MAIN)
    expect(tags.map(({ name }) => name)).toEqual([`sha-${SHORT}`])
    expect(notes).toEqual(['tags, line 1: type=sha has no use for event'])
  })
})

describe('a tag that is none', () => {
  test.each<[string, GitEvent, string]>([
    ['type=raw,value={{branch}}', onPull(2), 'gives an empty tag; on refs/pull/2/merge, {{branch}} is empty'],
    [
      'type=sha,prefix={{branch}}-',
      onTag('v1'),
      `gives "-${SHORT}": a tag begins with a letter, a digit or _; on refs/tags/v1, {{branch}} is empty`,
    ],
    ['type=ref,event=branch', onBranch('日本'), 'gives "-": a tag begins with'],
    ['=x', MAIN, 'gives "-x": a tag begins with'],
    ['.x', MAIN, 'gives ".x": a tag begins with'],
    ['type=ref,event=branch', onBranch('b'.repeat(129)), 'gives a tag of 129 characters, "bbb'],
    ['type=match,pattern=x*', onTag('v1'), 'gives an empty tag'],
    ['type=match,pattern=x', onTag('v'.repeat(257)), 'its value has 257 characters: at most 256 are looked at'],
    [
      'type=edge',
      eventOf({ defaultBranch: '' }),
      'the event does not say which branch is the default one: write branch=',
    ],
    [
      'x,enable={{is_default_branch}}',
      eventOf({ defaultBranch: '' }),
      '{{is_default_branch}} is not known to this event',
    ],
    [
      "type=raw,value={{commit_date 'YYYY'}}",
      eventOf({ committedAt: undefined }),
      '{{commit_date}} is not known to this event',
    ],
  ])('%s', (rule, event, expected) => {
    expect(saidOf(rule, event)).toContain(`tags, line 1: ${expected}`)
  })

  it('of 128 characters is one', () => {
    expect(tagsOf('type=ref,event=branch', '', onBranch('b'.repeat(128))).version).toHaveLength(128)
  })

  it('as latest is told with the line of the flavor', () => {
    const said = faultOf(() => tagsOf('x', '\nlatest=true\nprefix=-,onlatest=true', MAIN))
    expect(said).toContain('flavor, line 3: gives "-latest"')
  })

  it('by default is told with the line of the flavor', () => {
    expect(faultOf(() => tagsOf('', `\nsuffix=${'x'.repeat(130)}`, MAIN))).toContain('flavor, line 2: gives a tag of')
  })
})

describe('a rule that gives nothing', () => {
  test.each<[string, string, string]>([
    ['type=semver,pattern={{version}}', 'v1.x', '"v1.x" is no semver'],
    ['type=semver,pattern={{version}}', 'p1/v1.2.3', '"p1-v1.2.3" is no semver'],
    ['type=semver,pattern={{version}}', 'v01.2.3', '"v01.2.3" is no semver'],
    ['type=pep440,pattern={{version}}', 'release', '"release" is no PEP 440 version'],
    ['type=match,pattern=\\d+', 'nightly', '"nightly" does not match /\\d+/'],
    ['type=match,pattern=v(x)?,group=1', 'v1', '/v(x)?/ finds no group 1 in "v1"'],
    ['type=match,pattern=v,group=3', 'v1', '/v/ finds no group 3 in "v1"'],
    ['type=semver,pattern={{version}},match=^app/v(.*)$', 'v1.2.3', '"v1.2.3" does not match /^app\\/v(.*)$/'],
  ])('%s on %s is a note, and an error when nothing else is left', (rule, tag, expected) => {
    const { tags, notes } = tagsOf(`${rule}\ntype=sha`, 'latest=true', onTag(tag))
    expect(tags.map(({ name }) => name)).toEqual([`sha-${SHORT}`, 'latest'])
    expect(notes).toEqual([`tags, line 1: ${expected}`])
    const said = faultOf(() => tagsOf(rule, 'latest=true', onTag(tag)))
    expect(said).toContain(`No rule of tags gives a tag on push of refs/tags/${tag}`)
    expect(said).toContain(expected)
  })
})
