import { DEPLOYMENT, EPOCH, OWNER } from '@sluice/kubernetes/fenced'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { objectServer } from '../../kubernetes/test/object-server.ts'
import { type NginxGiven, nginx } from '../src/nginx.ts'
import type { RouteChange } from '../src/router.ts'
import { readBack } from './read-back.ts'

const API = '/apis/networking.k8s.io/v1'
const N = 'nginx.ingress.kubernetes.io'
const at = (name: string, namespace = 'shop'): string => `${API}/namespaces/${namespace}/ingresses/${name}`

const path = (name: string, where = '/', port: object = { number: 80 }) => ({
  path: where,
  pathType: 'Prefix',
  backend: { service: { name, port } },
})
const rule = (host: string | undefined, ...paths: object[]) => ({
  ...(host === undefined ? {} : { host }),
  http: { paths },
})
const ingress = (spec: object, annotations?: object, name = 'web', namespace = 'shop') => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name, namespace, uid: `uid-${namespace}-${name}`, ...(annotations === undefined ? {} : { annotations }) },
  spec: { ingressClassName: 'nginx', ...spec },
})
const simple = { rules: [rule('shop.example', path('shop'))] }

let server: Awaited<ReturnType<typeof objectServer>>
beforeEach(async () => {
  server = await objectServer()
  server.put(`${API}/ingressclasses/nginx`, {
    metadata: { name: 'nginx' },
    spec: { controller: 'k8s.io/ingress-nginx' },
  })
})
afterEach(() => server.stop())

const given: NginxGiven = { namespace: 'shop', service: 'shop', owner: '7/1' }
const whole = (where: string): unknown => {
  const object = server.at(where)
  if (object === undefined) return undefined
  const { resourceVersion: _, generation: __, ...metadata } = object.metadata
  return { ...object, metadata }
}
const annotations = (name = 'web-canary'): Readonly<Record<string, string>> =>
  server.at(at(name))?.metadata.annotations ?? {}
const saved = (changes: readonly RouteChange[]): readonly RouteChange[] => JSON.parse(JSON.stringify(changes))
const errors = async (more: Partial<NginxGiven> = {}) => {
  const findings = await nginx(server.cluster, { ...given, ...more }).preflight()
  return findings.filter(({ level }) => level === 'error').map(({ id, text, hint = '' }) => `${id}: ${text}. ${hint}`)
}

