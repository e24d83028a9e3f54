import { describe, expect, it, test } from 'vitest'
import type { GitEvent } from '../../src/tags/event.ts'
import { withoutGoingBack } from '../../src/tags/going-back.ts'
import { tagsOf } from '../../src/tags/tags.ts'
import { onBranch, onTag } from './made.ts'

const RULES = ['{{version}}', '{{major}}.{{minor}}', '{{major}}'].map((one) => `type=semver,pattern=${one}`).join('\n')
type Case = { readonly event: GitEvent; readonly rules?: string; readonly flavor?: string }
const keptOf = ({ event, rules = RULES, flavor = 'latest=auto' }: Case, known: readonly string[]): readonly string[] =>
  withoutGoingBack(tagsOf(rules, flavor, event), known).tags.map(({ name }) => name)

describe('tags that would go back', () => {
  const all = ['1.2.3', '1.2', '1', 'latest']
  test.each<[string, readonly string[], readonly string[]]>([
    ['an empty registry', [], all],
    ['lower versions', ['1.2.2', '1.1.9', '0.9.0', 'v1.0.0', '1.2', 'latest'], all],
    ['the same version', ['1.2.3'], all],
    ['a higher patch', ['1.2.10'], ['1.2.3']],
    ['a higher minor', ['1.3.0'], ['1.2.3', '1.2']],
    ['a higher major', ['2.0.0'], ['1.2.3', '1.2', '1']],
    ['a higher major with a v', ['v2.0.0'], ['1.2.3', '1.2', '1']],
    ['higher pre-releases', ['2.0.0-rc.1', 'v1.3.0-beta', '1.2.4-alpine'], all],
    ['what only looks like versions', ['20', '2024', '1.3', '20240101', '1.3.0.1', '01.9.0', 'x1.3.0', '1.3.0x'], all],
    ['numbers beyond counting', ['99999999999999999999.0.0'], all],
    ['many, in any order', ['1.9.0', '1.10.0', '0.1.0', '1.2.9', '3.0.0'], ['1.2.3']],
  ])('beside %s', (_, known, expected) => {
    expect(keptOf({ event: onTag('v1.2.3') }, known)).toEqual(expected)
  })

  it('are compared by numbers', () => {
    expect(keptOf({ event: onTag('v1.9.5'), rules: 'x', flavor: 'latest=true' }, ['1.10.0', '1.9.0'])).toEqual(['x'])
    expect(keptOf({ event: onTag('v1.10.0'), flavor: 'latest=true', rules: 'x' }, ['1.9.9', '1.2.0'])).toEqual([
      'x',
      'latest',
    ])
  })

  it('are each told with a sentence', () => {
    expect(
      withoutGoingBack(tagsOf(RULES, 'latest=auto', onTag('v1.1.1')), ['1.1.0', '2.5.2', '1.4.0']).dropped,
    ).toEqual([
      { tag: '1', why: '1 stays where it is: the registry holds 1.4.0, and this build is 1.1.1' },
      { tag: 'latest', why: 'latest stays where it is: the registry holds 2.5.2, and this build is 1.1.1' },
    ])
  })

  test.each<[string, Case, readonly string[], readonly string[]]>([
    ['a branch', { event: onBranch('main'), rules: 'type=sha,prefix=', flavor: 'latest=true' }, ['1.0.0'], ['860c190']],
    ['a branch', { event: onBranch('main'), rules: 'x', flavor: 'latest=true' }, ['1.0.0-rc.1'], ['x', 'latest']],
    ['a raw latest', { event: onBranch('main'), rules: 'x\nlatest' }, ['0.1.0'], ['x']],
    ['a raw latest', { event: onTag('v1.2.3'), rules: 'x\nlatest' }, ['0.1.0'], ['x', 'latest']],
    ['a pre-release', { event: onTag('v2.0.0-rc.1'), rules: 'type=ref,event=tag' }, ['1.0.0'], ['v2.0.0-rc.1']],
    ['no rule of versions', { event: onTag('v1.2.3'), rules: 'type=ref,event=tag' }, ['v1.3.0'], ['v1.2.3']],
    ['no rules', { event: onTag('v1.2.3'), rules: '' }, ['1.3.0'], ['1.2.3', 'v1.2.3-860c190', 'sha-860c190']],
    ['a match', { event: onTag('v1.2.3'), rules: 'type=match,pattern=v(\\d),group=1' }, ['1.3.0'], []],
    [
      'two versions',
      {
        event: onBranch('main'),
        rules: 'type=semver,pattern={{version}},value=v2.0.0\ntype=semver,pattern={{major}},value=v1.2.3',
        flavor: '',
      },
      ['1.3.0'],
      ['2.0.0'],
    ],
    ['a word', { event: onTag('v1.2.3'), rules: 'type=semver,pattern=stable', flavor: '' }, ['1.3.0'], []],
    ['a word', { event: onTag('v1.2.3'), rules: 'type=semver,pattern=stable', flavor: '' }, ['1.2.2'], ['stable']],
    ['1.x', { event: onTag('v1.2.3'), rules: 'type=semver,pattern={{major}}.x', flavor: '' }, ['1.3.0'], []],
    ['a value', { event: onBranch('main'), rules: 'type=semver,pattern={{major}},value=v1.2.3' }, ['1.3.0'], []],
    ['a branch tag', { event: onBranch('main'), rules: 'type=ref,event=branch', flavor: '' }, ['1.3.0'], ['main']],
  ])('of %s', (_, given, known, expected) => {
    expect(keptOf(given, known)).toEqual(expected)
  })

  test.each<[string, string, string, readonly string[], readonly string[]]>([
    [
      'a variant knows its own versions',
      RULES,
      'latest=auto\nsuffix=-alpine,onlatest=true',
      ['1.3.0-alpine'],
      ['1.2.3-alpine', '1.2-alpine'],
    ],
    [
      'and not those of others',
      RULES,
      'latest=auto\nsuffix=-alpine,onlatest=true',
      ['1.3.0', '1.3.0-slim'],
      ['1.2.3-alpine', '1.2-alpine', '1-alpine', 'latest-alpine'],
    ],
    ['nor do others know its', RULES, 'latest=auto', ['1.3.0-alpine'], ['1.2.3', '1.2', '1', 'latest']],
    [
      'a latest without the suffix goes by its versions',
      RULES,
      'latest=auto\nsuffix=-alpine',
      ['1.3.0-alpine'],
      ['1.2.3-alpine', '1.2-alpine'],
    ],
    ['a prefix', RULES, 'latest=auto\nprefix=till-', ['till-v1.2.9', '2.0.0'], ['till-1.2.3']],
    [
      'a prefix in the pattern',
      'type=semver,pattern=till-{{version}}\ntype=semver,pattern=till-v{{major}}',
      '',
      ['till-1.3.0'],
      ['till-1.2.3'],
    ],
    [
      'a prefix in the pattern, and others',
      'type=semver,pattern=till-{{version}}\ntype=semver,pattern=till-v{{major}}',
      '',
      ['1.3.0', 'desk-1.3.0'],
      ['till-1.2.3', 'till-v1'],
    ],
    [
      'a latest without the suffix goes by those without it too',
      RULES,
      'latest=auto\nsuffix=-alpine',
      ['1.3.0'],
      ['1.2.3-alpine', '1.2-alpine', '1-alpine'],
    ],
    [
      'a v in all patterns',
      'type=semver,pattern=v{{version}}\ntype=semver,pattern=v{{major}}',
      '',
      ['1.3.0'],
      ['v1.2.3'],
    ],
    [
      'two variants in one build',
      `${RULES}\ntype=semver,pattern={{version}},suffix=-slim\ntype=semver,pattern={{major}},suffix=-slim`,
      '',
      ['1.3.0'],
      ['1.2.3', '1.2', '1.2.3-slim', '1-slim'],
    ],
    [
      'PEP 440 of two numbers',
      'type=pep440,pattern={{version}}\ntype=pep440,pattern={{major}}',
      'latest=auto',
      ['1.10'],
      ['1.2'],
    ],
  ])('%s', (_, rules, flavor, known, expected) => {
    const event = onTag(rules.includes('pep440') ? '1.2' : 'v1.2.3')
    expect(keptOf({ event, rules, flavor }, known)).toEqual(expected)
  })
})
