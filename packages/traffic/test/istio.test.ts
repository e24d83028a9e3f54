import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { EPOCH, OWNER } from '@sluice/kubernetes/fenced'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { objectServer } from '../../kubernetes/test/object-server.ts'
import { type IstioGiven, istio } from '../src/istio.ts'
import type { RouteChange } from '../src/router.ts'
import { readBack } from './read-back.ts'

const API = '/apis/networking.istio.io/v1'
const at = (name: string, namespace = 'shop'): string => `${API}/namespaces/${namespace}/virtualservices/${name}`
const ruleAt = (name: string, namespace = 'shop'): string => `${API}/namespaces/${namespace}/destinationrules/${name}`

type Entry = { destination: { host: string; subset?: string; port?: object }; weight?: number; headers?: object }
type Http = { name?: string; match?: object[]; route?: Entry[]; [field: string]: unknown }
const to = (host: string, weight?: number, more: object = {}): Entry => ({
  destination: { host, ...more },
  ...(weight === undefined ? {} : { weight }),
})
const service = (http: readonly Http[], more: object = {}, name = 'web', namespace = 'shop') => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name, namespace, uid: `uid-${name}` },
  spec: { hosts: ['shop.example'], http, ...more },
})
const rule = (spec: object, name = 'shop') => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'DestinationRule',
  metadata: { name, namespace: 'shop', uid: `uid-rule-${name}` },
  spec,
})

let server: Awaited<ReturnType<typeof objectServer>>
beforeEach(async () => {
  server = await objectServer()
})
afterEach(() => server.stop())

const given: IstioGiven = { namespace: 'shop', service: 'shop', owner: '7/1' }
const http = (name = 'web'): readonly Http[] => (server.at(at(name))?.spec as { http: Http[] } | undefined)?.http ?? []
/** An object whole, but for what the server writes by itself. */
const whole = (path: string): unknown => {
  const object = server.at(path)
  if (object === undefined) return undefined
  const { resourceVersion: _, generation: __, ...metadata } = object.metadata
  return { ...object, metadata }
}
const saved = (changes: readonly RouteChange[]): readonly RouteChange[] => JSON.parse(JSON.stringify(changes))
const errors = async (more: Partial<IstioGiven> = {}) => {
  const findings = await istio(server.cluster, { ...given, ...more }).preflight()
  return findings.filter(({ level }) => level === 'error').map(({ id, text, hint = '' }) => `${id}: ${text}. ${hint}`)
}

