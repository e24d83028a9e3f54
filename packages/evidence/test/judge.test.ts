import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { logEvidence } from '../src/eprocess.ts'
import { beginEvidence, type Evidence, evidenceLimit, type JudgePlan, judge, type Scrape, tests } from '../src/judge.ts'
import type { PodReading } from '../src/reading.ts'
import { poisson, seeded } from './random.ts'
import { pod, pods } from './readings.ts'

const plan: JudgePlan = {
  metrics: [{ name: 'errors', kind: 'ratio' }],
  alpha: 0.01,
  warmUp: 0,
  settle: 3000,
  missing: 'silence',
}
type Look = { readonly scrape: Scrape; readonly weight: number; readonly step?: number }

/** One look a second. Returns what each said. */
const watch = (looks: readonly Look[], given: JudgePlan = plan, evidence: Evidence = beginEvidence(given)) => {
  let now = evidence
  return looks.map(({ scrape, weight, step = 0 }, index) => {
    const judged = judge(now, { at: (index + 1) * 1000, scrape, weight, step }, given)
    now = judged.evidence
    return judged
  })
}
const end = (...given: Parameters<typeof watch>) => {
  const judged = watch(...given).at(-1)
  if (judged === undefined) throw new Error('no look')
  return judged
}

/** Cumulative looks from what each second adds: [n, k] of the baseline, [n, k] of the canary. */
const seconds = (
  adds: readonly (readonly [readonly [number, number], readonly [number, number]])[],
  weight: number | ((index: number) => number) = 5,
): Look[] => {
  const sum = { baseline: [1000, 5] as [number, number], canary: [0, 0] as [number, number] }
  return adds.map(([b, c], index) => {
    sum.baseline = [sum.baseline[0] + b[0], sum.baseline[1] + b[1]]
    sum.canary = [sum.canary[0] + c[0], sum.canary[1] + c[1]]
    const scrape = pods([pod('baseline', 'shop-1', sum.baseline), pod('canary', 'shop-canary-1', sum.canary)])
    return { scrape, weight: typeof weight === 'number' ? weight : weight(index) }
  })
}
const repeat = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)
const calm = [
  [76, 0],
  [4, 0],
] as const
const before = [
  [80, 0],
  [0, 0],
] as const

describe('a look', () => {
  test('continues while both sides are alike', () => {
    const judged = end(seconds(repeat(60, calm)))
    expect(judged.decision).toEqual({ kind: 'continue' })
    expect(judged.requests).toEqual({ baseline: 59 * 76, canary: 59 * 4 })
  })

  test('rejects a failing canary, and says what was measured on how many requests', () => {
    const judged = end(
      seconds(
        [
          ...repeat(10, before),
          ...repeat(3, [
            [76, 0],
            [4, 2],
          ] as const),
        ],
        (i) => (i < 10 ? 0 : 5),
      ),
    )
    expect(judged.decision).toEqual({
      kind: 'reject',
      metric: 'errors',
      why: {
        code: 'errors',
        text: expect.stringMatching(
          /^errors: canary 6 of 12 \(50\.0 %\), baseline 0 of 228 \(0\.00 %\) in this step, tolerated \+0\.10 % \(evidence .+, limit 100\)$/,
        ),
        next: 'Compare the two versions on this metric',
      },
    })
  })

  test('that rejected rejects for good, also when the errors stop', () => {
    const looks = seconds([
      ...repeat(10, calm),
      ...repeat(5, [
        [76, 0],
        [4, 4],
      ] as const),
      ...repeat(300, calm),
    ])
    expect(end(looks).decision.kind).toBe('reject')
  })

  test('judges nothing at weight 0, nor of the read that straddles a change from one weight to another', () => {
    const failing = [
      [76, 0],
      [4, 4],
    ] as const
    expect(end(seconds(repeat(20, failing), 0)).requests.canary).toBe(0)
    const changed = watch(seconds([calm, calm, failing], (i) => (i < 2 ? 5 : 25)))
    expect(changed.at(-1)?.requests.canary).toBe(4)
    expect(changed.at(-1)?.metrics[0]).toMatchObject({ canary: { n: 4, k: 0 } })
  })

  test('judges the first read in which the canary moved', () => {
    const judged = end(seconds([...repeat(5, before), calm], (i) => (i < 3 ? 0 : 5)))
    expect(judged.requests).toEqual({ baseline: 76, canary: 4 })
  })

  test('does not judge the canary while it warms up', () => {
    const failing = [
      [76, 0],
      [4, 4],
    ] as const
    const looks = seconds([before, ...repeat(5, failing), ...repeat(20, calm)], (i) => (i < 1 ? 0 : 5))
    const judged = end(looks, { ...plan, warmUp: 5000 })
    expect(judged.decision.kind).toBe('continue')
    expect(judged.metrics[0]).toMatchObject({ canary: { k: 0 } })
    expect(end(looks).decision.kind).toBe('reject')
  })

  test('counts requests per step and evidence over all of them', () => {
    const looks = seconds(repeat(20, calm)).map((look, index) => ({ ...look, step: index < 10 ? 0 : 1 }))
    const judged = end(looks)
    expect(judged.requests).toEqual({ baseline: 760, canary: 40 })
    expect(judged.metrics[0]).toMatchObject({ canary: { n: 76, k: 0 }, step: { canary: { n: 40, k: 0 } } })
  })

  test('learns from the history it is given', () => {
    const fresh = beginEvidence(plan, { errors: { n: 10_000, k: 1_000 } })
    expect(end(seconds([calm]), plan, fresh).metrics[0]).toMatchObject({ margin: expect.closeTo(0.02, 2) })
  })
})

