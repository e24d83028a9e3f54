import { connect } from '@sluice/kubernetes/connect'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { podsSource } from '../src/pods.ts'
import { probeSource } from '../src/probe.ts'
import type { PodReading, Scrape } from '../src/reading.ts'
import { clock, deploy, type Rig, startRig, until } from './rig.ts'

let rig: Rig
beforeAll(async () => {
  rig = await startRig()
  await Promise.all([
    deploy(rig, 'stable', { replicas: 3 }),
    deploy(rig, 'canary', { env: { FAIL: 'yes' } }),
    deploy(rig, 'html', { env: { MODE: 'html' } }),
    deploy(rig, 'hang', { env: { MODE: 'hang' } }),
    deploy(rig, 'stall', { env: { MODE: 'stall' } }),
    deploy(rig, 'several', { env: { MODE: 'several' } }),
    deploy(rig, 'bare', { env: { MODE: 'bare' } }),
  ])
})
afterAll(() => rig.stop())

const metrics = [{ kind: 'ratio', name: 'errors' }] as const
const source = (more: object = {}) =>
  podsSource(
    rig.cluster,
    { namespace: 'shop', baseline: 'stable', canary: 'canary', metrics, timeoutMs: 1000, ...more },
    clock,
  )
const ids = async (more: object) =>
  (await source(more).preflight()).filter(({ level }) => level === 'error').map(({ id }) => id)
const readingsOf = (scrape: Scrape): readonly PodReading[] => {
  if (scrape.kind !== 'pods') throw new Error(JSON.stringify(scrape))
  return scrape.readings
}

const pods = async (app: string) =>
  rig.cluster.list({ apiVersion: 'v1', resource: 'pods', namespace: 'shop' }, { labels: { app } })
const ask = async (app: string, path = '/work') => {
  for (const { metadata } of await pods(app))
    await rig.cluster.proxy(
      { kind: 'pods', namespace: 'shop', name: metadata.name, port: 8080 },
      { path, timeoutMs: 1000, maxBytes: 1000 },
    )
}

describe('reading the pods of both sides', () => {
  test('gives each pod’s own cumulative counters, without probes and scrapes', async () => {
    const both = source()
    for (let round = 0; round < 4; round++) await Promise.all([ask('stable'), ask('canary')])
    const readings = readingsOf(await both.read(0))
    expect(readings.filter(({ side }) => side === 'baseline')).toHaveLength(3)
    for (const { side, counters, processStart, containerId, restarts } of readings) {
      expect(counters.errors).toEqual({ total: 4, bad: side === 'canary' ? 4 : 0 })
      expect(processStart).toBeGreaterThan(Date.now() - 60_000)
      expect(containerId).not.toBe('')
      expect(restarts).toBe(0)
    }
    await ask('canary')
    const later = readingsOf(await both.read(0)).find(({ side }) => side === 'canary')
    expect(later?.counters.errors).toEqual({ total: 5, bad: 5 })
  })

  test('belongs to a side by owner, not by label', async () => {
    const [canary] = await pods('canary')
    const stray = { apiVersion: 'v1', resource: 'pods', namespace: 'shop' }
    await rig.cluster.create(stray, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'stray', namespace: 'shop', labels: { app: 'canary' } },
      spec: canary?.spec,
    })
    await until(async () => (await pods('canary')).length === 2)
    const names = readingsOf(await source().read(0)).map(({ pod }) => pod.name)
    expect(names).not.toContain('stray')
    await rig.cluster.remove(stray, 'stray')
  })

  test('without any running pod is empty, and a side that is not there yet is left out', async () => {
    expect(await source({ baseline: 'nobody', canary: 'nobody' }).read(0)).toMatchObject({ kind: 'empty' })
    expect(readingsOf(await source({ canary: 'nobody' }).read(0))).toHaveLength(3)
  })

  test('names the pods that could not be read', async () => {
    const [hanging] = await pods('hang')
    expect(await source({ canary: 'hang', timeoutMs: 200 }).read(0)).toMatchObject({
      kind: 'pods',
      missing: [hanging?.metadata.name],
    })
  })

  test('is an outage when no pod can be read, and when the API server fails', async () => {
    const bad = { baseline: 'hang', canary: 'hang', timeoutMs: 200 }
    expect(await source(bad).read(0)).toMatchObject({ kind: 'outage' })
    const token = rig.sandbox.issueToken([])
    const stranger = await connect({ kubeconfig: rig.sandbox.kubeconfig({ token }), env: {} })
    const refused = podsSource(stranger, { namespace: 'shop', baseline: 'stable', canary: 'canary', metrics }, clock)
    expect(await refused.read(0)).toMatchObject({ kind: 'outage', text: expect.stringContaining('verbs: ["get"]') })
  })
})