describe('a weight', () => {
  test('of a route with one destination is written as parts of 100, retries, fault and headers kept', async () => {
    const rest = {
      retries: { attempts: 3 },
      fault: { delay: { fixedDelay: '1s' } },
      headers: { request: { set: { a: 'b' } } },
    }
    const own = { ...to('shop', undefined, { port: { number: 80 } }), headers: { response: { remove: ['x'] } } }
    server.put(at('web'), service([{ ...rest, route: [own] }, { route: [to('search')] }]))
    const router = istio(server.cluster, given)
    const changes = await router.changes()
    expect(await readBack(router, changes)).toMatchObject({ written: 0, accepted: true, marked: false })
    expect(await router.set({ weight: 5 }, changes, 4)).toEqual({ kind: 'written' })
    expect(http()).toEqual([
      {
        ...rest,
        route: [
          { ...own, weight: 95 },
          { ...own, destination: { ...own.destination, host: 'shop-canary' }, weight: 5 },
        ],
      },
      { route: [to('search')] },
    ])
    expect(await readBack(router, changes)).toMatchObject({ written: 5, accepted: true, marked: true })
    await router.set({ weight: 5 }, changes, 4)
    expect(server.patches).toHaveLength(1)
  })

  test('keeps the portions of other destinations to the last digit', async () => {
    server.put(at('web'), service([{ route: [to('shop', 90), to('search', 10)] }]))
    const router = istio(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    expect(http()[0]?.route).toEqual([to('shop', 8550), to('shop-canary', 450), to('search', 1000)])
    await router.set({ weight: 50 }, changes, 4)
    expect(http()[0]?.route).toEqual([to('shop', 45), to('shop-canary', 45), to('search', 10)])
    expect((await router.current(changes)).written).toBe(50)
  })

  test.each(['shop', 'shop.shop', 'shop.shop.svc', 'shop.shop.svc.cluster.local', 'shop.shop.svc.corp.example'])(
    'is for a host written as %s, and the canary’s is written alike',
    async (host) => {
      server.put(at('web'), service([{ route: [to(host)] }]))
      const router = istio(server.cluster, given)
      const changes = await router.changes()
      await router.set({ weight: 5 }, changes, 4)
      expect(http()[0]?.route?.map(({ destination }) => destination.host)).toEqual([
        host,
        host.replace('shop', 'shop-canary'),
      ])
    },
  )

  test('is not for a short name in another namespace, which is another Service', async () => {
    server.put(at('web', 'edge'), service([{ route: [to('shop')] }], {}, 'web', 'edge'))
    expect((await errors())[0]).toMatch(/^backend-missing/)
    server.put(at('web', 'edge'), service([{ route: [to('shop.shop.svc.cluster.local')] }], {}, 'web', 'edge'))
    expect(await errors()).toEqual([])
  })

  test('follows its route when someone puts another before it', async () => {
    server.put(at('web'), service([{ route: [to('shop')] }]))
    const router = istio(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    const next = service([{ route: [to('new')] }, ...http()])
    server.put(at('web'), { ...next, metadata: server.at(at('web'))?.metadata })
    expect(await router.set({ weight: 25 }, changes, 4)).toEqual({ kind: 'written' })
    expect(http()[1]?.route?.map(({ weight }) => weight)).toEqual([75, 25])
    await router.cleanup(changes, 4)
    expect(http()).toEqual([{ route: [to('new')] }, { route: [to('shop')] }])
  })

  const edited = (routes: readonly Http[]) =>
    server.put(at('web'), { ...service(routes), metadata: server.at(at('web'))?.metadata })

  test('is the one of the route that has the canary, when someone puts another to the same host before it', async () => {
    server.put(at('web'), service([{ route: [to('shop')] }]))
    const router = istio(server.cluster, given)
    const changes = saved(await router.changes())
    await router.set({ weight: 5 }, changes, 4)
    const theirs = { match: [{ uri: { prefix: '/new' } }], route: [to('shop')] }
    edited([theirs, ...http()])
    expect(await router.set({ weight: 25 }, changes, 4)).toEqual({ kind: 'written' })
    expect(http()[0]).toEqual(theirs)
    expect(http()[1]?.route?.map(({ weight }) => weight)).toEqual([75, 25])
    expect(await router.set({ weight: 0 }, changes, 4)).toEqual({ kind: 'written' })
    expect(http()).toEqual([theirs, { route: [to('shop')] }])
  })

  test.each<[string, (split: readonly Http[]) => readonly Http[], readonly Http[]]>([
    [
      'took a split route out',
      ([, second = {}]) => [second],
      [{ match: [{ uri: { prefix: '/b' } }], route: [to('shop', 60), to('search', 40)] }],
    ],
    [
      'changed where a split route sends to',
      ([first, second = {}]) => [{ ...first, route: [...(first?.route ?? []), to('theirs', 10)] }, second],
      [
        { match: [{ uri: { prefix: '/a' } }], route: [to('shop', 100), to('theirs', 10)] },
        { match: [{ uri: { prefix: '/b' } }], route: [to('shop', 60), to('search', 40)] },
      ],
    ],
    [
      'left the canary alone in a route and copies to it in another',
      ([, second = {}]) => [
        { route: [to('shop-canary', 100)] },
        { route: [to('else')], mirror: { host: 'shop-canary' } },
        second,
      ],
      [
        { route: [to('shop', 100)] },
        { route: [to('else')] },
        { match: [{ uri: { prefix: '/b' } }], route: [to('shop', 60), to('search', 40)] },
      ],
    ],
  ])('of 0 takes the canary out whatever others did: one %s', async (_, edit, left) => {
    server.put(
      at('web'),
      service([
        { match: [{ uri: { prefix: '/a' } }], route: [to('shop')] },
        { match: [{ uri: { prefix: '/b' } }], route: [to('shop', 60), to('search', 40)] },
      ]),
    )
    const router = istio(server.cluster, given)
    const changes = saved(await router.changes())
    await router.set({ weight: 5 }, changes, 4)
    edited(edit(http()))
    expect(await router.set({ weight: 25 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'environment' })
    expect(await router.set({ weight: 0 }, changes, 4)).toEqual({ kind: 'written' })
    expect(http()).toEqual(left)
    expect(await router.current(changes)).toEqual({ written: 0, marked: true })
    expect(await router.cleanup(changes, 4)).toEqual({ kind: 'written' })
    expect((await router.current(changes)).marked).toBe(false)
  })

  test('is refused when someone changed the destinations, and only ours is taken out', async () => {
    server.put(at('web'), service([{ route: [to('shop')] }]))
    const router = istio(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    const theirs = service([{ route: [to('shop', 50), to('shop-canary', 5), to('theirs', 45)] }])
    server.put(at('web'), { ...theirs, metadata: server.at(at('web'))?.metadata })
    expect(await router.set({ weight: 25 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'environment' })
    expect(await router.cleanup(changes, 4)).toEqual({ kind: 'written' })
    expect(http()).toEqual([{ route: [to('shop', 55), to('theirs', 45)] }])
    expect(server.at(at('web'))?.metadata.annotations).toBeUndefined()
  })

  test('keeps the weight that someone gives another destination during a release, also afterwards', async () => {
    server.put(at('web'), service([{ route: [to('shop', 90), to('blue', 10)] }]))
    const router = istio(server.cluster, given)
    const changes = saved(await router.changes())
    await router.set({ weight: 5 }, changes, 4)
    edited([{ route: [...(http()[0]?.route ?? []).slice(0, 2), to('blue', 0)] }])
    expect((await router.current(changes)).written).toBe(5)
    for (const weight of [25, 50, 25]) {
      await router.set({ weight }, changes, 4)
      expect(http()[0]?.route?.at(-1)).toEqual(to('blue', 0))
      expect((await router.current(changes)).written).toBe(weight)
    }
    await router.set({ weight: 0 }, changes, 4)
    expect(http()).toEqual([{ route: [to('shop', 90), to('blue', 0)] }])
    await router.cleanup(changes, 4)
    expect(http()).toEqual([{ route: [to('shop', 90), to('blue', 0)] }])
  })

  test('is refused for a run that was overtaken', async () => {
    server.put(at('web'), service([{ route: [to('shop')] }]))
    server.put(ruleAt('shop'), rule({ host: 'shop' }))
    const router = istio(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    expect(await router.stamp(changes, 5)).toEqual({ kind: 'written' })
    expect(server.at(ruleAt('shop-canary'))?.metadata.annotations?.[EPOCH]).toBe('5')
    expect(await router.set({ weight: 50 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'fenced' })
    expect(await router.cleanup(changes, 4)).toMatchObject({ kind: 'refused', cause: 'fenced' })
    expect(await router.set({ weight: 0 }, changes, 5)).toEqual({ kind: 'written' })
    expect(await router.cleanup(changes, 5)).toEqual({ kind: 'written' })
  })

  test('is not begun by a run whose record has another owner: no twin is made either', async () => {
    server.put(at('web'), service([{ route: [to('shop')] }]))
    server.put(ruleAt('shop'), rule({ host: 'shop' }))
    const router = istio(server.cluster, { ...given, owned: async () => false })
    const changes = await router.changes()
    expect(await router.set({ weight: 5 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'fenced' })
    expect(server.writes).toEqual([])
    expect(server.patches).toEqual([])
  })

  test('that may not be written says so', async () => {
    server.put(at('web'), service([{ route: [to('shop')] }]))
    const router = istio(server.cluster, given)
    const changes = await router.changes()
    server.refuse(at('web'), 403)
    expect(await router.set({ weight: 5 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'forbidden' })
  })

  test('of 0 asks nothing of a VirtualService that is gone', async () => {
    server.put(at('web'), service([{ route: [to('shop')] }]))
    const router = istio(server.cluster, given)
    const changes = await router.changes()
    server.remove(at('web'))
    expect(await router.set({ weight: 0 }, changes, 4)).toEqual({ kind: 'written' })
    expect(await router.set({ weight: 5 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'environment' })
    expect(await router.cleanup(changes, 4)).toEqual({ kind: 'written' })
  })

  test('is written to v1beta1 where that is all that is served', async () => {
    const older = at('web').replace('/v1/', '/v1beta1/')
    server.refuse(`${API}/virtualservices`, 404)
    server.put(older, { ...service([{ route: [to('shop')] }]), apiVersion: 'networking.istio.io/v1beta1' })
    const router = istio(server.cluster, given)
    const changes = await router.changes()
    expect(changes[0]?.ref.apiVersion).toBe('networking.istio.io/v1beta1')
    expect(await router.set({ weight: 5 }, changes, 4)).toEqual({ kind: 'written' })
    expect((await router.current(changes)).written).toBe(5)
  })
})

describe('a DestinationRule', () => {
  const spec = {
    host: 'shop.shop.svc.cluster.local',
    trafficPolicy: { tls: { mode: 'ISTIO_MUTUAL' } },
    subsets: [
      { name: 'v1', labels: { app: 'shop', version: 'v1' }, trafficPolicy: { connectionPool: {} } },
      { name: 'all' },
    ],
  }

  test('gets a twin for the canary, with the changed label rewritten, that goes with the release', async () => {
    server.put(at('web'), service([{ route: [to('shop', undefined, { subset: 'v1' })] }]))
    server.put(ruleAt('shop'), rule(spec))
    const before = whole(ruleAt('shop'))
    const label = { key: 'app', stable: 'shop', canary: 'shop-canary' }
    const router = istio(server.cluster, { ...given, label })
    expect(await errors()).toEqual([])
    const changes = saved(await router.changes())
    expect(await router.set({ weight: 5 }, changes, 4)).toEqual({ kind: 'written' })
    expect(server.at(ruleAt('shop-canary'))).toMatchObject({
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata: {
        name: 'shop-canary',
        namespace: 'shop',
        labels: { 'sluice.dev/track': 'canary' },
        annotations: { [OWNER]: '7/1', [EPOCH]: '4' },
      },
      spec: {
        ...spec,
        host: 'shop-canary.shop.svc.cluster.local',
        subsets: [{ ...spec.subsets[0], labels: { app: 'shop-canary', version: 'v1' } }, { name: 'all' }],
      },
    })
    expect(http()[0]?.route?.[1]).toEqual(to('shop-canary', 5, { subset: 'v1' }))
    await router.set({ weight: 50 }, changes, 4)
    expect(server.writes).toHaveLength(1)
    expect(await router.cleanup(changes, 4)).toEqual({ kind: 'written' })
    expect(server.at(ruleAt('shop-canary'))).toBeUndefined()
    expect(whole(ruleAt('shop'))).toEqual(before)
    expect((await router.current(changes)).marked).toBe(false)
    expect(await router.cleanup(changes, 4)).toEqual({ kind: 'written' })
  })

  test('that someone changes meanwhile changes its twin with the next weight', async () => {
    server.put(at('web'), service([{ route: [to('shop')] }]))
    server.put(ruleAt('shop'), rule({ host: 'shop' }))
    const router = istio(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    server.put(ruleAt('shop'), rule({ host: 'shop', trafficPolicy: { loadBalancer: { simple: 'RANDOM' } } }))
    await router.set({ weight: 5 }, changes, 4)
    expect(server.at(ruleAt('shop-canary'))?.spec).toEqual({
      host: 'shop-canary',
      trafficPolicy: { loadBalancer: { simple: 'RANDOM' } },
    })
  })

  test('of the user’s own for the canary is left alone', async () => {
    server.put(at('web'), service([{ route: [to('shop')] }]))
    server.put(ruleAt('shop'), rule({ host: 'shop' }))
    server.put(ruleAt('next'), rule({ host: 'shop-canary' }, 'next'))
    const router = istio(server.cluster, given)
    const changes = await router.changes()
    expect(changes).toHaveLength(1)
    await router.set({ weight: 5 }, changes, 4)
    await router.cleanup(changes, 4)
    expect(server.writes).toEqual([])
  })

  test('whose twin would have somebody else’s name is refused, and that one is never overwritten', async () => {
    server.put(at('web'), service([{ route: [to('shop')] }]))
    server.put(ruleAt('shop'), rule({ host: 'shop' }))
    const router = istio(server.cluster, given)
    const changes = await router.changes()
    server.put(ruleAt('shop-canary'), rule({ host: 'theirs' }, 'shop-canary'))
    expect((await errors())[0]).toMatch(/^twin-name/)
    expect(await router.set({ weight: 5 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'environment' })
    expect(http()).toEqual([{ route: [to('shop')] }])
    await router.cleanup(changes, 4)
    expect(server.at(ruleAt('shop-canary'))?.spec).toEqual({ host: 'theirs' })
  })

  test('that may not be looked at is refused where a subset needs it, else a warning', async () => {
    server.refuse(`${API}/destinationrules`, 403)
    server.refuse(`${API}/namespaces/shop/destinationrules`, 403)
    server.put(at('web'), service([{ route: [to('shop')] }]))
    expect(await errors()).toEqual([])
    server.put(at('web'), service([{ route: [to('shop', undefined, { subset: 'v1' })] }]))
    expect((await errors())[0]).toMatch(/^rules-unseen/)
  })
})

describe('a subset', () => {
  const released: IstioGiven = { ...given, service: 'reviews', release: 'shop/reviews-v1' }
  const labels = { app: 'reviews', version: 'v1' }
  const subsets = [
    { name: 'v1', labels: { version: 'v1' } },
    { name: 'v2', labels: { version: 'v2' } },
    { name: 'all' },
  ]
  const reviews = (subset: string, weight?: number): Entry => to('reviews', weight, { subset })
  const canary = (subset: string, weight?: number): Entry => to('reviews-canary', weight, { subset })
  const deployed = (): void => {
    server.put('/apis/apps/v1/namespaces/shop/deployments/reviews-v1', {
      metadata: { name: 'reviews-v1', namespace: 'shop' },
      spec: { template: { metadata: { labels } } },
    })
    server.put(ruleAt('reviews'), rule({ host: 'reviews', subsets }, 'reviews'))
  }
  const refused = async (more: Partial<IstioGiven> = {}) =>
    (await istio(server.cluster, { ...released, ...more }).preflight())
      .filter(({ level }) => level === 'error')
      .map(({ id, text }) => `${id}: ${text}`)

  test('of another Deployment’s pods is not split: it keeps its portion, and no copy of it names the canary', async () => {
    deployed()
    const match = [{ uri: { prefix: '/old' } }]
    server.put(
      at('web'),
      service([{ match, route: [reviews('v2')] }, { route: [reviews('v1', 90), reviews('v2', 10)] }]),
    )
    const before = whole(at('web'))
    const router = () => istio(server.cluster, { ...released, tester: { header: 'x', value: 'y' }, mirrors: [10] })
    const findings = await router().preflight()
    expect(findings.map(({ id, level }) => `${level} ${id}`)).toEqual(['note subset-whole'])
    const changes = saved(await router().changes())
    // Whatever becomes of the rule meanwhile, the same entries stay split.
    server.put(ruleAt('reviews'), rule({ host: 'reviews', subsets: [] }, 'reviews'))
    expect(await router().set({ weight: 50 }, changes, 4)).toEqual({ kind: 'written' })
    expect(http().map(({ route }) => route)).toEqual([
      [reviews('v2')],
      [canary('v1', 90)],
      [reviews('v1', 45), canary('v1', 45), reviews('v2', 10)],
    ])
    expect((await router().current(changes)).written).toBe(50)
    await router().set({ weight: 5 }, changes, 4)
    expect(http()[2]?.route).toEqual([reviews('v1', 8550), canary('v1', 450), reviews('v2', 1000)])
    expect((await router().current(changes)).written).toBe(5)
    await router().set({ weight: 0, mirror: 10 }, changes, 4)
    expect(http()[2]).toMatchObject({ mirror: { host: 'reviews-canary', subset: 'v1' } })
    expect(http()[0]).toEqual({ match, route: [reviews('v2')] })
    await router().cleanup(changes, 4)
    expect(whole(at('web'))).toEqual(before)
  })

  test('whose labels are the pods’, or that has none, is split like the whole Service', async () => {
    deployed()
    server.put(at('web'), service([{ route: [reviews('v1', 50), reviews('all', 30), to('reviews', 20)] }]))
    const router = istio(server.cluster, released)
    expect(await router.preflight()).toEqual([])
    const changes = await router.changes()
    expect(changes[0]?.before.map(({ path }) => path)).toEqual(['/spec/http/0/route', '/metadata/annotations'])
    await router.set({ weight: 10 }, changes, 4)
    expect(http()[0]?.route?.map(({ weight }) => weight)).toEqual([45, 5, 27, 3, 18, 2])
  })

  test('by a label that pods get beside their template’s, or that nobody defines, is not taken for another Deployment’s', async () => {
    deployed()
    const injected = { version: 'v1', 'service.istio.io/canonical-revision': 'v1' }
    server.put(ruleAt('reviews'), rule({ host: 'reviews', subsets: [{ name: 'v1', labels: injected }] }, 'reviews'))
    server.put(at('web'), service([{ route: [reviews('v1', 50), reviews('v3', 50)] }]))
    const router = istio(server.cluster, released)
    expect(await router.preflight()).toEqual([])
    await router.set({ weight: 10 }, await router.changes(), 4)
    expect(http()[0]?.route).toEqual([reviews('v1', 45), canary('v1', 5), reviews('v3', 45), canary('v3', 5)])
  })

  test('that a rule of a namespace which may not be read could define is refused, not left whole', async () => {
    deployed()
    server.refuse(`${API}/destinationrules`, 403)
    server.put(at('web'), service([{ route: [to('reviews', 50), reviews('v3', 50)] }]))
    expect(await refused()).toEqual([
      expect.stringMatching(/^not-looked-at: destinationrules of namespaces other than/),
    ])
    server.put(at('web'), service([{ route: [to('reviews', 50), reviews('v2', 50)] }]))
    expect(await refused()).toEqual([])
  })

  test.each(['topology.istio.io/cluster', 'topology.kubernetes.io/zone'])(
    'by %s is refused with its reason',
    async (place) => {
      deployed()
      const east = { name: 'east', labels: { [place]: 'east', version: 'v1' } }
      server.put(ruleAt('reviews'), rule({ host: 'reviews', subsets: [...subsets, east] }, 'reviews'))
      server.put(at('web'), service([{ route: [reviews('v1')] }, { route: [reviews('east')] }]))
      const text = `subset-by-place: VirtualService shop/web: http route 1 sends to subset east of Service reviews, which picks pods by where they run (${place})`
      expect(await refused()).toEqual([expect.stringContaining(text)])
      expect(await refused({ rule: 0 })).toEqual([])
    },
  )

  test('that two rules define differently is not taken for the pods’', async () => {
    deployed()
    server.put(
      ruleAt('more'),
      rule({ host: 'reviews.shop', subsets: [{ name: 'v1', labels: { version: 'x' } }] }, 'more'),
    )
    server.put(at('web'), service([{ route: [reviews('v1')] }]))
    expect((await refused())[0]).toMatch(/^subset-elsewhere/)
  })

  test.each<[string, readonly Http[], Partial<IstioGiven>, RegExp]>([
    ['alone is named', [{ route: [reviews('v2')] }], {}, /^subset-elsewhere: VirtualService shop\/web .*subset v2/],
    ['is in the one that is chosen', [{ route: [reviews('v2')] }], { route: 'web' }, /^subset-elsewhere/],
    [
      'is in the http route that is chosen',
      [{ route: [reviews('v1')] }, { route: [reviews('v2')] }],
      { rule: 1 },
      /^subset-elsewhere: VirtualService shop\/web: http route 1/,
    ],
    ['has all the weight', [{ route: [reviews('v1', 0), reviews('v2', 100)] }], {}, /^no-traffic/],
  ])('of other pods is refused where it %s', async (_, routes, more, text) => {
    deployed()
    server.put(at('web'), service(routes))
    expect(await refused(more)).toEqual([expect.stringMatching(text)])
    await expect(istio(server.cluster, { ...released, ...more }).changes()).rejects.toMatchObject({ kind: 'input' })
  })
})

describe('a mirror', () => {
  const theirs = { destination: { host: 'audit' }, percentage: { value: 10 } }
  test.each<[string, Http, Http]>([
    ['nobody mirrored', {}, { mirror: { host: 'shop-canary', port: { number: 80 } }, mirrorPercentage: { value: 20 } }],
    [
      'someone mirrors in the old form',
      { mirror: { host: 'audit' }, mirrorPercent: 10 },
      {
        mirrors: [theirs, { destination: { host: 'shop-canary', port: { number: 80 } }, percentage: { value: 20 } }],
      },
    ],
    [
      'someone mirrors in a list',
      { mirrors: [theirs] },
      {
        mirrors: [theirs, { destination: { host: 'shop-canary', port: { number: 80 } }, percentage: { value: 20 } }],
      },
    ],
  ])('is added where %s, and taken out exactly', async (_, own, wanted) => {
    const route = [to('shop', undefined, { port: { number: 80 } })]
    server.put(at('web'), service([{ ...own, route }]))
    const before = whole(at('web'))
    const router = istio(server.cluster, { ...given, mirrors: [20] })
    const changes = saved(await router.changes())
    expect(await router.set({ weight: 0, mirror: 20 }, changes, 4)).toEqual({ kind: 'written' })
    expect(http()).toEqual([{ ...wanted, route }])
    expect(await router.current(changes)).toMatchObject({ written: 0, mirrored: 20, marked: true })
    expect(await router.set({ weight: 5 }, changes, 4)).toEqual({ kind: 'written' })
    expect(http()[0]).toMatchObject(own)
    expect(await router.current(changes)).toEqual({ written: 5, marked: true })
    await router.set({ weight: 5, mirror: 30 }, changes, 4)
    await router.cleanup(changes, 4)
    expect(whole(at('web'))).toEqual(before)
  })

  test('keeps a mirror that someone adds meanwhile', async () => {
    server.put(at('web'), service([{ route: [to('shop')] }]))
    const router = istio(server.cluster, given)
    const changes = saved(await router.changes())
    await router.set({ weight: 0, mirror: 20 }, changes, 4)
    const ours = { destination: { host: 'shop-canary' }, percentage: { value: 20 } }
    server.put(at('web'), {
      ...service([{ mirrors: [ours, theirs], route: [to('shop')] }]),
      metadata: server.at(at('web'))?.metadata,
    })
    await router.cleanup(changes, 4)
    expect(http()).toEqual([{ mirrors: [theirs], route: [to('shop')] }])
  })
})

describe('a tester’s session', () => {
  const matches = [{ uri: { prefix: '/a' } }, { headers: { lang: { exact: 'de' } } }]

  test('by header has a route of its own right before the split one, and leaves with weight 0', async () => {
    const original: Http[] = [
      { match: [{ uri: { prefix: '/else' } }], route: [to('else')] },
      { name: 'main', match: matches, timeout: '3s', route: [to('shop', 60), to('search', 40)] },
    ]
    server.put(at('web'), service(original))
    const router = istio(server.cluster, { ...given, tester: { header: 'X-Tester', value: 'Eva' } })
    const changes = saved(await router.changes())
    await router.set({ weight: 5 }, changes, 4)
    const [first, session, split] = http()
    expect(first).toEqual(original[0])
    expect(session).toEqual({
      name: 'sluice-tester',
      match: [
        { uri: { prefix: '/a' }, headers: { 'x-tester': { exact: 'Eva' } } },
        { headers: { lang: { exact: 'de' }, 'x-tester': { exact: 'Eva' } } },
      ],
      timeout: '3s',
      route: [to('shop-canary', 60)],
    })
    expect(split).toMatchObject({ name: 'main', match: matches })
    expect(await router.current(changes)).toEqual({ written: 5, marked: true })
    await router.set({ weight: 5 }, changes, 4)
    expect(server.patches).toHaveLength(1)
    await router.set({ weight: 0, mirror: 10 }, changes, 4)
    expect(http()).toHaveLength(3)
    expect(http()[1]).not.toHaveProperty('mirror')
    await router.set({ weight: 0 }, changes, 4)
    expect(http()).toHaveLength(2)
    await router.set({ weight: 5 }, changes, 4)
    await router.cleanup(changes, 4)
    expect(http()).toEqual(original)
  })

  test('by cookie finds it among others, and nothing that only looks like it', async () => {
    server.put(at('web'), service([{ route: [to('shop')] }]))
    const router = istio(server.cluster, { ...given, tester: { cookie: 'qa', value: 'a.b+' } })
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    const [match] = http()[0]?.match ?? []
    const { headers } = match as { headers: { cookie: { regex: string } } }
    const finds = (text: string): boolean => new RegExp(headers.cookie.regex).test(text)
    expect(['qa=a.b+', 'x=1; qa=a.b+', 'qa=a.b+; y=2', 'x=1; qa=a.b+;y=2'].map(finds)).toEqual([true, true, true, true])
    expect(['qa=aXb+', 'xqa=a.b+', 'qa=a.b+c', 'x=1; y=qa=a.b+', 'QA=a.b+'].map(finds)).toEqual(Array(5).fill(false))
  })

  test('that outlives its split is never read as nothing', async () => {
    server.put(at('web'), service([{ route: [to('shop')] }]))
    const router = istio(server.cluster, { ...given, tester: { header: 'x', value: 'y' } })
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    const [session, split] = http()
    server.put(at('web'), {
      ...service([session ?? {}, { ...split, route: [to('shop', 100), to('shop-canary', 0)] }]),
      metadata: server.at(at('web'))?.metadata,
    })
    expect((await router.current(changes)).written).toBe(0.5)
  })

  test.each([
    ['a header that is matched already', { header: 'Lang', value: 'x' }, [{ match: matches, route: [to('shop')] }]],
    ['a header that Istio ignores', { header: 'authority', value: 'x' }, [{ route: [to('shop')] }]],
    [
      'a cookie where cookies are matched already',
      { cookie: 'a', value: 'x' },
      [{ match: [{ headers: { cookie: { exact: 'b=1' } } }], route: [to('shop')] }],
    ],
  ])('is refused by %s', async (_, tester, routes) => {
    server.put(at('web'), service(routes))
    expect((await errors({ tester }))[0]).toMatch(/^tester-header/)
  })
})

describe('the preflight', () => {
  test.each<[string, () => void, RegExp]>([
    [
      'no Istio',
      () => {
        for (const api of [API, `${API}beta1`]) server.refuse(`${api}/virtualservices`, 404)
      },
      /^istio-missing/,
    ],
    [
      'a delegate',
      () => server.put(at('web'), service([{ route: [to('shop')] }], { hosts: undefined })),
      /^delegate: .*has no hosts.*Move its routes/,
    ],
    [
      'a canary that was left',
      () => server.put(at('web'), service([{ route: [to('shop', 95), to('shop-canary', 5)] }])),
      /^backend-there/,
    ],
    [
      'a mirror to the canary in a route that is not split',
      () =>
        server.put(
          at('web'),
          service([{ route: [to('shop')] }, { mirror: { host: 'shop-canary' }, route: [to('x')] }]),
        ),
      /^backend-there: .*http route 1/,
    ],
    [
      'a stable weight of 0',
      () => server.put(at('web'), service([{ route: [to('shop'), to('blue', 100)] }])),
      /^no-traffic/,
    ],
    [
      'weights that cannot be scaled',
      () => server.put(at('web'), service([{ route: [to('shop', 21_474_836), to('blue', 1)] }])),
      /^weight-too-large/,
    ],
    [
      'nothing that reaches the Service',
      () => server.put(at('web'), service([{ route: [to('blue')] }])),
      /web \(blue\)/,
    ],
  ])('refuses %s', async (_, prepare, id) => {
    prepare()
    expect((await errors()).join('\n')).toMatch(id)
    await expect(istio(server.cluster, given).changes()).rejects.toMatchObject({ kind: 'input' })
  })

  test('refuses two VirtualServices unless both are listed, and an Ingress or HTTPRoute beside them', async () => {
    server.put(at('web'), service([{ route: [to('shop')] }]))
    server.put(at('api'), service([{ route: [to('shop.shop.svc')] }], {}, 'api'))
    expect((await errors())[0]).toMatch(/^several-routes/)
    expect((await errors({ route: 'web' }))[0]).toMatch(/^several-routes/)
    expect(await errors({ route: 'web,shop/api' })).toEqual([])
    server.put('/apis/networking.k8s.io/v1/namespaces/shop/ingresses/old', {
      metadata: { name: 'old', namespace: 'shop' },
      spec: { defaultBackend: { service: { name: 'shop' } } },
    })
    expect((await errors({ route: 'web,api' }))[0]).toMatch(/^reached-by-ingress/)
  })

  test('takes one http route when one is chosen, and refuses one that does not reach the Service', async () => {
    server.put(at('web'), service([{ route: [to('shop')] }, { route: [to('x')] }, { route: [to('shop')] }]))
    const [change] = await istio(server.cluster, { ...given, rule: 2 }).changes()
    expect(change?.before.map(({ path }) => path)).toEqual(['/spec/http/2/route', '/metadata/annotations'])
    expect((await errors({ rule: 1 }))[0]).toMatch(/^rule-missing/)
  })

  test('warns of calls that are not split: from inside the mesh, and by TCP', async () => {
    server.put(at('web'), service([{ route: [to('shop')] }], { gateways: ['edge'], tcp: [{ route: [to('shop')] }] }))
    const findings = await istio(server.cluster, given).preflight()
    expect(findings.map(({ id, level }) => `${level} ${id}`)).toEqual([
      'warning reached-by-tcp',
      'warning outside-mesh',
    ])
  })
})

describe('what Istio reports', () => {
  const status = (object: object) => {
    const live = server.at(at('web')) as KubernetesObject
    server.put(at('web'), { ...live, status: object })
  }
  test.each<[string, object, boolean, RegExp]>([
    ['nothing, which is said', {}, true, /does not report/],
    ['a condition of this generation', { conditions: [reconciled('True', 2)] }, true, /Reconciled True: 3\/3/],
    ['a condition of an earlier one', { conditions: [reconciled('True', 1)] }, false, /generation 2 yet/],
    ['that proxies lag', { conditions: [reconciled('False', 2)] }, false, /Reconciled False/],
    [
      'errors of its analyzers',
      { validationMessages: [{ level: 'ERROR', type: { code: 'IST0101', name: 'ReferencedResourceNotFound' } }] },
      false,
      /IST0101/,
    ],
  ])('is believed: %s', async (_, reported, accepted, text) => {
    server.put(at('web'), service([{ route: [to('shop')] }]))
    const router = istio(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    status(reported)
    const answer = await router.verify(changes)
    expect(answer.accepted).toBe(accepted)
    expect(answer.text).toMatch(text)
  })
})

const reconciled = (status: string, observedGeneration: number) => ({
  type: 'Reconciled',
  status,
  observedGeneration: String(observedGeneration),
  message: '3/3 proxies up to date',
})

describe('whatever was there', () => {
  const host = fc.constantFrom('shop', 'shop.shop.svc.cluster.local', 'search', 'legacy.other')
  const entry = fc.record(
    {
      destination: fc.record({ host, subset: fc.constantFrom('v1', 'v2') }, { requiredKeys: ['host'] }),
      weight: fc.integer({ min: 1, max: 100 }),
      headers: fc.constant({ request: { set: { a: 'b' } } }),
    },
    { requiredKeys: ['destination', 'weight'] },
  )
  const route = fc.record(
    {
      name: fc.constantFrom('a', 'b'),
      match: fc.array(fc.record({ uri: fc.record({ prefix: fc.constantFrom('/', '/a') }) }), {
        minLength: 1,
        maxLength: 2,
      }),
      route: fc.array(entry, { minLength: 1, maxLength: 3 }),
      retries: fc.constant({ attempts: 2 }),
      mirror: fc.constant({ host: 'audit' }),
      mirrorPercentage: fc.constant({ value: 1 }),
    },
    { requiredKeys: ['route'] },
  )
  const splits = fc.array(
    fc.record({ weight: fc.integer({ min: 0, max: 100 }), mirror: fc.constantFrom(0, 10, 100) }),
    { minLength: 1, maxLength: 4 },
  )
  const testers = fc.constantFrom(undefined, { header: 'x', value: 'y' }, { cookie: 'x', value: 'y' })

  test('current reads back what set wrote, and cleanup gives every object back whole', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(route, { minLength: 1, maxLength: 4 }),
        splits,
        testers,
        async (routes, asked, tester) => {
          const reaching = { route: [to('shop')] }
          server.put(at('web'), JSON.parse(JSON.stringify(service([...routes, reaching] as Http[]))))
          server.put(ruleAt('shop'), rule({ host: 'shop', subsets: [{ name: 'v1' }] }))
          const [before, own] = [whole(at('web')), whole(ruleAt('shop'))]
          const router = (): ReturnType<typeof istio> => istio(server.cluster, { ...given, tester, mirrors: [10] })
          const changes = saved(await router().changes())
          for (const split of asked) {
            expect(await router().set(split, changes, 4)).toEqual({ kind: 'written' })
            const read = await router().current(changes)
            expect({ weight: read.written, mirror: read.mirrored ?? 0 }).toEqual(split)
          }
          expect(await router().cleanup(changes, 4)).toEqual({ kind: 'written' })
          expect([whole(at('web')), whole(ruleAt('shop'))]).toEqual([before, own])
          expect(server.at(ruleAt('shop-canary'))).toBeUndefined()
          expect((await router().current(changes)).marked).toBe(false)
          server.remove(at('web'))
        },
      ),
      { numRuns: 40 },
    )
  })
})