describe('an absolute limit', () => {
  const limited: JudgePlan = { ...plan, metrics: [{ name: 'errors', kind: 'ratio', margin: 0.5, max: 0.05 }] }

  test('is not broken by one unlucky error', () => {
    expect(
      end(
        seconds([
          ...repeat(3, calm),
          [
            [76, 0],
            [4, 1],
          ],
        ]),
        limited,
      ).decision.kind,
    ).toBe('continue')
  })

  test('rejects when the canary alone breaks it', () => {
    const judged = end(
      seconds(
        repeat(60, [
          [76, 0],
          [4, 1],
        ] as const),
      ),
      limited,
    )
    expect(judged.decision).toMatchObject({ kind: 'reject', why: { code: 'limit' } })
    expect('why' in judged.decision && judged.decision.why.text).toContain('limit 5.00 %')
  })

  test('holds while the baseline breaks it too, and goes on when the outage is over', () => {
    const outage = [
      [76, 38],
      [4, 2],
    ] as const
    const said = watch(seconds([...repeat(30, calm), ...repeat(20, outage), ...repeat(60, calm)]), limited)
    const kinds = said.map(({ decision }) => decision.kind)
    expect(kinds.slice(0, 30)).not.toContain('hold')
    expect(kinds.slice(38, 50)).toEqual(repeat(12, 'hold'))
    expect(kinds).not.toContain('reject')
    expect(kinds.slice(-30)).toEqual(repeat(30, 'continue'))
    const held = said[45]?.decision
    expect(held).toMatchObject({ kind: 'hold', metric: 'errors', why: { code: 'baseline-breaks-limit' } })
  })
})

