import { expect, test } from 'vitest'
import type { Progress } from '../src/build/progress.ts'
import type { BuildResult } from '../src/build/result.ts'
import { run } from '../src/run.ts'
import { digest, emptyStore, fixed, has, imageOf, moving, ORDER, PLAN, type Store, world } from './world.ts'

const progress = { steps: [], warnings: [], cacheProblems: [] } as unknown as Progress
const A = digest('a')
const B = digest('b')

const built = (): BuildResult => ({ kind: 'done', digest: undefined, ranAgain: [], progress })
const pushes =
  (at: readonly string[], name = A, revision = 'one', platforms?: readonly string[]) =>
  (store: Store): BuildResult => {
    for (const repository of at) has(store, repository, imageOf(name, revision, platforms))
    return { kind: 'done', digest: name, ranAgain: [], progress }
  }
const fails = (transient?: 'rate-limit' | 'server') => (): BuildResult => ({
  kind: 'failed',
  failure: { file: '', line: 0, command: '', lastLines: [], cause: 'it failed' } as never,
  transient: transient === undefined ? undefined : { kind: transient, text: '503' },
  progress,
})
const SHOP = ['example.com/shop']

test('builds, pushes by digest, reads back, and only then writes tags: those for ever first', async () => {
  const store = emptyStore()
  const result = await run(PLAN, world(store, [built, pushes(SHOP)]))
  expect(result).toMatchObject({ verdict: 'pass', code: 'pushed', skipped: false, attempts: 1 })
  expect(store.log).toEqual([
    'login',
    'run none',
    'login',
    'run by-digest',
    'put example.com/shop:sha-1',
    'put example.com/shop:main',
  ])
  expect(store.tags.get('example.com/shop:main')).toBe(A)
})

test('latest is written last, whatever order the rules have', async () => {
  const store = emptyStore()
  const tags = [moving('latest', 'all'), moving('main'), fixed('sha-1')]
  await run({ ...PLAN, tagging: { ...PLAN.tagging, tags } }, world(store, [built, pushes(SHOP)]))
  expect(store.log.filter((one) => one.startsWith('put')).map((one) => one.split(':')[1])).toEqual([
    'sha-1',
    'main',
    'latest',
  ])
})

test('a push that fails in passing is tried again, and nothing is built again', async () => {
  const store = emptyStore()
  const ports = world(store, [built, fails('server'), fails('server'), pushes(SHOP)])
  const result = await run(PLAN, ports)
  expect(result).toMatchObject({ verdict: 'pass', attempts: 3 })
  expect(store.log.filter((one) => one === 'run none')).toHaveLength(1)
  expect(ports.waits).toEqual([1500, 3000])
})

test('a push that fails as often as it may be tried ends as an error, and writes no tag', async () => {
  const store = emptyStore()
  const result = await run(PLAN, world(store, [built, fails('server')]))
  expect(result).toMatchObject({ verdict: 'error', code: 'push-failed', attempts: 3 })
  expect(store.tags.size).toBe(0)
})

test('a refusal that will not pass is not tried again', async () => {
  const store = emptyStore()
  const result = await run(PLAN, world(store, [built, fails()]))
  expect(result).toMatchObject({ verdict: 'error', code: 'push-failed', attempts: 1 })
})

test('who may not push does not build', async () => {
  const store = emptyStore()
  await expect(run(PLAN, world(store, [built], { refused: true }))).rejects.toThrow('refused to begin a push')
  expect(store.log).toEqual(['login'])
})

test('a build that fails is no push: verdict fail, and the registry is not touched', async () => {
  const store = emptyStore()
  const result = await run(PLAN, world(store, [fails()]))
  expect(result).toMatchObject({ verdict: 'fail', code: 'build-failed', attempts: 0 })
  expect(store.log).toEqual(['login', 'run none'])
  expect(await run(PLAN, world(emptyStore(), [fails('server')]))).toMatchObject({
    verdict: 'error',
    code: 'build-broken',
  })
})

test('what is there of this revision is not built again, and tags that lack are written', async () => {
  const store = emptyStore()
  has(store, 'example.com/shop', imageOf(A, 'one'), ['sha-1'])
  const result = await run(PLAN, world(store, []))
  expect(result).toMatchObject({ verdict: 'pass', code: 'skipped', skipped: true, attempts: 0 })
  expect(result.tags).toEqual([
    { repository: 'example.com/shop', tag: 'sha-1', written: false },
    { repository: 'example.com/shop', tag: 'main', written: true },
  ])
})

test('a moving tag never keeps a build from happening', async () => {
  const store = emptyStore()
  has(store, 'example.com/shop', imageOf(B, 'zero'), ['main'])
  const result = await run(PLAN, world(store, [built, pushes(SHOP)]))
  expect(result).toMatchObject({ code: 'pushed' })
  expect(store.tags.get('example.com/shop:main')).toBe(A)
})

