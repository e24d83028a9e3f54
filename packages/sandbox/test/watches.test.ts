import { expect, test } from 'vitest'
import { CONFIGMAPS, createKinds } from '../src/kinds.ts'
import type { Doc } from '../src/objects.ts'
import { createStore } from '../src/store.ts'
import { NS, startCluster } from './cluster.ts'

const configMap = (name: string): Doc => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: NS } })

test('a store remembers so many changes, and says when it cannot reach back', () => {
  const store = createStore(10)
  const first = store.version()
  for (let i = 0; i < 30; i += 1) store.put(CONFIGMAPS, configMap(`c${i}`))
  expect(store.since(first)).toBe('gone')
  const recent = store.since(store.version() - 3)
  expect(recent === 'gone' ? [] : recent.map((change) => change.object.metadata.name)).toEqual(['c27', 'c28', 'c29'])
})

test('what a store gave out does not change when a new version is put', () => {
  const store = createStore()
  const before = store.put(CONFIGMAPS, configMap('a'))
  store.put(CONFIGMAPS, { ...before, data: { a: '1' } })
  expect(before.data).toBeUndefined()
  expect(createKinds().find('', 'v1', 'configmaps')).toBe(CONFIGMAPS)
})

test('an object that begins or ceases to meet the selector is added or deleted for its watcher', async () => {
  const cluster = await startCluster()
  const path = `/api/v1/namespaces/${NS}/configmaps`
  const label = (value: string | null) =>
    cluster.call(
      'PATCH',
      `${path}/moves`,
      { metadata: { labels: { seen: value } } },
      { type: 'application/merge-patch+json' },
    )
  await cluster.call('POST', path, { metadata: { name: 'moves' }, data: {} })
  const from = (await cluster.call('GET', path)).body.metadata?.resourceVersion
  await label('yes')
  await label(null)
  const answer = await fetch(
    `${cluster.server}${path}?watch=1&resourceVersion=${from}&labelSelector=seen&timeoutSeconds=1`,
    {
      headers: { authorization: `Bearer ${cluster.token}` },
    },
  )
  const events = (await answer.text()).trim().split('\n')
  expect(events.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual(['ADDED', 'DELETED'])
  await cluster.stop()
})
