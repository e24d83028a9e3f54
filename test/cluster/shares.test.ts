import { setTimeout as pause } from 'node:timers/promises'
import { gatewayApi } from '@sluice/traffic/gateway-api'
import { replicas } from '@sluice/traffic/replicas'
import type { Router } from '@sluice/traffic/router'
import { traefik } from '@sluice/traffic/traefik'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { askMany } from './clients.ts'
import { type Real, realCluster, type Site, siteOn, until } from './site.ts'

/** What a data plane makes of a weight: the share of real requests, over each router that has one here. Rollouts have a file of their own. */
const REQUESTS = 20_000
/** Quantile of the normal distribution for 99.999 %, two-sided. */
const Z = 4.417

let real: Real
const sites: Site[] = []
beforeAll(async () => {
  real = await realCluster()
}, 120_000)
afterAll(async () => {
  for (const site of sites) await site.remove()
})

/** A site with canary pods of their own beside stable's, and a Service for them; `tier` tells the two apart, or does not. */
const withCanary = async (tier: string, pods: number): Promise<Site> => {
  const site = await siteOn(real, { replicas: 3 })
  sites.push(site)
  const live = (await site.get('apps/v1', 'deployments', 'shop')) as unknown as {
    spec: Record<string, unknown> & { template: Template }
  }
  const labels = { app: 'shop', tier, track: 'canary' }
  const [container] = live.spec.template.spec.containers
  const spec = { ...live.spec.template.spec, containers: [{ ...container, image: real.image('good') }] }
  const template = { ...live.spec.template, metadata: { ...live.spec.template.metadata, labels }, spec }
  await site.apply('/apis/apps/v1/deployments', {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'shop-canary' },
    spec: { replicas: pods, selector: { matchLabels: labels }, template },
  })
  await site.apply('/api/v1/services', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'shop-canary' },
    spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
  })
  await until(async () => ready(await site.get('apps/v1', 'deployments', 'shop-canary')) === pods, 60_000, 'the canary')
  return site
}

type Template = { metadata: object; spec: { containers: readonly object[] } }
const ready = (object: unknown): number =>
  (object as { status?: { availableReplicas?: number } } | undefined)?.status?.availableReplicas ?? 0

const shareOf = async (host: string): Promise<number> => {
  const answers = await askMany(real.web, host, REQUESTS)
  expect(Object.keys(answers).sort()).toEqual(expect.arrayContaining(['old 200']))
  expect(Object.entries(answers).filter(([key]) => !/^(old|good) 200$/.test(key))).toEqual([])
  return (answers['good 200'] ?? 0) / REQUESTS
}

const expectShare = async (host: string, share: number): Promise<void> => {
  const margin = Z * Math.sqrt((share * (1 - share)) / REQUESTS)
  const seen = await shareOf(host)
  expect(Math.abs(seen - share), `${seen} of ${share}`).toBeLessThanOrEqual(margin)
}

/** Sets a weight and waits until the data plane can have taken it: Traefik takes up changes at most every two seconds. */
const settle = async (
  router: Router,
  changes: Awaited<ReturnType<Router['changes']>>,
  weight: number,
): Promise<void> => {
  expect(await router.set({ weight }, changes, 1)).toEqual({ kind: 'written' })
  expect((await router.current(changes)).written).toBe(weight)
  await until(async () => (await router.verify(changes)).accepted, 30_000, 'the weight')
  await pause(3000)
}

test('gateway-api: 5, 20 and 50 % of 20,000 requests each, and none after cleanup', { timeout: 300_000 }, async () => {
  const site = await withCanary('canary', 2)
  const router = gatewayApi(site.admin, { namespace: site.namespace, service: 'shop', canaryService: 'shop-canary' })
  expect((await router.preflight()).filter(({ level }) => level === 'error')).toEqual([])
  const changes = await router.changes()
  for (const weight of [5, 20, 50]) {
    await settle(router, changes, weight)
    await expectShare(site.host, weight / 100)
  }
  expect(await router.cleanup(changes, 1)).toEqual({ kind: 'written' })
  await pause(3000)
  expect(await shareOf(site.host)).toBe(0)
})

test('gateway-api: a tester’s requests all reach the canary, everybody else’s as the weight says', {
  timeout: 120_000,
}, async () => {
  const site = await withCanary('canary', 1)
  const tester = { header: 'x-tester', value: 'me' }
  const router = gatewayApi(site.admin, {
    namespace: site.namespace,
    service: 'shop',
    canaryService: 'shop-canary',
    tester,
  })
  const changes = await router.changes()
  await settle(router, changes, 10)
  const own = await askMany(real.web, site.host, 500, 8, { 'x-tester': 'me' })
  expect(own).toEqual({ 'good 200': 500 })
  await expectShare(site.host, 0.1)
  await settle(router, changes, 0)
  expect(await askMany(real.web, site.host, 500, 8, { 'x-tester': 'me' })).toEqual({ 'old 200': 500 })
})

test('traefik: 5, 20 and 50 % of 20,000 requests each, and none after cleanup', { timeout: 300_000 }, async () => {
  const site = await withCanary('canary', 2)
  // Two ways to one Service are refused, as traffic that goes past the split would not be split.
  await site.admin.remove(
    { apiVersion: 'gateway.networking.k8s.io/v1', resource: 'httproutes', namespace: site.namespace },
    'shop',
    {
      uid: (await site.get('gateway.networking.k8s.io/v1', 'httproutes', 'shop'))?.metadata.uid ?? '',
      propagation: 'Background',
    },
  )
  const host = `traefik-${site.host}`
  await site.apply('/apis/traefik.io/v1alpha1/traefikservices', {
    apiVersion: 'traefik.io/v1alpha1',
    kind: 'TraefikService',
    metadata: { name: 'shop' },
    spec: { weighted: { services: [{ name: 'shop', port: 80, weight: 1 }] } },
  })
  await site.apply('/apis/traefik.io/v1alpha1/ingressroutes', {
    apiVersion: 'traefik.io/v1alpha1',
    kind: 'IngressRoute',
    metadata: { name: 'shop' },
    spec: {
      entryPoints: ['web'],
      routes: [{ kind: 'Rule', match: `Host(\`${host}\`)`, services: [{ kind: 'TraefikService', name: 'shop' }] }],
    },
  })
  const router = traefik(site.admin, {
    namespace: site.namespace,
    service: 'shop',
    canaryService: 'shop-canary',
    route: 'shop',
  })
  const changes = await router.changes()
  for (const weight of [5, 20, 50]) {
    await settle(router, changes, weight)
    await expectShare(host, weight / 100)
  }
  expect(await router.cleanup(changes, 1)).toEqual({ kind: 'written' })
  await pause(3000)
  expect(await shareOf(host)).toBe(0)
})

test('replicas: the share of 20,000 requests is the share of pods', { timeout: 300_000 }, async () => {
  const site = await withCanary('web', 1)
  const router = replicas(site.admin, { namespace: site.namespace, deployment: 'shop', service: 'shop' })
  for (const [weight, pods] of [
    [25, 1],
    [40, 2],
  ] as const) {
    expect(await router.set({ weight }, [], 1)).toEqual({ kind: 'written' })
    await until(async () => (await router.verify([])).accepted, 60_000, 'the pods')
    await pause(3000)
    await expectShare(site.host, pods / (pods + 3))
  }
})
