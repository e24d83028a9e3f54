import type { ReleaseRecord } from '@sluice/release/record'
import { expect, test } from 'vitest'
import { objectServer } from '../../../packages/kubernetes/test/object-server.ts'
import { replicaSet, rollout, updating } from '../../../packages/traffic/test/argo-rollouts-objects.ts'
import { type Settings, settingsOf } from '../src/plan.ts'
import { sidesOfRollouts } from '../src/ports/rollout-sides.ts'
import type { Setup } from '../src/setup.ts'

const SETUP: Setup = {
  ...{ deployment: 'shop', container: 'web', canary: 'shop', label: null, service: null, canaryService: null },
  rollout: { stable: 'aaa' },
}
const settings = (setup: Partial<Setup> = {}): Settings => ({ setup: { ...SETUP, ...setup } }) as Settings
const record = (its: Settings): ReleaseRecord => ({ plan: { metrics: its } }) as unknown as ReleaseRecord

test('what is measured are stable’s ReplicaSet and the one of the update, once its controller has made it', async () => {
  const server = await objectServer()
  const asked: string[] = []
  const note = ({ setup }: Settings): void => void asked.push(`${setup.deployment} ${setup.canary}`)
  const port = sidesOfRollouts(
    {
      preflight: async (its) => {
        note(its)
        return []
      },
      read: async (its) => {
        note(settingsOf(its))
        return { kind: 'pods', readings: [], missing: [] }
      },
      queries: (its) => ({ errors: settingsOf(its).setup.canary }),
    },
    { cluster: server.cluster, namespace: 'shop' },
  )
  const put = (live: object): void => server.put('/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/shop', live)
  for (const set of [replicaSet('aaa', 'old', 4), replicaSet('bbb', 'new', 1)])
    server.put(`/apis/apps/v1/namespaces/shop/replicasets/${set.metadata.name}`, set)

  await port.preflight(settings(), 1000)
  put(rollout())
  await port.read(record(settings()))
  put(updating().rollout)
  await port.read(record(settings()))
  expect(asked).toEqual([
    'replicaset/shop-aaa replicaset/shop-',
    'replicaset/shop-aaa replicaset/shop-',
    'replicaset/shop-aaa replicaset/shop-bbb',
  ])
  expect(port.queries(record(settings()))).toEqual({ errors: 'replicaset/shop-bbb' })
  server.stop()
})

test('a release of a Deployment is read as it was', async () => {
  const server = await objectServer()
  const asked: unknown[] = []
  const port = sidesOfRollouts(
    {
      preflight: async () => [],
      read: async (its) => {
        asked.push(its)
        return { kind: 'pods', readings: [], missing: [] }
      },
      queries: () => ({}),
    },
    { cluster: server.cluster, namespace: 'shop' },
  )
  const { rollout: _, ...setup } = SETUP
  const its = record({ setup } as Settings)
  await port.read(its)
  expect(asked).toEqual([its])
  server.stop()
})
