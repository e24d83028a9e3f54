import { EPOCH } from '@sluice/kubernetes/fenced'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { objectServer } from '../../kubernetes/test/object-server.ts'
import { argoRollout, type Rollout } from '../src/argo-rollouts.ts'
import { rolloutFindings } from '../src/argo-rollouts-preflight.ts'
import { abortion, fullPromotion, keptUntil, setRunning, standingOf, towards } from '../src/argo-rollouts-status.ts'
import { placesOf, stepsSnippet, weightAt } from '../src/argo-rollouts-steps.ts'
import { replicaSet, rollout, STEPS, updating } from './argo-rollouts-objects.ts'

describe('the weights of a plan in the steps of a Rollout', () => {
  test('stand where an indefinite pause ends a setWeight', () => {
    expect(placesOf([20, 50], STEPS)).toEqual({
      kind: 'found',
      places: [
        { weight: 20, set: 0, pause: 1 },
        { weight: 50, set: 2, pause: 3 },
      ],
    })
  })

  test('may have other steps between them and their pause, and timed ones anywhere', () => {
    const steps = [
      { setCanaryScale: { replicas: 1 } },
      { setWeight: 5 },
      { pause: { duration: '30s' } },
      { setWeight: 20 },
      { analysis: {} },
      { pause: {} },
      { setWeight: 80 },
    ]
    expect(placesOf([20], steps)).toEqual({ kind: 'found', places: [{ weight: 20, set: 3, pause: 5 }] })
  })

  test.each([
    ['no steps', [20], [], ['there is no setWeight 20']],
    [
      'a timed pause',
      [20],
      [{ setWeight: 20 }, { pause: { duration: 60 } }],
      ['setWeight 20 is not ended by a pause without a duration'],
    ],
    [
      'a pause at a weight that the plan has not',
      [50],
      STEPS,
      ['step 1 pauses for ever at weight 20, where the plan does not stop'],
    ],
    [
      'two pauses at one weight',
      [20],
      [{ setWeight: 20 }, { pause: {} }, { pause: {} }],
      ['step 2 pauses for ever at weight 20, where the plan does not stop'],
    ],
    [
      'a pause before all weights',
      [20],
      [{ pause: {} }, { setWeight: 20 }, { pause: {} }],
      ['step 0 pauses for ever at weight 0, where the plan does not stop'],
    ],
  ])('do not stand in %s', (_name, weights, steps, problems) => {
    expect(placesOf(weights, steps)).toEqual({ kind: 'unfit', problems })
  })

  test('that fall in the Rollout do not fit a plan that rises', () => {
    const falling = [{ setWeight: 50 }, { pause: {} }, { setWeight: 20 }, { pause: {} }]
    expect(placesOf([20, 50], falling)).toMatchObject({ kind: 'unfit' })
  })

  test('are printed as the steps that would do', () => {
    expect(stepsSnippet([20])).toBe('strategy:\n  canary:\n    steps:\n      - setWeight: 20\n      - pause: {}')
  })

  test.each([
    [0, 20],
    [1, 20],
    [3, 50],
    [4, 100],
  ])('at index %i come to %i', (index, weight) => {
    expect(weightAt(STEPS, index)).toBe(weight)
  })
})