describe('requests that never arrive', () => {
  const silence = [
    [76, 0],
    [0, 0],
  ] as const

  test('a canary that never counts a request is rejected within fifteen seconds', () => {
    const said = watch(seconds([...repeat(5, before), ...repeat(12, silence)], (i) => (i < 5 ? 0 : 5)))
    expect(said.at(-1)?.decision).toMatchObject({ kind: 'reject', why: { code: 'no-requests' } })
    expect(said.slice(0, 9).every(({ decision }) => decision.kind === 'continue')).toBe(true)
  })

  test('so is one that stops counting', () => {
    expect(end(seconds([...repeat(30, calm), ...repeat(10, silence)])).decision.kind).toBe('reject')
  })

  test('so is one whose pods cannot be read while the baseline can', () => {
    const looks = seconds([...repeat(30, calm), ...repeat(10, silence)]).map((look, index) =>
      index < 30 || look.scrape.kind !== 'pods'
        ? look
        : {
            ...look,
            scrape: pods(
              look.scrape.readings.filter(({ side }) => side === 'baseline'),
              ['shop-canary-1'],
            ),
          },
    )
    expect(end(looks).decision).toMatchObject({ kind: 'reject', why: { code: 'no-requests' } })
  })

  test('a baseline that serves mostly callers of its own makes the canary look silent, and is no reason to reject', () => {
    const random = seeded(7)
    const rare = repeat(600, 0).map(
      () =>
        [
          [76, 0],
          [poisson(random, 0.4), 0],
        ] as const,
    )
    const said = watch(
      seconds([...repeat(5, before), ...rare], (i) => (i < 5 ? 0 : 5)),
      { ...plan, settle: 10_000 },
    )
    expect(said.filter(({ decision }) => decision.kind !== 'continue')).toEqual([])
  })

  test('a look that hears nothing judges no silence, and the next read tells of that time', () => {
    const away: Scrape = { kind: 'outage', query: 'up', text: 'away' }
    const blind = pods([pod('canary', 'shop-canary-1', [0, 0])], ['shop-1'])
    const late = pods([
      pod('baseline', 'shop-1', [2100, 5], { readAt: 13_500 }),
      pod('canary', 'shop-canary-1', [0, 0]),
    ])
    const run = (unheard: Scrape, ...after: readonly Look[]) => {
      const heard = watch(seconds([...repeat(5, before), ...repeat(8, silence)], (i) => (i < 5 ? 0 : 5)))
      let evidence = heard.at(-1)?.evidence ?? beginEvidence(plan)
      return [{ scrape: unheard, weight: 5 }, ...after].map(({ scrape, weight }, index) => {
        const judged = judge(evidence, { at: 20_000 + index * 1000, scrape, weight, step: 0 }, plan)
        evidence = judged.evidence
        return judged.decision
      })
    }
    const reading = (canary: number): Look => ({
      weight: 5,
      scrape: pods([pod('baseline', 'shop-1', [2500, 5]), pod('canary', 'shop-canary-1', [canary, 0])]),
    })
    for (const unheard of [away, blind])
      expect(run(unheard, reading(40)).map(({ kind }) => kind)).toEqual(['no-data', 'continue'])
    expect(run({ ...late, late: true }, reading(40)).map(({ kind }) => kind)).toEqual(['continue', 'continue'])
    expect(run(late)[0]).toMatchObject({ kind: 'reject', why: { code: 'no-requests' } })
    expect(run(away, reading(0))[1]).toMatchObject({ kind: 'reject', why: { code: 'no-requests' } })
  })

  test('at low traffic silence says nothing yet', () => {
    const slow = [
      [2, 0],
      [0, 0],
    ] as const
    expect(end(seconds([...repeat(5, before), ...repeat(30, slow)], (i) => (i < 5 ? 0 : 5))).decision.kind).toBe(
      'continue',
    )
  })

  test('nor does it at weight 0, nor where the plan says so', () => {
    expect(end(seconds(repeat(60, silence), 0)).decision.kind).toBe('continue')
    expect(end(seconds(repeat(60, silence)), { ...plan, missing: 'off' }).decision.kind).toBe('continue')
  })

  test('a share far below the weight rejects only where the counters see just the split requests', () => {
    const few = repeat(120, 0).map(
      (_, i) =>
        [
          [76, 0],
          [i % 5 === 0 ? 1 : 0, 0],
        ] as const,
    )
    expect(end(seconds(few), { ...plan, missing: 'share' }).decision).toMatchObject({
      kind: 'reject',
      why: { code: 'missing-requests' },
    })
    expect(end(seconds(few)).decision.kind).toBe('continue')
  })
})

