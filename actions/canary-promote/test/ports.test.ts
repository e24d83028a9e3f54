import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import { connect } from '@sluice/kubernetes/connect'
import type { ReleaseRecord } from '@sluice/release/record'
import { startRelease } from '@sluice/release/start'
import { type Sandbox, startSandbox } from '@sluice/sandbox/sandbox'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { beginWatch } from '../src/judgement.ts'
import type { Deployment } from '../src/objects.ts'
import { releasePlan, type Settings } from '../src/plan.ts'
import { clusterPort } from '../src/ports/cluster.ts'
import { leasePort } from '../src/ports/lease.ts'
import { recordPort } from '../src/ports/record.ts'
import { routerFor } from '../src/ports/router.ts'
import type { Clock } from '../src/ports.ts'
import { fingerprint, saveOwn } from '../src/saving.ts'
import { canonical, withImage } from '../src/template.ts'
import { json } from '../src/touched.ts'
import { DIGEST, deployment } from './objects.ts'
import { image, owner, plan } from './simulation.ts'

/** The ports against an API server; no pod is needed for what they promise. */
let sandbox: Sandbox
let cluster: Cluster
beforeAll(async () => {
  sandbox = await startSandbox({ images: {}, namespaces: ['prod'] })
  cluster = await connect({ kubeconfig: sandbox.kubeconfig({ namespace: 'prod' }), env: {} })
})
afterAll(() => sandbox?.stop())

const never = new AbortController().signal
const clock: Clock = { now: Date.now, monotonic: () => performance.now(), sleep: async () => undefined }
const deployments = { apiVersion: 'apps/v1', resource: 'deployments', namespace: 'prod' }
const leases = { apiVersion: 'coordination.k8s.io/v1', resource: 'leases', namespace: 'prod' }
const maps = { apiVersion: 'v1', resource: 'configmaps', namespace: 'prod' }

/** A Deployment of this name without pods, and the record of a release of it, saved. */
const released = async (name: string) => {
  const { status: _, ...wanted } = deployment({ replicas: 0 })
  const made = await cluster.create<Deployment>(deployments, { ...wanted, metadata: { name, namespace: 'prod' } })
  if (made.kind !== 'written') throw new Error(made.kind)
  const { template } = made.object.spec
  const setup = { deployment: name, container: 'web', canary: `${name}-canary`, label: null, service: name }
  const settings: Settings = {
    setup: { ...setup, canaryService: null },
    router: 'replicas',
    route: null,
    rule: null,
    tester: null,
    metrics: plan().metrics,
    alpha: 0.01,
    warmUp: 0,
    settle: 0,
    provider: 'pods',
    scrape: {},
    probe: null,
  }
  const ref = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    namespace: 'prod',
    name,
    uid: made.object.metadata.uid ?? '',
  }
  const begun = startRelease({
    writer: '0.1.0',
    owner: owner('100'),
    plan: releasePlan(plan(), settings),
    stable: canonical(template, 'web'),
    canary: canonical(withImage(template, 'web', image), 'web'),
    stableReplicas: 0,
    touched: [{ ref, role: 'stable', created: false, before: [] }],
    evidence: json(beginWatch(settings)),
    at: Date.now(),
  })
  if (begun.kind === 'refused') throw new Error(begun.why.text)
  const records = recordPort(cluster, 'prod', name)
  const saved = await records.save(begun.record)
  if (saved === 'conflict') throw new Error(saved)
  const router = (given: Settings, owned: (epoch: number) => Promise<boolean>) =>
    routerFor({ cluster, namespace: 'prod' }, given, owned)
  const port = clusterPort({ cluster, namespace: 'prod', deployment: name, clock, router })
  return { record: begun.record, version: saved.version, records, port }
}
const liveImage = async (name: string) =>
  (await cluster.get<Deployment>(deployments, name))?.spec.template.spec.containers[0]?.image

describe('stable', () => {
  test('that somebody else changed a moment ago keeps their template', async () => {
    const { record, port } = await released('raced')
    const theirs = `registry.test/shop@${DIGEST('f')}`
    await cluster.jsonPatch(deployments, 'raced', [
      { op: 'replace', path: '/spec/template/spec/containers/0/image', value: theirs },
    ])
    for (const command of ['write-stable', 'restore-stable'] as const) {
      expect(await port.perform({ do: command }, record)).toMatchObject({ kind: 'refused', cause: 'upstream' })
    }
    expect(await liveImage('raced')).toBe(theirs)
  })

  test('that is as the release knows it is written, and given back', async () => {
    const { record, port } = await released('calm')
    expect(await port.perform({ do: 'write-stable' }, record)).toMatchObject({ kind: 'done' })
    expect(await liveImage('calm')).toBe(`registry.test/shop@${DIGEST('b')}`)
    expect(await port.perform({ do: 'restore-stable' }, record)).toMatchObject({ kind: 'done' })
    expect(await liveImage('calm')).toBe(`registry.test/shop@${DIGEST('a')}`)
  })

  test('that was deleted does not keep a release from being taken over', async () => {
    const { record, port } = await released('gone')
    await cluster.remove(deployments, 'gone')
    expect(await port.stamp(record, 'all')).toMatchObject({ kind: 'done' })
  })
})

