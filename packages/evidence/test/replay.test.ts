import { describe, expect, test } from 'vitest'
import type { CountedEvidence } from '../src/evidence.ts'
import { beginEvidence, type Decision, type JudgePlan, judge, type Sampled } from '../src/judge.ts'
import type { PodReading, Scrape, Side } from '../src/reading.ts'
import { replay } from '../src/replay.ts'
import type { CountedSeries, GaugeSeries, Series } from '../src/series.ts'
import { binomial, poisson, seeded } from './random.ts'
import { pod, pods } from './readings.ts'

const plan: JudgePlan = {
  metrics: [
    { name: 'errors', kind: 'ratio', max: 0.05 },
    { name: 'memory', kind: 'gauge', max: 85 },
  ],
  alpha: 0.01,
  warmUp: 20_000,
  settle: 5000,
  missing: 'silence',
}

/** Ten minutes of a canary whose errors rise to `worse` after three, on pods that differ, with memory that grows by `leak` a minute. */
const canary = (worse: number, leak: number) => {
  const random = seeded(7)
  const pods = ['baseline', 'canary'].flatMap((side) =>
    Array.from({ length: side === 'canary' ? 2 : 5 }, (_, index) => ({
      side: side as Side,
      uid: `${side}-${index}`,
      total: 0,
      bad: 0,
    })),
  )
  let evidence = beginEvidence(plan)
  const samples: Sampled[] = []
  const decisions: string[] = []
  for (let second = 5; second <= 600; second += 5) {
    const weight = second < 60 ? 0 : second < 300 ? 10 : 50
    for (const pod of pods) {
      const share = pod.side === 'canary' ? weight / 200 : (100 - weight) / 500
      const n = poisson(random, 250 * share)
      pod.total += n
      pod.bad += binomial(random, n, pod.side === 'canary' && second > 180 ? worse : 0.01)
    }
    const readings = pods.map(
      ({ side, uid, total, bad }): PodReading => ({
        side,
        pod: { name: uid, uid },
        containerId: uid,
        restarts: 0,
        readAt: second * 1000,
        counters: { errors: { total, bad } },
        gauges: { memory: side === 'canary' ? 60 + (leak * second) / 60 : 60 },
      }),
    )
    const scrape: Scrape = { kind: 'pods', readings, missing: [] }
    const judged = judge(evidence, { at: second * 1000, scrape, weight, step: weight }, plan)
    evidence = judged.evidence
    samples.push(...judged.samples)
    decisions.push(judged.decision.kind)
  }
  return { evidence, samples, decisions, first: decisions.indexOf('reject') }
}

const seriesOf = (samples: readonly Sampled[], bare = false): readonly Series[] => {
  const at = (ms: number): string => new Date(ms).toISOString()
  const counted = samples.flatMap((each) => (each.kind === 'counted' ? [each] : []))
  const gauges = samples.flatMap((each) => (each.kind === 'gauge' ? [each] : []))
  const errors: CountedSeries = {
    name: 'errors',
    kind: 'ratio',
    samples: counted.map(({ baseline: _, canary: __, kind: ___, metric: ____, ...each }) =>
      bare ? { at: at(each.at), weight: each.weight, step: each.step } : { ...each, at: at(each.at) },
    ),
    baseline: counted.map(({ baseline }) => baseline),
    canary: counted.map((each) => each.canary),
  }
  const memory: GaugeSeries = {
    name: 'memory',
    kind: 'gauge',
    samples: gauges.map(({ weight, share, step, at: ms }) => ({
      at: at(ms),
      weight,
      ...(share === undefined ? {} : { share }),
      step,
    })),
    baseline: gauges.map(({ baseline }) => baseline),
    canary: gauges.map((each) => each.canary),
  }
  return [errors, memory]
}

test.each([
  ['a healthy one', 0.01, 0],
  ['one that fails', 0.08, 0],
  ['one that leaks', 0.01, 5],
])('the record of a canary gives its own evidence and decisions back: %s', (_, worse, leak) => {
  const { samples, evidence, first } = canary(worse, leak)
  const replayed = replay(seriesOf(samples), plan)
  const logs = (all: readonly Sampled[]) => all.flatMap((each) => (each.kind === 'counted' ? [each.logE] : []))
  expect(logs(replayed.flatMap((look) => look.samples))).toEqual(logs(samples))
  const last = replayed.at(-1)?.evidence.metrics.errors
  expect(last).toMatchObject({ kind: 'counted', step: (evidence.metrics.errors as { step: unknown }).step })
  const rejected = replayed.find(({ decision }) => decision.kind === 'reject')
  if (first < 0) expect(rejected).toBeUndefined()
  else expect(rejected?.at).toBe((first + 1) * 5000)
})

