import { type Sandbox, startSandbox } from '@sluice/sandbox/sandbox'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Cluster, KubernetesObject } from '../src/cluster.ts'
import { connect } from '../src/connect.ts'

let sandbox: Sandbox
let cluster: Cluster
beforeAll(async () => {
  sandbox = await startSandbox({ images: {}, namespaces: ['shop'] })
  cluster = await connect({ kubeconfig: sandbox.kubeconfig({ namespace: 'shop' }), env: {} })
})
afterAll(() => sandbox.stop())

const maps = { apiVersion: 'v1', resource: 'configmaps', namespace: 'shop' }
type ConfigMap = KubernetesObject & { readonly data?: Readonly<Record<string, string>> }
const map = (data: Record<string, string>): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings', namespace: 'shop' },
  data,
})
beforeEach(() => cluster.remove(maps, 'settings'))

describe('an object', () => {
  test('is created once, read, listed and removed', async () => {
    expect(await cluster.get(maps, 'settings')).toBeUndefined()
    expect(await cluster.create(maps, map({ a: '1' }))).toMatchObject({ kind: 'written', object: { data: { a: '1' } } })
    expect(await cluster.create(maps, map({ a: '2' }))).toMatchObject({ kind: 'conflict' })
    expect((await cluster.list<ConfigMap>(maps)).map(({ kind, data }) => [kind, data])).toContainEqual([
      'ConfigMap',
      { a: '1' },
    ])
    expect(await cluster.remove(maps, 'settings', { uid: 'of another' })).toBe('conflict')
    expect(await cluster.remove(maps, 'settings')).toBe('removed')
    expect(await cluster.remove(maps, 'settings')).toBe('absent')
  })

  test('of a dry run is not there afterwards', async () => {
    expect(await cluster.create(maps, map({}), { dryRun: true })).toMatchObject({ kind: 'written' })
    expect(await cluster.get(maps, 'settings')).toBeUndefined()
  })

  test('that changed since it was read is not overwritten', async () => {
    const made = await cluster.create(maps, map({ a: '1' }))
    if (made.kind !== 'written') throw new Error(made.kind)
    expect(await cluster.update(maps, { ...made.object, data: { a: '2' } })).toMatchObject({ kind: 'written' })
    expect(await cluster.update(maps, { ...made.object, data: { a: '3' } })).toMatchObject({ kind: 'conflict' })
    const { resourceVersion: value } = made.object.metadata
    const patch = [
      { op: 'test', path: '/metadata/resourceVersion', value },
      { op: 'replace', path: '/data/a', value: '4' },
    ] as const
    expect(await cluster.jsonPatch(maps, 'settings', patch)).toMatchObject({ kind: 'conflict' })
    expect(await cluster.jsonPatch(maps, 'settings', patch.slice(1))).toMatchObject({ object: { data: { a: '4' } } })
    expect(await cluster.mergePatch(maps, 'settings', { data: { a: null, b: '5' } })).toMatchObject({
      object: { data: { b: '5' } },
    })
    expect(await cluster.mergePatch(maps, 'nowhere', { data: {} })).toEqual({ kind: 'absent' })
  })

  test('that another manager owns is applied over only by force', async () => {
    await cluster.apply(maps, map({ a: '1' }), { fieldManager: 'other' })
    expect(await cluster.apply(maps, map({ a: '2' }), { fieldManager: 'sluice' })).toMatchObject({ kind: 'conflict' })
    const forced = await cluster.apply<ConfigMap>(maps, map({ a: '2' }), { fieldManager: 'sluice', force: true })
    expect(forced).toMatchObject({ kind: 'written', object: { data: { a: '2' } } })
  })
})

test('what is not allowed names the rule, and what is allowed works, with a token of few rights', async () => {
  const token = sandbox.issueToken([{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }])
  const few = await connect({ kubeconfig: sandbox.kubeconfig({ token }), env: {} })
  expect(await few.get(maps, 'settings')).toBeUndefined()
  await expect(few.create(maps, map({}))).rejects.toMatchObject({
    kind: 'upstream',
    message: expect.stringContaining('Not allowed to create configmaps in namespace shop'),
    hint: expect.stringContaining('verbs: ["create"]'),
  })
})

test('a token that is not known is told apart from a server that is not there', async () => {
  const stranger = await connect({ kubeconfig: sandbox.kubeconfig({ token: 'made-up' }), env: {} })
  await expect(stranger.get(maps, 'x')).rejects.toThrow(/does not accept the credential of user .* \(401\)/)
})

test('an object that the API server finds invalid is the caller’s to mend', async () => {
  const deployments = { apiVersion: 'apps/v1', resource: 'deployments', namespace: 'shop' }
  const empty = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'x', namespace: 'shop' }, spec: {} }
  await expect(cluster.create(deployments, empty)).rejects.toMatchObject({ kind: 'input' })
})
