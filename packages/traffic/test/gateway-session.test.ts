import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { objectServer } from '../../kubernetes/test/object-server.ts'
import { gatewayApi } from '../src/gateway-api.ts'
import type { Tester } from '../src/router.ts'
import { httpRoute, rewrite, routeAt, rulesIn, type Server, savedOnce, wholeOf } from './gateway-scene.ts'

let server: Server
beforeEach(async () => {
  server = await objectServer()
})
afterEach(() => server.stop())

const tester: Tester = { header: 'X-Tester', value: 'eva' }
const asks = { type: 'Exact', name: 'X-Tester', value: 'eva' }
const given = { namespace: 'shop', service: 'shop', tester }
const prefix = (value: string) => ({ path: { type: 'PathPrefix', value } })
const filters = [{ type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'a', value: 'b' }] } }]
const original = [
  {
    name: 'main',
    matches: [prefix('/a'), { headers: [{ name: 'lang', value: 'de' }] }],
    filters,
    backendRefs: [
      { name: 'shop', port: 80, weight: 3 },
      { name: 'blue', port: 80 },
    ],
  },
  { matches: [prefix('/x')], backendRefs: [{ name: 'blue', port: 80 }] },
  { backendRefs: [{ name: 'shop', port: 80 }] },
]
const session = [
  {
    matches: [{ ...prefix('/a'), headers: [asks] }, { headers: [{ name: 'lang', value: 'de' }, asks] }],
    filters,
    backendRefs: [{ name: 'shop-canary', port: 80, weight: 3 }],
  },
  { matches: [{ ...prefix('/'), headers: [asks] }], backendRefs: [{ name: 'shop-canary', port: 80 }] },
]
const begun = async () => {
  server.put(routeAt('web'), httpRoute(original))
  const router = gatewayApi(server.cluster, given)
  return { router, changes: savedOnce(await router.changes()), before: wholeOf(server, routeAt('web')) }
}