describe('a gauge', () => {
  const gauged: JudgePlan = { ...plan, missing: 'off', metrics: [{ name: 'cpu', kind: 'gauge', max: 90 }] }
  const read = (baseline: number | undefined, canary: number | undefined): Look => {
    const gauge = (value: number | undefined): Partial<PodReading> => ({
      counters: {},
      gauges: value === undefined ? {} : { cpu: value },
    })
    return {
      weight: 5,
      scrape: pods([pod('baseline', 'a', [0, 0], gauge(baseline)), pod('canary', 'b', [0, 0], gauge(canary))]),
    }
  }

  test.each<[string, readonly (readonly [number | undefined, number | undefined])[], string]>([
    [
      'within its bounds',
      [
        [50, 60],
        [50, 60],
        [50, 90],
      ],
      'continue',
    ],
    [
      'two failures',
      [
        [50, 95],
        [50, 95],
      ],
      'continue',
    ],
    [
      'three in a row',
      [
        [50, 95],
        [50, 95],
        [50, 95],
      ],
      'reject',
    ],
    [
      'three, but not in a row',
      [
        [50, 95],
        [50, 95],
        [50, 60],
        [50, 95],
      ],
      'continue',
    ],
    [
      'a read without a value between them',
      [
        [50, 95],
        [50, undefined],
        [50, 95],
        [50, 95],
      ],
      'reject',
    ],
    [
      'no number',
      [
        [50, Number.NaN],
        [50, Number.NaN],
        [50, Number.NaN],
      ],
      'continue',
    ],
    [
      'on both sides',
      [
        [95, 95],
        [95, 95],
        [95, 95],
      ],
      'hold',
    ],
  ])('%s', (_, values, decision) => {
    const judged = end(
      values.map(([b, c]) => read(b, c)),
      gauged,
    )
    expect(judged.decision.kind).toBe(decision)
    expect(JSON.parse(JSON.stringify(judged.evidence))).toStrictEqual(judged.evidence)
  })

  test('is shown and not judged at weight 0, nor while the canary warms up', () => {
    const idle = end(repeat(9, { ...read(50, 95), weight: 0 }), gauged)
    expect(idle.decision.kind).toBe('continue')
    expect(idle.metrics[0]).toMatchObject({ failures: 0, canary: { value: 95 } })
    const warm = watch(repeat(9, read(50, 95)), { ...gauged, warmUp: 5000 })
    expect(warm.findIndex(({ decision }) => decision.kind === 'reject')).toBe(8)
  })

  test('nor while pods are being made for a later step', () => {
    let evidence = beginEvidence(gauged)
    for (let second = 1; second <= 9; second++) {
      const tick = { at: second * 1000, ...read(50, 95), step: 1, starting: 'pods' } as const
      const judged = judge(evidence, tick, gauged)
      expect(judged.decision.kind).toBe('continue')
      evidence = judged.evidence
    }
  })

  test('counts one failure an interval, however often it is read', () => {
    const said = watch(repeat(20, read(50, 95)), { ...gauged, interval: 5000 })
    expect(said.findIndex(({ decision }) => decision.kind === 'reject')).toBe(8)
    const early = watch(repeat(3, read(50, 95)), { ...gauged, interval: 1100 })
    expect(early.at(-1)?.decision.kind).toBe('reject')
  })

  test('goes on from failures that were saved without their time', () => {
    const evidence = beginEvidence(gauged)
    const known = { failures: 2, last: { kind: 'value', value: 95, pods: 1 } } as const
    const saved: Evidence = { ...evidence, metrics: { cpu: { kind: 'gauge', baseline: known, canary: known } } }
    expect(end([read(50, 95)], { ...gauged, interval: 5000 }, saved).decision.kind).toBe('reject')
  })

  test('below its minimum is no failure before the canary has had a request', () => {
    const busy: JudgePlan = {
      ...plan,
      missing: 'off',
      metrics: [
        { name: 'errors', kind: 'ratio' },
        { name: 'rate', kind: 'gauge', min: 1 },
      ],
    }
    const at = (index: number, canary: number): Look => ({
      weight: 5,
      scrape: pods([
        pod('baseline', 'a', [index * 100, 0], { gauges: { rate: 5 } }),
        pod('canary', 'b', [canary, 0], { gauges: { rate: 0 } }),
      ]),
    })
    const quiet = repeat(9, 0).map((_, index) => at(index, 0))
    expect(end(quiet, busy).decision.kind).toBe('continue')
    expect(end([...quiet, ...[1, 2, 3].map((more) => at(9 + more, more))], busy).decision).toMatchObject({
      kind: 'reject',
      metric: 'rate',
    })
  })

  test('says its value, its bound and the reads', () => {
    const judged = end(repeat(3, read(50, 95)), gauged)
    expect('why' in judged.decision && judged.decision.why.text).toBe(
      'cpu: canary 95, baseline 50, asked: at most 90; 3 of 3 reads in a row outside',
    )
  })
})

