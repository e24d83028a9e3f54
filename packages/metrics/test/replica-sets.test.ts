import { expect, test } from 'vitest'
import { objectServer } from '../../kubernetes/test/object-server.ts'
import { podsOf } from '../src/membership.ts'

const labels = { app: 'shop' }
const owner = (kind: string, name: string) => [
  { apiVersion: 'apps/v1', kind, name, uid: `uid-${name}`, controller: true },
]
const pod = (name: string, of: string, phase = 'Running') => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', labels, ownerReferences: owner('ReplicaSet', of) },
  status: { phase },
})
const set = (name: string) => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { name, namespace: 'shop', uid: `uid-${name}`, labels, ownerReferences: owner('Rollout', 'shop') },
  spec: { selector: { matchLabels: labels } },
})

test('a side may be one ReplicaSet, so that both of a Rollout are told apart; one that is not there yet has no pods', async () => {
  const server = await objectServer()
  for (const name of ['shop-a', 'shop-b']) server.put(`/apis/apps/v1/namespaces/shop/replicasets/${name}`, set(name))
  const pods = [pod('one', 'shop-a'), pod('two', 'shop-b'), pod('ended', 'shop-b', 'Succeeded')]
  for (const each of pods) server.put(`/api/v1/namespaces/shop/pods/${each.metadata.name}`, each)
  const named = async (side: string) =>
    (await podsOf(server.cluster, 'shop', side))?.map(({ metadata }) => metadata.name)
  expect(await named('replicaset/shop-a')).toEqual(['one'])
  expect(await named('replicaset/shop-b')).toEqual(['two'])
  expect(await named('replicaset/shop-')).toBeUndefined()
  server.stop()
})