describe('of three pods of the canary', () => {
  const three: JudgePlan = { ...plan, metrics: [{ name: 'errors', kind: 'ratio', max: 0.05 }], warmUp: 0 }
  /** A look every 5 s at weight 40, of 100 requests a pod; the canary's first is bad from second 120 until `until`. What was decided, and its record judged again. */
  const watched = (until: number) => {
    const random = seeded(3)
    const counts = Array.from({ length: 6 }, () => [0, 0] as [number, number])
    let evidence = beginEvidence(three)
    const live = Array.from({ length: 80 }, (_, index) => {
      const second = 5 * (index + 1)
      counts.forEach((count, each) => {
        count[0] += 100
        count[1] += binomial(random, 100, each === 3 && second > 120 && second <= until ? 0.5 : 0.01)
      })
      const readings = counts.map(([total, bad], each) => {
        const side = each < 3 ? 'baseline' : 'canary'
        return pod(side, `${side}-${each}`, [total, bad])
      })
      const tick = { at: 1e9 + 1000 * second, scrape: pods(readings), weight: 40, step: second <= 300 ? 0 : 1 }
      const judged = judge(evidence, tick, three)
      evidence = judged.evidence
      return judged
    })
    return { live, again: replay(seriesOf(live.flatMap(({ samples }) => samples)), three) }
  }
  /** Look by look what was decided, and by what evidence. */
  const saidOf = (looks: readonly { readonly samples: readonly Sampled[]; readonly decision: Decision }[]) =>
    looks.map(({ samples, decision }) => [decision, samples])
  const codesOf = (looks: readonly { readonly decision: Decision }[]) =>
    looks.map(({ decision }) => (decision.kind === 'continue' ? decision.kind : decision.why.code))

  test('the record of a release that waited for one of them, and went on, waits for it too', () => {
    const { live, again } = watched(150)
    const codes = codesOf(live)
    expect(codes.slice(24).indexOf('outlier-pods')).toBe(0)
    expect(codes.at(-1)).toBe('continue')
    expect(new Set(codes)).toEqual(new Set(['continue', 'outlier-pods']))
    const dropped = live.flatMap(({ samples: [sample] }) =>
      sample?.kind === 'counted' && sample.outliers?.dropped ? [sample.outliers.pods] : [],
    )
    expect(dropped).toEqual([['canary-3']])
    expect(saidOf(again)).toEqual(saidOf(live))
  })

  test('one that stays bad takes the release back at the same look', () => {
    const { live, again } = watched(400)
    const first = (looks: readonly { readonly decision: Decision }[]) =>
      looks.findIndex(({ decision }) => decision.kind === 'reject')
    expect(codesOf(live)[first(live) - 1]).toBe('outlier-pods')
    expect(live[first(live)]?.decision).toMatchObject({ kind: 'reject', why: { code: 'errors' } })
    expect(saidOf(again)).toEqual(saidOf(live))
  })
})

test('a record of counts alone is judged anew: nothing at weight 0 or in the warm-up', () => {
  const replayed = replay(seriesOf(canary(0.3, 0).samples, true), plan)
  const uses = replayed.flatMap(({ samples, at }) =>
    samples.flatMap((each) => (each.kind === 'counted' ? [[at, each.use]] : [])),
  )
  expect(uses.filter(([, use]) => use === 'judged')[0]).toEqual([85_000, 'judged'])
  expect(uses[0]?.[1]).toBe('learned')
  expect(replayed.some(({ decision }) => decision.kind === 'reject')).toBe(true)
})

test('a canary that counts nothing while its baseline answers is silent there, too', () => {
  const series: Series = {
    name: 'errors',
    kind: 'ratio',
    samples: Array.from({ length: 20 }, (_, i) => ({ at: new Date(i * 10_000).toISOString(), weight: 20, step: 0 })),
    baseline: Array.from({ length: 20 }, () => ({ n: 100, k: 0 })),
    canary: Array.from({ length: 20 }, () => ({ n: 0, k: 0 })),
  }
  const last = replay([series], { ...plan, metrics: [{ name: 'errors', kind: 'ratio' }], warmUp: 0 }).at(-1)
  expect(last?.decision).toMatchObject({ kind: 'reject', why: { code: 'no-requests' } })
})

test('without samples there is nothing to say', () => {
  expect(replay([], plan)).toEqual([])
})

