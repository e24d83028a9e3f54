import { Fault } from '@sluice/kit/faults'
import * as fc from 'fast-check'
import { compare } from 'semver'
import { describe, expect, it } from 'vitest'
import type { GitEvent } from '../../src/tags/event.ts'
import { withoutGoingBack } from '../../src/tags/going-back.ts'
import { labelsOf } from '../../src/tags/labels.ts'
import { type Tagging, tagsOf } from '../../src/tags/tags.ts'
import { eventOf, onTag } from './made.ts'

const VALID = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/

const name = fc.oneof(
  fc.constantFrom('main', 'feature/x', 'v1.2.3', 'v1.2.3-rc.1', '1.2', 'été', '{{tag}}', '-x', '.y', '', 'a,b="c"'),
  fc.string({ maxLength: 20, unit: 'binary' }),
  fc.string({ minLength: 100, maxLength: 300, unit: 'grapheme-ascii' }),
)
const event: fc.Arbitrary<GitEvent> = fc
  .record({
    sha: fc.string({ minLength: 40, maxLength: 40, unit: fc.constantFrom(...'0123456789abcdef') }),
    kind: fc.constantFrom('heads', 'tags', 'pull'),
    name,
    number: fc.nat(),
    isNight: fc.boolean(),
    defaultBranch: fc.constantFrom('main', ''),
    committedAt: fc.option(fc.nat(2_000_000_000_000), { nil: undefined }),
  })
  .map((given) =>
    eventOf({
      ...given,
      name: given.isNight ? 'schedule' : 'push',
      ref: given.kind === 'pull' ? `refs/pull/${given.number}/merge` : `refs/${given.kind}/${given.name}`,
    }),
  )

const word = fc.oneof(
  fc.constantFrom(
    '{{branch}}',
    '{{tag}}',
    '{{sha}}',
    '{{base_ref}}',
    "{{date 'YYYY.wo'}}",
    "{{commit_date 'x'}}",
    '{{version}}',
  ),
  fc.constantFrom(
    '{{major}}',
    '{{',
    '}}',
    '"',
    ',',
    '=',
    '#',
    '\\{{',
    'x',
    '-',
    'é',
    '{{constructor}}',
    '(',
    'v(.*)',
    '\n',
  ),
  fc.string({ maxLength: 4, unit: 'binary' }),
)
const text = fc.array(word, { maxLength: 4 }).map((words) => words.join(''))
const attribute = fc
  .tuple(
    fc.constantFrom(
      'value',
      'pattern',
      'prefix',
      'suffix',
      'match',
      'group',
      'enable',
      'priority',
      'event',
      'format',
      'branch',
      '__proto__',
    ),
    text,
  )
  .map(([key, value]) => `${key}=${value}`)
const rule = fc.oneof(
  fc.constantFrom(
    'type=sha',
    'type=ref,event=branch',
    'type=ref,event=tag',
    'type=ref,event=pr',
    'type=edge',
    'type=schedule',
  ),
  fc.constantFrom(
    'type=semver,pattern={{version}}',
    'type=semver,pattern={{major}}',
    'type=match,pattern=.+',
    'latest',
  ),
  fc
    .tuple(
      fc.constantFrom('schedule', 'semver', 'pep440', 'match', 'edge', 'ref', 'raw', 'sha'),
      fc.array(attribute, { maxLength: 3 }),
    )
    .map(([type, attributes]) => [`type=${type}`, ...attributes].join(',')),
  text,
)
const rules = fc.array(rule, { maxLength: 6 }).map((lines) => lines.join('\n'))
const flavor = fc.oneof(
  fc.constantFrom('', 'latest=auto', 'latest=true', 'suffix=-x', 'latest=true\nprefix=y-,onlatest=true'),
  text.map((value) => `suffix=${value}`),
)

/** The tags, or `undefined` where the rules are refused. Any other error than a fault of input is a bug. */
const given = (make: () => Tagging): Tagging | undefined => {
  try {
    return make()
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.kind === 'input') return undefined
    throw thrown
  }
}

