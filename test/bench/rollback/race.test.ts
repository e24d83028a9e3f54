import { describe, expect, test } from 'vitest'
import { askedOf } from './asked.ts'
import { shareOf } from './contestant.ts'
import { manifestsOf, SETTINGS } from './manifests.ts'
import { measured, type Watched } from './measured.ts'
import { SCENES, TOOLS, turnsOf } from './scenes.ts'
import { five, shareText } from './statistics.ts'

const VALUES = { NAMESPACE: 'race-1', HOST: 'race-1.test', STABLE: 'shop@sha256:1', PROMETHEUS: 'http://p:9090' }

describe('what a round comes to', () => {
  const base: Watched = {
    startedAt: 1000,
    wroteAt: 2000,
    saidAt: 22_000,
    verdict: 'stopped',
    weights: [
      { at: 500, weight: 0 },
      { at: 3000, weight: 5 },
      { at: 12_000, weight: 0 },
    ],
    answers: [
      { at: 2500, answer: 'old 200', count: 500 },
      { at: 4000, answer: 'errors 500', count: 2 },
      { at: 9000, answer: 'errors 200', count: 8 },
    ],
    left: [],
  }
  const { errors, healthy } = SCENES
  const noisy = SCENES['healthy-noisy']

  test('seconds run from the first write to weight 0, when the last answer of the release was earlier', () => {
    expect(measured(errors, base)).toEqual({
      ...{ verdict: 'stopped', wrong: false, stableAfter: 10, saidAfter: 20, before: 1 },
      ...{ requests: 510, failed: 2, failures: { 'errors 500': 2 }, touched: 10, left: [] },
    })
  })
  test('an answer of the release after weight 0 was read back is later than that', () => {
    const answers = [...base.answers, { at: 13_500, answer: 'errors 200', count: 1 }]
    expect(measured(errors, { ...base, answers }).stableAfter).toBe(11.5)
  })
  test('an answer of the gateway, which names no version, is not stable either, and failed', () => {
    const answers = [...base.answers, { at: 15_000, answer: 'Bad Gateway 502', count: 3 }]
    expect(measured(errors, { ...base, answers })).toMatchObject({ stableAfter: 13, failed: 5, touched: 13 })
  })
  test('a request that stable failed is failed, but no sign of the release', () => {
    const answers = [...base.answers, { at: 15_000, answer: 'old 500', count: 1 }]
    expect(measured(errors, { ...base, answers })).toMatchObject({ stableAfter: 10, failed: 3, touched: 10 })
  })
  test('a release that no client met has no time of going back', () => {
    const watched = { ...base, weights: base.weights.slice(0, 1), answers: base.answers.slice(0, 1) }
    expect(measured(errors, watched)).toMatchObject({ stableAfter: null, wrong: false, touched: 0 })
  })
  test('a weight that was never read back as 0 is no time, whatever was answered', () => {
    expect(measured(errors, { ...base, weights: base.weights.slice(0, 2) }).stableAfter).toBeNull()
  })
  test('the way back is the last one: a weight that rose again counts', () => {
    const weights = [...base.weights, { at: 14_000, weight: 5 }, { at: 16_000, weight: 0 }]
    expect(measured(errors, { ...base, weights }).stableAfter).toBe(14)
  })
  test.each([
    ['a bad release that is promoted', errors, 'promoted', true],
    ['a bad release without a word', errors, 'none', true],
    ['a healthy release that is stopped', healthy, 'stopped', true],
    ['a healthy release that is promoted', healthy, 'promoted', false],
  ] as const)('%s', (_, scene, verdict, wrong) => {
    expect(measured(scene, { ...base, verdict }).wrong).toBe(wrong)
  })
  test('what a noisy service always fails is not counted, what its gateway fails is', () => {
    const answers = [
      { at: 2500, answer: 'old-noisy 500', count: 4 },
      { at: 2500, answer: 'good-noisy 500', count: 4 },
      { at: 2500, answer: 'Bad Gateway 502', count: 1 },
    ]
    expect(measured(noisy, { ...base, answers }).failed).toBe(1)
  })
})

describe('the rotation', () => {
  const counts = { rounds: 3, others: 1, healthy: 2 }
  const all = turnsOf(counts, TOOLS, [])
  test('has every round once', () => {
    // The nervous settings are not there for the four other faults.
    expect(all).toHaveLength(TOOLS.length * (3 + 4 * 1 + 2 * 2) - 4)
    expect(new Set(all.map((turn) => JSON.stringify(turn))).size).toBe(all.length)
  })
  test('has all tools one after the other for one release', () => {
    const rounds = Map.groupBy(all, ({ scene, index }) => `${scene} ${index}`)
    expect([...rounds.values()].flat()).toEqual(all)
    for (const [name, turns] of rounds) {
      const wanted =
        /errors|healthy/.test(name) && !name.startsWith('few')
          ? TOOLS
          : TOOLS.filter((tool) => !tool.endsWith('nervous'))
      expect(turns.map(({ tool }) => tool)).toEqual(wanted)
    }
  })
  test('goes on where it stopped', () => {
    expect(turnsOf(counts, TOOLS, all.slice(0, 7))).toEqual(all.slice(7))
    expect(turnsOf(counts, TOOLS, all)).toEqual([])
  })
})