describe('a tester’s session', () => {
  test('has one more rule for each that is split, after the user’s, and they leave with weight 0', async () => {
    const { router, changes } = await begun()
    expect(await router.set({ weight: 5 }, changes, 4)).toEqual({ kind: 'written' })
    const rules = rulesIn(server)
    expect(rules.slice(0, 3).map(({ matches }) => matches)).toEqual(original.map(({ matches }) => matches))
    expect(rules.slice(3)).toEqual(session)
    expect(await router.current(changes)).toEqual({ written: 5, marked: true })
    await router.set({ weight: 5 }, changes, 4)
    expect(server.patches).toHaveLength(1)
    await router.set({ weight: 50 }, changes, 4)
    expect(rulesIn(server).slice(3)).toEqual(session)
    await router.set({ weight: 0 }, changes, 4)
    expect(rulesIn(server)).toHaveLength(3)
    expect((await router.current(changes)).written).toBe(0)
  })

  test('is written once even when the API server fills in its defaults', async () => {
    const { router, changes } = await begun()
    await router.set({ weight: 5 }, changes, 4)
    rewrite(
      server,
      rulesIn(server).map(({ matches = [{}], ...rule }) => ({
        ...rule,
        matches: (matches as object[]).map((match) => ({ ...prefix('/'), ...match })),
        backendRefs: (rule.backendRefs as object[]).map((ref) => ({ group: '', kind: 'Service', weight: 1, ...ref })),
      })),
    )
    expect((await router.current(changes)).written).toBe(5)
    await router.set({ weight: 5 }, changes, 4)
    expect(server.patches).toHaveLength(1)
  })

  test('is taken out exactly, also by a run that knows only the saved changes', async () => {
    const { router, changes, before } = await begun()
    await router.set({ weight: 5 }, changes, 4)
    expect(await gatewayApi(server.cluster, given).cleanup(changes, 4)).toEqual({ kind: 'written' })
    expect(wholeOf(server, routeAt('web'))).toEqual(before)
  })

  test('follows its rule when someone edits it, puts one before it, or moves ours', async () => {
    const { router, changes } = await begun()
    await router.set({ weight: 5 }, changes, 4)
    const [main, other, all, ...ours] = rulesIn(server)
    const edited = { ...main, matches: [prefix('/new')] }
    rewrite(server, [...ours, { backendRefs: [{ name: 'new' }] }, edited, other ?? {}, all ?? {}])
    expect((await router.current(changes)).written).toBe(5)
    expect(await router.set({ weight: 25 }, changes, 4)).toEqual({ kind: 'written' })
    expect(rulesIn(server)).toHaveLength(6)
    expect(rulesIn(server)[4]).toMatchObject({ matches: [{ ...prefix('/new'), headers: [asks] }] })
    await router.cleanup(changes, 4)
    const { name, backendRefs } = original[0] ?? {}
    expect(rulesIn(server)).toEqual([
      { backendRefs: [{ name: 'new' }] },
      { name, matches: [prefix('/new')], filters, backendRefs },
      original[1],
      original[2],
    ])
  })

  test('is left away, and the weight still written, where someone’s edit leaves no room for it', async () => {
    const { router, changes } = await begun()
    await router.set({ weight: 5 }, changes, 4)
    const [main, other, all] = rulesIn(server)
    rewrite(server, [
      { ...main, matches: [{ headers: [{ name: 'x-tester', value: 'other' }] }] },
      other ?? {},
      all ?? {},
    ])
    expect(await router.set({ weight: 25 }, changes, 4)).toEqual({ kind: 'written' })
    expect(rulesIn(server).slice(3)).toEqual(session.slice(1))
    const many = Array.from({ length: 13 }, (_, index) => ({
      matches: [prefix(`/${index}`)],
      backendRefs: [{ name: 'blue' }],
    }))
    rewrite(server, [...rulesIn(server).slice(0, 3), ...many])
    expect(await router.set({ weight: 50 }, changes, 4)).toEqual({ kind: 'written' })
    expect(rulesIn(server)).toHaveLength(16)
    expect((await router.current(changes)).written).toBe(50)
  })

  test('is no longer ours once someone asks for something else in it: that rule goes back to stable', async () => {
    const { router, changes } = await begun()
    await router.set({ weight: 5 }, changes, 4)
    const rules = rulesIn(server)
    rewrite(server, [...rules.slice(0, 4), { ...rules[4], matches: [prefix('/theirs')] }])
    expect(Number.isInteger((await router.current(changes)).written)).toBe(false)
    await router.cleanup(changes, 4)
    expect(rulesIn(server)).toEqual([
      ...original,
      { matches: [prefix('/theirs')], backendRefs: [{ name: 'shop', port: 80 }] },
    ])
  })

  test('that outlives its split is never read as nothing', async () => {
    const { router, changes } = await begun()
    await router.set({ weight: 5 }, changes, 4)
    rewrite(server, [...original, ...rulesIn(server).slice(3)])
    expect(await router.current(changes)).toMatchObject({ written: 0.5, marked: true })
  })

  test.each<[string, object, readonly object[], RegExp]>([
    ['a cookie', { tester: { cookie: 'qa', value: 'x' } }, original, /^tester-cookie: .*tester: \{ header: NAME/],
    [
      'a header that is matched already, in any case of letters',
      { tester: { header: 'LANG', value: 'x' } },
      original,
      /^tester-header: .*rule 0/,
    ],
    [
      'more rules than an HTTPRoute takes',
      {},
      [...Array(15).fill(original[1]), { backendRefs: [{ name: 'shop' }] }, { backendRefs: [{ name: 'shop' }] }],
      /^tester-rules: .*17 rules/,
    ],
    [
      'a rule that names the canary and is not split',
      {},
      [original[2] ?? {}, { matches: [{ headers: [asks] }], backendRefs: [{ name: 'shop-canary' }] }],
      /^backend-there: .*rule 1/,
    ],
  ])('is refused by %s', async (_, more, rules, id) => {
    server.put(routeAt('web'), httpRoute(rules))
    const findings = await gatewayApi(server.cluster, { ...given, ...more }).preflight()
    const errors = findings.filter(({ level }) => level === 'error')
    expect(errors.map((each) => `${each.id}: ${each.text}. ${each.hint}`).join('\n')).toMatch(id)
  })
})

describe('whatever was there', () => {
  const name = fc.constantFrom('shop', 'blue')
  const backend = fc.record(
    { name, port: fc.constant(80), weight: fc.integer({ min: 1, max: 9 }), filters: fc.constant(filters) },
    { requiredKeys: ['name'] },
  )
  const match = fc.record(
    { path: fc.constantFrom(prefix('/').path, prefix('/a').path), method: fc.constantFrom('GET', 'PUT') },
    { requiredKeys: [] },
  )
  const audit = { type: 'RequestMirror', requestMirror: { backendRef: { name: 'audit', port: 80 }, percent: 5 } }
  const rule = fc.record(
    {
      name: fc.constantFrom('a', 'b'),
      matches: fc.array(match, { minLength: 1, maxLength: 2 }),
      filters: fc.constantFrom([], filters, [audit]),
      backendRefs: fc.array(backend, { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: ['backendRefs'] },
  )
  const splits = fc.array(
    fc.record({ weight: fc.integer({ min: 0, max: 100 }), mirror: fc.constantFrom(0, 10, 100) }),
    {
      minLength: 1,
      maxLength: 4,
    },
  )

  test('current reads back what set wrote, and cleanup gives the route back whole', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(rule, { minLength: 1, maxLength: 4 }),
        splits,
        fc.constantFrom(undefined, tester),
        async (rules, asked, who) => {
          server.remove(routeAt('web'))
          server.put(
            routeAt('web'),
            JSON.parse(JSON.stringify(httpRoute([...rules, { backendRefs: [{ name: 'shop' }] }]))),
          )
          const before = wholeOf(server, routeAt('web'))
          const router = () => gatewayApi(server.cluster, { ...given, tester: who })
          const changes = savedOnce(await router().changes())
          for (const split of asked) {
            expect(await router().set(split, changes, 4)).toEqual({ kind: 'written' })
            const { written, mirrored = 0 } = await router().current(changes)
            expect({ weight: written, mirror: mirrored }).toEqual(split)
          }
          expect(await router().cleanup(changes, 4)).toEqual({ kind: 'written' })
          expect(wholeOf(server, routeAt('web'))).toEqual(before)
          expect((await router().current(changes)).marked).toBe(false)
        },
      ),
      { numRuns: 50 },
    )
  })
})