test('what a metric showed twice at the same millisecond is two looks, and neither is lost', () => {
  const at = '2026-01-01T00:00:05.000Z'
  const twice: CountedSeries = {
    name: 'errors',
    kind: 'ratio',
    samples: [
      { at, weight: 5, step: 0 },
      { at, weight: 25, step: 1 },
    ],
    baseline: [
      { n: 900, k: 9 },
      { n: 0, k: 0 },
    ],
    canary: [
      { n: 50, k: 1 },
      { n: 0, k: 0 },
    ],
  }
  const looks = replay([twice], { ...plan, warmUp: 0 })
  expect(looks.map(({ step }) => step)).toEqual([0, 1])
  expect(looks[1]?.metrics[0]).toMatchObject({ canary: { n: 50, k: 1 }, baseline: { n: 900, k: 9 } })
})

describe('beside a baseline of the canary’s own weight, which makes it half of what both sides count', () => {
  const half: JudgePlan = {
    metrics: [
      { name: 'memory', kind: 'gauge', max: 85 },
      { name: 'errors', kind: 'ratio', margin: 0.005 },
    ],
    alpha: 0.01,
    warmUp: 0,
    settle: 5000,
    missing: 'silence',
  }
  /** A look every 5 s at weight 5, each with what it counts, `[baseline, bad, canary, bad]`; and its record judged again, the gauge first. */
  const watched = (looks: readonly (readonly [number, number, number, number])[]) => {
    let evidence = beginEvidence(half)
    const sums = [1000, 10, 0, 0]
    const decided = [[0, 0, 0, 0], ...looks].map((counts, index) => {
      for (const [i, count] of counts.entries()) sums[i] = (sums[i] ?? 0) + count
      const [b = 0, bad = 0, c = 0, failed = 0] = sums
      const gauges = { memory: 60 }
      const readings = [
        pod('baseline', 'shop-baseline-1', [b, bad], { gauges }),
        pod('canary', 'shop-canary-1', [c, failed], { gauges }),
      ]
      const tick = { at: 1e9 + 5000 * index, scrape: pods(readings), weight: 5, share: 50, step: 0 }
      const { samples, decision, ...judged } = judge(evidence, tick, half)
      evidence = judged.evidence
      return { samples, decision }
    })
    const again = replay([...seriesOf(decided.flatMap(({ samples }) => samples))].reverse(), half)
    const logs = (all: readonly { readonly samples: readonly Sampled[] }[]) =>
      all.flatMap(({ samples }) => samples.flatMap((each) => (each.kind === 'counted' ? [each.logE] : [])))
    expect(logs(again)).toEqual(logs(decided))
    // Pods are not recorded, and here tell nothing: the margin is given, nothing is uneven, and the canary has no other pod.
    const { dispersion: _, lately: __, ...errors } = evidence.metrics.errors as CountedEvidence
    expect(again.at(-1)?.evidence).toMatchObject({ share: 50, metrics: { errors } })
    // The first read is the zero line: it counts nothing.
    return { decided: decided.slice(1), again: again.slice(-looks.length) }
  }
  const codes = (all: readonly { readonly decision: Decision }[]) =>
    all.map(({ decision }) => (decision.kind === 'continue' ? 'continue' : decision.why.code))

  test('the record says so too when the sides are asked whether they answer the same requests', () => {
    const { decided, again } = watched(Array.from({ length: 30 }, () => [900, 9, 100, 5] as const))
    expect(codes(decided).at(-1)).toBe('populations-differ')
    expect(again.map(({ decision }) => decision)).toEqual(decided.map(({ decision }) => decision))
  })

  test('the record is as soon sure that a canary has fallen silent', () => {
    const answering = Array.from({ length: 10 }, () => [50, 1, 50, 1] as const)
    const { decided, again } = watched([...answering, ...Array.from({ length: 20 }, () => [5, 0, 0, 0] as const)])
    expect(codes(decided).at(-1)).toBe('no-requests')
    expect(codes(again)).toEqual(codes(decided))
  })

  test('an interval that waited has the share of when it closed', () => {
    let evidence = beginEvidence(half)
    const samples = [50, 50, undefined, undefined].flatMap((share, index) => {
      const [from, to] = [1e9 + 5000 * index, 1e9 + 5000 * (index + 1)]
      const buckets = (['baseline', 'canary'] as const).map((side) => ({
        ...{ side, metric: 'errors', from, to, total: 100, bad: 1 },
      }))
      const scrape: Scrape = { kind: 'buckets', buckets, guard: 1 }
      const judged = judge(evidence, { at: to, scrape, weight: 40, share, step: 0 }, half)
      evidence = judged.evidence
      return judged.samples
    })
    expect(samples.map(({ share }) => share)).toEqual([50, 50, undefined])
  })
})