describe('what a status means', () => {
  test('at rest nothing is under way, and the canary has no weight', () => {
    const read = { rollout: rollout(), sets: [replicaSet('aaa', 'old', 4)] }
    expect(standingOf(read)).toMatchObject({
      observed: true,
      settled: true,
      weight: 0,
      phase: 'Healthy',
      aborted: false,
    })
  })

  test('of another generation it says nothing about the spec', () => {
    const read = {
      rollout: rollout({ image: 'new', metadata: { generation: 2 } }),
      sets: [replicaSet('aaa', 'old', 4)],
    }
    expect(standingOf(read)).toMatchObject({ observed: false, settled: false })
  })

  test('that names the generation and still the ReplicaSet of the template before is not taken for settled', () => {
    // The controller writes observedGeneration with a change of size before it has looked at a template written in the same moment.
    const read = { rollout: rollout({ image: 'new' }), sets: [replicaSet('aaa', 'old', 4)] }
    expect(standingOf(read)).toMatchObject({ observed: false, settled: false })
  })

  test('paused at a step is as far as its last setWeight', () => {
    expect(standingOf(updating())).toMatchObject({ weight: 20, paused: 'at-step', atSetWeight: false, weightOf: 'bbb' })
    expect(standingOf(updating({ currentStepIndex: 2 }))).toMatchObject({ weight: 50, atSetWeight: true })
  })

  test('with a traffic router the weight is the one that the router was given', () => {
    const routed = { strategy: { canary: { steps: STEPS, trafficRouting: { traefik: {} } } } }
    const weights = { canary: { weight: 20, podTemplateHash: 'bbb' }, verified: false }
    expect(standingOf(updating({ currentStepIndex: 2, canary: { weights } }, routed))).toMatchObject({
      routed: true,
      weight: 20,
      verified: false,
    })
  })

  test.each([
    ['by hand', updating({}, { paused: true }), 'by-hand'],
    [
      'by an analysis without a conclusion',
      updating({ pauseConditions: [{ reason: 'InconclusiveAnalysisRun' }] }),
      'inconclusive',
    ],
    ['at a step', updating(), 'at-step'],
    ['not at all', updating({ pauseConditions: [] }), undefined],
  ])('paused %s', (_name, read, paused) => {
    expect(standingOf(read).paused).toBe(paused)
  })

  test('a spec that the controller finds invalid is no phase of an update', () => {
    const conditions = [{ type: 'InvalidSpec', status: 'True', message: 'Service "x" not found' }]
    expect(standingOf(updating({ phase: 'Degraded', conditions }))).toMatchObject({
      phase: 'Invalid',
      message: 'Service "x" not found',
    })
  })

  test('the ReplicaSet of an image is the current one, else one that has pods', () => {
    const { rollout: live, sets } = updating()
    const gone = replicaSet('ccc', 'new', 0)
    const find = (current: Rollout) =>
      setRunning({ rollout: current, sets: [gone, ...sets] }, { container: 'web', image: 'new' })?.metadata.name
    expect(find(live)).toBe('shop-bbb')
    expect(find(rollout())).toBe('shop-bbb')
    expect(setRunning({ rollout: live, sets }, { container: 'web', image: 'none' })).toBeUndefined()
  })

  test('a ReplicaSet that is kept says until when', () => {
    const kept = replicaSet('bbb', 'new', 1, { annotations: { 'scale-down-deadline': '2030-01-01T00:00:30Z' } })
    expect(keptUntil(kept)).toBe(Date.UTC(2030, 0, 1, 0, 0, 30))
    expect(keptUntil(replicaSet('bbb', 'new', 1))).toBeUndefined()
  })
})