test('a tag for ever that names another revision stops before the build, with both digests where there are two', async () => {
  const store = emptyStore()
  has(store, 'example.com/shop', imageOf(B, 'zero'), ['1.2.3'])
  has(store, 'example.com/shop', imageOf(A, 'one'), ['sha-1'])
  const plan = { ...PLAN, tagging: { ...PLAN.tagging, tags: [fixed('1.2.3'), fixed('sha-1')] } }
  const result = await run(plan, world(store, []))
  expect(result).toMatchObject({ verdict: 'fail', code: 'tag-taken' })
  expect(result.text).toContain(A)
  expect(result.text).toContain(B)
  expect(store.log).toEqual(['login'])
})

test('a tag that the registry itself would not move stops before the build, though it is one that moves', async () => {
  const store = emptyStore()
  has(store, 'example.com/shop', imageOf(B, 'zero'), ['main'])
  const result = await run(PLAN, world(store, [], { enforced: ['main'] }))
  expect(result).toMatchObject({ code: 'tag-taken' })
  expect(result.text).toContain('the registry moves no such tag')
})

test('an image of this revision that lacks a platform is not taken for the one that is asked for', async () => {
  const store = emptyStore()
  has(store, 'example.com/shop', imageOf(A, 'one', ['linux/amd64']), ['sha-1'])
  const plan = { ...PLAN, order: { ...ORDER, platforms: ['linux/amd64', 'linux/arm64'] } }
  const result = await run(plan, world(store, []))
  expect(result).toMatchObject({ code: 'tag-taken' })
  expect(result.text).toContain('without linux/arm64')
})

test('an image without a revision label is nobody knows what', async () => {
  const store = emptyStore()
  has(store, 'example.com/shop', imageOf(A, ''), ['sha-1'])
  expect(await run(PLAN, world(store, []))).toMatchObject({ code: 'tag-taken' })
})

test('a revision that is not known matches nothing', async () => {
  const store = emptyStore()
  has(store, 'example.com/shop', imageOf(A, ''), ['sha-1'])
  expect(await run({ ...PLAN, order: { ...ORDER, labels: {} } }, world(store, []))).toMatchObject({ code: 'tag-taken' })
})

test('an image that is in one repository only is copied to the other by digest', async () => {
  const store = emptyStore()
  has(store, 'example.com/shop', imageOf(A, 'one'), ['sha-1', 'main'])
  const plan = { ...PLAN, repositories: ['example.com/shop', 'example.org/shop'] }
  const result = await run(plan, world(store, []))
  expect(result).toMatchObject({ code: 'skipped' })
  expect(store.log).toContain(`copy example.com/shop@${A} example.org/shop@${A}`)
  expect(store.tags.get('example.org/shop:sha-1')).toBe(A)
})

test('a copy that fails in passing is tried again, and one that is refused is not', async () => {
  const plan = { ...PLAN, repositories: ['example.com/shop', 'example.org/shop'] }
  for (const [transient, tries] of [
    [{ kind: 'server', text: '503' } as const, 3],
    [undefined, 1],
  ] as const) {
    const store = emptyStore()
    has(store, 'example.com/shop', imageOf(A, 'one'), ['sha-1', 'main'])
    const ports = world(store, [])
    let copies = 0
    const copy = async () => {
      copies += 1
      return { problem: 'refused', ...(transient === undefined ? {} : { transient }) }
    }
    const result = await run(plan, { ...ports, docker: { ...ports.docker, copy } })
    expect(result).toMatchObject({ verdict: 'error' })
    expect(copies).toBe(tries)
  }
})

test('two images of one revision are one too many', async () => {
  const store = emptyStore()
  has(store, 'example.com/shop', imageOf(A, 'one'), ['sha-1'])
  has(store, 'example.org/shop', imageOf(B, 'one'), ['sha-1'])
  const result = await run({ ...PLAN, repositories: ['example.com/shop', 'example.org/shop'] }, world(store, []))
  expect(result).toMatchObject({ code: 'tag-taken' })
  expect(result.text).toContain(A)
  expect(result.text).toContain(B)
})

test('what buildx says it pushed and is not there is no success', async () => {
  const store = emptyStore()
  const result = await run(PLAN, world(store, [built, () => ({ kind: 'done', digest: A, ranAgain: [], progress })]))
  expect(result).toMatchObject({ verdict: 'error', code: 'not-whole' })
  expect(store.tags.size).toBe(0)
})

