import { setTimeout as pause } from 'node:timers/promises'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { call } from './access.ts'
import type { Release } from './images.ts'
import { expectRest, recordOf, stableOf } from './rest.ts'
import { type Real, realCluster, type Site, until } from './site.ts'
import { sitesUntil } from './sites.ts'

/** What autoscalers and people do to a release while it is going on; the end of each is named first. Each has pods of its own, so they run side by side. */
let real: Real
const newSite = sitesUntil(afterAll, () => real)
beforeAll(async () => {
  real = await realCluster()
}, 120_000)

/** Held long enough for what others do in the first step to be seen, and put right. */
const PLAN = `
steps: [{ weight: 30, hold: 15s }, { weight: 60, hold: 3s }]
interval: 1s
lease: 6s
drain: 4s
max-hold: 40s
ready-within: 60s
min-canary: 1
min-requests: 40
settle: 1s
metrics: [{ name: errors, kind: ratio }]
`

const PATHS = {
  deployments: '/apis/apps/v1',
  httproutes: '/apis/gateway.networking.k8s.io/v1',
  horizontalpodautoscalers: '/apis/autoscaling/v2',
  scaledobjects: '/apis/keda.sh/v1alpha1',
} as const

/** Somebody's change, as `kubectl edit` would write it: under a name of its own, and without asking. */
const edit = async (shop: Site, what: keyof typeof PATHS, name: string, change: object): Promise<void> => {
  const path = `${PATHS[what]}/namespaces/${shop.namespace}/${what}/${name}?fieldManager=kubectl-edit`
  const type = Array.isArray(change) ? 'application/json-patch+json' : 'application/merge-patch+json'
  const answer = await call(real.access, 'PATCH', path, { type, text: JSON.stringify(change) })
  if (answer.code !== 200) throw new Error(`${path}: ${answer.code} ${answer.text}`)
}
const scale = (shop: Site, name: string, replicas: number) => edit(shop, 'deployments', name, { spec: { replicas } })
const setImage = (shop: Site, name: string, release: Release) =>
  edit(shop, 'deployments', name, [
    { op: 'replace', path: '/spec/template/spec/containers/0/image', value: real.image(release) },
  ])
const weigh = (shop: Site, percent: number) =>
  edit(shop, 'httproutes', 'shop', {
    spec: {
      rules: [
        {
          backendRefs: [
            { name: 'shop', port: 80, weight: 100 - percent },
            { name: 'shop-canary', port: 80, weight: percent },
          ],
        },
      ],
    },
  })

type Scaler = KubernetesObject & {
  readonly spec: {
    readonly minReplicas?: number
    readonly minReplicaCount?: number
    readonly advanced?: { readonly horizontalPodAutoscalerConfig?: { readonly behavior?: object } }
    readonly behavior?: { readonly scaleDown?: { readonly selectPolicy?: string } }
  }
}
const hpaOf = (shop: Site, name = 'shop') => shop.get<Scaler>('autoscaling/v2', 'horizontalpodautoscalers', name)

/** More CPU than one pod has: as many pods as there may be. With `CALM` nobody needs more than one. */
const BUSY = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'AverageValue', averageValue: '1m' } } }]
const CALM = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'AverageValue', averageValue: '10' } } }]
const RESOURCES = { requests: { cpu: '20m' } }
/** An autoscaler that keeps stable at three, and may make it one. */
const withScaler = async (shop: Site, more: object = {}, meta: object = {}): Promise<void> => {
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'shop' }
  await shop.apply('/apis/autoscaling/v2/horizontalpodautoscalers', {
    ...{ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name: 'shop', ...meta } },
    spec: { scaleTargetRef, minReplicas: 1, maxReplicas: 3, metrics: BUSY, ...more },
  })
}
/** Looks at stable's size all the time; `least` is the smallest it was. */
const watchSize = (shop: Site) => {
  let [least, on] = [Number.POSITIVE_INFINITY, true]
  const watching = (async () => {
    while (on) {
      least = Math.min(least, (await stableOf(shop)).replicas ?? 0)
      await pause(200)
    }
  })()
  return {
    end: async (): Promise<number> => {
      on = false
      await watching
      return least
    },
  }
}
/** What a release may not change for good: its rules, and no annotation left. */
const shape = (object: Scaler | undefined) => ({
  spec: object?.spec,
  annotations: Object.keys(object?.metadata.annotations ?? {}),
})

