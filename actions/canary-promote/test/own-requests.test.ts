import type { PodReading } from '@sluice/evidence/reading'
import type { ReleaseRecord } from '@sluice/release/record'
import { describe, expect, test } from 'vitest'
import { ownRequests } from '../src/own-requests.ts'
import type { Ports } from '../src/ports.ts'
import { reportOf } from '../src/report.ts'
import { run } from '../src/run.ts'
import { asked, owner, plan, simulate } from './simulation.ts'

const SECOND = 1000
const errors = { name: 'errors', kind: 'ratio' } as const
const ping = { name: 'ping', kind: 'ratio', provider: 'probe' } as const

type Given = {
  readonly phase?: string
  readonly at: number
  readonly until?: number
  readonly all?: readonly [number, number]
  readonly own?: readonly [number, number]
  readonly requests?: number
  readonly metrics?: readonly unknown[]
}

/** A step of 100 s that is looked at every 5 s and is to count 100 requests on each side; `[baseline, canary]`. */
const release = ({ phase = 'analysing', until = 0, all, own, requests, metrics = [errors, ping] }: Given) => {
  const sides = (pair: readonly [number, number]) => ({ baseline: pair[0], canary: pair[1] })
  const step = { step: 0, weight: 5, since: 0, until, ...(all && sides(all)), ...(own && { synthetic: sides(own) }) }
  return {
    state: { phase, step: 0, since: 0 },
    evidence: { evidence: { version: 1 }, signals: {}, steps: all === undefined ? [] : [step] },
    plan: {
      steps: [{ weight: 5, hold: 100 * SECOND }],
      interval: 5 * SECOND,
      minRequests: 100,
      metrics: { metrics, provider: 'pods', probe: { path: '/', ...(requests === undefined ? {} : { requests }) } },
    },
  } as unknown as ReleaseRecord
}

describe('requests of our own', () => {
  test.each<[string, Given, number]>([
    ['wait for the users’ pace at first', { at: 0 }, 0],
    ['begin at once where users are not counted', { at: 0, metrics: [ping] }, 5],
    ['are not sent where the users’ own will do', { at: 10_000, until: 10_000, all: [900, 12] }, 0],
    ['make up for what users will not bring: 100 − 2 − 18', { at: 10_000, until: 10_000, all: [900, 2] }, 5],
    ['do not count as the users’ pace', { at: 20_000, until: 20_000, all: [900, 24], own: [20, 20] }, 4],
    ['are sent for the baseline, too', { at: 10_000, until: 10_000, all: [2, 900] }, 5],
    ['all go out where no look is left', { at: 98_000, until: 98_000, all: [900, 60] }, 37],
    ['go on while the step is held', { at: 150_000, until: 150_000, phase: 'holding', all: [900, 60] }, 38],
    ['are a hundred at most', { at: 99_000, until: 99_000, all: [900, 0], metrics: [ping] }, 100],
    ['end once the need is met', { at: 50_000, until: 50_000, all: [900, 100], own: [90, 90] }, 0],
    ['are as many as the plan says, need or none', { at: 50_000, until: 50_000, all: [900, 900], requests: 7 }, 7],
    ['are not sent before the step is watched', { at: 0, phase: 'raising' }, 0],
    ['are sent earlier where the plan says how many', { at: 0, phase: 'preparing', requests: 7 }, 7],
    ['fall silent with a canary that is drained', { at: 0, phase: 'draining', requests: 7 }, 0],
  ])('%s', (_, given, sent) => {
    expect(ownRequests(release(given), given.at)).toBe(sent)
  })
})

describe('a release with few users and a probe', () => {
  const reportWith = async (rate: number, broken = false) => {
    const sim = simulate({ rate })
    const ports = sim.ports()
    const own = { total: 0, canary: 0, baseline: 0 }
    const reading = (side: 'baseline' | 'canary'): PodReading => ({
      ...{ side, pod: { name: side, uid: `probed-${side}` }, containerId: 'probe', restarts: 0, readAt: 0 },
      counters: { ping: { total: own.total, bad: own[side] } },
      gauges: {},
    })
    const read: Ports['metrics']['read'] = async (record) => {
      const sent = ownRequests(record, ports.clock.now())
      own.total += sent
      if (broken) own.canary += sent
      const scrape = await ports.metrics.read(record)
      if (scrape.kind !== 'pods') return scrape
      const readings = scrape.readings.some(({ side }) => side === 'canary')
        ? [reading('baseline'), reading('canary')]
        : [reading('baseline')]
      return {
        kind: 'sources',
        parts: [
          { source: 'pods', metrics: ['errors'], scrape },
          { source: 'probe', metrics: ['ping'], scrape: { kind: 'pods', readings, missing: [] } },
        ],
      }
    }
    const whole = plan({
      steps: [{ weight: 10, hold: 20_000 }],
      metrics: [errors, ping],
      probe: { path: '/' },
      'max-hold': 20_000,
    })
    const end = await run(asked({ plan: whole }), { ...ports, metrics: { ...ports.metrics, read } })
    const report = reportOf(end, {
      ...{ mode: 'run', namespace: 'prod', deployment: 'shop', tool: { version: '0', commit: '' } },
      ...{ run: owner('100'), startedAt: 0, endedAt: 0 },
    })
    return { report, sent: own.total }
  }

  test('counts enough by both together, says how many were its own, and sends no more than were missing', async () => {
    const { report, sent } = await reportWith(10)
    expect(report.verdict, report.reason.text).toBe('promoted')
    const [step] = report.details.steps
    expect(step?.canary).toBeGreaterThanOrEqual(50)
    expect(step?.synthetic?.canary).toBe(sent)
    expect(sent).toBeGreaterThan(20)
    expect(sent).toBeLessThan(45)
  })

  test('says nothing of the users by its own: neither in a comparison nor in the power statement', async () => {
    const { report } = await reportWith(10)
    const [users, ours] = report.details.metrics
    const [step] = report.details.steps
    if (users?.kind !== 'ratio' || ours?.kind !== 'ratio') throw new Error('two counted metrics')
    expect(users.canary.n + ours.canary.n).toBe(step?.canary)
    expect(report.details.power.map(({ metric }) => metric)).toEqual(['errors'])
    expect(report.details.planned?.map(({ metric }) => metric) ?? []).not.toContain('ping')
  })

  test('sends nothing where users do', async () => {
    const { report, sent } = await reportWith(200)
    expect(report.verdict).toBe('promoted')
    expect(sent).toBe(0)
    expect(report.details.steps[0]?.synthetic).toEqual({ baseline: 0, canary: 0 })
  })

  test('is taken back for what only its own requests find', async () => {
    const { report } = await reportWith(1, true)
    expect(report).toMatchObject({ verdict: 'rolled-back', reason: { text: expect.stringContaining('ping') } })
  })
})
