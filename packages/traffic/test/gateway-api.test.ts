import { EPOCH } from '@sluice/kubernetes/fenced'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { objectServer } from '../../kubernetes/test/object-server.ts'
import { gatewayApi } from '../src/gateway-api.ts'
import type { BackendRef } from '../src/weights.ts'
import { readBack } from './read-back.ts'

const path = (name: string, namespace = 'shop'): string =>
  `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes/${name}`
const filters = [{ type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'x-from', value: 'edge' }] } }]

const accepted = (generation = 1) => ({
  parents: [
    {
      parentRef: { name: 'edge' },
      conditions: ['Accepted', 'ResolvedRefs'].map((type) => ({
        type,
        status: 'True',
        observedGeneration: generation,
      })),
    },
  ],
})
const route = (name: string, rules: readonly (readonly BackendRef[])[], more: object = {}) => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name, namespace: 'shop', uid: `uid-${name}` },
  spec: {
    parentRefs: [{ name: 'edge' }],
    rules: rules.map((backendRefs) => ({ matches: [{ path: { value: '/' } }], backendRefs })),
  },
  status: accepted(),
  ...more,
})
const shop: BackendRef = { name: 'shop', port: 80, filters }

let server: Awaited<ReturnType<typeof objectServer>>
beforeEach(async () => {
  server = await objectServer()
})
afterEach(() => server.stop())

const given = { namespace: 'shop', service: 'shop' }
const refs = (name = 'web', rule = 0): readonly BackendRef[] => {
  const { rules = [] } = (server.at(path(name))?.spec ?? {}) as {
    rules?: readonly { backendRefs: readonly BackendRef[] }[]
  }
  return rules[rule]?.backendRefs ?? []
}
const accept = (name = 'web'): void => {
  const live = server.at(path(name))
  server.put(path(name), { ...live, status: accepted(live?.metadata.generation) })
}

