import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Sampled } from '@sluice/evidence/judge'
import type { ReleaseRecord, World } from '@sluice/release/record'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import type { Settings } from '../src/plan.ts'
import { beginRecording, type Recording, recordLook } from '../src/recording.ts'
import { reportOf } from '../src/report.ts'
import { run } from '../src/run.ts'
import { seriesOf } from '../src/series.ts'
import { asked, owner, plan, reported, simulate } from './simulation.ts'

const schema = JSON.parse(readFileSync(join(import.meta.dirname, '../report.schema.json'), 'utf8'))
const valid = (report: unknown): unknown => {
  const validate = new Ajv2020().compile(schema)
  return validate(JSON.parse(JSON.stringify(report))) ? 'valid' : validate.errors
}
const START = Date.UTC(2030, 0, 1)
const metrics = [
  { name: 'errors', kind: 'ratio', margin: 0.01, max: 0.05 },
  { name: 'slow', kind: 'latency', threshold: 300 },
  { name: 'ping', kind: 'ratio', provider: 'probe' },
  { name: 'cpu', kind: 'gauge', series: 'cpu', max: 90, failures: 4 },
]
const settings = { metrics, provider: 'pods' } as unknown as Settings
const record = (phase = 'analysing', step = 0): ReleaseRecord =>
  ({
    evidence: { evidence: { version: 1 }, signals: {}, steps: [] },
    state: { phase, step, since: 0 },
    plan: { steps: [{ weight: 10 }, { weight: 50 }], metrics: settings },
  }) as unknown as ReleaseRecord
const world = (at: number, more: Partial<World> = {}): World => ({
  at: START + at,
  weight: { written: 10, accepted: true, marked: true },
  stable: { desired: 3, available: 3, hash: 'old', rolledOut: true },
  canary: { desired: 1, ready: 1, restarts: 0, hash: 'new' },
  service: true,
  leftovers: 2,
  ...more,
})
const counts = (at: number, more: Partial<Extract<Sampled, { kind: 'counted' }>> = {}): Sampled => ({
  ...{ kind: 'counted', metric: 'errors', at: START + at, weight: 10, step: 0, use: 'judged', margin: 0.01, logE: 0.5 },
  baseline: { n: 90, k: 1 },
  canary: { n: 10, k: 0 },
  ...more,
})
const value = (at: number, baseline: number | null, canary: number | null): Sampled => ({
  ...{ kind: 'gauge', metric: 'cpu', at: START + at, weight: 10, step: 0 },
  baseline,
  canary,
})
const recorded = (looks: readonly (readonly [World, readonly Sampled[]])[], before = beginRecording): Recording =>
  looks.reduce((so, [seen, samples]) => recordLook(so, { record: record(), world: seen, samples }), before)