describe('an autoscaler of stable', { concurrent: true, timeout: 240_000 }, () => {
  test.each([
    ['without rules', {}],
    ['with rules of its own', { behavior: { scaleDown: { stabilizationWindowSeconds: 0 } } }],
  ])('%s that wants to scale in mid-canary has to wait; promoted, and then it scales in', async (_, rules) => {
    const shop = await newSite({ replicas: 3, resources: RESOURCES })
    const clients = shop.clients()
    await withScaler(shop, rules)
    const before = shape(await hpaOf(shop))
    const running = shop.canary({ image: real.image('good'), plan: PLAN })
    await running.said(/step 1 of 2: analysing/)
    expect((await hpaOf(shop))?.spec.behavior?.scaleDown?.selectPolicy).toBe('Disabled')
    const size = watchSize(shop)
    await edit(shop, 'horizontalpodautoscalers', 'shop', { spec: { metrics: CALM } })
    await running.said(/promot/)
    expect(await size.end()).toBe(3)
    const { outputs, log } = await running.done
    expect(outputs, log).toMatchObject({ verdict: 'promoted' })
    // It wanted to all the time: no sooner may it than it does.
    await until(async () => (await stableOf(shop)).replicas === 1, 60_000, 'the autoscaler scales in')
    await expectRest(real, shop, 'good', 1)
    const { metrics: _metrics, ...kept } = before.spec as Scaler['spec'] & { metrics?: unknown }
    expect(shape(await hpaOf(shop))).toMatchObject({ spec: kept, annotations: before.annotations })
    expect(Object.keys((await hpaOf(shop))?.spec ?? {}).sort()).toEqual(Object.keys(before.spec ?? {}).sort())
    expect(clients.failures()).toEqual([])
  })

  test("KEDA's, by the ScaledObject that KEDA makes it from: its least holds stable, and is given back", async () => {
    const shop = await newSite({ replicas: 3, resources: RESOURCES })
    const clients = shop.clients()
    await shop.apply('/apis/keda.sh/v1alpha1/scaledobjects', {
      ...{ apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject', metadata: { name: 'shop' } },
      spec: {
        ...{ scaleTargetRef: { name: 'shop' }, maxReplicaCount: 3 },
        triggers: [{ type: 'cpu', metricType: 'AverageValue', metadata: { value: '1m' } }],
      },
    })
    const scaled = () => shop.get<Scaler>('keda.sh/v1alpha1', 'scaledobjects', 'shop')
    const before = shape(await scaled())
    const owner = { apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject', name: 'shop', controller: true }
    await withScaler(
      shop,
      {},
      {
        ...{ name: 'keda-hpa-shop', ownerReferences: [{ ...owner, uid: (await scaled())?.metadata.uid }] },
      },
    )
    // KEDA itself does not run here. What matters of it: it writes its HorizontalPodAutoscaler as the ScaledObject says, whenever that says another least
    // or names a policy; that a policy is gone it does not see by itself.
    const keda = setInterval(() => {
      void (async () => {
        const { minReplicaCount = 1, advanced } = (await scaled())?.spec ?? {}
        const behavior = advanced?.horizontalPodAutoscalerConfig?.behavior ?? null
        const kept = (await hpaOf(shop, 'keda-hpa-shop'))?.spec
        if (kept?.minReplicas === minReplicaCount && behavior === null) return
        await edit(shop, 'horizontalpodautoscalers', 'keda-hpa-shop', {
          spec: { minReplicas: minReplicaCount, behavior },
        })
      })().catch(() => undefined)
    }, 300)
    try {
      const running = shop.canary({ image: real.image('errors'), plan: PLAN })
      await running.said(/step 1 of 2: analysing/)
      expect((await scaled())?.spec.minReplicaCount).toBe(3)
      const policy = async () => (await hpaOf(shop, 'keda-hpa-shop'))?.spec.behavior?.scaleDown?.selectPolicy
      await until(async () => (await policy()) === 'Disabled', 10_000, 'the policy reaches the autoscaler that is kept')
      const size = watchSize(shop)
      await edit(shop, 'horizontalpodautoscalers', 'keda-hpa-shop', { spec: { metrics: CALM } })
      await running.said(/going back/)
      expect(await size.end()).toBe(3)
      const { outputs, log } = await running.done
      expect(outputs, log).toMatchObject({ verdict: 'rolled-back' })
      expect(shape(await scaled())).toEqual(before)
      await until(async () => (await policy()) !== 'Disabled', 10_000, 'the policy is gone from it again')
      await until(async () => (await stableOf(shop)).replicas === 1, 60_000, 'the autoscaler scales in')
      await expectRest(real, shop, 'old', 1)
    } finally {
      clearInterval(keda)
      clients.stop()
    }
  })
})

describe('somebody who changes', { concurrent: true, timeout: 240_000 }, () => {
  test('the weight once: named and put right, and the release goes on to its promotion', async () => {
    const shop = await newSite()
    const clients = shop.clients()
    const running = shop.canary({ image: real.image('good'), plan: PLAN })
    await running.said(/step 1 of 2: analysing/)
    await weigh(shop, 90)
    await until(async () => (await shop.weight()) === 30, 20_000, 'the weight put right')
    const { outputs, log } = await running.done
    expect(outputs, log).toMatchObject({ verdict: 'promoted' })
    expect(log).toMatch(
      /somebody else \(kubectl-edit\) changed what this release wrote: the route sends the canary 90 %/,
    )
    await expectRest(real, shop, 'good')
    expect(clients.failures()).toEqual([])
  })

  test('the weight twice: back, as an error that names who it was', async () => {
    const shop = await newSite()
    const clients = shop.clients()
    const running = shop.canary({ image: real.image('good'), plan: PLAN })
    await running.said(/step 1 of 2: analysing/)
    await weigh(shop, 90)
    await until(async () => (await recordOf(shop))?.foreign?.[0]?.open === false, 20_000, 'the weight put right')
    await weigh(shop, 0)
    const { outputs, log } = await running.done
    expect(outputs, log).toMatchObject({ verdict: 'error', 'reason-code': 'foreign-change' })
    expect(outputs.reason).toContain('kubectl-edit')
    await expectRest(real, shop, 'old')
    expect(clients.failures()).toEqual([])
  })

  test("stable's size downwards: put right before it matters; upwards: kept", async () => {
    const shop = await newSite()
    const clients = shop.clients()
    const running = shop.canary({ image: real.image('good'), plan: PLAN })
    await running.said(/step 1 of 2: analysing/)
    await scale(shop, 'shop', 1)
    await until(async () => (await stableOf(shop)).replicas === 2, 20_000, 'the size put right')
    await scale(shop, 'shop', 3)
    const { outputs, log } = await running.done
    expect(outputs, log).toMatchObject({ verdict: 'promoted' })
    await expectRest(real, shop, 'good', 3)
    expect(clients.failures()).toEqual([])
  })

  test("stable's size downwards while a bad release is on its way back: no weight falls before stable can take it", async () => {
    const shop = await newSite({ replicas: 3 })
    const clients = shop.clients()
    const plan = PLAN.replace(/steps: .*/, 'steps: [{ weight: 60, hold: 15s }]')
    const running = shop.canary({ image: real.image('errors'), plan })
    await running.said(/step 1 of 1: analysing/)
    await scale(shop, 'shop', 1)
    const short: string[] = []
    let on = true
    const watching = (async () => {
      while (on) {
        const weight = await shop.weight()
        const { available } = await stableOf(shop)
        if (available < Math.ceil((3 * (100 - weight)) / 100))
          short.push(`weight ${weight} with ${available} of stable`)
      }
    })()
    const { outputs, log } = await running.done
    on = false
    await watching
    expect(outputs.verdict, log).toMatch(/rolled-back|error/)
    // The first 60 % were given before somebody made stable smaller; from then on it has to be whole first.
    expect(short.filter((text) => !text.startsWith('weight 60 '))).toEqual([])
    await expectRest(real, shop, 'old', 3)
    clients.stop()
  })

  test("the canary's size to nothing: back at once, as nobody answers its share, with a reason that says who", async () => {
    const shop = await newSite()
    const clients = shop.clients()
    const running = shop.canary({ image: real.image('good'), plan: PLAN })
    await running.said(/step 1 of 2: analysing/)
    await scale(shop, 'shop-canary', 0)
    const { outputs, log } = await running.done
    expect(outputs, log).toMatchObject({ verdict: 'rolled-back', 'reason-code': 'lost-readiness' })
    expect(outputs.reason).toContain('the canary was scaled to 0 by somebody else (kubectl-edit)')
    await expectRest(real, shop, 'old')
    clients.stop()
  })

  test("stable's image: their release stands, and this one takes its canary back", async () => {
    const shop = await newSite()
    const clients = shop.clients()
    const running = shop.canary({ image: real.image('good'), plan: PLAN })
    await running.said(/step 1 of 2: analysing/)
    await setImage(shop, 'shop', 'better')
    const { outputs, log } = await running.done
    expect(outputs, log).toMatchObject({ verdict: 'superseded' })
    await expectRest(real, shop, 'better')
    expect(clients.failures()).toEqual([])
  })

  test("the canary's image: nothing that was not analysed is promoted", async () => {
    const shop = await newSite()
    const clients = shop.clients()
    const running = shop.canary({ image: real.image('good'), plan: PLAN })
    await running.said(/step 1 of 2: analysing/)
    await setImage(shop, 'shop-canary', 'better')
    const { outputs, log } = await running.done
    expect(outputs, log).toMatchObject({ verdict: 'error', 'reason-code': 'canary-changed' })
    await expectRest(real, shop, 'old')
    expect(clients.failures()).toEqual([])
  })
})
