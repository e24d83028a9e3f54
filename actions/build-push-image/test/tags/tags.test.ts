import { describe, expect, it, test } from 'vitest'
import type { GitEvent } from '../../src/tags/event.ts'
import { tagsOf } from '../../src/tags/tags.ts'
import { eventOf, faultOf, onBranch, onPull, onTag, SHA, SHORT } from './made.ts'

const NIGHT = eventOf({ name: 'schedule' })
const namesOf = (rules: string, event: GitEvent, flavor = ''): readonly string[] =>
  tagsOf(rules, flavor, event).tags.map(({ name }) => name)

describe('without rules', () => {
  test.each<[string, GitEvent, readonly string[]]>([
    ['a branch', onBranch('main'), [`main-${SHORT}`, `sha-${SHORT}`]],
    ['a branch with a slash', onBranch('feature/x#1'), [`feature-x-1-${SHORT}`, `sha-${SHORT}`]],
    ['a branch that begins as no tag may', onBranch('été/y'), [`t-y-${SHORT}`, `sha-${SHORT}`]],
    ['a branch without a letter', onBranch('日本'), [`sha-${SHORT}`]],
    ['a version', onTag('v1.2.3'), ['1.2.3', `v1.2.3-${SHORT}`, `sha-${SHORT}`]],
    ['a version without a v', onTag('1.2.3'), ['1.2.3', `1.2.3-${SHORT}`, `sha-${SHORT}`]],
    ['a pre-release', onTag('v2.0.0-rc.1'), ['2.0.0-rc.1', `v2.0.0-rc.1-${SHORT}`, `sha-${SHORT}`]],
    ['a tag that is no version', onTag('nightly/3'), [`nightly-3-${SHORT}`, `sha-${SHORT}`]],
    ['a version of two numbers', onTag('v1.2'), [`v1.2-${SHORT}`, `sha-${SHORT}`]],
    [
      'a version too long for a tag',
      onTag(`1.2.3-${'r'.repeat(125)}`),
      [`1.2.3-${'r'.repeat(114)}-${SHORT}`, `sha-${SHORT}`],
    ],
    ['a pull request', onPull(7), [`pr-7-${SHORT}`, `sha-${SHORT}`]],
    ['another ref', eventOf({ ref: 'refs/notes/x' }), [`sha-${SHORT}`]],
    ['no ref', eventOf({ ref: '' }), [`sha-${SHORT}`]],
  ])('%s gives only tags that never move', (_, event, expected) => {
    const { tags, version } = tagsOf('', '', event)
    expect(tags.map(({ name }) => name)).toEqual(expected)
    expect(tags.map(({ kind, rule }) => `${kind} ${rule}`)).toEqual(expected.map(() => 'fixed default'))
    expect(version).toBe(expected[0])
  })

  it('comments are no rules', () => {
    expect(namesOf('\n  # type=raw,value=x\n\n', onPull(7))).toEqual([`pr-7-${SHORT}`, `sha-${SHORT}`])
  })

  it('a long name is cut, and its commit and the suffix stay', () => {
    const [first = ''] = namesOf('', onBranch(`a${'b'.repeat(250)}`), 'suffix=-alpine')
    expect(first).toHaveLength(128)
    expect(first).toMatch(new RegExp(`^ab+-${SHORT}-alpine$`))
  })

  it('the flavor is around all of them, so that variants do not share any', () => {
    expect(namesOf('', onTag('v1.2.3'), 'prefix=slim-\nsuffix=-arm')).toEqual([
      'slim-1.2.3-arm',
      `slim-v1.2.3-${SHORT}-arm`,
      `slim-sha-${SHORT}-arm`,
    ])
  })

  test.each<[string, readonly string[]]>([
    ['v1.2.3', ['latest']],
    ['v1.2.3-rc.1', []],
    ['nightly', []],
  ])('latest=auto on %s', (tag, expected) => {
    expect(namesOf('', onTag(tag), 'latest=auto').filter((name) => name === 'latest')).toEqual(expected)
  })
})