describe('the preflight names the cause', () => {
  test('and finds nothing wrong where nothing is', async () => {
    await ask('stable')
    expect(await ids({})).toEqual([])
  })

  test.each([
    ['a page instead of metrics', { baseline: 'html' }, 'metrics-html'],
    ['no answer in time: a firewall or NetworkPolicy', { baseline: 'hang', timeoutMs: 200 }, 'metrics-timeout'],
    ['no counter that is known', { baseline: 'bare' }, 'metric-missing'],
    ['a path that is not there', { path: '/nowhere' }, 'metrics-status'],
    ['a port name that no pod has', { port: 'telemetry' }, 'metrics-port'],
    ['several processes behind one endpoint', { baseline: 'several' }, 'several-processes'],
  ])('%s', async (_, more, id) => {
    expect(await ids(more)).toContain(id)
  })

  test('and forgives one slow answer among quick ones', async () => {
    await ask('stall')
    expect(await ids({ baseline: 'stall', timeoutMs: 300 })).toEqual([])
  })

  test('with the rule that would allow reading pods', async () => {
    const get = (apiGroups: string[], resources: string[]) => ({ apiGroups, resources, verbs: ['get', 'list'] })
    const token = rig.sandbox.issueToken([get(['apps'], ['deployments', 'replicasets']), get([''], ['pods'])])
    const reader = await connect({ kubeconfig: rig.sandbox.kubeconfig({ token }), env: {} })
    const findings = await podsSource(
      reader,
      { namespace: 'shop', baseline: 'stable', canary: 'canary', metrics },
      clock,
    ).preflight()
    expect(findings[0]).toMatchObject({ id: 'metrics-forbidden', level: 'error' })
    expect(findings[0]?.text).toContain('resources: ["pods/proxy"]')
  })

  test('lists what was found instead', async () => {
    const findings = await source({ baseline: 'bare' }).preflight()
    expect(findings.find(({ id }) => id === 'metric-missing')?.hint).toContain('widgets_total')
  })
})

describe('the probe', () => {
  const probe = (more: object = {}) =>
    probeSource(
      rig.cluster,
      { namespace: 'shop', baseline: 'stable', canary: 'canary', metrics, path: '/work', requests: 6, ...more },
      clock,
    )

  test('counts how our own requests end, as many on each side', async () => {
    const both = probe()
    await both.read(0)
    const readings = readingsOf(await both.read(0))
    const sum = (side: string) =>
      readings
        .filter((reading) => reading.side === side)
        .reduce(
          (total, { counters }) => ({
            total: total.total + (counters.errors?.total ?? 0),
            bad: total.bad + (counters.errors?.bad ?? 0),
          }),
          { total: 0, bad: 0 },
        )
    expect(sum('baseline')).toEqual({ total: 12, bad: 0 })
    expect(sum('canary')).toEqual({ total: 12, bad: 12 })
  })

  test('counts a pod that does not answer as failed', async () => {
    const readings = readingsOf(await probe({ canary: 'hang', path: '/metrics', timeoutMs: 100, requests: 2 }).read(0))
    expect(readings.find(({ side }) => side === 'canary')?.counters.errors).toEqual({ total: 2, bad: 2 })
  })

  test('counts a request that is refused as failed: stable was seen to take it', async () => {
    const readings = readingsOf(await probe({ path: '/nowhere', requests: 1 }).read(0))
    expect(readings.find(({ side }) => side === 'canary')?.counters.errors).toEqual({ total: 1, bad: 1 })
  })

  test('cannot read a gauge', () => {
    expect(() => probe({ metrics: [{ kind: 'gauge', name: 'memory' }] })).toThrow(
      'metric memory: a gauge cannot be read',
    )
  })
})
