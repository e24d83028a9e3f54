import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { expectRest } from './rest.ts'
import { type Real, realCluster, type Site, type SiteGiven, until } from './site.ts'
import { sitesUntil } from './sites.ts'
import { tell } from './up.ts'

/** Releases judged by the cluster's own Prometheus and metrics API; the end of each is named first. */
let real: Real
const newSite = sitesUntil(afterAll, () => real)
beforeAll(async () => {
  real = await realCluster()
}, 120_000)

type PlanOf = { readonly gauge?: string; readonly noData?: string; readonly maxHold?: string; readonly hold?: string }
/** Requests by Prometheus, and where one is given a gauge with its policy. */
const planOf = ({ gauge, noData = 'wait', maxHold = '15s', hold = '12s' }: PlanOf = {}): string => `
steps: [{ weight: 30, hold: ${hold} }]
interval: 2s
lease: 6s
drain: 4s
max-hold: ${maxHold}
ready-within: 60s
min-canary: 2
min-requests: 40
settle: 1s
provider: prometheus
prometheus: { url: "${real.prometheus}", preset: http }
metrics:
  - { name: errors, kind: ratio, no-data: ${gauge === undefined ? noData : 'wait'} }
${gauge === undefined ? '' : `  - { name: depth, kind: gauge, max: 1000, query: '${gauge}', no-data: ${noData} }`}
`
/** A baseline that Prometheus knows: preflight wants to see its traffic. */
const known = async (shop: Site): Promise<void> => {
  const query = encodeURIComponent(`sum(http_requests_total{namespace="${shop.namespace}"}) > 50`)
  const isKnown = async (): Promise<boolean> => {
    const answer = await fetch(`${real.prometheus}/api/v1/query?query=${query}`)
    return ((await answer.json()) as { data: { result: unknown[] } }).data.result.length > 0
  }
  await until(isKnown, 30_000, "Prometheus knows the site's requests")
}
const begun = async (given: SiteGiven = {}) => {
  const shop = await newSite(given)
  const clients = shop.clients()
  await known(shop)
  return { shop, clients }
}