describe('what is written to the status', () => {
  const [first, second] = [
    { weight: 20, set: 0, pause: 1 },
    { weight: 50, set: 2, pause: 3 },
  ]
  const kinds = (operations: ReturnType<typeof towards>) => operations.map(({ op, path }) => `${op} ${path}`)

  test('a promotion clears the pause before the place, and only while it is that pause', () => {
    expect(towards(second, updating().rollout)).toEqual([
      { op: 'test', path: '/status/currentPodHash', value: 'bbb' },
      { op: 'test', path: '/status/currentStepIndex', value: 1 },
      { op: 'remove', path: '/status/pauseConditions' },
    ])
  })

  test.each([
    ['at its place already', first, updating()],
    ['on its way', second, updating({ currentStepIndex: 2, pauseConditions: [] })],
    [
      'at a pause that ends by itself',
      second,
      updating(
        {},
        {
          strategy: {
            canary: { steps: [{ setWeight: 20 }, { pause: { duration: 5 } }, { setWeight: 50 }, { pause: {} }] },
          },
        },
      ),
    ],
    ['paused by hand', second, updating({}, { paused: true })],
    ['aborted', second, updating({ abort: true })],
    ['being promoted', second, updating({ promoteFull: true })],
    ['at rest', first, { rollout: rollout() }],
  ])('nothing, while the Rollout is %s', (_name, place, { rollout: live }) => {
    expect(towards(place, live)).toEqual([])
  })

  test('somebody who promoted too far is set back to the setWeight, its pause forgotten', () => {
    // A pause that is left in controllerPause without conditions counts as one that was promoted.
    expect(kinds(towards(first, updating({ currentStepIndex: 3 }).rollout))).toEqual([
      'test /status/currentPodHash',
      'test /status/currentStepIndex',
      'replace /status/currentStepIndex',
      'remove /status/pauseConditions',
      'remove /status/controllerPause',
    ])
  })

  test('an abort calls a full promotion off, which would take it back', () => {
    expect(kinds(abortion(updating({ promoteFull: true }).rollout))).toEqual([
      'test /status/currentPodHash',
      'remove /status/promoteFull',
      'add /status/abort',
    ])
    expect(abortion(rollout())).toEqual([])
    expect(abortion(updating({ abort: true }).rollout)).toEqual([])
  })

  test('a full promotion is asked for once, and not of an aborted update', () => {
    expect(kinds(fullPromotion(updating().rollout))).toEqual(['test /status/currentPodHash', 'add /status/promoteFull'])
    expect(fullPromotion(updating({ promoteFull: true }).rollout)).toEqual([])
    expect(fullPromotion(updating({ abort: true }).rollout)).toEqual([])
    expect(fullPromotion(rollout())).toEqual([])
  })
})

describe('before a release', () => {
  const given = { where: 'Rollout shop/shop', weights: [20, 50], image: 'new', tester: false }
  const ids = (live: Rollout, sets = [replicaSet('aaa', 'old', 4)], more: Partial<typeof given> = {}) =>
    rolloutFindings({ rollout: live, sets }, { ...given, ...more }).map(({ level, id }) => `${level} ${id}`)
  const canary = (more: object) => rollout({ spec: { strategy: { canary: { steps: STEPS, ...more } } } })

  test('a Rollout whose steps are the plan’s is taken as it is', () => {
    expect(ids(canary({ trafficRouting: { traefik: {} } }))).toEqual([])
    expect(ids(rollout())).toEqual(['note no-traffic-router'])
  })

  test('one without steps would roll out at once: the steps it needs are printed', () => {
    const [finding] = rolloutFindings({ rollout: canary({ steps: [] }), sets: [] }, given)
    expect(finding).toMatchObject({ level: 'error', id: 'steps' })
    expect(finding?.text).toContain('would roll out to all pods at once')
    expect(finding?.hint).toContain(stepsSnippet([20, 50]))
  })

  test.each([
    [
      'weights that are not percent',
      canary({ trafficRouting: { maxTrafficWeight: 1000 } }),
      {},
      'error max-traffic-weight',
    ],
    ['a step that mirrors', rollout(), { weights: [0, 20, 50] }, 'error mirror'],
    ['a tester’s session', rollout(), { tester: true }, 'error tester'],
    ['an analysis of its own', canary({ analysis: { templates: [] } }), {}, 'note own-analysis'],
  ])('%s', (_name, live, more, finding) => {
    expect(ids(live, undefined, more)).toContain(finding)
  })

  test('an image that a rollback window would promote without one step is refused', () => {
    const windowed = rollout({ spec: { rollbackWindow: { revisions: 1 } } })
    const born = (minute: number) => ({ born: `2030-01-01T00:0${minute}:00Z` })
    const stable = replicaSet('aaa', 'old', 4, born(3))
    expect(ids(windowed, [stable, replicaSet('bbb', 'new', 0, born(1))])).toContain('error rollback-window')
    expect(ids(rollout(), [stable, replicaSet('bbb', 'new', 0, born(1))])).not.toContain('error rollback-window')
    expect(ids(windowed, [stable, replicaSet('bbb', 'new', 0, born(4))])).not.toContain('error rollback-window')
    const between = replicaSet('ccc', 'other', 0, born(2))
    expect(ids(windowed, [stable, replicaSet('bbb', 'new', 0, born(1)), between])).not.toContain(
      'error rollback-window',
    )
  })
})