describe('a weight', () => {
  test('is written beside stable’s, with the others scaled, and read back once the gateway has taken it', async () => {
    server.put(path('web'), route('web', [[shop, { name: 'search', weight: 3 }], [{ name: 'other' }]]))
    const router = gatewayApi(server.cluster, given)
    const changes = await router.changes()
    expect(await readBack(router, changes)).toEqual({ written: 0, accepted: true, marked: false })
    expect(await router.set({ weight: 5 }, changes, 4)).toEqual({ kind: 'written' })
    expect(refs()).toEqual([
      { ...shop, weight: 95 },
      { ...shop, name: 'shop-canary', weight: 5 },
      { name: 'search', weight: 300 },
    ])
    expect(refs('web', 1)).toEqual([{ name: 'other' }])
    const waiting = await readBack(router, changes)
    expect(waiting).toMatchObject({ written: 5, accepted: false, marked: true })
    expect(waiting.text).toContain('has not looked at generation 2')
    accept()
    expect(await readBack(router, changes)).toEqual({ written: 5, accepted: true, marked: true })
  })

  test('written twice is written once', async () => {
    server.put(path('web'), route('web', [[shop]]))
    const router = gatewayApi(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    await router.set({ weight: 5 }, changes, 4)
    expect(server.patches).toHaveLength(1)
    await router.set({ weight: 50 }, changes, 4)
    expect(refs().map(({ weight }) => weight)).toEqual([50, 50])
  })

  test('follows its rule when someone puts another rule before it', async () => {
    server.put(path('web'), route('web', [[shop]]))
    const router = gatewayApi(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    server.put(path('web'), { ...server.at(path('web')), ...route('web', [[{ name: 'new' }], refs()]) })
    expect(await router.set({ weight: 25 }, changes, 4)).toEqual({ kind: 'written' })
    expect(refs('web', 1).map(({ weight }) => weight)).toEqual([75, 25])
    expect(refs('web', 0)).toEqual([{ name: 'new' }])
  })

  test('is refused when someone changed the rule’s backends', async () => {
    server.put(path('web'), route('web', [[shop]]))
    const router = gatewayApi(server.cluster, given)
    const changes = await router.changes()
    server.put(path('web'), { ...route('web', [[{ name: 'shop', port: 8080 }]]) })
    expect(await router.set({ weight: 5 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'environment' })
  })

  test('is refused for a run that was overtaken', async () => {
    server.put(path('web'), route('web', [[shop]]))
    const router = gatewayApi(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    expect(await router.stamp(changes, 5)).toEqual({ kind: 'written' })
    expect(await router.set({ weight: 50 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'fenced' })
    expect(await router.cleanup(changes, 4)).toMatchObject({ kind: 'refused', cause: 'fenced' })
    expect(await router.set({ weight: 0 }, changes, 5)).toEqual({ kind: 'written' })
  })

  test('of 0 asks nothing of a route that has no canary, or is gone', async () => {
    server.put(path('web'), route('web', [[shop]]))
    const router = gatewayApi(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 0 }, changes, 4)
    expect(refs()).toEqual([shop])
    server.remove(path('web'))
    expect(await router.set({ weight: 0 }, changes, 4)).toEqual({ kind: 'written' })
    expect(await readBack(router, changes)).toEqual({ written: 0, accepted: true, marked: false })
    expect(await router.set({ weight: 5 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'environment' })
  })

  test('that rules disagree on is no whole percent', async () => {
    server.put(path('web'), route('web', [[shop], [shop]]))
    const router = gatewayApi(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 50 }, changes, 4)
    server.put(path('web'), { ...server.at(path('web')), ...route('web', [refs(), [shop]]) })
    const reading = await readBack(router, changes)
    expect(Number.isInteger(reading.written)).toBe(false)
    expect(reading.text).toContain('disagree')
  })
})

describe('weight 0 takes the canary out', () => {
  const begun = async (rules: readonly (readonly BackendRef[])[] = [[shop]]) => {
    server.put(path('web'), route('web', rules))
    const router = gatewayApi(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 25 }, changes, 4)
    return { router, changes }
  }
  const rewrite = (rules: readonly (readonly BackendRef[])[]): void =>
    server.put(path('web'), { ...server.at(path('web')), spec: route('web', rules).spec })
  const canary = { ...shop, name: 'shop-canary' }

  test('of its rule, when someone puts one with the same backends before it', async () => {
    const { router, changes } = await begun()
    rewrite([[shop], refs()])
    expect((await router.current(changes)).written).toBe(25)
    expect(await router.set({ weight: 50 }, changes, 4)).toEqual({ kind: 'written' })
    expect(refs('web', 1).map(({ weight }) => weight)).toEqual([50, 50])
    expect(await router.set({ weight: 0 }, changes, 4)).toEqual({ kind: 'written' })
    expect(refs('web', 1).map(({ weight }) => weight)).toEqual([100, 0])
    expect(refs()).toEqual([shop])
    expect((await router.current(changes)).written).toBe(0)
    await router.cleanup(changes, 4)
    expect([refs(), refs('web', 1)]).toEqual([[shop], [shop]])
  })

  test('of the rule whose requests are copied to it, when someone puts one with the same backends before it', async () => {
    server.put(path('web'), route('web', [[shop]]))
    const router = gatewayApi(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 0, mirror: 10 }, changes, 4)
    const live = server.at(path('web'))
    const { rules = [] } = (live?.spec ?? {}) as { rules?: readonly object[] }
    server.put(path('web'), { ...live, spec: { rules: [{ backendRefs: [shop] }, ...rules] } })
    expect((await router.current(changes)).mirrored).toBe(10)
    expect(await router.set({ weight: 0 }, changes, 4)).toEqual({ kind: 'written' })
    expect(JSON.stringify(server.at(path('web'))?.spec)).not.toContain('shop-canary')
    expect((await router.current(changes)).mirrored ?? 0).toBe(0)
  })

  test.each<[string, readonly (readonly BackendRef[])[], readonly (readonly BackendRef[])[]]>([
    ['whose rules are gone', [[{ name: 'search' }]], [[{ name: 'search' }]]],
    [
      'that has another backend now, and gives stable what it had',
      [
        [
          { ...shop, weight: 75 },
          { ...canary, weight: 25 },
          { name: 'new', weight: 100 },
        ],
      ],
      [
        [
          { ...shop, weight: 100 },
          { name: 'new', weight: 100 },
        ],
      ],
    ],
    [
      'whose stable is at another port now, with nothing left to it',
      [
        [
          { ...shop, port: 8080, weight: 0 },
          { ...canary, weight: 100 },
        ],
      ],
      [[{ ...shop, port: 8080, weight: 100 }]],
    ],
    ['that has only the canary', [[{ ...canary, weight: 25 }]], [[{ ...shop, weight: 25 }]]],
    [
      'in which the others get nothing',
      [
        [
          { ...canary, weight: 25 },
          { name: 'new', weight: 0 },
        ],
      ],
      [
        [
          { ...shop, weight: 25 },
          { name: 'new', weight: 0 },
        ],
      ],
    ],
    [
      'that someone copied',
      [
        [
          { ...shop, weight: 75 },
          { ...canary, weight: 25 },
        ],
        [
          { ...shop, weight: 75 },
          { ...canary, weight: 25 },
        ],
      ],
      [
        [
          { ...shop, weight: 100 },
          { ...canary, weight: 0 },
        ],
        [{ ...shop, weight: 100 }],
      ],
    ],
  ])('of a route %s', async (_, rules, wanted) => {
    const { router, changes } = await begun()
    rewrite(rules)
    expect(await router.set({ weight: 0 }, changes, 4)).toEqual({ kind: 'written' })
    expect(wanted.map((_, rule) => refs('web', rule))).toEqual(wanted)
    expect((await router.current(changes)).written).toBe(0)
    expect(await router.set({ weight: 0 }, changes, 4)).toEqual({ kind: 'written' })
    expect(server.patches.length).toBeLessThanOrEqual(2)
  })

  test('of the rules that are left when one is gone, and a higher weight is still refused', async () => {
    const { router, changes } = await begun([[shop], [{ ...shop, port: 8080 }]])
    rewrite([refs('web', 1)])
    expect(await router.set({ weight: 50 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'environment' })
    expect(await router.set({ weight: 0 }, changes, 4)).toEqual({ kind: 'written' })
    expect((await router.current(changes)).written).toBe(0)
  })
})

describe('another backend’s weight', () => {
  const blue = (weight: number): BackendRef => ({ name: 'blue', port: 80, weight })
  const begun = async () => {
    server.put(path('web'), route('web', [[{ ...shop, weight: 90 }, blue(10)]]))
    const router = gatewayApi(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    return { router, changes }
  }
  const rewrite = (backends: readonly BackendRef[]): void =>
    server.put(path('web'), { ...server.at(path('web')), spec: route('web', [backends]).spec })
  const weights = () => refs().map(({ weight }) => weight)

  test.each([
    [0, [90, 0]],
    [2000, [90, 20]],
    [1050, [9000, 1050]],
  ])('that someone sets to %i during a release is kept, also afterwards', async (theirs, after) => {
    const { router, changes } = await begun()
    rewrite([...refs().slice(0, 2), blue(theirs)])
    expect(await router.set({ weight: 50 }, changes, 4)).toEqual({ kind: 'written' })
    expect(weights()).toEqual([4500, 4500, theirs])
    expect(await router.set({ weight: 0 }, changes, 4)).toEqual({ kind: 'written' })
    expect(weights()).toEqual([9000, 0, theirs])
    for (const _ of [1, 2]) {
      await router.cleanup(changes, 4)
      expect(weights()).toEqual(after)
    }
  })

  test('in a list that someone wrote anew is kept', async () => {
    const { router, changes } = await begun()
    rewrite([{ ...shop, weight: 50 }, blue(50)])
    await router.cleanup(changes, 4)
    expect(weights()).toEqual([50, 50])
    await router.set({ weight: 10 }, changes, 4)
    expect(weights()).toEqual([8100, 900, 9000])
    await router.cleanup(changes, 4)
    expect(weights()).toEqual([90, 90])
  })

  test('is what it was when someone took the canary out, or changed the weight', async () => {
    const { router, changes } = await begun()
    rewrite(refs().filter(({ name }) => name !== 'shop-canary'))
    await router.set({ weight: 50 }, changes, 4)
    expect(weights()).toEqual([4500, 4500, 1000])
    rewrite(refs().map((ref) => (ref.name === 'shop' ? { ...ref, weight: 100 } : ref)))
    await router.set({ weight: 50 }, changes, 4)
    expect(weights()).toEqual([4500, 4500, 1000])
    rewrite(refs().filter(({ name }) => name !== 'shop-canary'))
    await router.cleanup(changes, 4)
    expect(weights()).toEqual([90, 10])
  })
})

describe('a restore', () => {
  test.each([
    ['without annotations', {}],
    [
      'with annotations of the user’s',
      { metadata: { name: 'web', namespace: 'shop', uid: 'uid-web', annotations: { team: 'a' } } },
    ],
  ])('gives a route %s back exactly, our mark too', async (_, more) => {
    const original = route(
      'web',
      [
        [shop, { name: 'search', weight: 3 }],
        [{ name: 'shop', weight: 0 }, shop],
      ],
      more,
    )
    server.put(path('web'), original)
    const router = gatewayApi(server.cluster, given)
    const changes = await router.changes()
    const { annotations } = server.at(path('web'))?.metadata ?? {}
    for (const weight of [5, 50, 0]) await router.set({ weight }, changes, 4)
    expect(server.at(path('web'))?.metadata.annotations?.[EPOCH]).toBe('4')
    expect(await router.cleanup(changes, 4)).toEqual({ kind: 'written' })
    expect(server.at(path('web'))?.spec).toEqual(original.spec)
    expect(server.at(path('web'))?.metadata.annotations).toEqual(annotations)
    await router.cleanup(changes, 4)
    expect(server.at(path('web'))?.spec).toEqual(original.spec)
    expect(await readBack(router, changes)).toMatchObject({ written: 0, marked: false })
  })

  test('takes the canary out of a rule that cannot be recognised any more', async () => {
    server.put(path('web'), route('web', [[shop]]))
    const router = gatewayApi(server.cluster, given)
    const changes = await router.changes()
    server.put(
      path('web'),
      route('web', [
        [
          { name: 'shop-canary', weight: 0 },
          { name: 'rewritten', weight: 7 },
        ],
      ]),
    )
    expect(await router.cleanup(changes, 4)).toEqual({ kind: 'written' })
    expect(refs()).toEqual([{ name: 'rewritten', weight: 7 }])
  })
})

describe('the preflight', () => {
  const errors = async (more: object = {}) => {
    const findings = await gatewayApi(server.cluster, { ...given, ...more }).preflight()
    return findings.filter(({ level }) => level === 'error').map(({ id, text, hint = '' }) => `${id}: ${text}. ${hint}`)
  }

  test('finds the only route that reaches the Service', async () => {
    server.put(path('web'), route('web', [[shop]]))
    server.put(path('else'), route('else', [[{ name: 'search' }]]))
    expect(await errors()).toEqual([])
  })

  test('lists what backends there are when none is the expected one', async () => {
    server.put(path('web'), route('web', [[{ name: 'shopp', port: 80 }], [{ name: 'search' }]]))
    expect((await errors())[0]).toMatch(
      /^backend-missing: no HTTPRoute sends.*shop\/web \(rule 0: shopp:80; rule 1: search\)/,
    )
    expect((await errors({ route: 'web' }))[0]).toMatch(
      /^backend-missing: HTTPRoute shop\/web sends nothing.*rule 0: shopp:80/,
    )
    expect((await errors({ route: 'wep' }))[0]).toMatch(/^route-missing: HTTPRoute shop\/wep does not exist.*shop\/web/)
    await expect(gatewayApi(server.cluster, given).changes()).rejects.toMatchObject({ kind: 'input' })
  })

  test('refuses two routes unless both are listed', async () => {
    server.put(path('web'), route('web', [[shop]]))
    server.put(path('api'), route('api', [[shop]]))
    expect((await errors())[0]).toMatch(/^several-routes/)
    expect((await errors({ route: 'web' }))[0]).toMatch(/^several-routes/)
    expect(await errors({ route: 'web, api' })).toEqual([])
    expect(await gatewayApi(server.cluster, { ...given, route: 'web,api' }).changes()).toHaveLength(2)
  })

  test('takes one rule when one is chosen, and refuses one that does not reach the Service', async () => {
    server.put(path('web'), route('web', [[shop], [{ name: 'search' }], [shop]]))
    const [change] = await gatewayApi(server.cluster, { ...given, rule: 2 }).changes()
    expect(change?.before.map(({ path: at }) => at)).toEqual(['/spec/rules/2/backendRefs', '/metadata/annotations'])
    expect((await errors({ rule: 1 }))[0]).toMatch(/^rule-missing/)
    expect((await errors({ rule: 9 }))[0]).toMatch(/^rule-missing/)
  })

  test.each([
    ['a canary that was left', [{ ...shop }, { name: 'shop-canary', weight: 0 }], 'backend-there'],
    [
      'a stable weight of 0',
      [
        { ...shop, weight: 0 },
        { name: 'green', weight: 1 },
      ],
      'no-traffic',
    ],
    ['a weight that cannot be split', [{ ...shop, weight: 10_001 }], 'weight-too-large'],
  ])('refuses %s', async (_, backendRefs, id) => {
    server.put(path('web'), route('web', [backendRefs]))
    expect((await errors())[0]).toMatch(new RegExp(`^${id}`))
  })

  test('refuses a route that its gateway has not accepted, with its reason', async () => {
    const conditions = [
      { type: 'Accepted', status: 'False', observedGeneration: 1, reason: 'NoMatchingParent', message: 'no listener' },
    ]
    server.put(
      path('web'),
      route('web', [[shop]], { status: { parents: [{ parentRef: { name: 'edge' }, conditions }] } }),
    )
    expect((await errors())[0]).toMatch(/NoMatchingParent no listener/)
  })

  test.each([
    [
      'Ingress',
      '/apis/networking.k8s.io/v1/namespaces/shop/ingresses/old',
      { rules: [{ http: { paths: [{ backend: { service: { name: 'shop' } } }] } }] },
    ],
    [
      'GRPCRoute',
      '/apis/gateway.networking.k8s.io/v1/namespaces/shop/grpcroutes/old',
      { rules: [{ backendRefs: [{ name: 'shop' }] }] },
    ],
    [
      'BackendTLSPolicy',
      '/apis/gateway.networking.k8s.io/v1/namespaces/shop/backendtlspolicies/old',
      { targetRefs: [{ name: 'shop' }] },
    ],
    [
      'BackendTLSPolicy',
      '/apis/gateway.networking.k8s.io/v1alpha3/namespaces/shop/backendtlspolicies/old',
      { targetRefs: [{ group: '', kind: 'Service', name: 'shop' }] },
    ],
    [
      'BackendTLSPolicy',
      '/apis/gateway.networking.k8s.io/v1alpha2/namespaces/shop/backendtlspolicies/old',
      { targetRef: { group: '', kind: 'Service', name: 'shop' } },
    ],
    [
      'HealthCheckPolicy',
      '/apis/networking.gke.io/v1/namespaces/shop/healthcheckpolicies/old',
      { targetRef: { group: '', kind: 'Service', name: 'shop' } },
    ],
    [
      'GCPBackendPolicy',
      '/apis/networking.gke.io/v1/namespaces/shop/gcpbackendpolicies/old',
      { targetRef: { group: '', kind: 'Service', name: 'shop' } },
    ],
    ['DestinationRule', '/apis/networking.istio.io/v1/namespaces/shop/destinationrules/old', { host: 'shop.shop.svc' }],
    [
      'DestinationRule',
      '/apis/networking.istio.io/v1beta1/namespaces/shop/destinationrules/old',
      { host: 'shop.shop.svc.corp.example' },
    ],
    [
      'VirtualService',
      '/apis/networking.istio.io/v1/namespaces/shop/virtualservices/old',
      { hosts: ['shop'], http: [{ route: [{ destination: { host: 'shop' } }] }] },
    ],
  ])('refuses a Service that %s also reaches or binds', async (kind, at, spec) => {
    server.put(path('web'), route('web', [[shop]]))
    expect(await errors()).toEqual([])
    server.put(at, { kind, metadata: { name: 'old', namespace: 'shop' }, spec })
    expect((await errors())[0]).toContain(`${kind} shop/old`)
  })

  test.each([
    ['is bound to something else of its name', [{ group: 'net.gke.io', kind: 'ServiceImport', name: 'shop' }]],
    ['has a twin for the canary’s', ['shop', 'shop-canary'].map((name) => ({ group: '', kind: 'Service', name }))],
  ])('takes a policy that %s', async (_, targets) => {
    server.put(path('web'), route('web', [[shop]]))
    for (const [nth, targetRef] of targets.entries())
      server.put(`/apis/networking.gke.io/v1/namespaces/shop/healthcheckpolicies/p${nth}`, {
        kind: 'HealthCheckPolicy',
        metadata: { name: `p${nth}`, namespace: 'shop' },
        spec: { targetRef },
      })
    expect(await errors()).toEqual([])
  })

  test('says in one note which kinds it could not look at', async () => {
    server.put(path('web'), route('web', [[shop]]))
    for (const resource of ['healthcheckpolicies', 'gcpbackendpolicies'])
      server.refuse(`/apis/networking.gke.io/v1/namespaces/shop/${resource}`, 403)
    const findings = await gatewayApi(server.cluster, given).preflight()
    expect(findings.map(({ level, text }) => `${level}: ${text}`)).toEqual([
      'note: objects of kind HealthCheckPolicy, GCPBackendPolicy may not be listed with this credential and were not looked at',
    ])
  })

  test('says what it could not look at, and looks in the namespace at least', async () => {
    server.put(path('web'), route('web', [[shop]]))
    server.refuse('/apis/gateway.networking.k8s.io/v1/httproutes', 403)
    const findings = await gatewayApi(server.cluster, given).preflight()
    expect(findings.map(({ id, level }) => `${level} ${id}`)).toEqual(['note routes-elsewhere'])
  })

  test('refuses a route of another namespace whose grant names only stable', async () => {
    const elsewhere = route('web', [[{ ...shop, namespace: 'shop' }]])
    server.put(path('web', 'edge'), { ...elsewhere, metadata: { ...elsewhere.metadata, namespace: 'edge' } })
    const grant = (...to: object[]) =>
      server.put('/apis/gateway.networking.k8s.io/v1beta1/namespaces/shop/referencegrants/edge', {
        metadata: { name: 'edge', namespace: 'shop' },
        spec: { from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'edge' }], to },
      })
    grant({ kind: 'Service', name: 'shop' })
    expect((await errors())[0]).toContain('no ReferenceGrant in shop lets routes of edge reach')
    grant({ kind: 'Secret' })
    expect((await errors())[0]).toContain('no ReferenceGrant in shop lets routes of edge reach')
    grant({ kind: 'Service' })
    expect(await errors()).toEqual([])
  })
})
