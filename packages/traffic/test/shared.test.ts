import { DEPLOYMENT, EPOCH, markOf, OWNER } from '@sluice/kubernetes/fenced'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { objectServer } from '../../kubernetes/test/object-server.ts'
import { alb } from '../src/alb.ts'
import { gatewayApi } from '../src/gateway-api.ts'
import { istio } from '../src/istio.ts'
import { nginx } from '../src/nginx.ts'
import type { RouteChange, Router } from '../src/router.ts'

let server: Awaited<ReturnType<typeof objectServer>>
beforeEach(async () => {
  server = await objectServer()
  for (const name of ['cart', 'shop'])
    server.put(`/api/v1/namespaces/prod/services/${name}`, {
      kind: 'Service',
      metadata: { name, namespace: 'prod' },
      spec: { type: 'ClusterIP' },
    })
})
afterEach(() => server.stop())

const metadata = { name: 'web', namespace: 'prod', uid: 'uid-web' }
const accepted = ['Accepted', 'ResolvedRefs'].map((type) => ({ type, status: 'True', observedGeneration: 1 }))
const forward = (serviceName: string): string =>
  JSON.stringify({ type: 'forward', forwardConfig: { targetGroups: [{ serviceName, servicePort: 80 }] } })
const backend = (name: string) => ({
  path: `/${name}`,
  backend: { service: { name, port: { name: 'use-annotation' } } },
})

type Given = { readonly namespace: string; readonly service: string; readonly release: string }
type Shared = {
  readonly at: string
  readonly object: object
  readonly router: (given: Given & { readonly owned: (epoch: number) => Promise<boolean> }) => Router
}
const tester = { header: 'x-tester', value: 'yes' }
const SHARED: Readonly<Record<string, Shared>> = {
  'an HTTPRoute': {
    at: '/apis/gateway.networking.k8s.io/v1/namespaces/prod/httproutes/web',
    object: {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata,
      spec: {
        parentRefs: [{ name: 'edge' }],
        rules: ['cart', 'shop'].map((name) => ({
          matches: [{ path: { type: 'PathPrefix', value: `/${name}` } }],
          backendRefs: [{ name, port: 80 }],
        })),
      },
      status: { parents: [{ parentRef: { name: 'edge' }, conditions: accepted }] },
    },
    router: (given) => gatewayApi(server.cluster, { ...given, tester }),
  },
  'a VirtualService': {
    at: '/apis/networking.istio.io/v1/namespaces/prod/virtualservices/web',
    object: {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata,
      spec: {
        hosts: ['web.example'],
        http: ['cart', 'shop'].map((host) => ({
          match: [{ uri: { prefix: `/${host}` } }],
          route: [{ destination: { host } }],
        })),
      },
    },
    router: (given) => istio(server.cluster, { ...given, tester, owner: '7/1' }),
  },
  'an Ingress of a load balancer': {
    at: '/apis/networking.k8s.io/v1/namespaces/prod/ingresses/web',
    object: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: {
        ...metadata,
        annotations: Object.fromEntries(
          ['cart', 'shop'].map((name) => [`alb.ingress.kubernetes.io/actions.${name}`, forward(name)]),
        ),
      },
      spec: { rules: [{ http: { paths: ['cart', 'shop'].map(backend) } }] },
    },
    router: (given) => alb(server.cluster, given),
  },
}

describe.each(Object.entries(SHARED))('two releases on %s', (_, { at, object, router }) => {
  /** A release as its record says: its own epoch, far from the other's. */
  const release = async (name: string, epoch: number) => {
    const made = router({
      namespace: 'prod',
      service: name,
      release: `prod/${name}`,
      owned: async (asked) => asked === epoch,
    })
    const changes: readonly RouteChange[] = JSON.parse(JSON.stringify(await made.changes()))
    return {
      set: (weight: number, as = epoch) => made.set({ weight }, changes, as),
      current: () => made.current(changes),
      stamp: () => made.stamp(changes, epoch),
      cleanup: () => made.cleanup(changes, epoch),
    }
  }
  const seen = () => {
    const live = server.at(at)
    return { spec: live?.spec, annotations: live?.metadata.annotations }
  }

  test('neither fence each other out, nor read or undo what is the other’s', async () => {
    server.put(at, object)
    const before = seen()
    const cart = await release('cart', 2)
    expect(await cart.set(25)).toEqual({ kind: 'written' })
    const alone = await cart.current()
    const shop = await release('shop', 41)
    expect(await shop.current()).toMatchObject({ written: 0, marked: false })
    expect(await shop.set(5)).toEqual({ kind: 'written' })
    expect(await cart.current()).toEqual(alone)
    expect(await shop.current()).toMatchObject({ written: 5, marked: true })
    // The one with the lower epoch is rejected while the other goes on.
    expect(await cart.set(0)).toEqual({ kind: 'written' })
    expect(await cart.current()).toMatchObject({ written: 0, marked: true })
    expect(await shop.set(50)).toEqual({ kind: 'written' })
    expect(await cart.cleanup()).toEqual({ kind: 'written' })
    expect(await cart.current()).toMatchObject({ written: 0, marked: false })
    expect(await shop.current()).toMatchObject({ written: 50, marked: true })
    // A run of cart that was overtaken is still fenced, by its record: its own mark is gone.
    expect(await cart.set(25, 1)).toMatchObject({ kind: 'refused', cause: 'fenced' })
    expect(await shop.set(0)).toEqual({ kind: 'written' })
    expect(await shop.cleanup()).toEqual({ kind: 'written' })
    expect(seen()).toEqual(before)
  })

  test('write at the same time, and both weights are there', async () => {
    server.put(at, object)
    const [cart, shop] = [await release('cart', 2), await release('shop', 41)]
    for (const weight of [5, 25, 50]) {
      const written = await Promise.all([cart.set(weight), shop.set(weight + 1)])
      expect(written).toEqual([{ kind: 'written' }, { kind: 'written' }])
      expect((await cart.current()).written).toBe(weight)
      expect((await shop.current()).written).toBe(weight + 1)
    }
    expect(await Promise.all([cart.cleanup(), shop.set(7)])).toEqual([{ kind: 'written' }, { kind: 'written' }])
    expect((await shop.current()).written).toBe(7)
  })

  test('of which an older version began one, with a mark that names no release, are both taken back whole', async () => {
    server.put(at, object)
    const before = seen()
    const old = router({ namespace: 'prod', service: 'cart', release: 'prod/cart', owned: async () => true })
    const changes = await old.changes()
    await old.set({ weight: 25 }, changes, 2)
    const { annotations = {} } = seen()
    const { [markOf('prod/cart')]: epoch = '', ...rest } = annotations
    server.put(at, { ...server.at(at), metadata: { ...metadata, annotations: { ...rest, [EPOCH]: epoch } } })
    const shop = await release('shop', 1)
    expect(await shop.set(5)).toEqual({ kind: 'written' })
    const cart = await release('cart', 3).catch(() => undefined)
    // Its canary stands, so that only the saved changes tell what it began with.
    expect(cart).toBeUndefined()
    const taken = router({
      namespace: 'prod',
      service: 'cart',
      release: 'prod/cart',
      owned: async (asked) => asked === 3,
    })
    expect(await taken.stamp(changes, 3)).toEqual({ kind: 'written' })
    expect(seen().annotations?.[EPOCH]).toBeUndefined()
    expect(await taken.set({ weight: 0 }, changes, 2)).toMatchObject({ kind: 'refused', cause: 'fenced' })
    expect(await taken.set({ weight: 0 }, changes, 3)).toEqual({ kind: 'written' })
    expect(await taken.cleanup(changes, 3)).toEqual({ kind: 'written' })
    expect(await shop.current()).toMatchObject({ written: 5, marked: true })
    expect(await shop.cleanup()).toEqual({ kind: 'written' })
    expect(seen()).toEqual(before)
  })
})

