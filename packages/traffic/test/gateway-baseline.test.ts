import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { objectServer } from '../../kubernetes/test/object-server.ts'
import { gatewayApi } from '../src/gateway-api.ts'
import { httpRoute, rewrite, routeAt, rulesIn, type Server, savedOnce, wholeOf } from './gateway-scene.ts'

/** A route that is split three ways: stable, the canary, and a fresh baseline that has the canary's weight. */
let server: Server
beforeEach(async () => {
  server = await objectServer()
})
afterEach(() => server.stop())

const shop = { name: 'shop', port: 80, filters: [{ type: 'RequestHeaderModifier' }] }
const search = { name: 'search', weight: 3 }
const given = { namespace: 'shop', service: 'shop', baselineService: 'shop-baseline', release: 'shop/shop' }
const place = (...lists: readonly (readonly object[])[]) =>
  server.put(routeAt('web'), httpRoute(lists.map((backendRefs) => ({ backendRefs }))))
const router = () => gatewayApi(server.cluster, given)
const refs = (rule = 0): readonly { readonly name: string; readonly weight?: number }[] =>
  (rulesIn(server)[rule]?.backendRefs ?? []) as { name: string; weight?: number }[]
const weights = (rule = 0) => Object.fromEntries(refs(rule).map(({ name, weight }) => [name, weight]))

describe('a fresh baseline', () => {
  test('gets its share in the same write as the canary, with the filters of stable, and reads back', async () => {
    place([shop, search], [{ name: 'other' }])
    const changes = await router().changes()
    expect(await router().set({ weight: 20, baseline: 20 }, changes, 4)).toEqual({ kind: 'written' })
    expect(server.patches).toHaveLength(1)
    expect(rulesIn(server)[0]?.backendRefs).toEqual([
      { ...shop, weight: 60 },
      { ...shop, name: 'shop-canary', weight: 20 },
      { ...shop, name: 'shop-baseline', weight: 20 },
      { ...search, weight: 300 },
    ])
    expect(await router().current(changes)).toEqual({ written: 20, baseline: 20, marked: true })
  })

  test('gives its share to stable and leaves the canary’s as it is, also where that is less than it was', async () => {
    place([shop, search], [{ name: 'other' }])
    const changes = savedOnce(await router().changes())
    await router().set({ weight: 50, baseline: 50 }, changes, 4)
    await router().set({ weight: 50 }, changes, 4)
    expect(weights()).toEqual({ shop: 50, 'shop-canary': 50, 'shop-baseline': 0, search: 300 })
    expect(await router().current(changes)).toEqual({ written: 50, marked: true })
  })

  test('may keep a share that stable cannot carry yet when the canary has none any more', async () => {
    place([shop, search], [{ name: 'other' }])
    const changes = savedOnce(await router().changes())
    await router().set({ weight: 30, baseline: 30 }, changes, 4)
    await router().set({ weight: 0, baseline: 25 }, changes, 4)
    expect(weights()).toEqual({ shop: 75, 'shop-canary': 0, 'shop-baseline': 25, search: 300 })
    expect(await router().current(changes)).toEqual({ written: 0, baseline: 25, marked: true })
    await router().set({ weight: 0 }, changes, 4)
    expect(weights()).toEqual({ shop: 100, 'shop-canary': 0, 'shop-baseline': 0, search: 300 })
  })

  test('goes with the canary, and the route is as it was to the last byte', async () => {
    place([shop, search], [{ name: 'other' }])
    const before = wholeOf(server, routeAt('web'))
    const changes = savedOnce(await router().changes())
    await router().set({ weight: 20, baseline: 20 }, changes, 4)
    expect(await router().cleanup(changes, 4)).toEqual({ kind: 'written' })
    expect(wholeOf(server, routeAt('web'))).toEqual(before)
  })

  test('leaves every rule, whatever somebody made of it, and never comes between stable and its portion', async () => {
    place([shop, search], [{ name: 'other' }])
    const changes = savedOnce(await router().changes())
    await router().set({ weight: 20, baseline: 20 }, changes, 4)
    const theirs = { backendRefs: [...refs(), { name: 'new', weight: 7 }] }
    rewrite(server, [{ backendRefs: [{ name: 'search' }, { name: 'shop-baseline', weight: 9 }] }, theirs])
    expect(await router().set({ weight: 0 }, changes, 4)).toEqual({ kind: 'written' })
    expect(weights(0)).toEqual({ search: undefined })
    expect(weights(1)).toMatchObject({ shop: 100, search: 300, new: 7 })
    expect(await router().current(changes)).toEqual({ written: 0, marked: true })
  })

  test('whose rules disagree reads back as no weight that was asked for', async () => {
    place([shop], [shop, search])
    const changes = savedOnce(await router().changes())
    await router().set({ weight: 20, baseline: 20 }, changes, 4)
    const [first, second] = rulesIn(server)
    const dropped = refs().filter(({ name }) => name !== 'shop-baseline')
    rewrite(server, [{ ...first, backendRefs: dropped }, { ...second }])
    const { written, baseline, text } = await router().current(changes)
    expect([Number.isInteger(written), Number.isInteger(baseline)]).toEqual([false, false])
    expect(text).toContain('the fresh baseline: the lists disagree: 0 %, 20 %')
  })
})

describe('before anything is written', () => {
  const ids = async () =>
    (await router().preflight()).flatMap(({ id, level, text }) => (level === 'error' ? [`${id}: ${text}`] : []))

  test('a route that names the baseline’s Service already is refused', async () => {
    place([shop], [{ name: 'shop-baseline' }])
    expect(await ids()).toEqual(['backend-there: HTTPRoute shop/web: rule 1 already names shop-baseline'])
  })

  test('a policy that the canary’s Service has and the baseline’s has not is refused', async () => {
    place([shop])
    const policy = (name: string) =>
      server.put(`/apis/gateway.networking.k8s.io/v1/namespaces/shop/backendtlspolicies/${name}`, {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'BackendTLSPolicy',
        metadata: { name, namespace: 'shop' },
        spec: { targetRefs: [{ group: '', kind: 'Service', name }] },
      })
    policy('shop')
    policy('shop-canary')
    expect(await ids()).toEqual(['reached-by-backendtlspolicy: BackendTLSPolicy shop/shop applies to Service shop'])
    policy('shop-baseline')
    expect(await ids()).toEqual([])
  })
})
