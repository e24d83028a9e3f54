import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { describe, expect, test } from 'vitest'
import { abilityProblems } from '../src/abilities.ts'
import { admissionFindings } from '../src/admission.ts'
import { besidesOf } from '../src/beside.ts'
import { canaryDeployment, canaryService } from '../src/canary.ts'
import { beginDrain, isDrained, watchDrain } from '../src/drain.ts'
import type { Labels, Selector } from '../src/objects.ts'
import type { Request, Snapshot } from '../src/obstacles.ts'
import { planProblems } from '../src/plan.ts'
import { run } from '../src/run.ts'
import { decideSetup } from '../src/setup.ts'
import { noSignals, watchSignals } from '../src/signals.ts'
import { DIGEST, deployment, podTemplate, service, snapshot } from './objects.ts'
import { asked, owner, plan, simulate } from './simulation.ts'

/** The plan's `baseline: fresh`: the previous template a second time, with the canary's size, age and weight. */
const fresh = plan({
  baseline: 'fresh',
  metrics: [{ name: 'errors', kind: 'ratio' }],
  steps: [
    { weight: 10, hold: 20_000 },
    { weight: 40, hold: 20_000 },
  ],
})
const calm = { baseline: 0, canary: 0 }

describe('a release beside a fresh baseline', () => {
  /** Users' requests fail in two of a hundred on the old image and the new; callers inside the cluster, which reach stable alone, never fail. */
  const confounded = { errors: { baseline: 0.02, canary: 0.02 }, others: 400, othersFail: 0 }

  test('that is as good as the old one is promoted, whoever else calls stable', async () => {
    const sim = simulate(confounded)
    const end = await run(asked({ plan: fresh }), sim.ports())
    expect({ verdict: end.verdict, reason: end.reason.code }).toEqual({ verdict: 'promoted', reason: 'promoted' })
    expect(sim.commands).toEqual([
      'apply',
      'apply',
      'apply',
      'apply',
      'weight 10 beside 10',
      'weight 40 beside 40',
      'weight 40',
      'write-stable',
      'weight 25',
      'weight 0',
      'scale',
      'scale',
      'restore-route',
      'remove-created',
    ])
    expect(sim.cluster).toMatchObject({ beside: 0, baseline: undefined, baselineService: false, canary: undefined })
  })

  test('which stable itself would not have shown: those callers make its share of failures smaller', async () => {
    const end = await run(asked({ plan: plan() }), simulate(confounded).ports())
    expect(end.verdict).not.toBe('promoted')
  })

  test('that fails more often is taken back: one write for both weights, and nothing is left', async () => {
    const sim = simulate({ errors: { baseline: 0.02, canary: 0.2 }, others: 400, othersFail: 0 })
    const end = await run(asked({ plan: fresh }), sim.ports())
    expect({ verdict: end.verdict, reason: end.reason.code }).toEqual({ verdict: 'rolled-back', reason: 'errors' })
    expect(sim.commands.slice(4)).toEqual([
      'weight 10 beside 10',
      'weight 0',
      'scale',
      'scale',
      'restore-route',
      'remove-created',
    ])
    expect(sim.cluster).toMatchObject({
      weight: 0,
      beside: 0,
      marked: false,
      baseline: undefined,
      baselineService: false,
    })
    expect(sim.record()?.touched.map(({ role }) => role)).toContain('route')
  })

  test('whose canary answers nobody is taken back for its missing requests alone', async () => {
    const sim = simulate({ errors: calm, canaryServes: false })
    const end = await run(asked({ plan: fresh }), sim.ports())
    expect(end.verdict).toBe('rolled-back')
    expect(['missing-requests', 'no-requests']).toContain(end.reason.code)
  })

  test('whose run is cancelled takes both weights back with one write, and a reap clears up', async () => {
    const sim = simulate({ errors: calm })
    sim.after(12_000, sim.cancel)
    await run(asked({ plan: fresh }), sim.ports())
    expect(sim.commands.slice(4)).toEqual(['weight 10 beside 10', 'weight 0'])
    sim.expire()
    const end = await run(
      asked({ plan: fresh, mode: 'reap', owner: owner('101') }),
      sim.ports(new AbortController().signal),
    )
    expect(end.verdict).toBe('rolled-back')
    expect(sim.cluster).toMatchObject({
      baseline: undefined,
      baselineService: false,
      canary: undefined,
      service: false,
    })
  })
})

