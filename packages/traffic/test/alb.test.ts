import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { objectServer } from '../../kubernetes/test/object-server.ts'
import { alb } from '../src/alb.ts'
import { groupDialect, readAction } from '../src/alb-action.ts'
import type { AlbGiven } from '../src/alb-ingresses.ts'

const PREFIX = 'alb.ingress.kubernetes.io/'
const at = (name: string): string => `/apis/networking.k8s.io/v1/namespaces/shop/ingresses/${name}`
const backend = (name: string, port: object = { name: 'use-annotation' }) => ({ service: { name, port } })
const ingress = (
  name: string,
  actions: Readonly<Record<string, string>>,
  {
    annotations = {},
    backends = Object.keys(actions).map((each) => backend(each)),
  }: { annotations?: object; backends?: readonly object[] } = {},
) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: {
    name,
    namespace: 'shop',
    uid: `uid-${name}`,
    annotations: {
      ...annotations,
      ...Object.fromEntries(Object.entries(actions).map(([action, text]) => [`${PREFIX}actions.${action}`, text])),
    },
  },
  spec: { rules: [{ http: { paths: backends.map((each) => ({ path: '/', backend: each })) } }] },
})
type Group = { readonly serviceName?: string; readonly servicePort?: number | string; readonly weight?: number }
const forward = (targetGroups: readonly object[], more: object = {}): string =>
  JSON.stringify({ type: 'forward', forwardConfig: { targetGroups, ...more } })
const shop: Group = { serviceName: 'shop', servicePort: 80 }

let server: Awaited<ReturnType<typeof objectServer>>
beforeEach(async () => {
  server = await objectServer()
  service()
})
afterEach(() => server.stop())

const service = (annotations: object = {}, type = 'ClusterIP'): void =>
  server.put('/api/v1/namespaces/shop/services/shop', {
    kind: 'Service',
    metadata: { name: 'shop', namespace: 'shop', annotations },
    spec: { type },
  })
const given: AlbGiven = { namespace: 'shop', service: 'shop' }
const text = (action = 'shop', name = 'web'): string =>
  server.at(at(name))?.metadata.annotations?.[`${PREFIX}actions.${action}`] ?? ''
const groups = (action = 'shop', name = 'web') => JSON.parse(text(action, name)).forwardConfig.targetGroups
const findings = (more: Partial<AlbGiven> = {}) => alb(server.cluster, { ...given, ...more }).preflight()
const errors = async (more: Partial<AlbGiven> = {}) =>
  (await findings(more))
    .filter(({ level }) => level === 'error')
    .map(({ id, text: said, hint = '' }) => `${id}: ${said}. ${hint}`)

