import { Fault } from '@sluice/kit/faults'
import { describe, expect, it } from 'vitest'
import { argumentsOf, type BuildOrder, type Output } from '../../src/build/order.ts'
import { PLAIN } from '../plain.ts'

const NONE: Output = { kind: 'none' }
const PUSH: Output = { kind: 'by-digest', names: ['r.example/shop'] }
const LOAD: Output = { kind: 'load', names: ['shop:1', 'shop:2'] }

const call = (order: Partial<BuildOrder>, output: Output = NONE) =>
  argumentsOf({ ...PLAIN, ...order }, output, '/tmp/metadata.json')
const args = (order: Partial<BuildOrder>, output: Output = NONE): readonly string[] => call(order, output).args
/** What stands after a flag, each time. */
const after = (flag: string, all: readonly string[]): readonly string[] =>
  all.flatMap((arg, index) => (arg === flag ? [all[index + 1] ?? ''] : []))
const fault = (order: Partial<BuildOrder>): string => {
  try {
    call(order)
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.kind === 'input') return `${thrown.message}. ${thrown.hint}`
    throw thrown
  }
  return 'no fault'
}

it('is, at its shortest, a build that only fills the cache', () => {
  expect(args({})).toEqual([
    ...['buildx', 'build', '--progress', 'rawjson', '--metadata-file', '/tmp/metadata.json'],
    ...['--provenance=false', '--sbom=false', '--output', 'type=cacheonly', '--', '.'],
  ])
})

it('says everything that is asked for', () => {
  const all = args({
    context: 'services/shop',
    dockerfile: 'docker/shop.Dockerfile',
    target: 'runtime',
    platforms: ['linux/amd64', 'linux/arm64'],
    buildArgs: ['A=1', 'B=x,y "z"'],
    labels: { 'org.opencontainers.image.title': 'a=b, c' },
    ssh: ['default', 'git=/run/agent.sock'],
  })
  expect(after('--file', all)).toEqual(['docker/shop.Dockerfile'])
  expect(after('--target', all)).toEqual(['runtime'])
  expect(after('--platform', all)).toEqual(['linux/amd64,linux/arm64'])
  expect(after('--build-arg', all)).toEqual(['A=1', 'B=x,y "z"'])
  expect(after('--label', all)).toEqual(['org.opencontainers.image.title=a=b, c'])
  expect(after('--ssh', all)).toEqual(['default', 'git=/run/agent.sock'])
  expect(all.slice(-2)).toEqual(['--', 'services/shop'])
})

describe('the output', () => {
  it('of a push is every name in one field, by digest', () => {
    expect(after('--output', args({}, PUSH))).toEqual([
      'type=image,name=r.example/shop,push=true,push-by-digest=true,name-canonical=true',
    ])
    expect(after('--output', args({}, { kind: 'by-digest', names: ['a.example/x', 'b.example/y'] }))).toEqual([
      'type=image,"name=a.example/x,b.example/y",push=true,push-by-digest=true,name-canonical=true',
    ])
  })

  it('of a load is each name with its tag', () => {
    expect(after('--tag', args({}, LOAD))).toEqual(['shop:1', 'shop:2'])
    expect(args({}, LOAD)).toContain('--load')
    expect(args({}, LOAD)).not.toContain('--output')
  })
})

it('attests what is pushed, scans with the build too, and attests nothing in the store of Docker', () => {
  const attested = (output: Output) =>
    args({ provenance: 'max', sbom: true }, output).filter((arg) => /^--(provenance|sbom)/.test(arg))
  expect(attested(NONE)).toEqual(['--provenance=false', '--sbom=true'])
  expect(attested(PUSH)).toEqual(['--provenance=mode=max', '--sbom=true'])
  expect(attested(LOAD)).toEqual(['--provenance=false', '--sbom=false'])
  expect(args({ provenance: 'min' }, PUSH)).toContain('--provenance=mode=min')
})

describe('the cache', () => {
  const cache = { from: ['type=registry,ref=r:c'], to: ['type=registry,ref=r:c,mode=max', 'type=inline'] }

  it('is read each time, as layers that are only there are fetched from there; written by the build, and into what is pushed', () => {
    for (const output of [NONE, PUSH, LOAD]) expect(after('--cache-from', args({ cache }, output))).toEqual(cache.from)
    expect(after('--cache-to', args({ cache }))).toEqual(['type=registry,ref=r:c,mode=max'])
    expect(after('--cache-to', args({ cache }, PUSH))).toEqual(['type=inline'])
  })

  it('is not read where it is not wanted, nor when the result without it is pushed', () => {
    expect(args({ cache, noCache: true })).toContain('--no-cache')
    expect(args({ cache, noCache: true }, PUSH)).not.toContain('--no-cache')
    for (const output of [NONE, PUSH, LOAD])
      expect(args({ cache, noCache: true }, output)).not.toContain('--cache-from')
    expect(after('--cache-to', args({ cache, noCache: true }))).toEqual(['type=registry,ref=r:c,mode=max'])
  })
})

describe('secrets', () => {
  it('are given by the environment, those in files by their path', () => {
    const { args: all, env } = call({
      secrets: [
        { id: 'npm', value: 's3cret,\n"line" 2' },
        { id: 'gh.token', value: 'ghs_x' },
      ],
      secretFiles: [{ id: 'pip', path: '/run/a,b "c".conf' }],
    })
    expect(after('--secret', all)).toEqual([
      'id=npm,env=SLUICE_BUILD_SECRET_0',
      'id=gh.token,env=SLUICE_BUILD_SECRET_1',
      'id=pip,"src=/run/a,b ""c"".conf"',
    ])
    expect(env).toEqual({ SLUICE_BUILD_SECRET_0: 's3cret,\n"line" 2', SLUICE_BUILD_SECRET_1: 'ghs_x' })
    expect(all.join('\n')).not.toMatch(/s3cret|ghs_x/)
  })

  it.each<[string, Partial<BuildOrder>, RegExp]>([
    ['an empty one', { secrets: [{ id: 'a', value: '' }] }, /^Invalid input: secrets: a is empty\. /],
    ['a comma', { secrets: [{ id: 'a,env=HOME', value: 'hush' }] }, /secrets: has an id that/],
    ['no id', { secrets: [{ id: '', value: 'hush' }] }, /secrets: has an id that/],
    ['a comma in the id of a file', { secretFiles: [{ id: 'a,b', path: 'x' }] }, /secret-files: has an id that/],
    ['an id twice', { secrets: [{ id: 'a', value: 'hush' }], secretFiles: [{ id: 'a', path: 'x' }] }, /a twice/],
    ['no path', { secretFiles: [{ id: 'a', path: '' }] }, /a names no file/],
    ['a zero byte', { secrets: [{ id: 'a', value: 'hush\0' }] }, /zero byte/],
    ['more than a variable holds', { secrets: [{ id: 'a', value: 'é'.repeat(65_520) }] }, /longer than 128 KiB/],
  ])('with %s are refused, and not shown', (_name, order, said) => {
    expect(fault(order)).toMatch(said)
    expect(fault(order)).not.toMatch(/hush|é/)
  })
})

it('reads no context from standard input', () => {
  expect(fault({ context: '-' })).toMatch(/standard input/)
  expect(fault({ context: '' })).toMatch(/empty/)
})