describe('a metric whose want of data fails the release', () => {
  const strict = { ...fresh, metrics: [{ name: 'errors', kind: 'ratio', 'no-data': 'fail' } as const] }

  test('is waited for while the fresh baseline is made and the source does not know it yet', async () => {
    const sim = simulate({ errors: calm })
    const ports = sim.ports()
    // Its source shows new pods only ten seconds after they are ready.
    const since = ports.clock.now()
    const read = async (record: Parameters<typeof ports.metrics.read>[0]) => {
      const scrape = await ports.metrics.read(record)
      if (scrape.kind !== 'pods' || ports.clock.now() - since >= 11_000) return scrape
      return { ...scrape, readings: scrape.readings.filter(({ side }) => side !== 'baseline') }
    }
    const end = await run(asked({ plan: strict }), { ...ports, metrics: { ...ports.metrics, read } })
    expect({ verdict: end.verdict, reason: end.reason.code }).toEqual({ verdict: 'promoted', reason: 'promoted' })
  })

  test('fails it once it was read, and shows nothing any more', async () => {
    const sim = simulate({ errors: calm })
    const ports = sim.ports()
    const since = ports.clock.now()
    const read = async (record: Parameters<typeof ports.metrics.read>[0]) => {
      const scrape = await ports.metrics.read(record)
      return ports.clock.now() - since < 11_000 ? scrape : { kind: 'empty' as const, query: 'q', text: 'nothing' }
    }
    const end = await run(asked({ plan: strict }), { ...ports, metrics: { ...ports.metrics, read } })
    expect({ verdict: end.verdict, reason: end.reason.code }).toEqual({ verdict: 'rolled-back', reason: 'no-data' })
  })
})

describe('a plan', () => {
  const wrong = (more: Parameters<typeof plan>[0]) => planProblems(plan({ baseline: 'fresh', ...more }))

  test('with a fresh baseline has weights of at most 50, and no copies', () => {
    expect(wrong({ steps: [{ weight: 50, hold: 1 }] })).toEqual([])
    expect(
      wrong({
        steps: [
          { weight: 10, hold: 1 },
          { weight: 51, hold: 1 },
        ],
      }),
    ).toEqual(['plan: weights beside a fresh baseline, which gets the same, are at most 50; 51 is more'])
    expect(
      wrong({
        steps: [
          { mirror: 10, hold: 1 },
          { weight: 5, hold: 1 },
        ],
      }),
    ).toEqual([expect.stringContaining('a fresh baseline would have none to compare with')])
  })

  test.each(['istio', 'nginx', 'traefik', 'alb', 'argo-rollouts', 'replicas'] as const)(
    'that asks router %s for one is refused with the router that can',
    (router) => {
      expect(abilityProblems(fresh, { router })).toEqual([
        `plan: baseline fresh needs a third share in the one write of the route, which router ${router} cannot give; use router gateway-api, or write baseline: stable`,
      ])
      expect(abilityProblems(plan(), { router })).toEqual([])
    },
  )
})

