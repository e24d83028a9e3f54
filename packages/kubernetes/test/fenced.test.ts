import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { EPOCH, epochOf, type Fence, fencedPatch, isMark, markOf } from '../src/fenced.ts'
import { partsOf, pointerOf, valueAt } from '../src/json-pointer.ts'
import { objectServer } from './object-server.ts'

const PATH = '/apis/apps/v1/namespaces/shop/deployments/shop'
const target = { resource: { apiVersion: 'apps/v1', resource: 'deployments', namespace: 'shop' }, name: 'shop' }
const deployment = (epoch?: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'shop', ...(epoch === undefined ? {} : { annotations: { [EPOCH]: epoch, team: 'a' } }) },
  spec: { replicas: 3 },
})

let server: Awaited<ReturnType<typeof objectServer>>
beforeEach(async () => {
  server = await objectServer()
})
afterEach(() => server.stop())

const scale = (fence: Fence, replicas: number, uid?: string) =>
  fencedPatch(server.cluster, { ...target, uid }, fence, (object) => ({
    kind: 'patch',
    mark: 'keep',
    operations:
      (object.spec as { replicas: number }).replicas === replicas
        ? []
        : [{ op: 'replace', path: '/spec/replicas', value: replicas }],
  }))

describe('a fenced write', () => {
  test.each([
    ['without annotations', undefined],
    ['with the mark of an earlier owner', '3'],
    ['with our mark', '4'],
  ])('marks an object %s with our epoch and keeps the rest', async (_, mark) => {
    server.put(PATH, deployment(mark))
    expect(await scale({ epoch: 4 }, 5)).toMatchObject({ kind: 'written' })
    expect(server.at(PATH)).toMatchObject({ spec: { replicas: 5 }, metadata: { annotations: { [EPOCH]: '4' } } })
    if (mark !== undefined) expect(server.at(PATH)?.metadata.annotations?.team).toBe('a')
  })

  test('asks for nothing when nothing is to be done', async () => {
    server.put(PATH, deployment('4'))
    expect(await scale({ epoch: 4 }, 3)).toMatchObject({ kind: 'written' })
    expect(server.patches).toEqual([])
  })

  test('is fenced by a later epoch, however often it reads again', async () => {
    server.put(PATH, deployment('5'))
    expect(await scale({ epoch: 4 }, 9)).toMatchObject({ kind: 'fenced' })
    expect(server.at(PATH)?.spec).toEqual({ replicas: 3 })
  })

  test('is fenced by an epoch that is raised between its read and its write', async () => {
    server.put(PATH, deployment('4'))
    server.before.patch = () => {
      server.before.patch = undefined
      server.put(PATH, { ...server.at(PATH), ...deployment('5') })
    }
    expect(await scale({ epoch: 4 }, 9)).toMatchObject({ kind: 'fenced', text: expect.stringContaining('epoch 5') })
    expect(server.at(PATH)?.spec).toEqual({ replicas: 3 })
  })

  test('is fenced on an object without a mark when the record has another owner', async () => {
    server.put(PATH, deployment())
    expect(await scale({ epoch: 4, owned: async () => false }, 9)).toMatchObject({ kind: 'fenced' })
    expect(await scale({ epoch: 4, owned: async () => true }, 9)).toMatchObject({ kind: 'written' })
  })

  test('decides anew on what another wrote meanwhile, and gives up after five times', async () => {
    server.put(PATH, deployment('4'))
    let others = 0
    server.before.patch = () => {
      if (others++ < 2) server.put(PATH, { ...deployment('4'), spec: { replicas: 3, paused: true } })
    }
    expect(await scale({ epoch: 4 }, 9)).toMatchObject({ kind: 'written' })
    expect(server.at(PATH)?.spec).toEqual({ replicas: 9, paused: true })

    others = -100
    server.before.patch = () => server.put(PATH, { ...deployment('4'), spec: { replicas: 3, turn: others++ } })
    expect(await scale({ epoch: 4 }, 11)).toMatchObject({ kind: 'refused', cause: 'upstream' })
  })

  test('counts another object of the same name as absent', async () => {
    server.put(PATH, deployment('4'))
    expect(await scale({ epoch: 4 }, 9, 'another-uid')).toEqual({ kind: 'absent' })
    server.remove(PATH)
    expect(await scale({ epoch: 4 }, 9)).toEqual({ kind: 'absent' })
  })

  test.each([
    [403, 'forbidden'],
    [422, 'environment'],
    [400, 'environment'],
  ])('tells a refusal with %i as %s', async (status, cause) => {
    server.refuse(PATH, status)
    expect(await scale({ epoch: 4 }, 9)).toMatchObject({ kind: 'refused', cause })
  })

  test('takes the mark off with the last write', async () => {
    server.put(PATH, deployment('4'))
    await fencedPatch(server.cluster, target, { epoch: 4 }, () => ({ kind: 'patch', mark: 'remove', operations: [] }))
    expect(server.at(PATH)?.metadata.annotations).toEqual({ team: 'a' })
  })
})

