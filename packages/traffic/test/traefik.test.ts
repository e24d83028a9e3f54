import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { DEPLOYMENT, EPOCH, OWNER } from '@sluice/kubernetes/fenced'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { objectServer } from '../../kubernetes/test/object-server.ts'
import { traefik } from '../src/traefik.ts'
import type { TraefikGiven, WeightedEntry } from '../src/traefik-services.ts'
import { readBack } from './read-back.ts'

const API = '/apis/traefik.io/v1alpha1'
const at = (name: string, namespace = 'shop'): string => `${API}/namespaces/${namespace}/traefikservices/${name}`
const routeAt = (name: string, namespace = 'shop'): string => `${API}/namespaces/${namespace}/ingressroutes/${name}`
const serviceAt = (name: string): string => `/api/v1/namespaces/shop/services/${name}`

const weighted = (name: string, services: readonly WeightedEntry[], more: object = {}, namespace = 'shop') => ({
  apiVersion: 'traefik.io/v1alpha1',
  kind: 'TraefikService',
  metadata: { name, namespace, uid: `uid-${namespace}-${name}` },
  spec: { weighted: { services, ...more } },
})
const route = (name: string, routes: readonly object[], more: object = {}, namespace = 'shop') => ({
  apiVersion: 'traefik.io/v1alpha1',
  kind: 'IngressRoute',
  metadata: { name, namespace, uid: `uid-route-${name}` },
  spec: { routes, ...more },
})
const shop: WeightedEntry = { name: 'shop', port: 80 }
const toWeb = { kind: 'TraefikService', name: 'web' }

let server: Awaited<ReturnType<typeof objectServer>>
beforeEach(async () => {
  server = await objectServer()
  server.put(serviceAt('shop-canary'), { kind: 'Service', metadata: { name: 'shop-canary', namespace: 'shop' } })
})
afterEach(() => server.stop())

const given: TraefikGiven = { namespace: 'shop', service: 'shop', owner: '7/1' }
type Spec = { readonly weighted: { readonly services: readonly WeightedEntry[] } }
const entries = (name = 'web', namespace = 'shop') =>
  (server.at(at(name, namespace))?.spec as Spec | undefined)?.weighted.services ?? []
const findings = async (more: Partial<TraefikGiven> = {}) => traefik(server.cluster, { ...given, ...more }).preflight()
const errors = async (more: Partial<TraefikGiven> = {}) =>
  (await findings(more))
    .filter(({ level }) => level === 'error')
    .map(({ id, text, hint = '' }) => `${id}: ${text}. ${hint}`)

