import { describe, expect, test } from 'vitest'
import { beginEvidence, type Evidence, type JudgePlan, judge, type Scrape, type Tick } from '../src/judge.ts'

const MINUTE = 60_000
const PLAN: JudgePlan = {
  metrics: [
    { name: 'errors', kind: 'ratio' },
    { name: 'cpu', kind: 'gauge', max: 90 },
  ],
  alpha: 0.01,
  warmUp: 0,
  settle: 10_000,
  missing: 'silence',
}

const count = (side: 'baseline' | 'canary', minute: number, [total, bad]: readonly [number, number]) => ({
  side,
  metric: 'errors',
  from: minute * MINUTE,
  to: (minute + 1) * MINUTE,
  total,
  bad,
})
const gauge = (side: 'baseline' | 'canary', minute: number, value: number) => ({
  side,
  metric: 'cpu',
  from: minute * MINUTE,
  to: (minute + 1) * MINUTE,
  value,
})
type Closed = Extract<Scrape, { kind: 'buckets' }>
const closed = (buckets: Closed['buckets'], gauges: NonNullable<Closed['gauges']> = []): Closed => ({
  kind: 'buckets',
  buckets,
  gauges,
})

/** Looks one after another, each at its minute. */
const looks = (
  seen: readonly (readonly [minute: number, weight: number, scrape: Closed])[],
  from: Evidence = beginEvidence(PLAN),
) => {
  let evidence = from
  let last: ReturnType<typeof judge> | undefined
  for (const [minute, weight, scrape] of seen) {
    last = judge(evidence, { at: minute * MINUTE, scrape, weight, step: 0 }, PLAN)
    evidence = last.evidence
  }
  if (last === undefined) throw new Error('no looks')
  return last
}
const both = (minute: number, baseline: readonly [number, number], canary: readonly [number, number]) =>
  closed([count('baseline', minute, baseline), count('canary', minute, canary)])

test('periods from before the weight was raised close after it, and are neither judged nor taken for silence', () => {
  const before = looks([
    [3, 5, both(0, [5000, 5], [0, 0])],
    [4, 5, both(1, [5000, 5], [0, 0])],
    [5, 5, both(2, [5000, 5], [0, 0])],
  ])
  expect(before.decision.kind).toBe('continue')
  expect(before.requests).toEqual({ baseline: 0, canary: 0 })
  const after = looks([[6, 5, both(3, [4750, 5], [250, 0])]], before.evidence)
  expect(after.requests).toEqual({ baseline: 4750, canary: 250 })
})

test('a canary that counts nothing in whole periods at its weight is silent', () => {
  const { decision } = looks([
    [3, 5, both(0, [5000, 5], [0, 0])],
    [6, 5, both(3, [5000, 5], [0, 0])],
    [7, 5, both(4, [5000, 5], [0, 0])],
  ])
  expect(decision).toMatchObject({ kind: 'reject', why: { code: 'no-requests' } })
})

test('a look at which nothing has closed is no look without data', () => {
  const { decision, evidence } = looks([
    [3, 5, closed([])],
    [4, 5, closed([])],
    [5, 5, closed([])],
    [6, 5, closed([])],
  ])
  expect(decision.kind).toBe('continue')
  expect(evidence.blind).toBe(0)
})

test('gauges without the counts are one look without data, however many periods they close', () => {
  const { evidence } = looks([[8, 5, closed([], [gauge('canary', 3, 1), gauge('canary', 4, 1)])]])
  expect(evidence.blind).toBe(1)
})

test('several periods that close at one look are several reads of a gauge, in their order', () => {
  const high = closed([], [gauge('canary', 4, 95), gauge('canary', 3, 91), gauge('canary', 5, 99)])
  const { decision, metrics } = looks([
    [3, 5, closed([])],
    [8, 5, high],
  ])
  expect(metrics.find(({ name }) => name === 'cpu')).toMatchObject({ failures: 3, canary: { value: 99 } })
  expect(decision).toMatchObject({ kind: 'reject', metric: 'cpu' })
})