describe('whatever rules, flavor and event say', () => {
  it('every tag is valid and unique, the first is the version, and all of it is the same again', () => {
    let accepted = 0
    fc.assert(
      fc.property(rules, flavor, event, (lines, look, run) => {
        const tagging = given(() => tagsOf(lines, look, run))
        if (tagging === undefined) return
        accepted += 1
        const names = tagging.tags.map((tag) => tag.name)
        expect(names.length).toBeGreaterThan(0)
        for (const one of names) expect(one).toMatch(VALID)
        expect(new Set(names).size).toBe(names.length)
        expect(tagging.version).toBe(names[0])
        expect(tagging.tags.every(({ kind, line }) => kind === 'moving' || line === undefined)).toBe(true)
        expect(tagsOf(lines, look, run)).toEqual(tagging)
      }),
      { numRuns: 1500 },
    )
    expect(accepted).toBeGreaterThan(100)
  })

  it('without rules and flavor there are tags, and none moves', () => {
    fc.assert(
      fc.property(event, (run) => {
        const { tags } = tagsOf('', '', run)
        expect(tags.some((tag) => tag.name === `sha-${run.sha.slice(0, 7)}`)).toBe(true)
        for (const tag of tags) expect([tag.kind, VALID.test(tag.name)]).toEqual(['fixed', true])
      }),
    )
  })

  it('labels are told or refused', () => {
    fc.assert(
      fc.property(
        fc.array(text).map((lines) => lines.join('\n')),
        event,
        (lines, run) => {
          try {
            for (const value of Object.values(labelsOf(lines, run, 'x'))) expect(typeof value).toBe('string')
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(Fault)
          }
        },
      ),
    )
  })
})

describe('however releases follow each other', () => {
  const version = fc
    .tuple(fc.nat(2), fc.nat(2), fc.nat(3), fc.boolean())
    .map(([a, b, c, isEarly]) => `${a}.${b}.${c}${isEarly ? '-rc.1' : ''}`)
  const affix = fc.constantFrom(
    '',
    'latest=auto\nsuffix=-slim,onlatest=true',
    'latest=auto\nprefix=till-,onlatest=true',
  )

  it('latest, 1 and 1.2 are always the highest stable one of theirs', () => {
    const patterns = ['{{version}}', '{{major}}.{{minor}}', 'v{{major}}'].map((one) => `type=semver,pattern=${one}`)
    fc.assert(
      fc.property(fc.array(version, { minLength: 1, maxLength: 12 }), affix, (versions, look) => {
        const registry = new Map<string, string>([
          ['latest-other', ''],
          ['2024', ''],
          ['3.0.0-other', ''],
        ])
        const [before = '', after = ''] = look.includes('slim') ? ['', '-slim'] : look === '' ? [] : ['till-']
        for (const [index, one] of versions.entries()) {
          const tagging = tagsOf(patterns.join('\n'), look || 'latest=auto', onTag(`v${one}`))
          const known = index % 2 === 0 ? [...registry.keys()] : [...registry.keys()].toReversed()
          for (const tag of withoutGoingBack(tagging, known).tags) registry.set(tag.name, one)

          const stable = versions.slice(0, index + 1).filter((each) => !each.includes('-'))
          const highest = (start: string): string | undefined =>
            stable
              .filter((each) => each.startsWith(start))
              .toSorted(compare)
              .at(-1)
          for (const each of stable) {
            const [major = '', minor = ''] = each.split('.')
            expect(registry.get(`${before}v${major}${after}`)).toBe(highest(`${major}.`))
            expect(registry.get(`${before}${major}.${minor}${after}`)).toBe(highest(`${major}.${minor}.`))
          }
          expect(registry.get(`${before}latest${after}`)).toBe(highest(''))
        }
      }),
      { numRuns: 300 },
    )
  })
})
