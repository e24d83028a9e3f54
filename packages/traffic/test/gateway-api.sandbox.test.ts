import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { deploy, type Rig, startRig, until } from '../../metrics/test/rig.ts'
import { gatewayApi } from '../src/gateway-api.ts'
import { replicas } from '../src/replicas.ts'
import { readBack } from './read-back.ts'

let rig: Rig
beforeAll(async () => {
  rig = await startRig()
  const { cluster } = rig
  await Promise.all([deploy(rig, 'shop', { replicas: 2 }), deploy(rig, 'shop-canary')])
  for (const name of ['shop', 'shop-canary'])
    await cluster.create({ apiVersion: 'v1', resource: 'services', namespace: 'shop' }, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'shop' },
      spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    } as KubernetesObject)
  const gateway = { apiVersion: 'gateway.networking.k8s.io/v1', namespace: 'shop' }
  await cluster.create({ ...gateway, resource: 'gateways' }, {
    apiVersion: gateway.apiVersion,
    kind: 'Gateway',
    metadata: { name: 'edge', namespace: 'shop' },
    spec: { gatewayClassName: 'sandbox', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
  } as KubernetesObject)
  await cluster.create(routes, {
    apiVersion: gateway.apiVersion,
    kind: 'HTTPRoute',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { parentRefs: [{ name: 'edge' }], rules: [{ backendRefs: [{ name: 'shop', port: 80 }] }] },
  } as KubernetesObject)
})
afterAll(() => rig.stop())

const routes = { apiVersion: 'gateway.networking.k8s.io/v1', resource: 'httproutes', namespace: 'shop' }
const given = { namespace: 'shop', service: 'shop' }

/** Who answered 200 requests through the gateway. */
const asked = async () => {
  const url = rig.sandbox.gatewayUrl('shop', 'edge')
  const by: Record<string, number> = { shop: 0, 'shop-canary': 0 }
  for (let count = 0; count < 200; count++) {
    const answer = await fetch(`${url}/work`)
    const name = answer.headers.get('x-served-by') ?? `status ${answer.status}`
    by[name] = (by[name] ?? 0) + 1
  }
  return by
}

test('a weight that is read back as accepted is the share that clients see, and is given back without a trace', async () => {
  const router = gatewayApi(rig.cluster, given)
  await until(async () => (await router.preflight()).every(({ level }) => level !== 'error'))
  const before = await rig.cluster.get(routes, 'web')
  const changes = await router.changes()

  expect(await router.set({ weight: 30 }, changes, 1)).toEqual({ kind: 'written' })
  await until(async () => (await router.verify(changes)).accepted)
  expect(await readBack(router, changes)).toEqual({ written: 30, accepted: true, marked: true })
  await until(async () => ((await asked())['shop-canary'] ?? 0) > 0)
  const split = await asked()
  // 60 of 200 are expected; outside 25 … 95 a fair split of 30 % comes once in a hundred million times.
  expect(split['shop-canary']).toBeGreaterThan(25)
  expect(split['shop-canary']).toBeLessThan(95)
  expect((split.shop ?? 0) + (split['shop-canary'] ?? 0)).toBe(200)

  await router.set({ weight: 0 }, changes, 1)
  await until(async () => (await router.verify(changes)).accepted)
  await router.cleanup(changes, 1)
  await until(async () => (await asked())['shop-canary'] === 0)
  const after = await rig.cluster.get(routes, 'web')
  expect(after?.spec).toEqual(before?.spec)
  expect(after?.metadata.annotations).toEqual(before?.metadata.annotations)
})

test('a canary’s Service that does not exist is not accepted, and says why', async () => {
  const router = gatewayApi(rig.cluster, { ...given, canaryService: 'shop-nowhere' })
  const changes = await router.changes()
  await router.set({ weight: 5 }, changes, 2)
  await until(async () => /ResolvedRefs is False/.test((await router.verify(changes)).text ?? ''))
  await router.cleanup(changes, 2)
})

test('a split by pods is ready when its pods are', async () => {
  const router = replicas(rig.cluster, { ...given, deployment: 'shop' })
  await router.set({ weight: 60 }, [], 3)
  await until(async () => (await router.verify([])).accepted)
  expect(await readBack(router, [])).toMatchObject({ written: 60, text: '3 of 5 pods: 60 % for 60 %' })
})