describe('by Prometheus', { concurrent: true, timeout: 240_000 }, () => {
  test('a good release: promoted', async () => {
    const { shop, clients } = await begun()
    const { outputs, log } = await shop.canary({ image: real.image('good'), plan: planOf() }).done
    expect(outputs, log).toMatchObject({ verdict: 'promoted' })
    await expectRest(real, shop, 'good')
    expect(clients.failures()).toEqual([])
  })

  test('a release with errors: rolled back for them', async () => {
    const { shop, clients } = await begun()
    const plan = planOf({ hold: '60s' })
    const { outputs, log } = await shop.canary({ image: real.image('errors'), plan }).done
    expect(outputs, log).toMatchObject({ verdict: 'rolled-back' })
    expect(outputs.reason).toMatch(/^errors/)
    await expectRest(real, shop, 'old')
    clients.stop()
  })

  const OF_STABLE = 'max(http_requests_in_flight{namespace="{{namespace}}",pod=~"{{pods}}",pod!~"shop-canary-.*"})'
  const NO_NUMBER = 'max(http_requests_in_flight{namespace="{{namespace}}",pod=~"{{pods}}"}) * 0 / 0'
  const EACH_POD = 'http_requests_in_flight{namespace="{{namespace}}",pod=~"{{pods}}"}'
  test.each([
    ['nothing, where that fails: rolled back', 'empty', OF_STABLE, 'fail', 'rolled-back'],
    ['nothing, where that is waited for: back as inconclusive', 'empty', OF_STABLE, 'wait', 'inconclusive'],
    ['no number, where that fails: rolled back', 'nan', NO_NUMBER, 'fail', 'rolled-back'],
    ['no number, where that is ignored: promoted by the others', 'nan', NO_NUMBER, 'ignore', 'promoted'],
    ['several series, where that is waited for: inconclusive', 'several-series', EACH_POD, 'wait', 'inconclusive'],
    ['several series, where that is ignored: promoted by the others', 'several-series', EACH_POD, 'ignore', 'promoted'],
  ] as const)('a gauge of which the canary has %s', async (_, kind, gauge, noData, verdict) => {
    // One pod a side has one series; the canary has two.
    const { shop, clients } = await begun({ replicas: 1 })
    const plan = planOf({ gauge, noData })
    const { outputs, log, report } = await shop.canary({ image: real.image('good'), plan }).done
    expect(outputs, log).toMatchObject({ verdict })
    if (verdict !== 'promoted') {
      // The query as it was sent, with its pods' names.
      expect(JSON.stringify(report), log).toMatch(/http_requests_in_flight\{namespace=[^}]*pod=~\\+"shop-canary-/)
      expect(outputs['reason-code']).toBe(kind === 'several-series' && noData === 'wait' ? 'unreliable' : 'no-data')
    }
    await expectRest(real, shop, verdict === 'promoted' ? 'good' : 'old', 1)
    expect(clients.failures()).toEqual([])
  })
})

/** After the others: Prometheus is everybody's. */
describe('with Prometheus away mid-canary', { timeout: 240_000 }, () => {
  afterEach(() => tell(real.paths, 'prometheus', 'start'))
  const away = async (plan: PlanOf) => {
    const { shop, clients } = await begun()
    const running = shop.canary({ image: real.image('good'), plan: planOf(plan) })
    await running.said(/step 1 of 1: analysing/)
    await tell(real.paths, 'prometheus', 'stop')
    return { shop, clients, running }
  }

  test('for 8 s: waited for, and promoted', async () => {
    const { shop, clients, running } = await away({ maxHold: '90s' })
    await running.said(/prometheus/i)
    await new Promise((resolve) => setTimeout(resolve, 8000))
    await tell(real.paths, 'prometheus', 'start')
    const { outputs, log } = await running.done
    expect(outputs, log).toMatchObject({ verdict: 'promoted' })
    await expectRest(real, shop, 'good')
    expect(clients.failures()).toEqual([])
  })

  test('for good, where that is waited for: back as inconclusive, which says that nothing was seen', async () => {
    const { shop, clients, running } = await away({ maxHold: '10s' })
    const { outputs, log } = await running.done
    expect(outputs, log).toMatchObject({ verdict: 'inconclusive', 'reason-code': 'no-data' })
    expect(outputs.reason).toMatch(/prometheus/i)
    await expectRest(real, shop, 'old')
    expect(clients.failures()).toEqual([])
  })

  test('for good, where that fails: rolled back without waiting', async () => {
    const { shop, clients, running } = await away({ noData: '{ outage: fail }' })
    const { outputs, log } = await running.done
    expect(outputs, log).toMatchObject({ verdict: 'rolled-back', 'reason-code': 'no-data' })
    await expectRest(real, shop, 'old')
    expect(clients.failures()).toEqual([])
  })
})

describe("by the cluster's metrics API", { concurrent: true, timeout: 300_000 }, () => {
  const rules = [{ apiGroups: ['metrics.k8s.io'], resources: ['pods'], verbs: ['list'] }]
  const resources = { requests: { cpu: '20m', memory: '64Mi' }, limits: { cpu: '1', memory: '400Mi' } }
  const plan = `
steps: [{ weight: 30, hold: 60s }]
interval: 2s
lease: 6s
drain: 4s
max-hold: 90s
ready-within: 60s
min-canary: 1
min-requests: 40
settle: 1s
metrics:
  - { name: errors, kind: ratio }
  - { name: memory, kind: gauge, provider: kubernetes, max: 50 }
  - { name: cpu, kind: gauge, provider: kubernetes, max: 90 }
`
  /** Preflight wants a measurement of the baseline, which takes the metrics server some time. */
  const measured = async () => {
    const made = await newSite({ rules, resources })
    const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${made.namespace}/pods`
    const resource = { apiVersion: 'metrics.k8s.io/v1beta1', resource: 'pods', namespace: made.namespace }
    await until(async () => (await made.admin.list(resource)).length === 2, 90_000, `two pods at ${path}`)
    return { shop: made, clients: made.clients() }
  }

  test('a good release: promoted', async () => {
    const { shop, clients } = await measured()
    const { outputs, log } = await shop.canary({ image: real.image('good'), plan }).done
    expect(outputs, log).toMatchObject({ verdict: 'promoted' })
    await expectRest(real, shop, 'good')
    expect(clients.failures()).toEqual([])
  })

  test('a release that takes most of its memory: rolled back for that', async () => {
    const { shop, clients } = await measured()
    const { outputs, log } = await shop.canary({ image: real.image('hungry'), plan }).done
    expect(outputs, log).toMatchObject({ verdict: 'rolled-back' })
    expect(outputs.reason).toMatch(/^memory/)
    await expectRest(real, shop, 'old')
    expect(clients.failures()).toEqual([])
  })
})
