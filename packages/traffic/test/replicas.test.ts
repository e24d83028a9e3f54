import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { objectServer } from '../../kubernetes/test/object-server.ts'
import { replicas } from '../src/replicas.ts'
import { readBack } from './read-back.ts'

const path = (name: string): string => `/apis/apps/v1/namespaces/shop/deployments/${name}`
const deployment = (name: string, count: number, labels: object = { app: 'shop', tier: 'web' }) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'shop' },
  spec: { replicas: count, selector: { matchLabels: labels } },
})
const given = { namespace: 'shop', deployment: 'shop', service: 'shop' }

let server: Awaited<ReturnType<typeof objectServer>>
beforeEach(async () => {
  server = await objectServer()
  server.put(path('shop'), deployment('shop', 9))
  server.put('/api/v1/namespaces/shop/services/shop', {
    kind: 'Service',
    metadata: { name: 'shop' },
    spec: { selector: { app: 'shop' } },
  })
})
afterEach(() => server.stop())

const runs = (count: number): void => {
  const live = server.at(path('shop-canary'))
  const status = { observedGeneration: live?.metadata.generation, replicas: count, readyReplicas: count }
  server.put(path('shop-canary'), { ...live, status })
}

describe('splitting by pods', () => {
  test('sizes the canary for the weight, keeps what was asked, and accepts it once the pods are ready', async () => {
    server.put(path('shop-canary'), deployment('shop-canary', 0))
    const router = replicas(server.cluster, given)
    expect(await router.changes()).toEqual([])
    expect(await router.set({ weight: 25 }, [], 4)).toEqual({ kind: 'written' })
    expect(server.at(path('shop-canary'))?.spec).toMatchObject({ replicas: 3 })
    expect(await readBack(router, [])).toMatchObject({ written: 25, accepted: false })
    runs(3)
    expect(await readBack(router, [])).toEqual({
      written: 25,
      accepted: true,
      marked: false,
      text: '3 of 12 pods: 25 % for 25 %',
    })
    await router.set({ weight: 0 }, [], 4)
    runs(0)
    expect(await readBack(router, [])).toMatchObject({ written: 0, accepted: true })
  })

  test('is fenced by a later epoch', async () => {
    server.put(path('shop-canary'), deployment('shop-canary', 0))
    const router = replicas(server.cluster, given)
    await router.set({ weight: 5 }, [], 5)
    expect(await router.set({ weight: 50 }, [], 4)).toMatchObject({ kind: 'refused', cause: 'fenced' })
    expect(server.at(path('shop-canary'))?.spec).toMatchObject({ replicas: 1 })
  })

  test('without a canary is weight 0, and any other is refused', async () => {
    const router = replicas(server.cluster, given)
    expect(await readBack(router, [])).toEqual({ written: 0, accepted: true, marked: false })
    expect(await router.set({ weight: 0 }, [], 4)).toEqual({ kind: 'written' })
    expect(await router.set({ weight: 5 }, [], 4)).toMatchObject({ kind: 'refused', cause: 'environment' })
  })

  test('counts pods that someone else scaled up as traffic', async () => {
    server.put(path('shop-canary'), deployment('shop-canary', 3))
    expect((await readBack(replicas(server.cluster, given), [])).written).toBeCloseTo(25)
  })
})

describe('the preflight', () => {
  test('says what each weight will come to', async () => {
    server.put(path('shop'), deployment('shop', 2))
    const findings = await replicas(server.cluster, { ...given, weights: [5, 50] }).preflight()
    expect(findings).toMatchObject([
      { level: 'warning', measured: 33.3, limit: 5 },
      { level: 'note', measured: 50, limit: 50 },
    ])
  })

  test('names a Deployment or Service that does not exist', async () => {
    expect(await replicas(server.cluster, { ...given, deployment: 'shpo' }).preflight()).toMatchObject([
      { id: 'deployment-missing' },
    ])
    expect(await replicas(server.cluster, { ...given, service: 'shpo' }).preflight()).toMatchObject([
      { id: 'service-missing' },
    ])
  })
})
