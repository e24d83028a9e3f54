import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beginDispersion, learnDispersion } from '@sluice/evidence/dispersion'
import { beginEvidence } from '@sluice/evidence/evidence'
import type { Sampled } from '@sluice/evidence/judge'
import { smallestIncrease } from '@sluice/evidence/power'
import type { Json, ReleaseRecord, World } from '@sluice/release/record'
import { describe, expect, test } from 'vitest'
import type { Watch } from '../src/judgement.ts'
import { judgePlan, releasePlan, type Settings } from '../src/plan.ts'
import { plannedOf } from '../src/planned.ts'
import { beginRecording, type Recording } from '../src/recording.ts'
import { plan, reported, simulate } from './simulation.ts'

const MINUTE = 60_000
const USUAL = [
  { weight: 5, hold: 10 * MINUTE },
  { weight: 25, hold: 10 * MINUTE },
  { weight: 50, hold: 5 * MINUTE },
]
const errors = { name: 'errors', kind: 'ratio' } as const
const ping = { name: 'ping', kind: 'ratio', provider: 'probe' } as const

type Given = {
  readonly rate: number
  readonly steps?: Parameters<typeof plan>[0] extends infer P ? (P extends { steps?: infer S } ? S : never) : never
  readonly metrics?: readonly unknown[]
  readonly more?: object
  readonly stable?: number
  readonly phase?: string
  readonly seconds?: number
}

const releaseOf = ({ steps = USUAL, metrics = [errors], more = {}, stable = 3, phase = 'preparing' }: Given) => {
  const whole = { ...plan({ steps, 'max-hold': 30 * MINUTE, interval: 5000 }), metrics, ...more } as ReturnType<
    typeof plan
  >
  const settings = {
    ...{ setup: {}, provider: 'pods', probe: null, warmUp: 0, settle: 0, alpha: 0.01, metrics },
    ...more,
  } as unknown as Settings
  const watch = { evidence: beginEvidence(judgePlan(settings)), signals: {}, steps: [] }
  return {
    plan: { ...releasePlan(whole, settings), ...more },
    state: { phase, step: 0, since: 0 },
    evidence: watch as unknown as Json,
    stableReplicas: stable,
  } as unknown as ReleaseRecord
}

/** Looks half a second apart at weight 0, the first of which began nobody knows when. */
const waited = (rate: number, seconds: number): Recording => {
  const samples = Array.from(
    { length: 2 * seconds + 1 },
    (_, look): Sampled => ({
      ...{
        kind: 'counted',
        metric: 'errors',
        at: look * 500,
        weight: 0,
        step: 0,
        use: 'learned',
        margin: 0.001,
        logE: 0,
      },
      baseline: { n: look === 0 ? 1_000_000 : rate / 2, k: 0 },
      canary: { n: 0, k: 0 },
    }),
  )
  return { ...beginRecording, taken: { errors: samples } }
}
const ready = { canary: { desired: 1, ready: 1 } } as World
const planned = (given: Given, world = ready) =>
  plannedOf(releaseOf(given), world, waited(given.rate, given.seconds ?? 30))