describe('a weight', () => {
  test('is an Ingress of ours beside the user’s, with what of it reaches the Service and nothing else', async () => {
    const tls = [{ hosts: ['shop.example'], secretName: 'shop-tls' }]
    const rules = [
      rule('shop.example', path('shop', '/', { name: 'http' }), path('search', '/search')),
      rule('other.example', path('search')),
      rule(undefined, path('shop', '/api')),
    ]
    server.put(
      at('web'),
      ingress(
        { tls, rules },
        {
          'cert-manager.io/issuer': 'letsencrypt',
          'argocd.argoproj.io/tracking-id': 'x',
          [`${N}/rewrite-target`]: '/',
          [`${N}/affinity`]: 'cookie',
          [`${N}/session-cookie-name`]: 'route',
          [`${N}/upstream-hash-by`]: '$request_uri',
        },
      ),
    )
    const before = whole(at('web'))
    const router = nginx(server.cluster, given)
    expect(await errors()).toEqual([])
    const changes = saved(await router.changes())
    expect(await readBack(router, changes)).toEqual({ written: 0, accepted: true, marked: false })
    expect(await router.set({ weight: 5 }, changes, 4)).toEqual({ kind: 'written' })
    const made = server.at(at('web-canary'))
    expect(made).toMatchObject({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'web-canary', namespace: 'shop', labels: { 'sluice.dev/track': 'canary' } },
    })
    expect(annotations()).toEqual({
      [OWNER]: '7/1',
      [EPOCH]: '4',
      [`${N}/affinity`]: 'cookie',
      [`${N}/session-cookie-name`]: 'route',
      [`${N}/upstream-hash-by`]: '$request_uri',
      [`${N}/canary`]: 'true',
      [`${N}/canary-weight`]: '5',
    })
    expect(made?.spec).toEqual({
      ingressClassName: 'nginx',
      tls,
      rules: [
        rule('shop.example', path('shop-canary', '/', { name: 'http' })),
        rule(undefined, path('shop-canary', '/api')),
      ],
    })
    expect(await router.current(changes)).toEqual({ written: 5, marked: true })
    await router.set({ weight: 5 }, changes, 4)
    expect(server.patches).toEqual([])
    await router.set({ weight: 0 }, changes, 4)
    expect(annotations()[`${N}/canary-weight`]).toBe('0')
    expect((await router.current(changes)).written).toBe(0)
    expect(await router.cleanup(changes, 4)).toEqual({ kind: 'written' })
    expect(server.at(at('web-canary'))).toBeUndefined()
    expect(whole(at('web'))).toEqual(before)
    expect(await router.cleanup(changes, 4)).toEqual({ kind: 'written' })
    expect(await router.current(changes)).toEqual({ written: 0, marked: false })
  })

  test('counts to the user’s own total', async () => {
    server.put(at('web'), ingress(simple, { [`${N}/canary-weight-total`]: '1000' }))
    const router = nginx(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    expect(annotations()).toMatchObject({ [`${N}/canary-weight`]: '50', [`${N}/canary-weight-total`]: '1000' })
    expect((await router.current(changes)).written).toBe(5)
  })

  test('of a default backend is a default backend', async () => {
    server.put(at('web'), ingress({ defaultBackend: path('shop').backend }))
    const router = nginx(server.cluster, given)
    await router.set({ weight: 5 }, await router.changes(), 4)
    expect(server.at(at('web-canary'))?.spec).toEqual({
      ingressClassName: 'nginx',
      defaultBackend: path('shop-canary').backend,
    })
  })

  test('takes along what someone changes in the Ingress meanwhile', async () => {
    server.put(at('web'), ingress(simple))
    const router = nginx(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    const rules = [rule('shop.example', path('shop'), path('shop', '/new'))]
    server.put(at('web'), ingress({ rules }, { [`${N}/load-balance`]: 'ewma' }))
    await router.set({ weight: 25 }, changes, 4)
    expect(server.at(at('web-canary'))?.spec).toEqual({
      ingressClassName: 'nginx',
      rules: [rule('shop.example', path('shop-canary'), path('shop-canary', '/new'))],
    })
    expect(annotations()).toMatchObject({ [`${N}/load-balance`]: 'ewma', [`${N}/canary-weight`]: '25' })
    server.put(at('web'), ingress({ rules }))
    await router.set({ weight: 25 }, changes, 4)
    expect(annotations()).not.toHaveProperty([`${N}/load-balance`])
  })

  test('leaves what others note on the Ingress of ours', async () => {
    server.put(at('web'), ingress(simple))
    const router = nginx(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    const live = server.at(at('web-canary'))
    const noted = { ...live?.metadata.annotations, 'field.cattle.io/publicEndpoints': '[]' }
    server.put(at('web-canary'), { ...live, metadata: { ...live?.metadata, annotations: noted } })
    await router.set({ weight: 25 }, changes, 4)
    expect(annotations()).toMatchObject({ 'field.cattle.io/publicEndpoints': '[]', [`${N}/canary-weight`]: '25' })
  })

  test('is refused when the Ingress sends the Service nothing any more, or is gone; the way back is not', async () => {
    server.put(at('web'), ingress(simple))
    const router = nginx(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    server.put(at('web'), ingress({ rules: [rule('shop.example', path('theirs'))] }))
    expect(await router.set({ weight: 25 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'environment' })
    server.remove(at('web'))
    expect(await router.set({ weight: 25 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'environment' })
    expect(await router.set({ weight: 0 }, changes, 4)).toEqual({ kind: 'written' })
    expect(annotations()[`${N}/canary-weight`]).toBe('0')
    expect(await router.cleanup(changes, 4)).toEqual({ kind: 'written' })
    expect(server.at(at('web-canary'))).toBeUndefined()
  })

  test('is refused for a run that was overtaken, and for one whose record has another owner', async () => {
    server.put(at('web'), ingress(simple))
    const router = nginx(server.cluster, given)
    const changes = await router.changes()
    const other = nginx(server.cluster, { ...given, owned: async () => false })
    expect(await other.set({ weight: 5 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'fenced' })
    expect(server.writes).toEqual([])
    await router.set({ weight: 5 }, changes, 4)
    expect(await router.stamp(changes, 5)).toEqual({ kind: 'written' })
    expect(await router.set({ weight: 50 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'fenced' })
    expect(await router.set({ weight: 0 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'fenced' })
    expect(await router.cleanup(changes, 4)).toMatchObject({ kind: 'refused', cause: 'fenced' })
    expect(annotations()[`${N}/canary-weight`]).toBe('5')
    expect(await router.cleanup(changes, 5)).toEqual({ kind: 'written' })
  })

  test('that may not be written says so', async () => {
    server.put(at('web'), ingress(simple))
    const router = nginx(server.cluster, given)
    const changes = await router.changes()
    server.refuse(`POST ${API}/namespaces/shop/ingresses`, 403)
    expect(await router.set({ weight: 5 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'forbidden' })
  })

  test('never takes over an Ingress that no release made', async () => {
    server.put(at('web'), ingress(simple))
    const router = nginx(server.cluster, given)
    const changes = await router.changes()
    const theirs = ingress({ rules: [rule('x', path('theirs'))] }, { team: 'a' }, 'web-canary')
    server.put(at('web-canary'), theirs)
    const before = whole(at('web-canary'))
    expect(await router.set({ weight: 5 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'environment' })
    await router.set({ weight: 0 }, changes, 4)
    await router.stamp(changes, 5)
    await router.cleanup(changes, 5)
    expect(whole(at('web-canary'))).toEqual(before)
    expect(await router.current(changes)).toEqual({ written: 0, marked: false })
  })

  test.each<[string, object, RegExp]>([
    ['says whose it is', { [DEPLOYMENT]: 'shop/search' }, /release, of Deployment shop\/search: .*search-canary/],
    ['is of an older version, which did not say', {}, /another release: it sends to Service search-canary/],
  ])('never touches the Ingress of another release behind the same one, which %s', async (_, notes, text) => {
    const paths = { rules: [rule('shop.example', path('shop'), path('search', '/search'))] }
    server.put(at('web'), ingress(paths))
    const router = () => nginx(server.cluster, { ...given, release: 'shop/shop' })
    const changes = saved(await router().changes())
    const marks = { [OWNER]: '9/1', [EPOCH]: '2', [`${N}/canary`]: 'true', [`${N}/canary-weight`]: '25', ...notes }
    server.put(
      at('web-canary'),
      ingress({ rules: [rule('shop.example', path('search-canary', '/search'))] }, marks, 'web-canary'),
    )
    const before = whole(at('web-canary'))
    const [said, ...more] = await errors({ release: 'shop/shop' })
    expect(more).toEqual([])
    expect(said).toMatch(/^canary-of-another: Ingress shop\/web-canary belongs to .*Wait until that release has ended/)
    expect(said).toMatch(text)
    expect(said).not.toContain('abort')
    expect(await router().set({ weight: 5 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'environment' })
    expect(await router().current(changes)).toEqual({ written: 0, marked: false })
    expect(await router().set({ weight: 0 }, changes, 4)).toEqual({ kind: 'written' })
    expect(await router().stamp(changes, 4)).toEqual({ kind: 'written' })
    expect(await router().cleanup(changes, 4)).toEqual({ kind: 'written' })
    expect(whole(at('web-canary'))).toEqual(before)
  })

  test('of an Ingress that lost its mark as a canary is no whole percent', async () => {
    server.put(at('web'), ingress(simple))
    const router = nginx(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    const live = server.at(at('web-canary'))
    const { [`${N}/canary`]: _, ...rest } = live?.metadata.annotations ?? {}
    server.put(at('web-canary'), { ...live, metadata: { ...live?.metadata, annotations: rest } })
    expect(Number.isInteger((await router.current(changes)).written)).toBe(false)
  })

  test('stands beside a name of any length', async () => {
    const name = 'w'.repeat(80)
    server.put(at(name), ingress(simple, undefined, name))
    const router = nginx(server.cluster, given)
    await router.set({ weight: 5 }, await router.changes(), 4)
    const [made = ''] = server.writes
    const ours = made.split('/').at(-1) ?? ''
    expect(ours.length).toBeLessThanOrEqual(63)
    expect(ours).toMatch(/^w+-[0-9a-f]{8}$/)
  })
})

describe('a tester’s session', () => {
  test.each([
    [
      { header: 'X-Tester', value: 'eva' },
      { [`${N}/canary-by-header`]: 'X-Tester', [`${N}/canary-by-header-value`]: 'eva' },
    ],
    [{ cookie: 'qa', value: 'always' }, { [`${N}/canary-by-cookie`]: 'qa' }],
  ])('of %j is in the annotations until weight 0', async (tester, wanted) => {
    server.put(at('web'), ingress(simple))
    const router = nginx(server.cluster, { ...given, tester })
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    expect(annotations()).toMatchObject(wanted)
    expect(await router.current(changes)).toEqual({ written: 5, marked: true })
    await router.set({ weight: 0 }, changes, 4)
    expect(Object.keys(annotations()).sort()).toEqual([OWNER, EPOCH, `${N}/canary`, `${N}/canary-weight`].sort())
    expect((await router.current(changes)).written).toBe(0)
  })

  test('that outlives its split is never read as nothing', async () => {
    server.put(at('web'), ingress(simple))
    const router = nginx(server.cluster, { ...given, tester: { cookie: 'qa', value: 'always' } })
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    const live = server.at(at('web-canary'))
    const zero = { ...live?.metadata.annotations, [`${N}/canary-weight`]: '0' }
    server.put(at('web-canary'), { ...live, metadata: { ...live?.metadata, annotations: zero } })
    expect((await router.current(changes)).written).toBe(0.5)
  })

  test('of a cookie with a value of its own is refused, with the value that works', async () => {
    server.put(at('web'), ingress(simple))
    const tester = { cookie: 'qa', value: 'eva' }
    expect((await errors({ tester }))[0]).toMatch(/^tester-cookie: .*qa=eva would not.*value: always/)
    const changes = await nginx(server.cluster, given).changes()
    const router = nginx(server.cluster, { ...given, tester })
    expect(await router.set({ weight: 5 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'environment' })
    expect(server.writes).toEqual([])
  })
})

describe('the preflight', () => {
  const controller = (name: string, text: string) =>
    server.put(`${API}/ingressclasses/${name}`, { metadata: { name }, spec: { controller: text } })
  const put = (spec: object, notes?: object, name = 'web', namespace = 'shop') =>
    server.put(at(name, namespace), ingress(spec, notes, name, namespace))

  test.each<[string, () => void, RegExp]>([
    [
      'nothing that reaches the Service',
      () => put({ rules: [rule('x', path('blue'))] }),
      /^backend-missing: .*web \(blue\)/,
    ],
    [
      'two Ingresses',
      () => {
        put(simple)
        put({ rules: [rule('api.example', path('shop'))] }, undefined, 'api')
      },
      /^several-routes: 2 Ingresses.*route: web,api/,
    ],
    [
      'the class of another product',
      () => {
        controller('f5', 'nginx.org/ingress-controller')
        put({ ...simple, ingressClassName: 'f5' })
      },
      /^not-nginx: .*class f5, served by nginx.org\/ingress-controller/,
    ],
    [
      'another controller’s class by the old annotation',
      () => put({ ...simple, ingressClassName: undefined }, { 'kubernetes.io/ingress.class': 'traefik' }),
      /^not-nginx: .*class traefik/,
    ],
    ['no class', () => put({ ...simple, ingressClassName: undefined }), /^class-missing: .*Set ingressClassName/],
    ['a class that does not exist', () => put({ ...simple, ingressClassName: 'nginx-old' }), /^class-missing/],
    [
      'another canary for the same host and path, in another namespace too',
      () => {
        put(simple)
        put({ rules: [rule('shop.example', path('their'))] }, { [`${N}/canary`]: 'true' }, 'ab', 'theirs')
      },
      /^canary-there: Ingress theirs\/ab is a canary for shop.example\/ already/,
    ],
    [
      'an Ingress that has the name of ours',
      () => {
        put(simple)
        put({ rules: [rule('x', path('y'))] }, undefined, 'web-canary')
      },
      /^canary-there: Ingress shop\/web-canary has the name/,
    ],
    ['a canary as the one to split', () => put(simple, { [`${N}/canary`]: 'true' }), /^canary-itself/],
    [
      'a total without whole percents',
      () => put(simple, { [`${N}/canary-weight-total`]: '250' }),
      /^weight-total: .*250/,
    ],
    [
      'a canary’s Service that is named already',
      () => put({ rules: [rule('x', path('shop'), path('shop-canary', '/c'))] }),
      /^backend-there/,
    ],
    [
      'a VirtualService past it',
      () => {
        put(simple)
        server.put('/apis/networking.istio.io/v1/namespaces/mesh/virtualservices/v', {
          metadata: { name: 'v', namespace: 'mesh' },
          spec: { http: [{ route: [{ destination: { host: 'shop.shop.svc.cluster.local' } }] }] },
        })
      },
      /^reached-by-virtualservice: VirtualService mesh\/v/,
    ],
    [
      'an HTTPRoute past it',
      () => {
        put(simple)
        server.put('/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/r', {
          metadata: { name: 'r', namespace: 'shop' },
          spec: { rules: [{ backendRefs: [{ name: 'shop' }] }] },
        })
      },
      /^reached-by-httproute/,
    ],
  ])('refuses %s', async (_, prepare, id) => {
    prepare()
    expect((await errors()).join('\n')).toMatch(id)
    await expect(nginx(server.cluster, given).changes()).rejects.toMatchObject({ kind: 'input' })
  })

  test('refuses steps that mirror, and so does a weight', async () => {
    put(simple)
    expect((await errors({ mirrors: [10] }))[0]).toMatch(/^mirror-unsupported/)
    const router = nginx(server.cluster, given)
    const changes = await router.changes()
    expect(await router.set({ weight: 0, mirror: 10 }, changes, 4)).toMatchObject({ cause: 'environment' })
    expect(server.writes).toEqual([])
  })

  test('takes both when both are listed, and one rule when one is chosen', async () => {
    put({ rules: [rule('a', path('shop')), rule('b', path('shop'))] })
    put({ rules: [rule('c', path('shop'))] }, undefined, 'api')
    const both = nginx(server.cluster, { ...given, route: 'web, shop/api' })
    expect(await both.changes()).toHaveLength(2)
    server.remove(at('api'))
    const one = nginx(server.cluster, { ...given, rule: 1 })
    await one.set({ weight: 5 }, await one.changes(), 4)
    expect(server.at(at('web-canary'))?.spec).toMatchObject({ rules: [rule('b', path('shop-canary'))] })
    expect((await errors({ rule: 7 })).join()).toMatch(/rule-missing/)
  })

  test('takes a class it may not read by its name alone, and says so', async () => {
    put(simple)
    server.refuse(`${API}/ingressclasses/nginx`, 403)
    const findings = await nginx(server.cluster, given).preflight()
    expect(findings.map(({ id, level }) => `${level} ${id}`)).toEqual(['warning class-unseen'])
  })
})

describe('what the controller reports', () => {
  const address = (name: string) => {
    const live = server.at(at(name))
    server.put(at(name), { ...live, status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } })
  }

  test('is an address: where stable has one, the canary’s is waited for, and no more is claimed', async () => {
    server.put(at('web'), ingress(simple))
    const router = nginx(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    expect(await router.verify(changes)).toMatchObject({
      accepted: true,
      text: expect.stringContaining('does not report'),
    })
    address('web')
    expect(await router.verify(changes)).toMatchObject({ accepted: false, text: expect.stringContaining('address') })
    address('web-canary')
    expect(await router.verify(changes)).toMatchObject({
      accepted: true,
      text: expect.stringContaining('does not report'),
    })
  })
})

describe('whatever was there', () => {
  const paths = fc.array(
    fc.record({ name: fc.constantFrom('shop', 'search'), where: fc.constantFrom('/', '/a', '/b') }),
    { minLength: 1, maxLength: 3 },
  )
  const rules = fc.array(fc.record({ host: fc.constantFrom(undefined, 'a.example', 'b.example'), paths }), {
    minLength: 1,
    maxLength: 3,
  })
  const notes = fc.dictionary(
    fc.constantFrom(`${N}/affinity`, `${N}/rewrite-target`, 'team'),
    fc.constantFrom('a', 'b'),
  )
  const testers = fc.constantFrom(undefined, { header: 'x', value: 'y' }, { cookie: 'x', value: 'always' })
  const weights = fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 4 })

  test('current reads back what set wrote, the user’s Ingress is never touched, and cleanup leaves nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        rules,
        fc.option(notes, { nil: undefined }),
        testers,
        weights,
        async (made, own, tester, all) => {
          const shown = made.map((each) => rule(each.host, ...each.paths.map(({ name, where }) => path(name, where))))
          server.put(at('web'), ingress({ rules: [...shown, rule('z', path('shop'))] }, own))
          const before = server.at(at('web'))
          const router = () => nginx(server.cluster, { ...given, tester })
          const changes = saved(await router().changes())
          for (const weight of all) {
            expect(await router().set({ weight }, changes, 4)).toEqual({ kind: 'written' })
            expect((await router().current(changes)).written).toBe(weight)
          }
          expect(JSON.stringify(server.at(at('web-canary'))?.spec ?? {})).not.toContain('search')
          expect(await router().cleanup(changes, 4)).toEqual({ kind: 'written' })
          expect(server.at(at('web'))).toEqual(before)
          expect(server.at(at('web-canary'))).toBeUndefined()
        },
      ),
      { numRuns: 40 },
    )
  })
})