describe('a source that cannot be used', () => {
  test('is one look without data an interval, however often it is asked', () => {
    const outage: Look = { weight: 5, scrape: { kind: 'outage', query: 'q', text: 'away' } }
    const spaced = (count: number) => end(repeat(count, outage), { ...plan, interval: 5000 }).evidence
    expect(spaced(4).blind).toBe(1)
    expect(spaced(9).blind).toBe(3)
    expect(spaced(9).unseen?.errors).toMatchObject({ looks: 3, text: 'away' })
  })

  test.each(['outage', 'empty', 'nan'] as const)('%s is no data, and changes no evidence', (kind) => {
    const good = seconds(repeat(10, calm))
    const judged = end([...good, { weight: 5, scrape: { kind, query: 'q', text: 'the source is away' } }])
    expect(judged.decision).toMatchObject({ kind: 'no-data', why: { text: 'the source is away' } })
    expect(judged.evidence.metrics).toEqual(end(good).evidence.metrics)
  })

  test.each(['several-series', 'unreliable'] as const)('%s is unreliable', (kind) => {
    const judged = end([{ weight: 5, scrape: { kind, query: 'q', text: 'two series' } }])
    expect(judged.decision).toMatchObject({ kind: 'unreliable', why: { text: 'two series' } })
  })

  test('a counter that falls makes its metric unreliable for the rest of the release', () => {
    const fallen: Look = { weight: 5, scrape: pods([pod('baseline', 'shop-1', [3, 0]), pod('canary', 'c', [0, 0])]) }
    const judged = end([...seconds(repeat(3, calm)), fallen, ...seconds(repeat(5, calm))])
    expect(judged.decision).toMatchObject({ kind: 'unreliable', metric: 'errors' })
  })

  test('while no baseline pod can be read the canary waits, and nothing is lost', () => {
    const looks = seconds(repeat(12, calm))
    const blind = looks.map((look, index) =>
      index === 5 && look.scrape.kind === 'pods'
        ? {
            ...look,
            scrape: pods(
              look.scrape.readings.filter(({ side }) => side === 'canary'),
              ['shop-1'],
            ),
          }
        : look,
    )
    const said = watch(blind)
    expect(said[5]?.decision).toMatchObject({
      kind: 'no-data',
      why: { text: 'No baseline pod could be read; not read: shop-1' },
    })
    expect(said.at(-1)?.requests).toEqual(end(looks).requests)
  })
})

test('m is what the tests begin with: 1 for each comparison, a tenth for each counted limit and the share test, nothing for gauges and silence', () => {
  const several: JudgePlan = {
    ...plan,
    metrics: [
      { name: 'errors', kind: 'ratio', max: 0.05 },
      { name: 'latency', kind: 'latency' },
      { name: 'cpu', kind: 'gauge', max: 90 },
    ],
  }
  expect(tests({ ...several, missing: 'share' })).toBeCloseTo(2.2, 12)
  expect(tests({ ...several, missing: 'silence' })).toBeCloseTo(2.1, 12)
  expect(tests({ ...several, missing: 'off' })).toBeCloseTo(2.1, 12)
  const begun = beginEvidence({ ...several, missing: 'share' })
  expect(evidenceLimit(begun)).toBeCloseTo(Math.log(220), 12)
  const counted = Object.values(begun.metrics).flatMap((known) => (known.kind === 'counted' ? [known] : []))
  const capital = [begun.missing.process, ...counted.flatMap(({ ratio, limit }) => [ratio.process, limit.process])]
  // Latency has no limit in the plan: its process is there and never bets.
  expect(capital.map((process) => Math.exp(logEvidence(process)))).toEqual(
    [0.1, 1, 0.1, 1, 0.1].map((stake) => expect.closeTo(stake, 12)),
  )
})

test('saved at any look and read back, in any order of keys, it goes on bit for bit, and never holds a number that JSON has not', () => {
  const count = fc.nat(200)
  const look = fc.record({
    b: fc.tuple(count, count),
    c: fc.tuple(count, count),
    weight: fc.constantFrom(0, 5, 25),
    step: fc.constantFrom(0, 1),
    gauge: fc.oneof(fc.double(), fc.constant(Number.NaN)),
    scrape: fc.constantFrom('pods', 'pods', 'pods', 'outage', 'restart', 'canary-gone'),
  })
  const wide: JudgePlan = {
    ...plan,
    missing: 'share',
    metrics: [
      { name: 'errors', kind: 'ratio', max: 0.05 },
      { name: 'cpu', kind: 'gauge', max: 0.9 },
    ],
  }
  const reversed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(reversed)
    if (value === null || typeof value !== 'object') return value
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, inner]) => [key, reversed(inner)]),
    )
  }
  fc.assert(
    fc.property(fc.array(look, { minLength: 1, maxLength: 25 }), (looks) => {
      const totals = { b: [0, 0], c: [0, 0] }
      let restarts = 0
      let [kept, reread] = [beginEvidence(wide), beginEvidence(wide)]
      for (const [index, { b, c, weight, step, gauge, scrape }] of looks.entries()) {
        if (scrape === 'restart') {
          restarts += 1
          totals.c = [0, 0]
        }
        totals.b = [(totals.b[0] ?? 0) + b[0] + b[1], (totals.b[1] ?? 0) + b[1]]
        totals.c = [(totals.c[0] ?? 0) + c[0] + c[1], (totals.c[1] ?? 0) + c[1]]
        const baseline = pod('baseline', 'b', [totals.b[0] ?? 0, totals.b[1] ?? 0])
        const canary = pod('canary', 'c', [totals.c[0] ?? 0, totals.c[1] ?? 0], { restarts, gauges: { cpu: gauge } })
        const seen: Scrape =
          scrape === 'outage'
            ? { kind: 'outage', query: 'q', text: 'away' }
            : pods(scrape === 'canary-gone' ? [baseline] : [baseline, canary])
        const tick = { at: (index + 1) * 1000, scrape: seen, weight, step }
        const [one, other] = [judge(kept, tick, wide), judge(reread, tick, wide)]
        expect(other.decision).toEqual(one.decision)
        expect(other.evidence).toEqual(one.evidence)
        const saved = JSON.stringify(one.evidence)
        expect(JSON.parse(saved)).toStrictEqual(one.evidence)
        kept = one.evidence
        reread = reversed(JSON.parse(JSON.stringify(other.evidence))) as Evidence
      }
    }),
    { numRuns: 200, seed: 6 },
  )
})