describe('a weight', () => {
  test('is written beside stable’s with the others scaled, and the canary is reached by its cluster address', async () => {
    const own = { ...shop, kind: 'Service', passHostHeader: false, serversTransport: 'mtls' }
    server.put(
      at('web'),
      weighted('web', [own, { name: 'legacy', port: 'http', weight: 3 }, { ...toWeb, name: 'more' }]),
    )
    const router = traefik(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    expect(entries()).toEqual([
      { ...own, weight: 95 },
      { ...own, name: 'shop-canary', weight: 5, nativeLB: true },
      { name: 'legacy', port: 'http', weight: 300 },
      { ...toWeb, name: 'more', weight: 100 },
    ])
    await router.set({ weight: 0 }, changes, 4)
    // Not weight 0 beside it: a Service without ready pods would take all others down with it.
    expect(entries()).toEqual([own, { name: 'legacy', port: 'http', weight: 3 }, { ...toWeb, name: 'more' }])
  })

  test('keeps the weight that someone gives another service during a release, also afterwards', async () => {
    server.put(
      at('web'),
      weighted('web', [
        { ...shop, weight: 90 },
        { name: 'blue', port: 80, weight: 10 },
      ]),
    )
    const router = traefik(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    const live = server.at(at('web'))
    const services = entries().map((entry) => (entry.name === 'blue' ? { ...entry, weight: 0 } : entry))
    server.put(at('web'), { ...live, spec: { weighted: { services } } })
    await router.set({ weight: 25 }, changes, 4)
    expect(entries().map(({ weight }) => weight)).toEqual([6750, 2250, 0])
    expect((await router.current(changes)).written).toBe(25)
    await router.set({ weight: 0 }, changes, 4)
    await router.cleanup(changes, 4)
    expect(entries().map(({ weight }) => weight)).toEqual([90, 0])
  })

  test.each<[string, WeightedEntry, string]>([
    ['with the suffix of its provider', { name: 'shop@kubernetescrd', port: 80 }, 'shop'],
    ['with an empty kind', { name: 'shop', kind: '', port: 80 }, 'shop'],
    ['in another namespace', { name: 'shop', namespace: 'shop', port: 80 }, 'edge'],
  ])('finds a Service named %s', async (_, entry, namespace) => {
    server.put(at('web', namespace), weighted('web', [entry], {}, namespace))
    const router = traefik(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 20 }, changes, 4)
    expect(entries('web', namespace)).toEqual([
      { ...entry, weight: 80 },
      { ...entry, name: 'shop-canary', weight: 20, nativeLB: true },
    ])
    await router.cleanup(changes, 4)
    expect(entries('web', namespace)).toEqual([entry])
  })

  test('is not written before the canary’s Service stands, and the lack of it is seen', async () => {
    server.put(at('web'), weighted('web', [shop]))
    const router = traefik(server.cluster, given)
    const changes = await router.changes()
    server.remove(serviceAt('shop-canary'))
    expect(await router.set({ weight: 5 }, changes, 4)).toMatchObject({
      kind: 'refused',
      cause: 'environment',
      text: expect.stringContaining('Traefik would drop all that names it'),
    })
    expect(server.patches).toEqual([])
    server.put(at('web'), weighted('web', [shop, { name: 'shop-canary', port: 80 }]))
    expect(await router.verify(changes)).toMatchObject({
      accepted: false,
      text: expect.stringContaining('shop-canary'),
    })
  })

  test('says that it is written, and that no more can be known', async () => {
    server.put(at('web'), weighted('web', [shop]))
    const router = traefik(server.cluster, given)
    const changes = await router.changes()
    expect(await router.verify(changes)).toEqual({ accepted: true })
    await router.set({ weight: 5 }, changes, 4)
    expect(await router.verify(changes)).toEqual({
      accepted: true,
      text: expect.stringMatching(/^written; .*cannot be seen.*within 2 s$/),
    })
  })

  test('that TraefikServices disagree on is no whole percent', async () => {
    server.put(at('web'), weighted('web', [shop]))
    server.put(at('api'), weighted('api', [shop]))
    const router = traefik(server.cluster, { ...given, route: 'web,api' })
    const changes = await router.changes()
    await router.set({ weight: 50 }, changes, 4)
    server.put(at('api'), weighted('api', [shop]))
    const reading = await router.current(changes)
    expect(Number.isInteger(reading.written)).toBe(false)
    expect(reading.text).toContain('disagree')
  })

  test('of 0 takes the canary out of a list that somebody else changed, and leaves the rest to them', async () => {
    server.put(at('web'), weighted('web', [shop]))
    const router = traefik(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    server.put(at('web'), {
      ...server.at(at('web')),
      ...weighted('web', [{ name: 'shop-canary', port: 80 }, { name: 'theirs' }]),
    })
    expect(await router.set({ weight: 0 }, changes, 4)).toEqual({ kind: 'written' })
    expect(entries()).toEqual([{ name: 'theirs' }])
  })

  test('of 0 gives stable a list of which only the canary is left', async () => {
    server.put(at('web'), weighted('web', [shop, { name: 'legacy' }]))
    const router = traefik(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    server.put(at('web'), weighted('web', [{ name: 'shop-canary', port: 80, nativeLB: true }]))
    await router.set({ weight: 0 }, changes, 4)
    expect(entries()).toEqual([shop])
  })

  test('is refused with the rule that would allow it', async () => {
    server.put(at('web'), weighted('web', [shop]))
    const router = traefik(server.cluster, given)
    const changes = await router.changes()
    server.refuse(at('web'), 403)
    const answer = await router.set({ weight: 5 }, changes, 4)
    expect(answer).toMatchObject({
      kind: 'refused',
      cause: 'forbidden',
      text: expect.stringContaining('traefikservices'),
    })
  })
})

test('whatever is set in whatever order, others keep their portions to the last digit and all is given back as it was', async () => {
  const entry = fc.record(
    {
      name: fc.constantFrom('legacy', 'other', 'more'),
      port: fc.constantFrom(80, 'http'),
      weight: fc.nat(1000),
      nativeLB: fc.boolean(),
    },
    { requiredKeys: ['name'] },
  )
  const stable = fc
    .record({ weight: fc.integer({ min: 1, max: 1000 }) }, { requiredKeys: [] })
    .map((own) => ({ ...shop, ...own }))
  const portion = (list: readonly WeightedEntry[], index: number) => {
    const total = list.reduce((sum, { weight = 1 }) => sum + weight, 0)
    return [list[index]?.weight ?? 1, total] as const
  }
  await fc.assert(
    fc.asyncProperty(
      fc.array(entry, { maxLength: 3 }),
      stable,
      fc.array(entry, { maxLength: 3 }),
      fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 4 }),
      async (front, own, back, weights) => {
        const original = [...front, own, ...back]
        server.remove(at('web'))
        server.put(at('web'), weighted('web', original))
        const router = traefik(server.cluster, given)
        const changes = await router.changes()
        for (const weight of weights) {
          expect(await router.set({ weight }, changes, 4)).toEqual({ kind: 'written' })
          expect((await router.current(changes)).written).toBe(weight)
          const now = entries()
          const shift = weight === 0 ? 0 : 1
          original.forEach((_, index) => {
            if (index === front.length) return
            const [before, sum] = portion(original, index)
            const [after, total] = portion(now, index > front.length ? index + shift : index)
            expect(BigInt(before) * BigInt(total)).toBe(BigInt(after) * BigInt(sum))
          })
        }
        await router.cleanup(changes, 4)
        expect(entries()).toEqual(original)
        expect(server.at(at('web'))?.metadata.annotations).toBeUndefined()
      },
    ),
    { numRuns: 60 },
  )
})

describe('the preflight', () => {
  test('finds the only TraefikService that names the Service, behind others that name it', async () => {
    server.put(at('web'), weighted('web', [shop]))
    server.put(at('outer'), weighted('outer', [toWeb, { name: 'shop', kind: 'TraefikService' }]))
    server.put(at('copy'), { ...weighted('copy', []), spec: { mirroring: { ...toWeb, mirrors: [{ name: 'audit' }] } } })
    server.put(routeAt('web'), route('web', [{ match: 'Host(`a`)', services: [{ ...toWeb, name: 'outer' }] }]))
    expect(await errors()).toEqual([])
    const [change] = await traefik(server.cluster, given).changes()
    expect(change?.ref.name).toBe('web')
  })

  test('says so when the cluster does not know TraefikServices, and what to grant when they may not be listed', async () => {
    expect((await errors())[0]).toMatch(/^traefik-missing/)
    await expect(traefik(server.cluster, given).changes()).rejects.toMatchObject({ kind: 'input' })
    server.refuse(`${API}/traefikservices`, 403)
    server.refuse(`${API}/namespaces/shop/traefikservices`, 403)
    expect((await errors())[0]).toMatch(/^not-allowed: .*\n?.*apiGroups: \["traefik.io"\]/s)
  })

  test('looks in its own namespace at least', async () => {
    server.put(at('web'), weighted('web', [shop]))
    server.refuse(`${API}/traefikservices`, 403)
    expect((await findings()).map(({ id, level }) => `${level} ${id}`)).toEqual(['note not-looked-at'])
  })

  test('gives what to add where only an IngressRoute names the Service', async () => {
    server.put(at('other'), weighted('other', [{ name: 'search', port: 80 }]))
    server.put(routeAt('web'), route('web', [{ match: 'Host(`a`)', services: [shop] }]))
    const [first = '', second = ''] = await errors()
    expect(first).toMatch(
      /^backend-missing: no TraefikService.*shop\/other \(search:80\).*services: \[\{ name: shop, port: 80 \}\]/s,
    )
    expect(second).toMatch(/^reached-by-ingressroute: IngressRoute shop\/web also reaches/)
  })

  test('names what is there when the one that was asked for is not, or does not name the Service', async () => {
    server.put(at('web'), weighted('web', [{ name: 'shopp', port: 80 }]))
    server.put(at('copy'), { ...weighted('copy', []), spec: { mirroring: { name: 'x' } } })
    expect((await errors({ route: 'wep' }))[0]).toMatch(/^route-missing: TraefikService shop\/wep.*There are: /)
    expect((await errors({ route: 'web' }))[0]).toMatch(/^backend-missing: TraefikService shop\/web.*shopp:80/)
    expect((await errors({ route: 'copy' }))[0]).toMatch(/^backend-missing: .*It mirrors: let its own service be/)
  })

  test('refuses two TraefikServices unless both are listed', async () => {
    server.put(at('web'), weighted('web', [shop]))
    server.put(at('api'), weighted('api', [shop]))
    expect((await errors())[0]).toMatch(/^several-routes.*route: shop\/\w+,shop\/\w+/)
    expect((await errors({ route: 'web' }))[0]).toMatch(/^several-routes/)
    expect(await errors({ route: 'web, shop/api' })).toEqual([])
  })

  test.each<[string, readonly WeightedEntry[], string]>([
    ['a canary that was left', [shop, { name: 'shop-canary', port: 80, weight: 0 }], 'backend-there'],
    ['a stable weight of 0', [{ ...shop, weight: 0 }, { name: 'green' }], 'no-traffic'],
    ['a weight that cannot be divided', [{ ...shop, weight: 10_000_001 }], 'weight-too-large'],
  ])('refuses %s', async (_, services, id) => {
    server.put(at('web'), weighted('web', services))
    expect((await errors())[0]).toMatch(new RegExp(`^${id}`))
  })

  test('warns of clients that a cookie keeps where they are', async () => {
    server.put(at('web'), weighted('web', [shop], { sticky: { cookie: { name: 'side' } } }))
    expect(await findings()).toMatchObject([{ id: 'sticky-sessions', level: 'warning' }])
  })

  const ingress = (service: string) => ({ rules: [{ http: { paths: [{ backend: { service: { name: service } } }] } }] })
  test.each<[string, string, (service: string) => object]>([
    ['IngressRoute', `${API}/namespaces/shop/ingressroutes/old`, (name) => ({ routes: [{ services: [{ name }] }] })],
    [
      'IngressRouteTCP',
      `${API}/namespaces/shop/ingressroutetcps/old`,
      (name) => ({ routes: [{ services: [{ name }] }] }),
    ],
    ['TraefikService', at('old'), (name) => ({ mirroring: { name } })],
    ['TraefikService', at('old'), (name) => ({ mirroring: { name: 'x', mirrors: [{ name }] } })],
    ['Ingress', '/apis/networking.k8s.io/v1/namespaces/shop/ingresses/old', ingress],
    [
      'Ingress',
      '/apis/networking.k8s.io/v1/namespaces/shop/ingresses/old',
      (name) => ({ defaultBackend: { service: { name } } }),
    ],
    [
      'HTTPRoute',
      '/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/old',
      (name) => ({ rules: [{ backendRefs: [{ name }] }] }),
    ],
  ])('refuses a Service that %s also reaches: %s', async (kind, path, spec) => {
    server.put(at('web'), weighted('web', [shop]))
    const put = (service: string) =>
      server.put(path, { kind, metadata: { name: 'old', namespace: 'shop' }, spec: spec(service) })
    put('another')
    expect(await errors()).toEqual([])
    put('shop')
    expect((await errors())[0]).toContain(`${kind} shop/old also reaches Service shop`)
  })
})

describe('a tester', () => {
  const tester = { header: 'x-tester', value: 'yes' }
  const match = 'Host(`shop.example`)'
  const original = route(
    'web',
    [
      {
        kind: 'Rule',
        match,
        middlewares: [{ name: 'auth', namespace: 'edge' }],
        observability: { metrics: true },
        services: [toWeb],
      },
      { kind: 'Rule', match: 'Host(`else.example`)', services: [{ name: 'else', port: 80 }] },
    ],
    { entryPoints: ['websecure'], tls: { secretName: 'shop-tls' } },
  )
  const made = (): KubernetesObject | undefined => server.at(routeAt('web-sluice-tester'))
  const begun = async (more: Partial<TraefikGiven> = {}) => {
    server.put(at('web'), weighted('web', [{ ...shop, weight: 3, serversTransport: 'mtls' }]))
    server.put(routeAt('web'), original)
    const router = traefik(server.cluster, { ...given, tester, ...more })
    const changes = await router.changes()
    return { router, changes }
  }

  test('has a copy of the route with the same entry points, TLS and middlewares, just above it, to the canary alone', async () => {
    const { router, changes } = await begun()
    await router.set({ weight: 5 }, changes, 4)
    expect(made()?.spec).toEqual({
      entryPoints: ['websecure'],
      tls: { secretName: 'shop-tls' },
      routes: [
        {
          kind: 'Rule',
          match: '(Host(`shop.example`)) && Header(`x-tester`, `yes`)',
          priority: match.length + 1,
          middlewares: [{ name: 'auth', namespace: 'edge' }],
          observability: { metrics: true },
          services: [{ name: 'shop-canary', port: 80, serversTransport: 'mtls', nativeLB: true }],
        },
      ],
    })
    expect(server.at(routeAt('web'))?.spec).toEqual(original.spec)
    await router.set({ weight: 0 }, changes, 4)
    expect(made()).toBeUndefined()
  })

  test.each([
    [{ header: 'x', value: 'a`b' }, 'Header(`x`, "a`b")'],
    [{ cookie: 'side', value: 'a.b' }, 'HeaderRegexp(`Cookie`, `(^|;\\s*)side=a\\.b\\s*(;|$)`)'],
  ])('is known by %j', async (who, rule) => {
    const { router, changes } = await begun({ tester: who })
    await router.set({ weight: 5 }, changes, 4)
    expect(JSON.parse(JSON.stringify(made()?.spec)).routes[0].match).toBe(`(${match}) && ${rule}`)
  })

  test('is known by a cookie among others, and by no other that looks like it', async () => {
    const { router, changes } = await begun({ tester: { cookie: 'side', value: 'a.b' } })
    await router.set({ weight: 5 }, changes, 4)
    const rule: string = JSON.parse(JSON.stringify(made()?.spec)).routes[0].match
    const pattern = new RegExp(/HeaderRegexp\(`Cookie`, `(.*)`\)$/.exec(rule)?.[1] ?? '')
    const known = ['side=a.b', 'x=1; side=a.b', 'side=a.b; x=1', 'x=1;side=a.b;y=2']
    const others = ['side=aXb', 'outside=a.b', 'side=a.bc', 'x=side=a.b']
    expect([known, others].map((texts) => texts.map((text) => pattern.test(text)))).toEqual([
      [true, true, true, true],
      [false, false, false, false],
    ])
  })

  test('follows what is changed in the route that it is a copy of, with the next weight', async () => {
    const { router, changes } = await begun()
    await router.set({ weight: 5 }, changes, 4)
    server.put(routeAt('web'), { ...original, spec: { ...original.spec, entryPoints: ['other'] } })
    await router.set({ weight: 25 }, changes, 4)
    expect(made()?.spec).toMatchObject({ entryPoints: ['other'] })
  })

  test('that outlived its weight is no weight of 0', async () => {
    const { router, changes } = await begun()
    await router.set({ weight: 5 }, changes, 4)
    server.put(at('web'), weighted('web', [{ ...shop, weight: 3, serversTransport: 'mtls' }]))
    expect(await readBack(router, changes)).toMatchObject({
      written: 0.5,
      marked: true,
      text: expect.stringContaining('tester'),
    })
  })

  test.each<[string, object, RegExp]>([
    ['says whose it is', { [DEPLOYMENT]: 'shop/search' }, /release, of Deployment shop\/search: .*search-canary/],
    ['is of an older version, which did not say', {}, /another release: it leads to Service search-canary/],
  ])('never touches the route of another release behind the same one, which %s', async (_, notes, text) => {
    server.put(at('web'), weighted('web', [shop]))
    server.put(routeAt('web'), original)
    const asked: TraefikGiven = { ...given, tester, release: 'shop/shop' }
    const router = () => traefik(server.cluster, asked)
    const changes = await router().changes()
    const theirs = route('web-sluice-tester', [{ match, services: [{ name: 'search-canary', port: 80 }] }])
    const annotations = { [OWNER]: '9/1', [EPOCH]: '2', ...notes }
    server.put(routeAt('web-sluice-tester'), { ...theirs, metadata: { ...theirs.metadata, annotations } })
    const before = made()
    const [said, ...more] = await errors(asked)
    expect(more).toEqual([])
    expect(said).toMatch(/^tester-of-another: IngressRoute shop\/web-sluice-tester belongs to .*Wait until/)
    expect(said).toMatch(text)
    expect(await router().set({ weight: 5 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'environment' })
    expect(await router().set({ weight: 0 }, changes, 4)).toEqual({ kind: 'written' })
    expect(await router().stamp(changes, 4)).toEqual({ kind: 'written' })
    expect(await router().cleanup(changes, 4)).toEqual({ kind: 'written' })
    expect((await router().current(changes)).marked).toBe(false)
    expect(made()).toEqual(before)
  })

  test('gets no route over one of somebody else’s', async () => {
    const { router, changes } = await begun()
    const theirs = route('web-sluice-tester', [])
    server.put(routeAt('web-sluice-tester'), theirs)
    expect(await router.set({ weight: 5 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'environment' })
    expect(await router.cleanup(changes, 4)).toEqual({ kind: 'written' })
    expect(made()?.spec).toEqual(theirs.spec)
  })

  test.each<[string, readonly object[], string]>([
    ['where no IngressRoute leads here', [{ match, services: [{ name: 'else' }] }], 'tester-without-route'],
    ['in the rules of Traefik 2', [{ match, syntax: 'v2', services: [toWeb] }], 'tester-syntax'],
    [
      'above the highest priority',
      [{ match, priority: Number.MAX_SAFE_INTEGER, services: [toWeb] }],
      'tester-priority',
    ],
  ])('is refused %s', async (_, routes, id) => {
    server.put(at('web'), weighted('web', [shop]))
    server.put(routeAt('web'), route('web', routes))
    expect((await errors({ tester }))[0]).toMatch(new RegExp(`^${id}`))
    expect(await errors()).toEqual([])
  })

  test('is warned of a route that would come as early as the tester’s', async () => {
    server.put(at('web'), weighted('web', [shop]))
    server.put(routeAt('web'), route('web', [{ match, services: [toWeb] }]))
    server.put(
      routeAt('api'),
      route('api', [{ match: 'Host(`x`)', priority: match.length + 1, services: [{ name: 'api' }] }]),
    )
    expect(await findings({ tester })).toMatchObject([{ id: 'tester-priority-tie', level: 'warning' }])
  })

  test('of a namespace that may not be written to is a refusal with the rule that would allow it', async () => {
    const { router, changes } = await begun()
    server.refuse(`POST ${API}/namespaces/shop/ingressroutes`, 403)
    const answer = await router.set({ weight: 5 }, changes, 4)
    expect(answer).toMatchObject({
      kind: 'refused',
      cause: 'forbidden',
      text: expect.stringContaining('ingressroutes'),
    })
  })
})
