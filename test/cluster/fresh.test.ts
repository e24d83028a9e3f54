import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Clients, startClients } from './clients.ts'
import { expectRest } from './rest.ts'
import { type Real, realCluster, type Site, siteOn, until } from './site.ts'

/** Releases beside a caller that reaches stable alone, by a rule that is not split; the end of each is named first. */
let real: Real
const sites: Site[] = []
const callers: Clients[] = []
beforeAll(async () => {
  real = await realCluster()
}, 120_000)
afterAll(async () => {
  for (const caller of callers) caller.stop()
  await Promise.all(sites.map((made) => made.remove()))
}, 60_000)

const planOf = (baseline: 'fresh' | 'stable'): string => `
baseline: ${baseline}
steps: [{ weight: 20, hold: 10s }, { weight: 50, hold: 5s }]
interval: 1s
lease: 6s
drain: 4s
max-hold: 15s
ready-within: 60s
min-canary: 2
min-requests: 40
settle: 2s
metrics: [{ name: errors, kind: ratio }]
`
const begun = async () => {
  const shop = await siteOn(real, { inside: true })
  sites.push(shop)
  callers.push(startClients(`${real.web}/internal`, shop.host, 150))
  return { shop, clients: shop.clients() }
}
const sharesOf = async (shop: Site): Promise<Readonly<Record<string, number | undefined>>> => {
  const route = await shop.get<Route>('gateway.networking.k8s.io/v1', 'httproutes', 'shop')
  return Object.fromEntries((route?.spec.rules[0]?.backendRefs ?? []).map(({ name, weight }) => [name, weight]))
}
type Route = KubernetesObject & {
  readonly spec: { readonly rules: readonly { readonly backendRefs: readonly { name: string; weight?: number }[] }[] }
}

test('promoted beside a fresh baseline, without a failed request and with nothing left of either', async () => {
  const { shop, clients } = await begun()
  const running = shop.canary({ image: real.image('good'), rule: '0', plan: planOf('fresh') })
  await until(async () => (await sharesOf(shop))['shop-canary'] === 20, 60_000, 'the first weight')
  expect(await sharesOf(shop)).toEqual({ shop: 60, 'shop-canary': 20, 'shop-baseline': 20 })
  const { outputs, log, report } = await running.done
  expect(outputs, log).toMatchObject({ verdict: 'promoted' })
  // Both sides counted alike: neither the caller nor stable is in it.
  const [first] = report.details.steps as readonly { readonly baseline: number; readonly canary: number }[]
  expect((first?.canary ?? 0) / ((first?.canary ?? 0) + (first?.baseline ?? 0)), log).toBeCloseTo(0.5, 1)
  await expectRest(real, shop, 'good')
  expect(clients.failures()).toEqual([])
}, 240_000)

test('inconclusive beside stable itself, of whose requests the most are the caller’s', async () => {
  const { shop, clients } = await begun()
  const { outputs, log } = await shop.canary({ image: real.image('good'), rule: '0', plan: planOf('stable') }).done
  expect(outputs, log).toMatchObject({ verdict: 'inconclusive', 'reason-code': 'populations-differ' })
  await expectRest(real, shop, 'old')
  expect(clients.failures()).toEqual([])
}, 240_000)

test('rolled back for its errors, with nothing left of either', async () => {
  const { shop, clients } = await begun()
  const { outputs, log } = await shop.canary({ image: real.image('errors'), rule: '0', plan: planOf('fresh') }).done
  expect(outputs, log).toMatchObject({ verdict: 'rolled-back' })
  expect(outputs['reason-code'], log).toBe('errors')
  await expectRest(real, shop, 'old')
  clients.stop()
}, 240_000)
