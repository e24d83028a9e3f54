import { Fault } from '@sluice/kit/faults'
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
import { image, owner, plan, settings } from './simulation.ts'

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
  const own = { deployment: name, canary: `${name}-canary`, service: name, canaryService: null }
  const its = settings({ router: 'replicas' }, own)
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
    plan: releasePlan(plan(), its),
    stable: canonical(template, 'web'),
    canary: canonical(withImage(template, 'web', image), 'web'),
    stableReplicas: 0,
    touched: [{ ref, role: 'stable', created: false, before: [] }],
    evidence: json(beginWatch(its)),
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

describe('a takeover', () => {
  test('marks the route whatever becomes of the other objects, and says what was not marked', async () => {
    const { record } = await released('walled')
    const marked: string[] = []
    const walled: Cluster = {
      ...cluster,
      jsonPatch: (resource) => Promise.reject(new Fault('upstream', `${resource.resource}: the webhook is down`)),
    }
    const router: Parameters<typeof clusterPort>[0]['router'] = (given, owned) => ({
      ...routerFor({ cluster, namespace: 'prod' }, given, owned),
      stamp: async () => {
        marked.push('route')
        return { kind: 'written' }
      },
    })
    const port = clusterPort({ cluster: walled, namespace: 'prod', deployment: 'walled', clock, router })
    expect(await port.stamp(record, 'all')).toMatchObject({
      kind: 'refused',
      cause: 'upstream',
      text: expect.stringContaining('deployments: the webhook is down'),
    })
    expect(marked).toEqual(['route'])
  })
})

describe('the clean-up', () => {
  test("removes no Deployment that has the name of the guard's CronJob", async () => {
    const { record, port } = await released('kept')
    const { status: _, ...wanted } = deployment({ replicas: 0 })
    const annotations = { 'sluice.dev/owner': '100/1', 'sluice.dev/epoch': '1' }
    const metadata = { name: 'sluice-kept-guard', namespace: 'prod', annotations }
    await cluster.create(deployments, { ...wanted, metadata })
    const made = (role: 'canary' | 'guard', apiVersion: string, kind: string, name: string) =>
      ({ ref: { apiVersion, kind, namespace: 'prod', name }, role, created: true, before: [] }) as const
    const touched = [
      ...record.touched,
      made('canary', 'apps/v1', 'Deployment', 'kept-canary'),
      made('guard', 'batch/v1', 'CronJob', 'sluice-kept-guard'),
    ]
    expect(await port.perform({ do: 'remove-created' }, { ...record, touched })).toMatchObject({ kind: 'done' })
    expect(await cluster.get(deployments, 'sluice-kept-guard')).toBeDefined()
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

describe('the twin of a PodDisruptionBudget', () => {
  const budgets = { apiVersion: 'policy/v1', resource: 'poddisruptionbudgets', namespace: 'prod' }
  const guarded = async (name: string) => {
    const of = `${name}-pdb`
    const spec = { minAvailable: 1, selector: { matchLabels: { app: 'shop' } } }
    const metadata = { name: of, namespace: 'prod', labels: { app: 'shop', 'app.kubernetes.io/managed-by': 'Helm' } }
    await cluster.create(budgets, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata, spec })
    const { record, port } = await released(name)
    const begun = record.plan.metrics as unknown as Settings
    const budget = { of, name: `${of}-canary`, maxUnavailable: '50%' }
    const setup = { ...begun.setup, budget, label: { key: 'app', stable: 'shop', canary: 'shop-canary' } }
    const made = (role: 'canary' | 'policy', apiVersion: string, kind: string, object: string) => ({
      ref: { apiVersion, kind, namespace: 'prod', name: object },
      role,
      created: true,
      before: [],
    })
    return {
      port,
      twin: () => cluster.get<KubernetesObject>(budgets, budget.name),
      record: {
        ...record,
        plan: { ...record.plan, metrics: json({ ...begun, setup }) },
        touched: [
          ...record.touched,
          made('canary', 'apps/v1', 'Deployment', `${name}-canary`),
          made('policy', 'policy/v1', 'PodDisruptionBudget', budget.name),
        ],
      },
    }
  }
  const apply = { do: 'apply', role: 'canary', replicas: 0 } as const

  test('stands before the canary, is counted as left over, and goes with it', async () => {
    const { port, record, twin } = await guarded('budgeted')
    const applied = await port.perform(apply, record)
    if (applied.kind === 'refused') throw new Error(applied.text)
    const made = await twin()
    expect(made?.spec).toMatchObject({
      maxUnavailable: '50%',
      selector: { matchLabels: { app: 'shop-canary', 'sluice.dev/track': 'canary' } },
    })
    expect(made?.metadata.labels).toEqual({ app: 'shop', 'sluice.dev/track': 'canary' })
    const now = { ...record, touched: applied.touched }
    expect(now.touched.find(({ role }) => role === 'policy')?.ref).toMatchObject({ uid: made?.metadata.uid })
    expect((await port.observe(now)).leftovers).toBe(2)
    expect(await port.perform(apply, now)).toMatchObject({ kind: 'done' })
    expect(await port.stamp({ ...now, epoch: now.epoch }, 'all')).toMatchObject({ kind: 'done' })
    expect(await port.perform({ do: 'remove-created' }, now)).toMatchObject({ kind: 'done' })
    expect(await twin()).toBeUndefined()
    expect(await cluster.get(budgets, 'budgeted-pdb')).toBeDefined()
  })

  test('that was made before a crash is found by its mark, and removed though its UID was never saved', async () => {
    const { port, record, twin } = await guarded('crashed')
    await port.perform(apply, record)
    expect(await twin()).toBeDefined()
    await port.perform({ do: 'remove-created' }, record)
    expect(await twin()).toBeUndefined()
  })

  test("of somebody else's making is left alone, and the release is refused its canary", async () => {
    const { port, record, twin } = await guarded('theirs')
    const metadata = { name: 'theirs-pdb-canary', namespace: 'prod' }
    const spec = { maxUnavailable: 1, selector: {} }
    await cluster.create(budgets, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata, spec })
    expect(await port.perform(apply, record)).toMatchObject({ kind: 'refused', cause: 'environment' })
    await port.perform({ do: 'remove-created' }, record)
    expect((await twin())?.spec).toMatchObject({ maxUnavailable: 1 })
  })

  test('is not made when its owner took the budget away meanwhile', async () => {
    const { port, record, twin } = await guarded('dropped')
    await cluster.remove(budgets, 'dropped-pdb')
    expect(await port.perform(apply, record)).toMatchObject({ kind: 'done' })
    expect(await twin()).toBeUndefined()
  })
})