describe('a weight', () => {
  test.each<[string, string, readonly object[]]>([
    [
      'one target group without a weight',
      forward([shop]),
      [
        { ...shop, weight: 95 },
        { ...shop, serviceName: 'shop-canary', weight: 5 },
      ],
    ],
    [
      'a port that is a text',
      forward([{ ...shop, servicePort: 'http' }]),
      [
        { ...shop, servicePort: 'http', weight: 95 },
        { serviceName: 'shop-canary', servicePort: 'http', weight: 5 },
      ],
    ],
    [
      'another group beside it, in numbers that a load balancer takes',
      forward([
        { ...shop, weight: 90 },
        { targetGroupARN: 'arn:aws:x', weight: 10 },
      ]),
      [
        { ...shop, weight: 171 },
        { ...shop, serviceName: 'shop-canary', weight: 9 },
        { targetGroupARN: 'arn:aws:x', weight: 20 },
      ],
    ],
  ])('of 5 for %s', async (_, original, wanted) => {
    server.put(at('web'), ingress('web', { shop: original }))
    const router = alb(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    expect(groups()).toEqual(wanted)
    await router.cleanup(changes, 4)
    expect(text()).toBe(original)
  })

  test('keeps the weight that someone gives another group during a release, also afterwards', async () => {
    const blue = { serviceName: 'blue', servicePort: 80 }
    const put = (targetGroups: readonly object[]) =>
      server.put(at('web'), {
        ...ingress('web', { shop: forward(targetGroups) }),
        metadata: {
          ...server.at(at('web'))?.metadata,
          ...ingress(
            'web',
            { shop: forward(targetGroups) },
            { annotations: server.at(at('web'))?.metadata.annotations ?? {} },
          ).metadata,
        },
      })
    put([
      { ...shop, weight: 90 },
      { ...blue, weight: 10 },
    ])
    const router = alb(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    put([...groups().slice(0, 2), { ...blue, weight: 0 }])
    const weights = () => groups().map(({ weight }: Group) => weight)
    await router.set({ weight: 25 }, changes, 4)
    expect(weights()[2]).toBe(0)
    expect((await router.current(changes)).written).toBe(25)
    await router.set({ weight: 0 }, changes, 4)
    await router.cleanup(changes, 4)
    expect(weights()).toEqual([90, 0])
  })

  test('of 0 takes the canary out of an action that someone renamed, too', async () => {
    server.put(at('web'), ingress('web', { shop: forward([shop]) }))
    const router = alb(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    const live = server.at(at('web'))
    const { [`${PREFIX}actions.shop`]: moved = '', ...annotations } = live?.metadata.annotations ?? {}
    const renamed = { ...annotations, [`${PREFIX}actions.new`]: moved }
    server.put(at('web'), { ...live, metadata: { ...live?.metadata, annotations: renamed } })
    expect(await router.set({ weight: 25 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'environment' })
    expect(await router.set({ weight: 0 }, changes, 4)).toEqual({ kind: 'written' })
    expect(groups('new')).toEqual([{ ...shop, weight: 100 }])
    expect((await router.current(changes)).written).toBe(0)
    await router.cleanup(changes, 4)
    expect(await router.current(changes)).toEqual({ written: 0, marked: false })
  })

  test('writes keys as the user wrote them: the controller reads them in any case', async () => {
    const original =
      '{"Type":"forward","ForwardConfig":{"TargetGroups":[{"ServiceName":"shop","ServicePort":"80","Weight":1}]}}'
    server.put(at('web'), ingress('web', { shop: original }))
    const router = alb(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 20 }, changes, 4)
    expect(JSON.parse(text())).toEqual({
      Type: 'forward',
      ForwardConfig: {
        TargetGroups: [
          { ServiceName: 'shop', ServicePort: '80', Weight: 80 },
          { ServiceName: 'shop-canary', ServicePort: '80', Weight: 20 },
        ],
      },
    })
  })

  test('keeps the text of all other annotations, and goes to every action and Ingress that is split', async () => {
    const stays = {
      [`${PREFIX}scheme`]: 'internal',
      [`${PREFIX}actions.away`]: '{"type":"redirect","redirectConfig":{"statusCode":"HTTP_301"}}',
    }
    server.put(
      at('web'),
      ingress('web', { 'a/b~c': forward([shop]), two: forward([{ ...shop, weight: 2 }]) }, { annotations: stays }),
    )
    server.put(at('api'), ingress('api', { shop: forward([shop]) }))
    const router = alb(server.cluster, { ...given, route: 'web, api' })
    const changes = await router.changes()
    await router.set({ weight: 50 }, changes, 4)
    expect(
      [groups('a/b~c'), groups('two'), groups('shop', 'api')].map((list: Group[]) => list.map(({ weight }) => weight)),
    ).toEqual([
      [50, 50],
      [100, 100],
      [50, 50],
    ])
    expect(server.at(at('web'))?.metadata.annotations).toMatchObject(stays)
    expect(await router.current(changes)).toEqual({ written: 50, marked: true })
  })

  test('of 0 takes sticky clients off the canary too, others only to weight 0', async () => {
    const sticky = { targetGroupStickinessConfig: { enabled: true, durationSeconds: 60 } }
    server.put(at('web'), ingress('web', { shop: forward([shop], sticky), loose: forward([shop]) }))
    const router = alb(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    await router.set({ weight: 0 }, changes, 4)
    expect(text()).toBe(forward([shop], sticky))
    expect(groups('loose')).toEqual([
      { ...shop, weight: 100 },
      { ...shop, serviceName: 'shop-canary', weight: 0 },
    ])
    expect(await router.current(changes)).toEqual({ written: 0, marked: true })
  })

  test('is refused where somebody took the action out, or made it another one', async () => {
    server.put(at('web'), ingress('web', { shop: forward([shop]) }))
    const router = alb(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    for (const other of ['{"type":"redirect"}', 'no JSON']) {
      server.put(at('web'), ingress('web', { shop: other }))
      expect(await router.set({ weight: 25 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'environment' })
      expect(await router.set({ weight: 0 }, changes, 4)).toEqual({ kind: 'written' })
      expect(await router.cleanup(changes, 4)).toEqual({ kind: 'written' })
      expect(text()).toBe(other)
    }
    server.put(at('web'), ingress('web', {}))
    expect(await router.set({ weight: 25 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'environment' })
    expect(await router.cleanup(changes, 4)).toEqual({ kind: 'written' })
    expect(server.at(at('web'))?.metadata.annotations).toEqual({})
  })

  test('gives back what somebody else changed in the action meanwhile, without the canary', async () => {
    server.put(at('web'), ingress('web', { shop: forward([shop]) }))
    const router = alb(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    const sticky = { targetGroupStickinessConfig: { enabled: true } }
    server.put(at('web'), ingress('web', { shop: forward(groups(), sticky) }))
    expect(await router.set({ weight: 25 }, changes, 4)).toEqual({ kind: 'written' })
    await router.cleanup(changes, 4)
    expect(text()).toBe(forward([shop], sticky))
  })

  test('says that neither rule nor health can be seen, and waits for a target group where bindings show', async () => {
    server.put(at('web'), ingress('web', { shop: forward([shop]) }))
    const router = alb(server.cluster, given)
    const changes = await router.changes()
    await router.set({ weight: 5 }, changes, 4)
    const unseen = { accepted: true, text: expect.stringMatching(/^written; neither the rule .* nor the health/) }
    expect(await router.verify(changes)).toEqual(unseen)
    const bind = (name: string) =>
      server.put(`/apis/elbv2.k8s.aws/v1beta1/namespaces/shop/targetgroupbindings/${name}`, {
        metadata: { name },
        spec: { serviceRef: { name, port: 80 } },
      })
    bind('shop')
    expect(await router.verify(changes)).toMatchObject({
      accepted: false,
      text: expect.stringContaining('shop-canary'),
    })
    bind('shop-canary')
    expect(await router.verify(changes)).toEqual(unseen)
    server.refuse('/apis/elbv2.k8s.aws/v1beta1/namespaces/shop/targetgroupbindings', 403)
    expect(await router.verify(changes)).toEqual(unseen)
  })

  test('is refused with the rule that would allow it', async () => {
    server.put(at('web'), ingress('web', { shop: forward([shop]) }))
    const router = alb(server.cluster, given)
    const changes = await router.changes()
    server.refuse(at('web'), 403)
    expect(await router.set({ weight: 5 }, changes, 4)).toMatchObject({ kind: 'refused', cause: 'forbidden' })
  })
})

test('whatever is set in whatever order, others keep their portions to the last digit and the text is given back to the letter', async () => {
  const other = fc.record({
    serviceName: fc.constantFrom('legacy', 'other'),
    servicePort: fc.constantFrom(80, '80', 'http'),
    weight: fc.nat(9),
  })
  const unit = fc.integer({ min: 1, max: 100 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(other, { maxLength: 2 }),
      fc.integer({ min: 1, max: 9 }),
      unit,
      fc.constantFrom('', ' ', '\n  '),
      fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 4 }),
      async (others, own, factor, gap, weights) => {
        const scaled = others.map((group) => ({ ...group, weight: group.weight * factor }))
        const list = [...scaled, { ...shop, weight: own * factor }]
        const original = JSON.stringify({ type: 'forward', forwardConfig: { targetGroups: list } }, null, gap)
        server.remove(at('web'))
        server.put(at('web'), ingress('web', { shop: original }))
        const router = alb(server.cluster, given)
        const changes = await router.changes()
        for (const weight of weights) {
          expect(await router.set({ weight }, changes, 4)).toEqual({ kind: 'written' })
          expect((await router.current(changes)).written).toBe(weight)
          const read = readAction(text())
          if (read.kind !== 'forward') throw new Error(read.kind)
          const now = read.groups.map(groupDialect.weight)
          expect(now.every((each) => Number.isInteger(each) && each >= 0 && each <= 999)).toBe(true)
          const total = now.reduce((sum, each) => sum + each, 0)
          const sum = list.reduce((before, each) => before + each.weight, 0)
          scaled.forEach((each, index) => {
            expect((now[index] ?? 0) * sum).toBe(each.weight * total)
          })
        }
        await router.cleanup(changes, 4)
        expect(text()).toBe(original)
      },
    ),
    { numRuns: 60 },
  )
})

describe('the preflight', () => {
  test('finds the only Ingress with an action that forwards to the Service', async () => {
    server.put(at('web'), ingress('web', { any: forward([shop]) }))
    server.put(at('else'), ingress('else', { other: forward([{ ...shop, serviceName: 'search' }]) }))
    expect(await errors()).toEqual([])
    const [change] = await alb(server.cluster, given).changes()
    expect(change?.before.map(({ path }) => path)).toEqual([
      '/metadata/annotations/alb.ingress.kubernetes.io~1actions.any',
      '/metadata/annotations/sluice.dev~1epoch',
    ])
  })

  test('gives what to add where the rules name the Service itself', async () => {
    server.put(at('web'), ingress('web', {}, { backends: [backend('shop', { number: 80 })] }))
    expect((await errors())[0]).toMatch(
      /^backend-missing: Ingress shop\/web has no action.*actions\.shop: '\{"type":"forward".*port: \{ name: use-annotation \}/s,
    )
    expect((await errors({ route: 'web' }))[0]).toMatch(/^backend-missing/)
    expect((await errors({ route: 'wep' }))[0]).toMatch(
      /^route-missing: Ingress shop\/wep does not exist. There are: web/,
    )
  })

  test('refuses rules that name the Service beside those that name the action', async () => {
    server.put(
      at('web'),
      ingress('web', { shop: forward([shop]) }, { backends: [backend('shop'), backend('shop', { number: 80 })] }),
    )
    expect((await errors())[0]).toMatch(/^reached-by-ingress: Ingress shop\/web also reaches Service shop/)
  })

  test.each<[string, string, RegExp]>([
    ['is no JSON', '{"type":"forward",', /^malformed-action: .*actions\.shop of web: .*JSON/s],
    ['is no object', '[1]', /^malformed-action: .*it is no JSON object/],
    [
      'has no list',
      '{"type":"forward","forwardConfig":{"targetGroups":7}}',
      /^malformed-action: .*targetGroups is not a list/,
    ],
    ['redirects', '{"type":"redirect","redirectConfig":{}}', /^backend-missing: .*an action of type "redirect"/s],
    [
      'names an ARN',
      '{"type":"forward","targetGroupARN":"arn:aws:x"}',
      /^backend-missing: .*a target group given by its ARN/s,
    ],
    ['names another Service', forward([{ serviceName: 'shopp', servicePort: 80 }]), /^backend-missing: .*shopp/s],
  ])('refuses an action that %s', async (_, action, expected) => {
    server.put(at('web'), ingress('web', { shop: action }))
    expect((await errors({ route: 'web' }))[0]).toMatch(expected)
    await expect(alb(server.cluster, { ...given, route: 'web' }).changes()).rejects.toMatchObject({ kind: 'input' })
  })

  const many = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ serviceName: `s${index}`, servicePort: 80, weight: 1 }))
  test.each<[string, readonly object[], string]>([
    [
      'a canary that was left',
      [
        { ...shop, weight: 1 },
        { serviceName: 'shop-canary', servicePort: 80, weight: 0 },
      ],
      'backend-there',
    ],
    [
      'a stable weight of 0',
      [
        { ...shop, weight: 0 },
        { ...shop, serviceName: 'green', weight: 1 },
      ],
      'no-traffic',
    ],
    ['five target groups already', [{ ...shop, weight: 1 }, ...many(4)], 'too-many-groups'],
    [
      'parts that cannot be divided',
      [
        { ...shop, weight: 19 },
        { ...shop, serviceName: 'green', weight: 1 },
      ],
      'weight-too-large',
    ],
    ['a weight that is no whole number', [{ ...shop, weight: 0.5 }], 'weight-too-large'],
  ])('refuses %s', async (_, list, id) => {
    server.put(at('web'), ingress('web', { shop: forward(list) }))
    expect((await errors()).map((each) => each.split(':')[0])).toContain(id)
  })

  test('refuses an action that no rule names', async () => {
    server.put(at('web'), ingress('web', { shop: forward([shop]) }, { backends: [backend('else')] }))
    expect((await errors())[0]).toMatch(/^action-unused/)
  })

  test('refuses two Ingresses unless both are listed', async () => {
    server.put(at('web'), ingress('web', { shop: forward([shop]) }))
    server.put(at('api'), ingress('api', { shop: forward([shop]) }))
    expect((await errors())[0]).toMatch(/^several-routes.*route: \w+,\w+/)
    expect(await errors({ route: 'web,api' })).toEqual([])
  })

  test('refuses what the canary’s target group could not be: login, health checks, nodes, sticky targets', async () => {
    const put = (annotations: object = {}) =>
      server.put(at('web'), ingress('web', { shop: forward([shop]) }, { annotations }))
    put()
    service({ [`${PREFIX}auth-type`]: 'oidc' })
    expect((await errors())[0]).toMatch(/^service-annotations: .*auth-type.*no longer heeds the login settings/)
    service({}, 'NodePort')
    expect((await errors())[0]).toMatch(/^target-type: .*NodePort.*target-type: ip/)
    put({ [`${PREFIX}target-type`]: 'ip' })
    expect(await errors()).toEqual([])
    put({ [`${PREFIX}target-type`]: 'ip', [`${PREFIX}target-group-attributes`]: 'a=b, stickiness.enabled=true' })
    expect((await errors())[0]).toMatch(/^stickiness: .*action shop.*targetGroupStickinessConfig/)
  })

  test('warns of clients that a cookie keeps where they are', async () => {
    server.put(at('web'), ingress('web', { shop: forward([shop], { targetGroupStickinessConfig: { enabled: true } }) }))
    expect(await findings()).toMatchObject([{ id: 'sticky-sessions', level: 'warning' }])
  })

  test('says what to grant when Ingresses may not be listed', async () => {
    server.refuse('/apis/networking.k8s.io/v1/namespaces/shop/ingresses', 403)
    expect((await errors())[0]).toMatch(/^not-allowed: .*resources: \["ingresses"\]/s)
  })
})