describe('a clock that was set back by ten minutes', () => {
  const BACK = 600_000
  const timed: JudgePlan = { ...plan, interval: 5000 }
  /** Looks every 5 s, of which those from `from` on are told by the clock that was set back. */
  const looks = (scrapes: readonly Scrape[], from: number, given: JudgePlan) => {
    let now = beginEvidence(given)
    return scrapes.map((scrape, index) => {
      const at = 1e9 + 5000 * index - (index < from ? 0 : BACK)
      const judged = judge(now, { at, scrape, weight: index === 0 ? 0 : 5, step: 0 }, given)
      now = judged.evidence
      return judged.decision.kind
    })
  }

  test('delays no verdict on requests', () => {
    const adds = [
      before,
      ...repeat(20, calm),
      ...repeat(3, [
        [76, 0],
        [4, 4],
      ] as const),
    ]
    const scrapes = seconds(adds).map(({ scrape }) => scrape)
    expect(looks(scrapes, 21, timed).slice(21)).toEqual(looks(scrapes, scrapes.length, timed).slice(21))
    expect(looks(scrapes, 21, timed).at(-1)).toBe('reject')
  })

  test('delays no verdict on a gauge', () => {
    const gauged: JudgePlan = { ...timed, missing: 'off', metrics: [{ name: 'cpu', kind: 'gauge', max: 90 }] }
    const value = (side: 'baseline' | 'canary', cpu: number) =>
      pod(side, side, [0, 0], { counters: {}, gauges: { cpu } })
    const high = pods([value('baseline', 50), value('canary', 95)])
    expect(looks(repeat(4, high), 2, gauged)).toEqual(['continue', 'continue', 'continue', 'reject'])
  })
})

describe('a weight that changes at a look that reads nothing', () => {
  const timed: JudgePlan = { ...plan, interval: 5000 }
  const unread: Scrape = { kind: 'outage', query: 'all pods', text: 'no answer' }
  /** Pods that are read 1.5 s apart where looks are 5 s apart. */
  const apart = (scrape: Scrape, at: number): Scrape =>
    scrape.kind === 'pods'
      ? { ...scrape, readings: scrape.readings.map((each, index) => ({ ...each, readAt: at - 1500 * index })) }
      : scrape

  /** How the interval after it is used, whose begin was at `first` and whose end is at `then` percent. */
  const useAfter = (first: number, then: number, changed: (scrape: Scrape, at: number) => Scrape) => {
    const read = seconds(repeat(6, calm)).map(({ scrape }) => scrape)
    let now = beginEvidence(timed)
    return read
      .map((scrape, index) => {
        const at = 1e9 + 5000 * index
        const weight = index < 4 ? first : then
        const judged = judge(now, { at, scrape: index === 4 ? changed(scrape, at) : scrape, weight, step: 0 }, timed)
        now = judged.evidence
        return judged.samples.map((each) => (each.kind === 'counted' ? each.use : each.kind))
      })
      .slice(4)
  }

  test.each([
    ['no answer', () => unread],
    ['reads that were put off', apart],
  ] as const)('cuts as one that reads does: %s', (_, changed) => {
    expect(useAfter(5, 50, changed)).toEqual([[], ['learned']])
    expect(useAfter(0, 5, changed)).toEqual([[], ['judged']])
    expect(useAfter(5, 5, changed)).toEqual([[], ['judged']])
  })
})