describe('a Rollout behind an API server', () => {
  const path = '/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/shop'
  const sets = '/apis/apps/v1/namespaces/shop/replicasets'
  let server: Awaited<ReturnType<typeof objectServer>>
  beforeEach(async () => {
    server = await objectServer()
  })
  afterEach(() => server.stop())
  const argo = (owned = true) =>
    argoRollout(server.cluster, { namespace: 'shop', name: 'shop', owned: async () => owned })
  const live = () => server.at(path) as Rollout

  test('is read with the ReplicaSets that it owns, and no others', async () => {
    server.put(path, updating().rollout)
    for (const set of [replicaSet('aaa', 'old', 3), replicaSet('zzz', 'old', 1, { owner: 'uid-another' })])
      server.put(`${sets}/${set.metadata.name}`, set)
    const read = await argo().read()
    expect(read?.sets.map(({ metadata }) => metadata.name)).toEqual(['shop-aaa'])
  })

  test('that is not there is undefined', async () => {
    expect(await argo().read()).toBeUndefined()
  })

  test('an abort marks the Rollout first, then writes the status and nothing else', async () => {
    server.put(path, updating().rollout)
    expect(await argo().writeStatus(3, abortion)).toMatchObject({ kind: 'written' })
    expect(live().metadata.annotations).toEqual({ [EPOCH]: '3' })
    expect(live().status?.abort).toBe(true)
    expect(live().metadata.generation).toBe(updating().rollout.metadata.generation)
    expect(server.patches).toEqual([path, `${path}/status`])
  })

  test('a later epoch refuses it, also one that comes between the mark and the write', async () => {
    server.put(path, {
      ...updating().rollout,
      metadata: { ...updating().rollout.metadata, annotations: { [EPOCH]: '4' } },
    })
    expect(await argo().writeStatus(3, abortion)).toMatchObject({ kind: 'fenced' })
    server.put(path, {
      ...updating().rollout,
      metadata: { ...updating().rollout.metadata, annotations: { [EPOCH]: '3' } },
    })
    server.before.patch = () => {
      server.put(path, { ...live(), metadata: { ...live().metadata, annotations: { [EPOCH]: '4' } } })
    }
    expect(await argo().writeStatus(3, abortion)).toMatchObject({ kind: 'fenced' })
    expect(live().status?.abort).toBeUndefined()
  })

  test('one that has no mark is not written by a run whose record is another’s', async () => {
    server.put(path, updating().rollout)
    expect(await argo(false).writeStatus(3, abortion)).toMatchObject({ kind: 'fenced' })
    expect(live().status?.abort).toBeUndefined()
  })

  test('a template that somebody else wrote in the same moment is not aborted', async () => {
    server.put(path, {
      ...updating().rollout,
      metadata: { ...updating().rollout.metadata, annotations: { [EPOCH]: '3' } },
    })
    let times = 0
    server.before.patch = () => {
      if (times++ === 0) server.put(path, { ...live(), status: { ...live().status, currentPodHash: 'ccc' } })
    }
    const decide = (current: Rollout) => (current.status?.currentPodHash === 'bbb' ? abortion(current) : [])
    expect(await argo().writeStatus(3, decide)).toMatchObject({ kind: 'written' })
    expect(live().status?.abort).toBeUndefined()
  })

  test('a status that may not be written is a value, with the rule that would allow it', async () => {
    server.put(path, updating().rollout)
    server.refuse(`${path}/status`, 403)
    const result = await argo().writeStatus(3, abortion)
    expect(result).toMatchObject({ kind: 'refused', cause: 'forbidden' })
    expect(result.kind === 'refused' ? result.text : '').toContain('rollouts/status')
  })
})
