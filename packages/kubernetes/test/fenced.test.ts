import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { EPOCH, type Fence, fencedPatch } from '../src/fenced.ts'
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
