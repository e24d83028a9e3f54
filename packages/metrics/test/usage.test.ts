import { Fault } from '@sluice/kit/faults'
import type { Cluster } from '@sluice/kubernetes/cluster'
import { describe, expect, test } from 'vitest'
import { quantityOf } from '../src/quantity.ts'
import type { Scrape, Single } from '../src/reading.ts'
import { usageSource } from '../src/usage.ts'

const NOW = Date.parse('2026-01-01T12:00:00Z')
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString()

type Told = {
  readonly limits?: Readonly<Record<string, string>>
  readonly sidecar?: Readonly<Record<string, string>>
  readonly usage?: Readonly<Record<string, string>>
  readonly measured?: number
  readonly born?: number
}

/** A cluster of two Deployments with a pod each; what is not told of a pod is usual. */
const clusterOf = (pods: { readonly shop: Told; readonly 'shop-canary': Told }, refusal?: Fault): Cluster => {
  const names = ['shop', 'shop-canary'] as const
  const meta = (name: string, owner?: string, born = 3600) => ({
    metadata: {
      name,
      uid: `uid-${name}`,
      creationTimestamp: ago(born),
      ...(owner === undefined
        ? {}
        : { ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: owner, uid: `uid-${owner}` }] }),
    },
  })
  const lists: Readonly<Record<string, () => readonly unknown[]>> = {
    'apps/v1 replicasets': () => names.map((name) => meta(`${name}-set`, name)),
    'v1 pods': () =>
      names.map((name) => ({
        ...meta(`${name}-pod`, `${name}-set`, pods[name].born),
        spec: {
          containers: [
            { name: 'app', resources: { limits: pods[name].limits ?? { cpu: '500m', memory: '256Mi' } } },
            { name: 'proxy', resources: { limits: pods[name].sidecar ?? {} } },
          ],
        },
        status: { phase: 'Running' },
      })),
    'metrics.k8s.io/v1beta1 pods': () => {
      if (refusal !== undefined) throw refusal
      return names.flatMap((name) => {
        const { usage = { cpu: '125000000n', memory: '64Mi' }, measured = 10 } = pods[name]
        return measured < 0
          ? []
          : [
              {
                ...meta(`${name}-pod`),
                timestamp: ago(measured),
                window: '15.04s',
                containers: [
                  { name: 'app', usage },
                  { name: 'proxy', usage: { cpu: '90m', memory: '90Mi' } },
                ],
              },
            ]
      })
    },
  }
  return {
    get: async (_: unknown, name: string) => ({ ...meta(name), spec: { selector: {} } }),
    list: async ({ apiVersion, resource }: { apiVersion: string; resource: string }) =>
      lists[`${apiVersion} ${resource}`]?.() ?? [],
  } as unknown as Cluster
}

const source = (pods: Parameters<typeof clusterOf>[0], refusal?: Fault) =>
  usageSource(
    clusterOf(pods, refusal),
    {
      namespace: 'shop',
      baseline: 'shop',
      canary: 'shop-canary',
      metrics: [
        { kind: 'gauge', name: 'cpu', resource: 'cpu' },
        { kind: 'gauge', name: 'memory', resource: 'memory' },
      ],
    },
    { now: () => NOW },
  )
const partsOf = (scrape: Scrape): Readonly<Record<string, Single>> =>
  scrape.kind === 'sources'
    ? Object.fromEntries(scrape.parts.map((part) => [part.metrics[0], part.scrape]))
    : { all: scrape }
const look = async (canary: Told, refusal?: Fault) =>
  partsOf(await source({ shop: {}, 'shop-canary': canary }, refusal).read(0))

describe('usage against limits', () => {
  test('is percent of them, of a pod the container that is nearest, with the time it was measured', async () => {
    const { cpu, memory } = await look({ usage: { cpu: '400m', memory: '192Mi' }, sidecar: { memory: '100Mi' } })
    expect(cpu).toMatchObject({
      kind: 'buckets',
      gauges: [
        { side: 'baseline', value: 25 },
        { side: 'canary', value: 80, to: NOW - 10_000, from: NOW - 25_040 },
      ],
    })
    expect(memory).toMatchObject({ gauges: [{ value: 25 }, { value: 90 }] })
  })

  test('without any limit is named with the containers, and is no nought', async () => {
    expect(await look({ limits: { memory: '1Gi' } })).toMatchObject({
      cpu: { kind: 'empty', text: 'metric cpu: no container of pod shop-canary-pod has a cpu limit (app, proxy)' },
      memory: { kind: 'buckets' },
    })
  })

  test('that nobody measures any more is an outage, and a pod that nobody has measured yet is waited for', async () => {
    expect((await look({ measured: 600 })).cpu).toMatchObject({
      kind: 'outage',
      text: expect.stringContaining('600 s old'),
    })
    expect((await look({ measured: -1, born: 20 })).cpu).toEqual({ kind: 'buckets', buckets: [] })
    expect((await look({ measured: -1 })).cpu).toMatchObject({
      kind: 'empty',
      text: expect.stringContaining('has nothing of the canary'),
    })
  })

  test('without a metrics API, or a right to it, is an outage by its name', async () => {
    const absent = new Fault('upstream', 'list pods: not found', undefined, { cause: { status: 404 } })
    expect((await look({}, absent)).all).toMatchObject({
      kind: 'outage',
      text: expect.stringContaining('no metrics API (metrics.k8s.io)'),
    })
    const forbidden = new Fault('upstream', 'list pods in namespace shop is forbidden', undefined, {
      cause: { status: 403 },
    })
    expect((await look({}, forbidden)).all).toMatchObject({
      kind: 'outage',
      text: expect.stringContaining('forbidden'),
    })
    const findings = await source({ shop: {}, 'shop-canary': {} }, absent).preflight()
    expect(findings).toMatchObject([{ id: 'metrics-outage', level: 'error' }])
  })

  test('the preflight names containers that are not watched, and refuses where none is', async () => {
    expect(await source({ shop: {}, 'shop-canary': {} }).preflight()).toMatchObject([
      { id: 'no-limit', level: 'note', text: 'metric cpu: container proxy has no cpu limit and is not watched' },
      { id: 'no-limit', level: 'note' },
    ])
    expect(await source({ shop: { limits: {} }, 'shop-canary': {} }).preflight()).toMatchObject([
      { id: 'metrics-empty', level: 'error' },
      { id: 'metrics-empty', level: 'error' },
    ])
  })
})

test.each([
  ['250m', 0.25],
  ['1', 1],
  ['125000000n', 0.125],
  ['128Mi', 134_217_728],
  ['1.5Gi', 1_610_612_736],
  ['2e3', 2000],
  ['1E', 1e18],
  ['12k', 12_000],
  ['', undefined],
  ['1 Mi', undefined],
  ['much', undefined],
])('the quantity %s is %s', (text, value) => {
  expect(quantityOf(text)).toBe(value)
})