test('an image that lacks a platform gets no tag', async () => {
  const store = emptyStore()
  const plan = { ...PLAN, order: { ...ORDER, platforms: ['linux/amd64', 'linux/arm64'] } }
  const result = await run(plan, world(store, [built, pushes(SHOP, A, 'one', ['linux/amd64'])]))
  expect(result).toMatchObject({ verdict: 'error', code: 'not-whole' })
  expect(result.text).toContain('no linux/arm64')
  expect(store.tags.size).toBe(0)
})

test('another run of the same revision that tagged meanwhile has made the image', async () => {
  const store = emptyStore()
  const late = (all: Store): BuildResult => {
    has(all, 'example.com/shop', imageOf(B, 'one'), ['sha-1'])
    return pushes(SHOP)(all)
  }
  const result = await run(PLAN, world(store, [built, late]))
  expect(result).toMatchObject({ verdict: 'pass', code: 'skipped' })
  expect(result.image?.digest).toBe(B)
})

test('another revision that took the tag meanwhile keeps it', async () => {
  const store = emptyStore()
  const late = (all: Store): BuildResult => {
    has(all, 'example.com/shop', imageOf(B, 'two'), ['sha-1'])
    return pushes(SHOP)(all)
  }
  const result = await run(PLAN, world(store, [built, late]))
  expect(result).toMatchObject({ verdict: 'fail', code: 'tag-taken' })
  expect(store.tags.get('example.com/shop:sha-1')).toBe(B)
})

test('a registry that will not move a tag after all is told with what was written before', async () => {
  const store = emptyStore()
  const result = await run(PLAN, world(store, [built, pushes(SHOP)], { immutable: ['main'] }))
  expect(result).toMatchObject({ verdict: 'fail', code: 'tag-taken' })
  expect(result.next).toContain('Written before, and right: example.com/shop:sha-1')
})

test('a registry that fails between two tags is told with what was written', async () => {
  const store = emptyStore()
  const ports = world(store, [built, pushes(SHOP)])
  const failing = (repository: string) => {
    const place = ports.place(repository)
    const put: typeof place.put = async (reference, manifest) => {
      if (reference === 'main') throw new Error('the registry is down')
      return place.put(reference, manifest)
    }
    return { ...place, put }
  }
  const result = await run(PLAN, { ...ports, place: failing })
  expect(result).toMatchObject({ verdict: 'error', code: 'push-failed', text: 'the registry is down' })
  expect(result.next).toContain('example.com/shop:sha-1')
})

test('a leg writes no tag, and one whose image is there already pushes nothing', async () => {
  const store = emptyStore()
  const leg = { ...PLAN, push: 'by-digest' as const }
  expect(await run(leg, world(store, [built, pushes(SHOP)]))).toMatchObject({ code: 'pushed', tags: [] })
  expect(store.tags.size).toBe(0)
  has(store, 'example.com/shop', imageOf(B, 'one'), ['sha-1'])
  expect(await run(leg, world(store, []))).toMatchObject({ code: 'skipped', tags: [] })
})

test('only a build pushes nothing and asks no registry', async () => {
  const store = emptyStore()
  const result = await run({ ...PLAN, push: 'false' }, world(store, [built]))
  expect(result).toMatchObject({ verdict: 'pass', code: 'built' })
  expect(store.log).toEqual(['login', 'run none'])
})

test('latest does not go back to what was released while this was built', async () => {
  const store = emptyStore()
  const release = {
    version: '1.2.3',
    stable: '1.2.3',
    notes: [],
    tags: [fixed('1.2.3'), moving('latest', 'all' as const)],
  }
  const late = (all: Store): BuildResult => {
    has(all, 'example.com/shop', imageOf(B, 'two'), ['1.2.4', 'latest'])
    return pushes(SHOP)(all)
  }
  const result = await run({ ...PLAN, tagging: release }, world(store, [built, late]))
  expect(result).toMatchObject({ code: 'pushed' })
  expect(store.tags.get('example.com/shop:latest')).toBe(B)
  expect(result.notes.join()).toContain('latest is not written')
})

test('a moving tag does not go back to an earlier run, and only runs of one source are compared', async () => {
  const of = (run: string, source = 'https://git.example/shop') => ({
    'dev.sluice.run': run,
    'org.opencontainers.image.source': source,
  })
  const order = { ...ORDER, labels: { ...ORDER.labels, ...of('99') } }
  for (const [labels, stays] of [
    [of('100'), true],
    [of('98'), false],
    [of('100', 'https://git.example/another'), false],
    [{}, false],
  ] as const) {
    const store = emptyStore()
    const there = imageOf(B, 'zero')
    has(store, 'example.com/shop', { ...there, labels: { ...there.labels, ...labels } }, ['main'])
    const result = await run({ ...PLAN, order }, world(store, [built, pushes(SHOP)]))
    expect(result.code).toBe('pushed')
    expect(store.tags.get('example.com/shop:main')).toBe(stays ? B : A)
    expect(store.tags.get('example.com/shop:sha-1')).toBe(A)
  }
})