test('a gauge’s period counts once, however often it is given', () => {
  const high = closed([], [gauge('canary', 3, 95)])
  const { metrics } = looks([
    [3, 5, closed([])],
    [5, 5, high],
    [6, 5, high],
    [7, 5, high],
  ])
  expect(metrics.find(({ name }) => name === 'cpu')).toMatchObject({ failures: 1 })
})

test('a gauge’s period that was over before the canary had a weight is shown and not judged', () => {
  const starting = closed([], [gauge('canary', 3, 95)])
  const { metrics } = looks([
    [3, 0, closed([])],
    [5, 5, starting],
  ])
  expect(metrics.find(({ name }) => name === 'cpu')).toMatchObject({ failures: 0, canary: { value: 95 } })
})

test('a limit that the baseline breaks too still holds while nothing new has closed', () => {
  const minutes = [3, 4, 5]
  const shared = closed(
    minutes.flatMap((minute) => [count('canary', minute, [100, 1]), count('baseline', minute, [900, 9])]),
    minutes.flatMap((minute) => [gauge('canary', minute, 95), gauge('baseline', minute, 95)]),
  )
  const { decision } = looks([
    [3, 5, closed([])],
    [7, 5, shared],
    [8, 5, closed([])],
  ])
  expect(decision).toMatchObject({ kind: 'hold', metric: 'cpu' })
})

describe('a gauge whose periods close ten minutes late', () => {
  const gauged: JudgePlan = { ...PLAN, metrics: [{ name: 'cpu', kind: 'gauge', max: 90 }], missing: 'off' }
  type Moment = Pick<Tick, 'weight' | 'starting'>
  /** Looks at every minute from 3 on; at each the period closes that ended ten minutes before. The minute of the first rejection, and what is saved last. */
  const run = (
    minutes: number,
    moment: (minute: number) => Moment,
    {
      value = () => 95,
      plan = gauged,
      from = beginEvidence(plan),
    }: {
      value?: (minute: number) => number
      plan?: JudgePlan
      from?: Evidence
    } = {},
  ) => {
    let evidence = from
    let rejected: number | undefined
    for (let minute = 3; minute < minutes; minute++) {
      const scrape = closed([], [gauge('canary', minute - 11, value(minute - 11))])
      const { weight, starting } = moment(minute)
      const step = weight > 5 || starting !== undefined ? 1 : 0
      const judged = judge(evidence, { at: minute * MINUTE, scrape, weight, step, starting }, plan)
      if (judged.decision.kind === 'reject') rejected ??= minute
      evidence = JSON.parse(JSON.stringify(judged.evidence))
    }
    return { rejected, evidence }
  }

  test('is judged by the periods of the weight before, which the canary had traffic under', () => {
    expect(run(40, (minute) => ({ weight: minute < 13 ? 5 : 25 })).rejected).toBe(15)
    // Also where the plan warms the canary up: once, not with every weight.
    const warm = { ...gauged, warmUp: MINUTE }
    expect(run(22, (minute) => ({ weight: minute < 13 ? 5 : 25 }), { plan: warm }).rejected).toBe(17)
  })

  test('also where they close while pods for the next step are made, or its weight is on its way', () => {
    const raised = (minute: number): Moment => {
      if (minute < 14) return { weight: 5 }
      return minute < 20 ? { weight: 5, starting: minute < 18 ? 'pods' : 'weight' } : { weight: 25 }
    }
    expect(run(40, raised).rejected).toBe(15)
  })

  test('is not judged by periods that show pods being made, whenever they close', () => {
    const raised = (minute: number): Moment =>
      minute < 14 || minute > 18 ? { weight: minute < 14 ? 5 : 25 } : { weight: 5, starting: 'pods' }
    const starting = (minute: number) => (minute >= 13 && minute < 18 ? 95 : 20)
    expect(run(40, raised, { value: starting }).rejected).toBeUndefined()
    expect(run(40, raised, { value: (minute) => (minute >= 18 ? 95 : 20) }).rejected).toBe(31)
  })

  test('goes on from what was saved before it was kept since when there is traffic', () => {
    const { trafficSince: _, ...older } = run(13, () => ({ weight: 5 })).evidence
    expect(run(40, (minute) => ({ weight: minute < 13 ? 5 : 25 }), { from: older }).rejected).toBe(15)
  })
})