describe('a record', () => {
  const later = (record: ReleaseRecord): ReleaseRecord => ({ ...record, stableReplicas: 7 })

  test('whose save landed though its answer was reset is saved', async () => {
    const { record, version, records } = await released('reset')
    sandbox.faults.api({ kind: 'reset', after: true }, { verbs: ['update'], resources: ['configmaps'], times: 1 })
    expect(await saveOwn(records, later(record), version, [fingerprint(record)])).toHaveProperty('version')
    expect((await records.load())?.record.stableReplicas).toBe(7)
  })

  test('that was annotated or deleted by hand is written over what is there', async () => {
    const { record, version, records } = await released('handled')
    await cluster.mergePatch(maps, 'sluice-handled', { metadata: { annotations: { looked: 'yes' } } })
    const saved = await saveOwn(records, later(record), version, [fingerprint(record)])
    if (saved === 'conflict') throw new Error(saved)
    await cluster.remove(maps, 'sluice-handled')
    expect(await saveOwn(records, later(record), saved.version, [])).toHaveProperty('version')
    expect((await records.load())?.record.stableReplicas).toBe(7)
  })

  test('that another job of the same run saved is left alone', async () => {
    const { record, version, records } = await released('twin')
    await records.save({ ...record, startedAt: record.startedAt + 1 }, version)
    expect(await saveOwn(records, later(record), version, [fingerprint(record)])).toBe('conflict')
    expect(await saveOwn(records, later(record), undefined, [])).toBe('conflict')
    expect((await records.load())?.record.stableReplicas).toBe(0)
  })

  test('that another run took over is left alone', async () => {
    const { record, version, records } = await released('taken')
    await records.save({ ...record, epoch: 2, owner: owner('101') }, version)
    expect(await saveOwn(records, later(record), version, [fingerprint(record)])).toBe('conflict')
    expect((await records.load())?.record.stableReplicas).toBe(0)
  })
})

describe('a Lease', () => {
  const held = async (name: string) => {
    const port = leasePort(cluster, {
      namespace: 'prod',
      deployment: name,
      clock,
      cancelled: never,
      say: () => undefined,
    })
    expect(await port.take(owner('100'), { epoch: 1, duration: 60_000, force: false })).toBe('taken')
    return port
  }
  const holder = async (name: string) =>
    (await cluster.get<KubernetesObject & { spec?: { holderIdentity?: string } }>(leases, `sluice-${name}`))?.spec
      ?.holderIdentity

  test('whose renewal landed though its answer was reset is still held', async () => {
    const port = await held('renewed')
    sandbox.faults.api({ kind: 'reset', after: true }, { verbs: ['update'], resources: ['leases'], times: 1 })
    expect(await port.renew()).toBe('held')
  })

  test('that was deleted by hand is taken again', async () => {
    const port = await held('deleted')
    await cluster.remove(leases, 'sluice-deleted')
    expect(await port.renew()).toBe('held')
    expect(await holder('deleted')).toBe('100/1#1')
  })

  test('that another job of the same run renews is not taken without force', async () => {
    const port = await held('twin')
    const second = leasePort(cluster, {
      namespace: 'prod',
      deployment: 'twin',
      clock: { ...clock, sleep: async () => void (await port.renew()) },
      cancelled: never,
      say: () => undefined,
    })
    const given = { epoch: 2, duration: 60_000 }
    expect(await second.take(owner('100'), { ...given, force: false })).toBe('busy')
    expect(await second.take(owner('100'), { ...given, force: true })).toBe('taken')
    expect(await port.renew()).toBe('lost')
  })

  test('that another run took is lost', async () => {
    const port = await held('lost')
    await cluster.mergePatch(leases, 'sluice-lost', { spec: { holderIdentity: '101/1#2' } })
    expect(await port.renew()).toBe('lost')
    await port.release()
    expect(await holder('lost')).toBe('101/1#2')
  })
})