test('two jobs that write one tag for ever at once do not both say that it is done', async () => {
  const store = emptyStore()
  const ports = world(store, [built, pushes(SHOP)])
  const place = (repository: string) => {
    const one = ports.place(repository)
    const put: typeof one.put = async (reference, manifest) => {
      const done = await one.put(reference, manifest)
      if (reference === 'sha-1') store.tags.set(`${repository}:sha-1`, B)
      return done
    }
    return { ...one, put }
  }
  const result = await run(PLAN, { ...ports, place })
  expect(result).toMatchObject({ verdict: 'fail', code: 'tag-taken' })
  expect(result.text).toContain(B)
})

test('who wants it in Docker too gets the very image that is there', async () => {
  const store = emptyStore()
  has(store, 'example.com/shop', imageOf(A, 'one'), ['sha-1', 'main'])
  expect(await run({ ...PLAN, load: true }, world(store, []))).toMatchObject({ code: 'skipped' })
  expect(store.log).toContain(`pull example.com/shop@${A} example.com/shop:sha-1 example.com/shop:main`)
})

test('an image of the same revision from another source is another image', async () => {
  const store = emptyStore()
  const there = imageOf(A, 'one')
  const source = 'org.opencontainers.image.source'
  has(store, 'example.com/shop', { ...there, labels: { ...there.labels, [source]: 'https://evil.example/x' } }, [
    'sha-1',
  ])
  const order = { ...ORDER, labels: { ...ORDER.labels, [source]: 'https://git.example/shop' } }
  expect(await run({ ...PLAN, order }, world(store, []))).toMatchObject({ code: 'tag-taken' })
})

test('where no platform is asked for the builder’s own is meant', async () => {
  const store = emptyStore()
  has(store, 'example.com/shop', imageOf(A, 'one', ['linux/arm64']), ['sha-1'])
  const ports = world(store, [])
  const look = async () => ({ ...(await ports.docker.look()), platforms: ['linux/amd64', 'linux/386'] })
  expect(await run(PLAN, { ...ports, docker: { ...ports.docker, look } })).toMatchObject({ code: 'tag-taken' })
})

test('legs of another commit are not merged, nor is one that is gone', async () => {
  const store = emptyStore()
  has(store, 'example.com/shop', imageOf(B, 'another'))
  const plan = { ...PLAN, order: { ...ORDER, platforms: ['linux/amd64'] } }
  const other = await run({ ...plan, merge: [B] }, world(store, []))
  expect(other).toMatchObject({ verdict: 'fail', code: 'platforms-differ' })
  expect(other.text).toContain('of the revision another')
  expect(await run({ ...plan, merge: [A] }, world(store, []))).toMatchObject({ code: 'platforms-differ' })
  expect(store.tags.size).toBe(0)
})

test('without a push a login that fails keeps nothing from being built', async () => {
  const ports = world(emptyStore(), [built])
  const login = async () => {
    throw new Error('no credentials')
  }
  const result = await run({ ...PLAN, push: 'false' }, { ...ports, login })
  expect(result).toMatchObject({ code: 'built' })
  expect(result.notes.join()).toContain('no credentials')
})

test('latest does not go back, and says so', async () => {
  const store = emptyStore()
  has(store, 'example.com/shop', imageOf(B, 'zero'), ['2.5.2', 'latest'])
  const plan = {
    ...PLAN,
    tagging: { tags: [fixed('1.1.1'), moving('latest', 'all' as const)], version: '1.1.1', stable: '1.1.1', notes: [] },
  }
  const result = await run(plan, world(store, [built, pushes(SHOP)]))
  expect(result).toMatchObject({ code: 'pushed' })
  expect(store.tags.get('example.com/shop:latest')).toBe(B)
  expect(result.notes.join()).toContain('latest is not written')
})

test('an image that no tag would name is not built', async () => {
  const store = emptyStore()
  has(store, 'example.com/shop', imageOf(B, 'zero'), ['2.5.2', 'latest'])
  const latest = { tags: [moving('latest', 'all' as const)], version: '1.1.1', stable: '1.1.1', notes: [] }
  const result = await run({ ...PLAN, tagging: latest }, world(store, []))
  expect(result).toMatchObject({ verdict: 'fail', code: 'no-tags' })
})

test('a cancelled run is told as one, whatever was under way', async () => {
  const controller = new AbortController()
  const ports = world(emptyStore(), [
    () => {
      controller.abort('SIGINT')
      throw new Error('aborted')
    },
  ])
  expect(await run(PLAN, { ...ports, cancelled: controller.signal })).toMatchObject({
    verdict: 'error',
    code: 'cancelled',
  })
})
