import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { objectServer } from '../../kubernetes/test/object-server.ts'
import { gatewayApi } from '../src/gateway-api.ts'
import { httpRoute, rewrite, routeAt, rulesIn, type Server, savedOnce, wholeOf } from './gateway-scene.ts'

let server: Server
beforeEach(async () => {
  server = await objectServer()
})
afterEach(() => server.stop())

const given = { namespace: 'shop', service: 'shop' }
const header = { type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'a', value: 'b' }] } }
const audit = { type: 'RequestMirror', requestMirror: { backendRef: { name: 'audit', port: 80 } } }
const ours = (percent?: number) => ({
  type: 'RequestMirror',
  requestMirror: {
    backendRef: { group: '', kind: 'Service', name: 'shop-canary', port: 80 },
    ...(percent === undefined ? {} : { percent }),
  },
})
const backendRefs = [{ name: 'shop', port: 80 }]

describe('a mirror', () => {
  test.each<[string, object, readonly object[]]>([
    ['a rule without filters', {}, []],
    ['a rule with an empty list of them', { filters: [] }, []],
    ['a rule with others’ filters and mirrors', { filters: [audit, header] }, [audit, header]],
  ])('is the last filter of %s, and is taken out exactly', async (_, own, before) => {
    server.put(routeAt('web'), httpRoute([{ ...own, backendRefs }, { backendRefs: [{ name: 'blue' }] }]))
    const original = wholeOf(server, routeAt('web'))
    const router = gatewayApi(server.cluster, given)
    const changes = savedOnce(await router.changes())
    expect(await router.set({ weight: 0, mirror: 20 }, changes, 4)).toEqual({ kind: 'written' })
    expect(rulesIn(server)).toEqual([
      { filters: [...before, ours(20)], backendRefs },
      { backendRefs: [{ name: 'blue' }] },
    ])
    expect(await router.current(changes)).toEqual({ written: 0, mirrored: 20, marked: true })
    await router.set({ weight: 0, mirror: 20 }, changes, 4)
    expect(server.patches).toHaveLength(1)
    await router.set({ weight: 5, mirror: 100 }, changes, 4)
    expect(rulesIn(server)[0]?.filters).toEqual([...before, ours()])
    expect(await router.current(changes)).toEqual({ written: 5, mirrored: 100, marked: true })
    await router.set({ weight: 5 }, changes, 4)
    expect(rulesIn(server)[0]?.filters ?? []).toEqual(before)
    await router.set({ weight: 0, mirror: 7 }, changes, 4)
    await router.cleanup(changes, 4)
    expect(wholeOf(server, routeAt('web'))).toEqual(original)
  })

  test('keeps filters that someone adds meanwhile', async () => {
    server.put(routeAt('web'), httpRoute([{ backendRefs }]))
    const router = gatewayApi(server.cluster, given)
    const changes = savedOnce(await router.changes())
    await router.set({ weight: 0, mirror: 20 }, changes, 4)
    rewrite(server, [{ filters: [ours(20), audit], backendRefs }])
    await router.cleanup(changes, 4)
    expect(rulesIn(server)).toEqual([{ filters: [audit], backendRefs }])
  })

  test('that the CRD pruned is not read as one', async () => {
    server.put(routeAt('web'), httpRoute([{ backendRefs }]))
    const router = gatewayApi(server.cluster, given)
    const changes = savedOnce(await router.changes())
    await router.set({ weight: 0, mirror: 20 }, changes, 4)
    rewrite(server, [{ filters: [ours()], backendRefs }])
    expect((await router.current(changes)).mirrored).toBe(100)
  })
})

describe('the preflight of a plan that mirrors', () => {
  const levels = async (mirrors: readonly number[]) => {
    const findings = await gatewayApi(server.cluster, { ...given, mirrors }).preflight()
    return findings.map(({ level, id, text }) => `${level} ${id}: ${text}`)
  }
  const classed = (status: object, controllerName = 'example.com/gateway') => {
    const api = '/apis/gateway.networking.k8s.io/v1'
    server.put(`${api}/namespaces/shop/gateways/edge`, {
      metadata: { name: 'edge', namespace: 'shop' },
      spec: { gatewayClassName: 'main' },
    })
    server.put(`${api}/gatewayclasses/main`, { metadata: { name: 'main' }, spec: { controllerName }, status })
  }
  const features = (...names: string[]) => ({ supportedFeatures: names.map((name) => ({ name })) })
  const BOTH = features('HTTPRouteRequestMirror', 'HTTPRouteRequestPercentageMirror')
  const kept = (object: KubernetesObject) => ({ code: 200, body: object })
  const pruned = (object: KubernetesObject) => {
    const copy = structuredClone(object) as unknown as {
      spec: { rules: { filters: { requestMirror: { percent?: number } }[] }[] }
    }
    for (const rule of copy.spec.rules) for (const filter of rule.filters) delete filter.requestMirror.percent
    return { code: 200, body: copy }
  }
  const undeclared = () => ({
    code: 400,
    body: {
      kind: 'Status',
      code: 400,
      message:
        'failed to create typed patch object: .spec.rules[0].filters[0].requestMirror.percent: field not declared in schema',
    },
  })
  beforeEach(() => server.put(routeAt('web'), httpRoute([{ backendRefs }])))

  test('asks nothing of one that does not', async () => {
    expect(await levels([])).toEqual([])
  })

  test('takes a percent that the CRD keeps', async () => {
    classed(BOTH)
    server.applies.answer = kept
    expect(await levels([10, 100])).toEqual([])
  })

  test.each([
    ['prunes', pruned],
    ['does not know', undeclared],
  ])('refuses a percent that the CRD %s, but takes all of the requests', async (_, answer) => {
    classed(BOTH)
    server.applies.answer = answer
    expect((await levels([10]))[0]).toMatch(/^error mirror-percent: .*only all requests/)
    expect(await levels([100])).toEqual([])
  })

  test('says why it could not ask', async () => {
    classed(BOTH)
    server.applies.answer = () => ({ code: 403, body: { kind: 'Status', code: 403, message: 'no' } })
    expect((await levels([10]))[0]).toMatch(/^error mirror-percent: .*could not be asked: .*patch httproutes web.*403/)
  })

  test('refuses a class that lists features without it, warns of one that lists none, and knows who answers 500', async () => {
    server.applies.answer = kept
    classed(features('HTTPRouteRequestMirror'))
    expect(await levels([100])).toEqual([])
    expect((await levels([10]))[0]).toMatch(/^error mirror-unsupported: .*HTTPRouteRequestPercentageMirror/)
    classed({})
    expect((await levels([100]))[0]).toMatch(/^warning mirror-unproven: .*class main/)
    classed({}, 'traefik.io/gateway-controller')
    expect((await levels([100]))[0]).toMatch(/^error mirror-unsupported: Traefik/)
  })
})