describe('how it stands', () => {
  const request: Request = {
    namespace: 'prod',
    deployment: 'shop',
    container: '',
    service: '',
    image: { repository: 'registry.test/shop', digest: DIGEST('b') },
    split: 'weights',
    weights: [5, 40],
    minCanary: 2,
    headroom: 0,
    allow: [],
    baseline: 'fresh',
  }
  const decided = (more: Partial<Snapshot> = {}, over: Partial<Request> = {}) =>
    decideSetup({ ...request, ...over }, snapshot(more))
  const errorsOf = (...given: Parameters<typeof decided>) =>
    decided(...given).findings.flatMap(({ level, text }) => (level === 'error' ? [text] : []))
  const object = (kind: string, name: string, spec: object): KubernetesObject => ({
    apiVersion: 'v1',
    kind,
    metadata: { name, namespace: 'prod' },
    spec,
  })

  test('the label that tells canary pods apart gets a third value, which neither stable’s nor the canary’s selectors pick', () => {
    const { setup, findings } = decided()
    expect(setup?.fresh).toEqual({
      deployment: 'shop-baseline',
      service: 'shop-baseline',
      label: { key: 'app', stable: 'shop', canary: 'shop-baseline' },
    })
    expect(findings.find(({ id }) => id === 'fresh-baseline')?.text).toContain(
      'app=shop-baseline, and at most 2 pods more',
    )
    if (setup === undefined) throw new Error('no setup')
    const marks = { owner: owner('1'), epoch: 3 }
    const [canary, baseline] = besidesOf(setup).map(({ deployment: name, label, track }) => ({
      pods: canaryDeployment(deployment(), podTemplate(), { name, label, track, replicas: 2, marks }),
      service: canaryService(service('shop', { app: 'shop' }), { name, label, track, marks }),
    }))
    const labels: Labels = baseline?.pods.spec.template.metadata?.labels ?? {}
    expect(labels).toMatchObject({ app: 'shop-baseline', 'sluice.dev/track': 'baseline' })
    expect(baseline?.pods.metadata).toMatchObject({
      name: 'shop-baseline',
      labels: { 'sluice.dev/track': 'baseline' },
      annotations: { 'sluice.dev/owner': '1/1', 'sluice.dev/epoch': '3' },
    })
    const selects = (selector: Labels = {}) => Object.entries(selector).every(([key, value]) => labels[key] === value)
    expect(selects(baseline?.service.spec.selector)).toBe(true)
    expect(selects(canary?.service.spec.selector)).toBe(false)
    expect(selects(deployment().spec.selector.matchLabels)).toBe(false)
    expect(selects(canary?.pods.spec.selector.matchLabels)).toBe(false)
  })

  test('without it nothing of it is decided', () => {
    expect(decided({}, { baseline: 'stable' }).setup).not.toHaveProperty('fresh')
  })

  test.each([
    ['Deployment shop-baseline', { taken: [object('Deployment', 'shop-baseline', {})] }],
    [
      'Service shop-baseline',
      { services: [service('shop', { app: 'shop' }), service('shop-baseline', { app: 'other' })] },
    ],
  ])('a name that is taken by %s is refused, only where it is needed', (_, more) => {
    expect(errorsOf(more)).toEqual([expect.stringContaining('shop-baseline exists already')])
    expect(errorsOf(more, { baseline: 'stable' })).toEqual([])
  })

  test('a policy that knows the canary’s pods and not the baseline’s is refused, and accepted by name', () => {
    const selector: Selector = { matchExpressions: [{ key: 'app', operator: 'In', values: ['shop', 'shop-canary'] }] }
    const policies = [object('NetworkPolicy', 'guard', { podSelector: selector })]
    expect(errorsOf({ policies })).toEqual([
      'NetworkPolicy guard would match baseline pods differently from stable ones',
    ])
    expect(errorsOf({ policies }, { allow: ['networkpolicy/guard'] })).toEqual([])
    expect(errorsOf({ policies }, { baseline: 'stable' })).toEqual([])
  })

  test('a Service that would pick the baseline’s pods alone is refused', () => {
    const services = [service('shop', { app: 'shop' }), service('old', { 'sluice.dev/track': 'baseline' })]
    expect(errorsOf({ services })).toEqual([
      expect.stringContaining('Service old would send requests to baseline pods at every weight'),
    ])
  })

  test('stable’s PodDisruptionBudget gets a twin for each', () => {
    const budgets = [
      object('PodDisruptionBudget', 'shop', { maxUnavailable: 1, selector: { matchLabels: { app: 'shop' } } }),
    ]
    const { setup } = decided({ budgets })
    expect([setup?.budget?.name, setup?.fresh?.budget]).toEqual([
      'shop-canary',
      { of: 'shop', name: 'shop-baseline', maxUnavailable: '33%' },
    ])
  })

  test('a quota is reckoned for twice the canary’s pods', () => {
    const quotas = [
      {
        ...object('ResourceQuota', 'team', { hard: { pods: '13' } }),
        status: { hard: { pods: '13' }, used: { pods: '10' } },
      },
    ]
    const given = { template: podTemplate(), budgets: 0, rehearsed: false }
    const said = (baseline: 'fresh' | 'stable') =>
      admissionFindings(snapshot({ quotas }), { request: { ...request, baseline, weights: [50] }, ...given }).map(
        ({ level, text }) => `${level}: ${text}`,
      )
    expect(said('fresh')).toEqual([
      expect.stringMatching(/^error: .* the release needs 5: 4 canary and fresh baseline pods/),
    ])
    expect(said('stable')).toEqual([])
  })
})

describe('what it is compared with', () => {
  const world = (baseline: { desired: number; ready: number }, ready: number) =>
    ({
      stable: { desired: 4, available: 1, hash: '', rolledOut: false },
      canary: { desired: 2, ready, restarts: 0, hash: '' },
      baseline: { ...baseline, restarts: 0, hash: '' },
    }) as Parameters<typeof watchSignals>[2]
  const nothing = { kind: 'pods', readings: [], missing: [] } as const
  const third = (...given: Parameters<typeof world>) => {
    let state = noSignals
    let why: ReturnType<typeof watchSignals>['why']
    for (let look = 0; look < 3; look += 1) ({ state, why } = watchSignals(state, nothing, world(...given)))
    return why
  }

  test('a canary that loses readiness while the fresh baseline has all of its pods goes back, whatever stable does', () => {
    expect(third({ desired: 2, ready: 2 }, 1)).toMatchObject({
      code: 'lost-readiness',
      text: '1 of 2 canary pods are ready, 3 looks in a row, while the fresh baseline has all of its 2',
    })
    expect(third({ desired: 2, ready: 1 }, 1)).toBeUndefined()
  })

  test('its requests have ended, too, before anything is removed', () => {
    const reading = (side: 'baseline' | 'canary', total: number) => ({
      side,
      pod: { name: side, uid: side },
      containerId: '',
      restarts: 0,
      readAt: 0,
      counters: { errors: { total, bad: 0 } },
      gauges: {},
    })
    const drained = (of: { readonly fresh: boolean }) => {
      let state = beginDrain
      for (const at of [0, 1000, 2000, 3000]) {
        const readings = [reading('canary', 7), reading('baseline', at)]
        state = watchDrain(state, { kind: 'pods', readings, missing: [] }, { at, draining: true, ...of })
      }
      return isDrained(state, 3000, 1000)
    }
    expect(drained({ fresh: false })).toBe(true)
    expect(drained({ fresh: true })).toBe(false)
  })
})