describe('rules as docker/metadata-action documents them', () => {
  test.each<[string, GitEvent, readonly string[]]>([
    ['type=schedule', NIGHT, ['nightly']],
    ["type=schedule,pattern={{date 'YYYYMMDD'}}", NIGHT, ['20200110']],
    ["type=schedule,pattern={{date 'YYYYMMDD-HHmmss' tz='Asia/Tokyo'}}", NIGHT, ['20200110-093005']],
    ['type=semver,pattern={{raw}}', onTag('v1.2.3'), ['v1.2.3']],
    ['type=semver,pattern={{version}}', onTag('v1.2.3'), ['1.2.3']],
    ['type=semver,pattern={{major}}.{{minor}}', onTag('v1.2.3'), ['1.2']],
    ['type=semver,pattern=v{{major}}', onTag('v1.2.3'), ['v1']],
    ['type=semver,pattern={{minor}}', onTag('v1.2.3'), ['2']],
    ['type=semver,pattern={{patch}}', onTag('v1.2.3'), ['3']],
    ['type=semver,pattern={{version}},match=v(\\d.\\d.\\d)$', onTag('p1/v1.2.3'), ['1.2.3']],
    ['type=semver,pattern={{raw}}', onTag('v2.0.8-beta.67'), ['v2.0.8-beta.67']],
    ['type=semver,pattern={{version}}', onTag('v2.0.8-beta.67'), ['2.0.8-beta.67']],
    ['type=semver,pattern={{major}}', onTag('v2.0.8-beta.67'), ['2.0.8-beta.67']],
    ['type=semver,pattern={{major}}.{{minor}}', onTag('v2.0.8-beta.67'), ['2.0.8-beta.67']],
    ['type=semver,pattern={{version}},value=v1.0.0', onBranch('main'), ['1.0.0']],
    ['type=semver,pattern={{version}},value=p1/v1.0.0,match=v(\\d.\\d.\\d)$', onBranch('main'), ['1.0.0']],
    ['type=semver,pattern={{raw}}', onTag('v1.2.3+build.5'), ['v1.2.3-build.5']],
    ['type=pep440,pattern={{raw}}', onTag('1.2.3'), ['1.2.3']],
    ['type=pep440,pattern={{version}}', onTag('v1.2.3'), ['1.2.3']],
    ['type=pep440,pattern={{major}}.{{minor}}', onTag('1.2.3'), ['1.2']],
    ['type=pep440,pattern=v{{major}}', onTag('1.2.3'), ['v1']],
    ['type=pep440,pattern={{raw}}', onTag('v1.2.3rc2'), ['v1.2.3rc2']],
    ['type=pep440,pattern={{version}}', onTag('1.2.3rc2'), ['1.2.3rc2']],
    ['type=pep440,pattern={{version}},match=v(\\d.\\d.\\d)$', onTag('p1/v1.2.3'), ['1.2.3']],
    ['type=pep440,pattern={{major}}.{{minor}}', onTag('1.2.3rc2'), ['1.2.3rc2']],
    ['type=pep440,pattern={{major}}.{{minor}}', onTag('1.2.3post1'), ['1.2.3.post1']],
    ['type=pep440,pattern={{major}}.{{minor}}', onTag('1.2.3beta2'), ['1.2.3b2']],
    ['type=pep440,pattern={{major}}.{{minor}}', onTag('1.0dev4'), ['1.0.dev4']],
    ['type=match,pattern=\\d.\\d.\\d', onTag('v1.2.3'), ['1.2.3']],
    ['type=match,pattern=v(.*),group=1', onTag('v2.0.8-beta.67'), ['2.0.8-beta.67']],
    ['type=match,pattern=v(\\d.\\d),group=1', onTag('v2.0.8-beta.67'), ['2.0']],
    ['type=match,pattern=\\d+', onTag('20200110-RC2'), ['20200110']],
    ['type=match,pattern=p1/v(\\d.\\d.\\d),group=1', onTag('p1/v1.2.3'), ['1.2.3']],
    ['type=match,pattern=/RC\\d/i', onTag('20200110-rc2'), ['rc2']],
    ['type=match,"pattern=\\d{1,3}.\\d{1,3}"', onTag('v10.2.3'), ['10.2']],
    ['type=match,pattern=v(.*),group=1,value=v1.0.0', onBranch('main'), ['1.0.0']],
    ['type=edge', onBranch('main'), ['edge']],
    ['type=edge,branch=develop', onBranch('develop'), ['edge']],
    ['type=ref,event=pr', onPull(2), ['pr-2']],
    ['type=ref,event=pr,prefix=mr', onPull(2), ['mr2']],
    ['type=ref,event=branch', onBranch('master'), ['master']],
    ['type=ref,event=branch', onBranch('my/branch'), ['my-branch']],
    ['type=ref,event=tag', onTag('v1.2.3'), ['v1.2.3']],
    ['type=ref,event=tag', onTag('v2.0.8-beta.67'), ['v2.0.8-beta.67']],
    ['type=raw,value=foo\ntype=raw,bar\nbaz', onBranch('main'), ['foo', 'bar', 'baz']],
    ['type=sha', onBranch('main'), [`sha-${SHORT}`]],
    ['type=sha,format=long', onBranch('main'), [`sha-${SHA}`]],
    ['type=sha,prefix={{branch}}-', onBranch('main'), [`main-${SHORT}`]],
    ['type=sha,prefix=', onBranch('main'), [SHORT]],
    ['type=raw,value=mytag-{{branch}}-{{sha}}', onBranch('main'), [`mytag-main-${SHORT}`]],
    ['type=raw,value=x-{{tag}}', onTag('v1.2.3'), ['x-v1.2.3']],
    ['type=raw,value=into-{{base_ref}}', onPull(2), ['into-main']],
    ['type=raw,value=latest,enable={{is_default_branch}}', onBranch('main'), ['latest']],
    ['type=raw,value=x,enable={{is_not_default_branch}}', onTag('main'), ['x']],
    ['type=raw,value=x,enable={{is_not_default_branch}}', onTag('main', { defaultBranch: '' }), ['x']],
    ["type=raw,value={{commit_date 'YYYYMMDD'}}", onBranch('main'), ['20200109']],
    ['type=sha\ntype=raw,value=x\ntype=ref,event=branch', onBranch('main'), ['main', 'x', `sha-${SHORT}`]],
    ['type=sha,priority=2000\ntype=raw,value=x', onBranch('main'), [`sha-${SHORT}`, 'x']],
    ['type=raw,value=x,enable=false\ntype=sha', onBranch('main'), [`sha-${SHORT}`]],
    [' TYPE = raw , Value = a b ', onBranch('main'), ['a-b']],
    ['type=raw,"value=a,b=c"', onBranch('main'), ['a-b-c']],
    ['type=raw,value=x\ntype=raw,value=x', onBranch('main'), ['x']],
  ])('%s', (rules, event, expected) => {
    expect(namesOf(rules, event)).toEqual(expected)
  })

  test.each<[string, GitEvent]>([
    ['type=schedule', onBranch('main')],
    ['type=semver,pattern={{version}}', onBranch('main')],
    ['type=pep440,pattern={{version}}', onPull(2)],
    ['type=match,pattern=.*', onBranch('main')],
    ['type=edge', onBranch('other')],
    ['type=edge', onTag('main')],
    ['type=ref,event=branch', onTag('v1')],
    ['type=ref,event=tag', onBranch('main')],
    ['type=ref,event=pr', onBranch('main')],
    ['type=raw,value=latest,enable={{is_default_branch}}', onTag('main')],
  ])('%s is of another kind of run', (rule, event) => {
    const { tags, notes } = tagsOf(`${rule}\ntype=sha`, '', event)
    expect(tags.map(({ name }) => name)).toEqual([`sha-${SHORT}`])
    expect(notes).toEqual([])
  })

  it('the first tag is the version', () => {
    expect(tagsOf('type=sha\ntype=semver,pattern={{version}}', '', onTag('v1.2.3')).version).toBe('1.2.3')
  })

  it('a value is never read as an expression again', () => {
    expect(namesOf('type=raw,value=x-{{branch}}', onBranch('{{tag}}'))).toEqual(['x--tag-'])
  })
})