describe('what a plan can see', () => {
  test('is said of each step and of the whole, by what the canary will get', () => {
    expect(planned({ rate: 240 })?.statements.map(({ text }) => text)).toEqual([
      expect.stringMatching(
        /^errors: at 12 requests\/s to the canary \(240 requests\/s in all, 7200 counted in 30 s\), 10 min at 5 % will reveal \+[\d.]+ percentage points with 95 % probability; the whole plan \+0\.\d+ percentage points$/,
      ),
    ])
  })

  test.each([
    [{ rate: 240 }, []],
    [{ rate: 10 }, []],
    [{ rate: 2 }, ['plan-reveals-little']],
    [{ rate: 0.2 }, ['plan-reveals-little', 'min-requests-unreachable', 'held-for-requests', 'held-for-requests']],
    [
      { rate: 0.02 },
      ['plan-reveals-nothing', 'min-requests-unreachable', 'min-requests-unreachable', 'min-requests-unreachable'],
    ],
    [
      { rate: 0 },
      ['plan-reveals-nothing', 'min-requests-unreachable', 'min-requests-unreachable', 'min-requests-unreachable'],
    ],
    // What our own requests reach is no shortage, and says nothing of the users'.
    [{ rate: 0.02, metrics: [errors, ping], more: { probe: { path: '/' } } }, ['plan-reveals-nothing']],
    [{ rate: 0.02, metrics: [errors, ping], more: { probe: { path: '/', requests: 1 } } }, ['plan-reveals-nothing']],
  ])('at %j is warned of by %j', (given, ids) => {
    expect(planned(given)?.findings.map(({ id }) => id)).toEqual(ids)
  })

  test.each([
    [
      'plan-reveals-little',
      2,
      'errors: at 2 requests/s no increase below N percentage points is sure to be revealed by the end of step 1',
    ],
    [
      'plan-reveals-nothing',
      0.02,
      'errors: at 1.2 requests/min this plan reveals nothing, not even a canary that always fails',
    ],
    [
      'held-for-requests',
      0.2,
      'at 12 requests/min step 1 (5 % for 10 min) counts about 6 requests on one side where min-requests asks for 50: it will be held for about 1 h 23 min',
    ],
    [
      'min-requests-unreachable',
      0.02,
      'at 1.2 requests/min step 1 (5 % for 10 min) counts about 1 requests on one side, and 2 with max-hold, where min-requests asks for 50: on-inconclusive will decide (rollback)',
    ],
  ])('says why: %s at %d requests/s', (id, rate, text) => {
    const found = planned({ rate, more: { maxHold: id === 'held-for-requests' ? 120 * MINUTE : 30 * MINUTE } })
    expect(found?.findings.find((finding) => finding.id === id)?.text.replace(/below \d+/, 'below N')).toBe(text)
  })

  test('waits while pods are made for the metrics whose source does not tell the time before', () => {
    const slow = { name: 'slow', kind: 'latency', threshold: 500 } as const
    const given = { rate: 240, metrics: [errors, slow] }
    const making = { canary: { desired: 1, ready: 0 } } as World
    expect(planned({ rate: 240 }, making)?.statements).toHaveLength(1)
    expect(planned(given, making)).toBeUndefined()
    expect(planned(given)?.statements.map(({ metric }) => metric)).toEqual(['errors'])
  })

  test('says what to change where a step cannot count enough', () => {
    const found = planned({ rate: 0.5, steps: [{ weight: 2, hold: 10 * MINUTE }] })
    const hint = found?.findings.find(({ id }) => id === 'min-requests-unreachable')?.hint
    expect(hint).toBe(
      'Hold for 1 h 24 min or more, raise the weight to 17, lower min-requests, or add a metric of provider probe, whose requests count as well',
    )
  })

  test.each([
    ['a share', [{ weight: 10, hold: 10 * MINUTE }], {}, 3, 'at 10 requests/s to the canary'],
    ['a copy', [{ mirror: 50, hold: 10 * MINUTE }], {}, 3, 'at 50 requests/s to the canary'],
    // Of 60 pods of stable 20 are read, and the canary's are all read.
    [
      'a share, of which not all of stable is read',
      [{ weight: 10, hold: 10 * MINUTE }],
      {},
      60,
      'at 30 requests/s to the canary',
    ],
  ])('of %s is what comes to the canary', (_, steps, more, stable, text) => {
    expect(planned({ rate: 100, steps, more, stable })?.statements[0]?.text).toContain(text)
  })

  test('beside a fresh baseline is known once the canary counts under a weight, and the two get the same', () => {
    const release = releaseOf({ rate: 100, more: { baseline: 'fresh' }, stable: 60, phase: 'analysing' })
    expect(plannedOf(release, ready, waited(100, 30))).toBeUndefined()
    const under = waited(100, 30)
    const samples = (under.taken.errors ?? []).map((sample) => ({
      ...sample,
      weight: 5,
      ...(sample.kind === 'counted' ? { baseline: { n: 3, k: 0 }, canary: { n: 3, k: 0 } } : {}),
    }))
    const found = plannedOf(release, ready, { ...under, taken: { errors: samples as readonly Sampled[] } })
    expect(found?.statements[0]?.text).toContain('at 6 requests/s to the canary (120 requests/s in all, 3600 counted')
  })
})

