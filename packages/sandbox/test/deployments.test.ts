import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DEPLOYMENTS, MERGE, NS, PODS, type Reading, startCluster, type TestCluster, until } from './cluster.ts'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster.stop())

const change = (name: string, patch: unknown) => cluster.call('PATCH', `${DEPLOYMENTS}/${name}`, patch, MERGE)
const newTemplate = (mark: string): unknown => ({ spec: { template: { metadata: { annotations: { mark } } } } })
const condition = (body: Reading, type: string): Reading | undefined =>
  body.status?.conditions?.find((one) => String(one.type) === type)
const setsOf = async (app: string): Promise<readonly Reading[]> =>
  (await cluster.call('GET', `/apis/apps/v1/namespaces/${NS}/replicasets?labelSelector=app%3D${app}`)).body.items ?? []

describe('a rolling update', () => {
  test('never goes above its surge nor below what must be available', async () => {
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
    await cluster.deploy('bounds', 3, { spec: { strategy } })
    await cluster.available('bounds', 3)
    const seen: { total: number; ready: number }[] = []
    const look = async (): Promise<void> => {
      const pods = (await cluster.pods('bounds')).filter((pod) => pod.metadata?.deletionTimestamp === undefined)
      const ready = pods.filter(
        (pod) => String(pod.status?.conditions?.find((one) => String(one.type) === 'Ready')?.status) === 'True',
      )
      seen.push({ total: pods.length, ready: ready.length })
    }
    await change('bounds', newTemplate('2'))
    const done = cluster.available('bounds', 3).then(() => true)
    while (!(await Promise.race([done, look().then(() => false)])));
    expect(Math.max(...seen.map((one) => one.total))).toBe(4)
    expect(Math.min(...seen.map((one) => one.ready))).toBe(3)
  })

  test('whose pods never get ready keeps the old ones and ends in ProgressDeadlineExceeded', async () => {
    await cluster.deploy('late', 2, { spec: { progressDeadlineSeconds: 2 } })
    await cluster.available('late', 2)
    await change('late', {
      spec: {
        template: { spec: { containers: [{ name: 'web', image: `registry.example/web@sha256:${'9'.repeat(64)}` }] } },
      },
    })
    const failed = await until(
      () => cluster.call('GET', `${DEPLOYMENTS}/late`),
      ({ body }) => String(condition(body, 'Progressing')?.reason) === 'ProgressDeadlineExceeded',
    )
    expect(condition(failed.body, 'Progressing')).toMatchObject({ status: 'False' })
    expect(failed.body.status).toMatchObject({ availableReplicas: 2, updatedReplicas: 1 })
    expect(condition(failed.body, 'Available')).toMatchObject({ status: 'True' })
  })

  test('that is interrupted by the old template gives the old ReplicaSet the newest revision', async () => {
    await cluster.deploy('back', 1)
    await cluster.available('back', 1)
    await change('back', newTemplate('2'))
    await cluster.available('back', 1)
    await change('back', { spec: { template: { metadata: { annotations: null } } } })
    const third = await cluster.available('back', 1)
    expect(third.body.metadata?.annotations?.['deployment.kubernetes.io/revision']).toBe('3')
    expect((await setsOf('back')).length).toBe(2)
  })

  test('keeps only as many old ReplicaSets as its history limit', async () => {
    await cluster.deploy('history', 1, { spec: { revisionHistoryLimit: 1 } })
    for (const mark of ['2', '3', '4']) {
      await cluster.available('history', 1)
      await change('history', newTemplate(mark))
    }
    await cluster.available('history', 1)
    await until(
      () => setsOf('history'),
      (sets) => sets.length === 2,
    )
  })
})

test('minReadySeconds delays availability, not readiness', async () => {
  await cluster.deploy('slow', 1, { spec: { minReadySeconds: 2 } })
  const ready = await until(
    () => cluster.call('GET', `${DEPLOYMENTS}/slow`),
    ({ body }) => Number(body.status?.readyReplicas) === 1,
  )
  expect(ready.body.status?.availableReplicas).toBeUndefined()
  await cluster.available('slow', 1)
})

test('a paused Deployment scales but does not roll', async () => {
  await cluster.deploy('paused', 1)
  await cluster.available('paused', 1)
  await change('paused', {
    spec: { paused: true, replicas: 2, template: { metadata: { annotations: { mark: '2' } } } },
  })
  await until(
    () => cluster.pods('paused'),
    (pods) => pods.length === 2,
  )
  expect((await setsOf('paused')).length).toBe(1)
  await change('paused', { spec: { paused: false } })
  await cluster.available('paused', 2)
  expect((await setsOf('paused')).length).toBe(2)
})

test('Recreate ends all old pods before it starts a new one', async () => {
  await cluster.deploy('again', 2, { spec: { strategy: { type: 'Recreate' } } })
  await cluster.available('again', 2)
  const before = (await cluster.pods('again')).map((pod) => String(pod.metadata?.uid))
  await change('again', newTemplate('2'))
  let mixed = false
  await until(
    () => cluster.pods('again'),
    (pods) => {
      const old = pods.filter((pod) => before.includes(String(pod.metadata?.uid))).length
      if (old > 0 && old < pods.length) mixed = true
      return old === 0 && pods.length === 2
    },
  )
  expect(mixed).toBe(false)
})

test('a pod can be deleted at once', async () => {
  await cluster.deploy('swift', 1)
  await cluster.available('swift', 1)
  const [pod] = await cluster.pods('swift')
  await cluster.call('DELETE', `${PODS}/${pod?.metadata?.name}`, { gracePeriodSeconds: 0 })
  expect((await cluster.call('GET', `${PODS}/${pod?.metadata?.name}`)).code).toBe(404)
})

test('a quota that refuses pods leaves the status at rest, and the pods come once there is room', async () => {
  const quotas = `/api/v1/namespaces/${NS}/resourcequotas`
  const taken = (await cluster.call('GET', PODS)).body.items?.length ?? 0
  await cluster.call('POST', quotas, { metadata: { name: 'full' }, spec: { hard: { pods: String(taken) } } })
  await cluster.deploy('crowded', 2)
  const refused = await until(
    () => cluster.call('GET', `${DEPLOYMENTS}/crowded`),
    ({ body }) => condition(body, 'ReplicaFailure') !== undefined,
  )
  await new Promise((resolve) => setTimeout(resolve, 500))
  const later = (await cluster.call('GET', `${DEPLOYMENTS}/crowded`)).body
  expect(condition(later, 'ReplicaFailure')).toEqual(condition(refused.body, 'ReplicaFailure'))
  const versions = async () => (await setsOf('crowded')).map(({ metadata }) => metadata?.resourceVersion)
  const before = await versions()
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(await versions()).toEqual(before)
  const events = (await cluster.call('GET', `/api/v1/namespaces/${NS}/events`)).body.items ?? []
  expect(events.filter(({ reason }) => String(reason) === 'FailedCreate').length).toBeLessThan(15)
  await cluster.call('DELETE', `${quotas}/full`)
  const { body } = await cluster.available('crowded', 2)
  expect(condition(body, 'ReplicaFailure')).toBeUndefined()
})