describe('the report of a release', () => {
  test.each([
    ['promoted', {}],
    ['rolled-back', { errors: { baseline: 0, canary: 0.2 } }],
  ])('that is %s has every interval that was judged, and what was seen of the cluster', async (verdict, given) => {
    const report = await reported(simulate(given), { plan: plan({ 'max-hold': 10_000 }) })
    expect(report.verdict).toBe(verdict)
    expect(valid(report)).toBe('valid')
    const { series = [], judge, looks = [], metrics: ended } = report.details
    const [errors] = series
    expect(errors).toMatchObject({ name: 'errors', provider: 'pods', query: 'http_requests_total, bad: status 5xx' })
    if (errors === undefined || errors.kind === 'gauge') throw new Error('no series of errors')
    const judged = errors.samples.flatMap(({ use }, index) => (use === 'judged' ? [index] : []))
    const sum = (side: 'baseline' | 'canary') => judged.reduce((n, index) => n + (errors[side][index]?.n ?? 0), 0)
    expect(ended[0]).toMatchObject({ canary: { n: sum('canary') }, baseline: { n: sum('baseline') } })
    expect(errors.samples.at(-1)?.logE).toBe(ended[0]?.kind === 'ratio' ? ended[0].logE : undefined)
    expect(judge).toMatchObject({
      interval: 1000,
      minRequests: 50,
      alpha: 0.01,
      metrics: [{ name: 'errors', max: 0.05 }],
    })
    expect(looks[0]).toMatchObject({ phase: 'preparing', asked: 0, written: 0 })
    expect(looks.some(({ written, observed = 0 }) => written === 10 && Math.abs(observed - 10) < 3)).toBe(true)
    expect(looks.at(-1)).toMatchObject({ written: 0 })
  })

  /** A run that is killed 12 s after it began, and the report of the one that ends its release. */
  const endedBy = async (mode: 'resume' | 'reap' | 'abort') => {
    const sim = simulate()
    const ports = sim.ports()
    const crash = ports.clock.now() + 12_000
    const observe: typeof ports.cluster.observe = async (its) => {
      if (ports.clock.now() >= crash) throw new Error('killed')
      return ports.cluster.observe(its)
    }
    await expect(run(asked(), { ...ports, cluster: { ...ports.cluster, observe } })).rejects.toThrow('killed')
    const taken = ports.clock.now()
    sim.expire()
    const end = await run(asked({ mode, owner: owner('100', 2) }), ports)
    const report = reportOf(end, {
      ...{ mode, namespace: 'prod', deployment: 'shop', tool: { version: '0', commit: '' } },
      ...{ run: owner('100', 2), startedAt: taken, endedAt: ports.clock.now() },
    })
    expect(valid(report)).toBe('valid')
    expect(Date.parse(report.details.looks?.[0]?.at ?? '')).toBeGreaterThanOrEqual(taken)
    return { report, taken }
  }

  test('that a later run resumes has what that run saw, and says nothing of the time before', async () => {
    const { report, taken } = await endedBy('resume')
    expect(Date.parse(report.details.series?.[0]?.samples[0]?.at ?? '')).toBeGreaterThanOrEqual(taken)
    expect(report).toMatchObject({ verdict: 'promoted', details: { steps: [{ step: 0 }, { step: 1 }] } })
  })

  test.each(['reap', 'abort'] as const)(
    'that a later run ends by %s has how it went back, and no series: nothing was judged',
    async (mode) => {
      const { report } = await endedBy(mode)
      expect(report.verdict).toBe('rolled-back')
      expect(report.details).not.toHaveProperty('series')
      expect(report.details).not.toHaveProperty('judge')
      expect(report.details.looks?.map(({ phase }) => phase)).toContain('draining')
    },
  )

  test('of a run that only asked for the status has neither', async () => {
    const sim = simulate()
    await run(asked(), sim.ports())
    const report = await reported(sim, { mode: 'status' })
    expect(valid(report)).toBe('valid')
    expect(report.details).not.toHaveProperty('series')
    expect(report.details).not.toHaveProperty('looks')
  })
})

describe('a look at the cluster', () => {
  test.each([
    ['that shows the same', world(1000), 1],
    ['with another weight', world(1000, { weight: { written: 50, accepted: true, marked: true } }), 2],
    ['with a restart', world(1000, { canary: { desired: 1, ready: 1, restarts: 1, hash: 'new' } }), 2],
    ['without a pod of stable', world(1000, { stable: { ...world(0).stable, available: 2 } }), 2],
    ['15 s later, when nothing is counted', world(15_000), 1],
  ])('%s is kept where something changed', (_, seen, kept) => {
    const { looks } = recorded([
      [world(0), []],
      [seen, []],
    ])
    expect(looks).toHaveLength(kept)
  })

  test('tells the share of the users’ requests since the one before, whatever our own say', () => {
    const { looks } = recorded([
      [world(0), []],
      [world(5000), [counts(5000), counts(5000, { metric: 'ping', canary: { n: 900, k: 0 } })]],
      [world(15_000), [counts(15_000, { canary: { n: 50, k: 0 }, baseline: { n: 50, k: 0 } })]],
    ])
    expect(looks.map(({ observed }) => observed)).toEqual([undefined, 30])
  })
})

test('beside a fresh baseline no share is told: what both sides count is not all that users send', () => {
  const its = record()
  const fresh = { ...its, plan: { ...its.plan, baseline: 'fresh' } } as ReleaseRecord
  const { looks } = recordLook(beginRecording, { record: fresh, world: world(0), samples: [counts(0)] })
  expect(looks).toHaveLength(1)
  expect(looks[0]).not.toHaveProperty('observed')
})

