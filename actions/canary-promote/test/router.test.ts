import type { RouterName } from '@sluice/traffic/router'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { objectServer } from '../../../packages/kubernetes/test/object-server.ts'
import { ABILITIES } from '../src/abilities.ts'
import type { Settings } from '../src/plan.ts'
import { routerFor } from '../src/ports/router.ts'
import { run } from '../src/run.ts'
import { asked, plan, settings, simulate } from './simulation.ts'

let server: Awaited<ReturnType<typeof objectServer>>
beforeEach(async () => {
  server = await objectServer()
})
afterEach(() => server.stop())

const owned = async () => true
const settingsOf = (router: RouterName, more: Partial<Settings> = {}): Settings =>
  settings({ router, ...more }, { canaryService: 'twin' })

describe('the router that the settings name', () => {
  const names = Object.keys(ABILITIES) as RouterName[]
  test.each(names.filter((name) => name !== 'argo-rollouts'))('%s is built', (name) => {
    expect(routerFor({ cluster: server.cluster, namespace: 'shop' }, settingsOf(name), owned).name).toBe(name)
  })

  test('argo-rollouts has ports of its own: as a splitter it is refused, never taken for another', () => {
    expect(() => routerFor({ cluster: server.cluster, namespace: 'shop' }, settingsOf('argo-rollouts'), owned)).toThrow(
      'router argo-rollouts splits nothing',
    )
  })

  test.each<[RouterName, Partial<Settings>, string, object, string]>([
    [
      'traefik',
      { route: 'chosen' },
      '/apis/traefik.io/v1alpha1/namespaces/shop/traefikservices',
      { weighted: { services: [{ name: 'shop', port: 80 }] } },
      'twin',
    ],
    [
      'istio',
      { route: 'chosen', rule: 0 },
      '/apis/networking.istio.io/v1/namespaces/shop/virtualservices',
      { hosts: ['a'], http: [{ route: [{ destination: { host: 'shop' } }] }] },
      'twin',
    ],
    [
      'gateway-api',
      { route: 'chosen', rule: 0 },
      '/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes',
      { rules: [{ backendRefs: [{ name: 'shop', port: 80 }] }] },
      'twin',
    ],
  ])(
    '%s writes to the route that was chosen, and names the canary’s Service as the release does',
    async (name, more, path, spec, twin) => {
      const put = (object: string) =>
        server.put(`${path}/${object}`, { metadata: { name: object, namespace: 'shop' }, spec })
      put('chosen')
      put('other')
      server.put('/api/v1/namespaces/shop/services/twin', { metadata: { name: 'twin', namespace: 'shop' } })
      const router = routerFor({ cluster: server.cluster, namespace: 'shop' }, settingsOf(name, more), owned)
      const findings = await router.preflight()
      expect(findings.map(({ id }) => id)).toContain('several-routes')
      server.remove(`${path}/other`)
      const errors = (await router.preflight()).filter(
        ({ level, id }) => level === 'error' && id !== 'route-not-accepted',
      )
      expect(errors).toEqual([])
      if (name === 'gateway-api') return
      await router.set({ weight: 5 }, await router.changes(), 1)
      expect(JSON.stringify(server.at(`${path}/chosen`)?.spec)).toContain(twin)
    },
  )
})

test('without a router, what each step asks and comes to is said before anything is written', async () => {
  server.put('/apis/apps/v1/namespaces/shop/deployments/shop', {
    metadata: { name: 'shop', namespace: 'shop' },
    spec: { replicas: 4, selector: { matchLabels: { app: 'shop' } } },
  })
  server.put('/api/v1/namespaces/shop/services/shop', { metadata: { name: 'shop', namespace: 'shop' } })
  const sim = simulate()
  const ports = sim.ports()
  const writes: string[] = []
  const written = (what: string) =>
    writes.push(`${what} after ${sim.lines.filter((line) => /asked for/.test(line)).length} lines`)
  await run(
    asked({ router: 'replicas', plan: plan({ steps: [5, 25, 50].map((weight) => ({ weight, hold: 1000 })) }) }),
    {
      ...ports,
      lease: {
        ...ports.lease,
        take: (...given) => {
          written('lease')
          return ports.lease.take(...given)
        },
      },
      record: {
        ...ports.record,
        save: (...given) => {
          written('record')
          return ports.record.save(...given)
        },
      },
      cluster: {
        ...ports.cluster,
        preflight: async (given) => {
          const router = routerFor({ cluster: server.cluster, namespace: 'shop' }, given, owned)
          return { findings: await router.preflight(), touched: [] }
        },
      },
    },
  )
  expect(writes.length).toBeGreaterThan(1)
  expect(writes.every((line) => line.endsWith('after 3 lines'))).toBe(true)
  expect(sim.lines.filter((line) => /asked for/.test(line))).toEqual([
    'warning: 5 % is asked for; 1 canary pod beside 4 comes to 20 %',
    'note: 25 % is asked for; 1 canary pod beside 4 comes to 20 %',
    'note: 50 % is asked for; 4 canary pods beside 4 come to 50 %',
  ])
})