describe('a fenced write to an object that releases share', () => {
  const [cart, shop] = ['prod/cart', `prod/${'s'.repeat(253)}`]
  const annotated = (annotations: Readonly<Record<string, string>>) => ({
    ...deployment(),
    metadata: { name: 'shop', annotations },
  })
  const marks = () => server.at(PATH)?.metadata.annotations

  test('has a mark with a key of its own, that an annotation can have', () => {
    const keys = [cart, shop, undefined].map(markOf)
    expect(new Set(keys).size).toBe(3)
    for (const key of keys) {
      expect(key).toMatch(/^sluice\.dev\/[a-z0-9.]{1,63}$/)
      expect(isMark(key)).toBe(true)
    }
    expect(isMark('sluice.dev/owner')).toBe(false)
  })

  test('is not fenced by the later epoch of another release, and leaves its mark', async () => {
    server.put(PATH, annotated({ [markOf(shop)]: '41' }))
    expect(await scale({ epoch: 2, release: cart }, 5)).toMatchObject({ kind: 'written' })
    expect(marks()).toEqual({ [markOf(shop)]: '41', [markOf(cart)]: '2' })
    await fencedPatch(server.cluster, target, { epoch: 2, release: cart }, () => ({
      kind: 'patch',
      mark: 'remove',
      operations: [],
    }))
    expect(marks()).toEqual({ [markOf(shop)]: '41' })
  })

  test('is fenced by a later epoch of its own release', async () => {
    server.put(PATH, annotated({ [markOf(shop)]: '1', [markOf(cart)]: '3' }))
    expect(await scale({ epoch: 2, release: cart }, 5)).toMatchObject({ kind: 'fenced' })
    expect(epochOf(server.at(PATH) ?? deployment(), cart)).toBe(3)
  })

  test.each<[string, Record<string, string>, Record<string, string>]>([
    ['that it left itself', { [EPOCH]: '1' }, {}],
    ['that a run of its own release left beside its mark', { [EPOCH]: '2', [markOf(cart)]: '1' }, {}],
    ['of another release', { [EPOCH]: '41' }, { [EPOCH]: '41' }],
  ])('takes over from an older version, whose mark has no name, one %s', async (_, found, left) => {
    server.put(PATH, annotated({ team: 'a', ...found }))
    expect(await scale({ epoch: 2, release: cart, owned: async () => false }, 5)).toMatchObject({ kind: 'fenced' })
    expect(marks()).toEqual({ team: 'a', ...found })
    expect(await scale({ epoch: 2, release: cart, owned: async () => true }, 5)).toMatchObject({ kind: 'written' })
    expect(marks()).toEqual({ team: 'a', ...left, [markOf(cart)]: '2' })
  })

  test('asks the record again where an older version has left a mark beside ours: it may have taken the release over', async () => {
    server.put(PATH, annotated({ [EPOCH]: '3', [markOf(cart)]: '2' }))
    expect(await scale({ epoch: 2, release: cart, owned: async () => false }, 5)).toMatchObject({ kind: 'fenced' })
    expect(await scale({ epoch: 2, release: cart, owned: async () => true }, 5)).toMatchObject({ kind: 'written' })
  })
})

describe('a JSON pointer', () => {
  test.each([
    [['metadata', 'annotations', 'sluice.dev/epoch'], '/metadata/annotations/sluice.dev~1epoch'],
    [['a~1b', 0], '/a~01b/0'],
    [[], ''],
  ])('of %j is %j and back', (parts, pointer) => {
    expect(pointerOf(...parts)).toBe(pointer)
    expect(partsOf(pointer)).toEqual(parts.map(String))
  })

  test('finds a value, and nothing where nothing is', () => {
    const document = { spec: { rules: [{ name: 'a' }] } }
    expect(valueAt(document, '/spec/rules/0/name')).toBe('a')
    expect(valueAt(document, '/spec/rules/1/name')).toBeUndefined()
    expect(valueAt(document, '/spec/rules/constructor')).toBeUndefined()
  })
})