describe('statistics', () => {
  test('the five numbers of 1 to 5', () => {
    expect(five([5, 3, 1, 4, 2])).toEqual({ n: 5, median: 3, q1: 2, q3: 4, least: 1, most: 5 })
    expect(five([1, 2])?.median).toBe(1.5)
    expect(five([])).toBeUndefined()
  })
  test.each([
    [0, 15, '0 of 15 (0 to 20 %)'],
    [5, 5, '5 of 5 (57 to 100 %)'],
    [0, 60_000, '0 of 60000 (0 to 0.006 %)'],
    [0, 0, '–'],
  ])('%i of %i is told with its interval', (k, n, text) => expect(shareText(k, n)).toBe(text))
})

describe('the settings', () => {
  const objects = (tool: (typeof TOOLS)[number]) =>
    manifestsOf(SETTINGS[tool], VALUES).map(({ object }) => object as unknown as Workload)
  type Workload = {
    readonly kind: string
    readonly metadata: { readonly name: string }
    readonly spec: { readonly replicas?: number; readonly template?: object; readonly metrics?: readonly Metric[] }
  }
  type Metric = {
    readonly name: string
    readonly interval: string
    readonly failureLimit: number
    readonly successCondition: string
  }
  const workload = (tool: (typeof TOOLS)[number]) =>
    objects(tool).find(({ kind }) => kind === 'Deployment' || kind === 'Rollout')?.spec

  test('every tool releases the same pods, as many of them', () => {
    const ours = workload('sluice')
    expect(ours?.template).toBeDefined()
    for (const tool of TOOLS)
      expect(workload(tool)).toMatchObject({ template: ours?.template, replicas: ours?.replicas })
  })
  test('no object waits for a value, and each has its collection', () => {
    for (const tool of TOOLS) {
      expect(JSON.stringify(objects(tool))).not.toMatch(/\$[A-Z]/)
      expect(JSON.stringify(objects(tool))).toContain('race-1')
    }
    const collections = manifestsOf(SETTINGS.flagger, VALUES).map(({ collection }) => collection)
    expect(collections).toEqual([
      '/apis/apps/v1/deployments',
      '/apis/gateway.networking.k8s.io/v1/gateways',
      '/apis/flagger.app/v1beta1/metrictemplates',
      '/apis/flagger.app/v1beta1/metrictemplates',
      '/apis/flagger.app/v1beta1/canaries',
    ])
  })
  test('the nervous row differs in pace and patience alone: same metrics, same limits', () => {
    const metrics = (tool: 'argo-rollouts' | 'argo-rollouts-nervous') =>
      objects(tool).find(({ kind }) => kind === 'AnalysisTemplate')?.spec.metrics ?? []
    const limits = (each: readonly Metric[]) => each.map(({ name, successCondition }) => ({ name, successCondition }))
    expect(limits(metrics('argo-rollouts-nervous'))).toEqual(limits(metrics('argo-rollouts')))
    expect(metrics('argo-rollouts-nervous').every(({ failureLimit }) => failureLimit === 0)).toBe(true)
    expect(objects('argo-rollouts-nervous')).toHaveLength(objects('argo-rollouts').length)
  })
  test('a value that nobody gives is an error', () => {
    expect(() => manifestsOf(['sluice.yaml'], {} as typeof VALUES)).toThrow('asks for $')
  })
})

test('the share of one backend counts an absent weight as 1', () => {
  expect(shareOf([{ name: 'a' }, { name: 'b' }], 'a')).toBe(50)
  expect(
    shareOf(
      [
        { name: 'a', weight: 95 },
        { name: 'b', weight: 5 },
      ],
      'b',
    ),
  ).toBe(5)
  expect(shareOf([{ name: 'a', weight: 0 }], 'a')).toBe(0)
  expect(shareOf([], 'a')).toBe(0)
})

describe('the command line', () => {
  test('has the rounds that the race is meant to have', () => {
    expect(askedOf([], '/out')).toMatchObject({
      counts: { rounds: 15, others: 5, healthy: 5 },
      lanes: 4,
      tools: TOOLS,
      scenes: Object.keys(SCENES),
      out: '/out',
      trial: false,
    })
  })
  test.each([
    [['--rounds', 'many'], '--rounds is a number of rounds, not "many"'],
    [['--tools', 'spinnaker'], '--tools knows sluice'],
    [['--scenes', 'errors,fire'], 'not "fire"'],
    [['--fast'], '--fast'],
  ])('%s is told', (args, text) => {
    const asked = askedOf(args, '/out')
    expect('problem' in asked && asked.problem).toContain(text)
  })
})