describe('the series of a metric', () => {
  test('has the settings that it is judged again by', () => {
    const samples = [
      counts(1000),
      counts(1000, { metric: 'slow', logE: Number.NEGATIVE_INFINITY }),
      value(1000, 20, null),
    ]
    const series = seriesOf(recorded([[world(1000), samples]]), settings, { slow: 'h_bucket' })
    expect(series.map(({ samples: _, ...rest }) => rest)).toEqual([
      {
        ...{ name: 'errors', kind: 'ratio', provider: 'pods', margin: 0.01, max: 0.05 },
        baseline: [{ n: 90, k: 1 }],
        canary: [{ n: 10, k: 0 }],
      },
      {
        ...{ name: 'slow', kind: 'latency', provider: 'pods', query: 'h_bucket', threshold: 300 },
        baseline: [{ n: 90, k: 1 }],
        canary: [{ n: 10, k: 0 }],
      },
      { name: 'cpu', kind: 'gauge', provider: 'pods', max: 90, failures: 4, baseline: [20], canary: [null] },
    ])
    expect(series.map(({ samples: [first] }) => first?.logE)).toEqual([0.5, undefined, undefined])
    const validate = new Ajv2020().addSchema(schema).getSchema(`${schema.$id}#/properties/details/properties/series`)
    expect(validate?.(JSON.parse(JSON.stringify(series))), JSON.stringify(validate?.errors)).toBe(true)
  })

  test('names the pods that its verdict waited for', () => {
    const waiting = [{ pods: ['shop-1'] }, { pods: ['shop-1'], dropped: true }] as const
    const looks = waiting.map((outliers, at) => [world(at), [counts(at, { outliers })]] as const)
    const series = seriesOf(recorded(looks), settings, {})
    expect(series[0]?.samples.map(({ outliers }) => outliers)).toEqual(waiting)
    const validate = new Ajv2020().addSchema(schema).getSchema(`${schema.$id}#/properties/details/properties/series`)
    expect(validate?.(JSON.parse(JSON.stringify(series))), JSON.stringify(validate?.errors)).toBe(true)
  })

  test('that began anew is not merged with what came after', () => {
    const outliers = { pods: ['shop-1'], dropped: true } as const
    const samples = Array.from({ length: 5001 }, (_, at) => counts(at, at === 2000 || at === 3001 ? { outliers } : {}))
    const { taken } = recorded(samples.map((sample) => [world(sample.at - START), [sample]] as const))
    const kept = (taken.errors ?? []).filter((each) => each.kind === 'counted')
    expect(kept.length).toBeLessThan(2600)
    expect(kept.flatMap(({ at, outliers: told }) => (told?.dropped ? [at - START] : []))).toEqual([2000, 3001])
    expect(kept.reduce((n, { canary }) => n + canary.n, 0)).toBe(50_010)
  })

  test('stays bounded: old neighbours are merged, none across a step or a weight, and no request is lost', () => {
    const odd = 3001
    const samples = Array.from({ length: 12_000 }, (_, look) => counts(look, { step: look < odd ? 0 : 1, logE: look }))
    const { taken } = recorded(samples.map((sample) => [world(sample.at - START), [sample]] as const))
    const kept = taken.errors ?? []
    expect(kept.length).toBeLessThanOrEqual(5000)
    expect(kept.length).toBeGreaterThan(2400)
    const counted = kept.filter((each) => each.kind === 'counted')
    expect(counted.reduce((n, { canary }) => n + canary.n, 0)).toBe(120_000)
    const ofStep = counted.filter(({ step }) => step === 0)
    expect(ofStep.reduce((n, { canary }) => n + canary.n, 0)).toBe(odd * 10)
    expect(ofStep.at(-1)).toMatchObject({ at: START + odd - 1, logE: odd - 1 })
  })

  test('of a gauge that is merged has the mean of what there was', () => {
    const before = recorded(Array.from({ length: 5000 }, (_, at) => [world(at), [value(at, at % 2, null)]] as const))
    const { taken } = recorded([[world(5000), [value(5000, 7, 7)]]], before)
    expect(taken.cpu?.slice(0, 2).map(({ baseline, canary }) => [baseline, canary])).toEqual([
      [0.5, null],
      [0.5, null],
    ])
    expect(taken.cpu?.at(-1)).toMatchObject({ baseline: 7, canary: 7 })
  })
})