test('errors that come in bursts weigh less, and the plan sees less', () => {
  const release = releaseOf({ rate: 240 })
  const watch = release.evidence as unknown as Watch
  const errors = watch.evidence.metrics.errors
  if (errors?.kind !== 'counted') throw new Error('errors are counted')
  // Of 120 requests none fail in most intervals, and a third in every tenth.
  const bursts = Array.from({ length: 200 }, (_, look) => (look % 10 === 0 ? 40 : 0))
  const dispersion = bursts.reduce(
    (state, k, look) => learnDispersion(state, { at: look * 500, baseline: { n: 120, k } }),
    beginDispersion(),
  )
  const metrics = { ...watch.evidence.metrics, errors: { ...errors, dispersion } }
  const bursty = { ...release, evidence: { ...watch, evidence: { ...watch.evidence, metrics } } as unknown as Json }
  const increase = (record: ReleaseRecord) => plannedOf(record, ready, waited(240, 30))?.statements[0]?.increase ?? 1
  expect(increase(bursty)).toBeGreaterThan(1.5 * increase(release))
})

describe('the rate of requests', () => {
  const unready = { canary: { desired: 1, ready: 0 } } as World
  test.each([
    ['is not known after a second', { rate: 1000, seconds: 1 }, ready, false],
    [
      'of many requests is known after two seconds, when the weight is about to be raised',
      { rate: 100, seconds: 2 },
      ready,
      true,
    ],
    ['of many requests can be measured on while pods are made', { rate: 100, seconds: 20 }, unready, false],
    ['of few requests needs longer', { rate: 1, seconds: 29 }, ready, false],
    ['is known after half a minute, whatever it is', { rate: 1, seconds: 30 }, unready, true],
  ])('%s', (_, given, world, known) => {
    expect(planned(given, world) !== undefined).toBe(known)
  })

  test('of our own requests says nothing of the users’', () => {
    expect(planned({ rate: 100, metrics: [ping] })).toBeUndefined()
  })
})

test('a release says it before it knows how it ends, in log and report', async () => {
  const sim = simulate({ rate: 8 })
  const steps = [{ weight: 10, hold: 20_000 }]
  const report = await reported(sim, { plan: plan({ steps, 'max-hold': 20_000 }) })
  const said = sim.lines.findIndex((line) => line.includes('will reveal'))
  expect(said).toBeGreaterThan(0)
  expect(sim.lines.findIndex((line) => line.includes('min-requests asks for 50 on each side'))).toBeGreaterThan(said)
  expect(report.details.planned).toHaveLength(1)
  expect(report.findings.map(({ id }) => id)).toEqual(['plan-reveals-little', 'min-requests-unreachable'])
  expect(report).toMatchObject({ verdict: 'inconclusive', reason: { code: 'too-few-requests' } })
})

test('the table of the README is what the power statement says of the default plan', () => {
  const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')
  const rows = [...readme.matchAll(/^\| ([\d.]+) \| (nothing|[\d.]+) \| ([\d.]+) \| ([\d.]+) \|$/gm)]
  expect(rows.length).toBeGreaterThan(5)
  for (const [, rate = '', ...said] of rows) {
    const traffic = USUAL.map(({ weight, hold }) => ({
      baseline: (Number(rate) * hold * (100 - weight)) / 100_000,
      canary: (Number(rate) * hold * weight) / 100_000,
      looks: hold / 5000,
    }))
    // Errors and latency, each with a limit, at 1 %.
    const question = { baseline: 0.005, margin: 0.001, logLimit: Math.log(220) }
    said.forEach((text, last) => {
      const increase = smallestIncrease({ ...question, traffic: traffic.slice(0, last + 1) })
      const told = text === 'nothing' ? 1 : Number(text) / 100
      expect(Math.abs((increase ?? 1) / told - 1), `${rate} requests/s, step ${last + 1}`).toBeLessThan(0.15)
    })
  }
})