describe('the flavor', () => {
  test.each<[string, string, GitEvent, readonly string[]]>([
    ['', 'type=semver,pattern={{version}}', onTag('v1.2.3'), ['1.2.3']],
    ['latest=auto', 'type=semver,pattern={{version}}', onTag('v1.2.3'), ['1.2.3', 'latest']],
    ['latest=auto', 'type=semver,pattern={{version}}', onTag('v1.2.3-rc.1'), ['1.2.3-rc.1']],
    ['latest=auto', 'type=pep440,pattern={{version}}', onTag('v1.2.3.post1'), ['1.2.3.post1']],
    ['latest=auto', 'type=ref,event=tag', onTag('v1.2.3'), ['v1.2.3', 'latest']],
    ['latest=auto', 'type=match,pattern=\\d', onTag('v1.2.3'), ['1', 'latest']],
    ['latest=auto', 'type=ref,event=branch', onBranch('main'), ['main']],
    ['latest=auto', 'foo,priority=2000\ntype=semver,pattern={{version}}', onTag('v1.2.3'), ['foo', '1.2.3']],
    ['latest=true', 'type=ref,event=branch', onBranch('main'), ['main', 'latest']],
    ['latest=false', 'type=semver,pattern={{version}}', onTag('v1.2.3'), ['1.2.3']],
    ['latest=false', 'latest', onTag('v1.2.3'), ['latest']],
    ['latest=true', 'latest', onBranch('main'), ['latest']],
    ['suffix=-alpine', 'type=ref,event=branch', onBranch('main'), ['main-alpine']],
    ['prefix=v', 'type=sha\nfoo\ntype=raw,bar,prefix=', onBranch('main'), ['vfoo', 'bar', `sha-${SHORT}`]],
    ['latest=true\nprefix=v,suffix=-x,onlatest=true', 'foo', onBranch('main'), ['vfoo-x', 'latest-x']],
    ['latest=true\nprefix=v-,onlatest=true\nsuffix=-x', 'foo', onBranch('main'), ['v-foo-x', 'v-latest']],
    ['prefix={{branch}}-', 'foo', onBranch('main'), ['main-foo']],
  ])('%s on %s', (flavor, rules, event, expected) => {
    expect(namesOf(rules, event, flavor)).toEqual(expected)
  })

  test.each<[string, string]>([
    ['latest=yes', 'flavor, line 1: latest is one of auto, true, false, not "yes"'],
    ['\nlatst=true', 'flavor, line 2: unknown attribute "latst"; did you mean "latest"?'],
    ['alpine', 'flavor, line 1: "alpine" is written as name=value'],
    ['onlatest=true', 'flavor, line 1: onlatest stands behind a prefix or a suffix, in its line'],
    ['suffix={{nope}}', 'flavor, line 1: unknown expression "nope"'],
    ['__proto__=x', 'flavor, line 1: unknown attribute "__proto__"'],
    ["# why\nsuffix=-{{commit_date 'Y'}}", 'flavor, line 2: {{commit_date}} is not known to this event'],
  ])('%s is wrong', (flavor, expected) => {
    expect(faultOf(() => tagsOf('foo', flavor, eventOf({ committedAt: undefined })))).toContain(expected)
  })
})