describe('what a release makes beside an object that it shares', () => {
  const API = '/apis/networking.k8s.io/v1'
  const beside = `${API}/namespaces/prod/ingresses/web-canary`
  const routerOf = (name: string) =>
    nginx(server.cluster, { namespace: 'prod', service: name, owner: `${name}/1`, release: `prod/${name}` })
  const begin = async () => {
    server.put(`${API}/ingressclasses/nginx`, {
      metadata: { name: 'nginx' },
      spec: { controller: 'k8s.io/ingress-nginx' },
    })
    server.put(`${API}/namespaces/prod/ingresses/web`, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata,
      spec: {
        ingressClassName: 'nginx',
        rules: ['cart', 'shop'].map((name) => ({
          http: {
            paths: [{ path: `/${name}`, pathType: 'Prefix', backend: { service: { name, port: { number: 80 } } } }],
          },
        })),
      },
    })
    const [cart, shop] = [routerOf('cart'), routerOf('shop')]
    // Both looked before either wrote.
    const [ofCart, ofShop] = [await cart.changes(), await shop.changes()]
    return { cart, ofCart, shop, ofShop }
  }

  test('is not overwritten, read or deleted by another release, and it is said whose it is', async () => {
    const { cart, ofCart, shop, ofShop } = await begin()
    expect(await shop.set({ weight: 5 }, ofShop, 41)).toEqual({ kind: 'written' })
    const made = server.at(beside)
    expect(made?.metadata.annotations).toMatchObject({ [OWNER]: 'shop/1', [EPOCH]: '41', [DEPLOYMENT]: 'prod/shop' })
    const refusal = await cart.set({ weight: 25 }, ofCart, 2)
    // Not `fenced`: that would be the end of a run that still owns its release.
    expect(refusal).toMatchObject({ kind: 'refused', cause: 'environment' })
    expect(refusal).toHaveProperty('text', expect.stringContaining('Deployment prod/shop (run shop/1)'))
    expect(await cart.current(ofCart)).toMatchObject({ written: 0, marked: false })
    expect(await cart.stamp(ofCart, 50)).toEqual({ kind: 'written' })
    expect(await cart.set({ weight: 0 }, ofCart, 50)).toEqual({ kind: 'written' })
    expect(await cart.cleanup(ofCart, 50)).toEqual({ kind: 'written' })
    expect(server.at(beside)).toEqual(made)
    expect(await shop.cleanup(ofShop, 41)).toEqual({ kind: 'written' })
    expect(server.at(beside)).toBeUndefined()
  })

  test('by an older version, which named no Deployment, is the release’s that finds it', async () => {
    const { cart, ofCart } = await begin()
    await cart.set({ weight: 5 }, ofCart, 2)
    const { annotations: { [DEPLOYMENT]: _, ...annotations } = {}, ...rest } = server.at(beside)?.metadata ?? {
      name: '',
    }
    server.put(beside, { ...server.at(beside), metadata: { ...rest, annotations } })
    expect(await cart.set({ weight: 25 }, ofCart, 3)).toEqual({ kind: 'written' })
    expect(server.at(beside)?.metadata.annotations).toMatchObject({ [EPOCH]: '3', [DEPLOYMENT]: 'prod/cart' })
    expect(await cart.cleanup(ofCart, 3)).toEqual({ kind: 'written' })
    expect(server.at(beside)).toBeUndefined()
  })
})