describe('what a tag promises', () => {
  test.each<[string, GitEvent, string]>([
    ['type=sha', onBranch('main'), 'fixed'],
    ['type=sha,prefix=x', onBranch('main'), 'fixed'],
    ['type=ref,event=tag', onTag('v1.2.3'), 'fixed'],
    ['type=ref,event=branch', onBranch('main'), 'moving'],
    ['type=ref,event=branch,suffix=-{{sha}}', onBranch('main'), 'fixed'],
    ['type=ref,event=pr', onPull(2), 'moving'],
    ['type=edge', onBranch('main'), 'moving'],
    ['type=schedule', NIGHT, 'moving'],
    ['type=semver,pattern={{version}}', onTag('v1.2.3'), 'fixed'],
    ['type=semver,pattern={{raw}}', onTag('v1.2.3'), 'fixed'],
    ['type=semver,pattern={{major}}.{{minor}}.{{patch}}', onTag('v1.2.3'), 'fixed'],
    ['type=semver,pattern={{major}}.{{minor}}', onTag('v1.2.3-rc.1'), 'fixed'],
    ['type=semver,pattern={{major}}.{{minor}}', onTag('v1.2.3'), 'moving minor'],
    ['type=semver,pattern=v{{major}}', onTag('v1.2.3'), 'moving major'],
    ['type=semver,pattern={{major}}-{{sha}}', onTag('v1.2.3'), 'fixed'],
    ['type=semver,pattern=stable', onTag('v1.2.3'), 'moving all'],
    ['type=semver,pattern={{minor}}', onTag('v1.2.3'), 'moving'],
    ['type=pep440,pattern={{major}}.{{minor}}', onTag('1.2'), 'moving minor'],
    ['type=pep440,pattern={{version}}', onTag('1.2'), 'fixed'],
    ['type=match,pattern=\\d.\\d.\\d', onTag('v1.2.3'), 'fixed'],
    ['type=match,pattern=v(\\d.\\d),group=1', onTag('v1.2.3'), 'moving minor'],
    ['type=match,pattern=v\\d', onTag('v1.2.3'), 'moving major'],
    ['type=match,pattern=v(\\d.\\d),group=1', onTag('v1.2.3-rc.1'), 'moving'],
    ['type=match,pattern=\\d+', onTag('20200110-RC2'), 'moving'],
    ['type=raw,value={{tag}}', onTag('release/7'), 'fixed'],
    [`type=raw,value=x-${SHA}`, onBranch('main'), 'fixed'],
    [`type=raw,value=x-${SHA.slice(0, 6)}`, onBranch('main'), 'moving'],
    ['type=raw,value=x-0860c190', onBranch('main'), 'moving'],
    ['type=raw,value=1.2.3', onBranch('main'), 'moving'],
    ['latest', onBranch('main'), 'moving all'],
    ['type=semver,pattern={{major}}.{{patch}}', onTag('v1.2.3'), 'moving'],
    ['type=raw,value=1.0.0\ntype=semver,pattern={{version}},value=1.0.0,priority=1', onBranch('main'), 'fixed'],
    ['type=ref,event=branch\nlatest', onBranch('latest'), 'moving all'],
  ])('%s', (rule, event, expected) => {
    const [tag] = tagsOf(rule, '', event).tags
    expect([tag?.kind, tag?.line].filter((one) => one !== undefined).join(' ')).toBe(expected)
  })

  it('each says its rule', () => {
    const { tags } = tagsOf('  type=sha,suffix=-x\n', 'latest=true', onBranch('main'))
    expect(tags.map(({ rule }) => rule)).toEqual(['type=sha,suffix=-x', 'flavor latest'])
  })

  test.each<[string, GitEvent, string | undefined]>([
    ['type=sha', onTag('v1.2.3'), '1.2.3'],
    ['type=sha', onTag('v1.2.3-rc.1'), undefined],
    ['type=sha', onTag('nightly'), undefined],
    ['type=sha', onBranch('1.2.3'), undefined],
    ['type=semver,pattern={{version}},value=v2.0.0', onTag('v1.2.3'), '2.0.0'],
    ['type=semver,pattern=stable,value=v2.0.0', onBranch('main'), '2.0.0'],
    ['type=pep440,pattern={{version}}', onTag('v1.2'), '1.2.0'],
    ['type=pep440,pattern={{version}}', onTag('v1.2.3.4'), undefined],
    ['type=pep440,pattern={{version}}', onTag('1!1.2.3'), undefined],
    ['', onTag('v1.2.3'), '1.2.3'],
  ])('%s of $1.ref', (rules, event, expected) => {
    expect(tagsOf(rules, '', event).stable).toBe(expected)
  })
})
