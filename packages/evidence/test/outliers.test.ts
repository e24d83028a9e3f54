import { describe, expect, test } from 'vitest'
import type { Count } from '../src/count.ts'
import type { Precaution } from '../src/evidence.ts'
import { beginEvidence, type Decision, type JudgePlan, judge } from '../src/judge.ts'
import { type Outliers, type Watched, watchOutliers } from '../src/outliers.ts'
import { pod, pods } from './readings.ts'

const count = (n: number, k: number): Count => ({ n, k })
const look = (at: number, shares: readonly number[], more: Partial<Watched> = {}): Watched => {
  const each = Object.fromEntries(shares.map((share, index) => [`shop-${index}`, count(100, 100 * share)]))
  return { reached: true, began: at - 5000, at, step: 0, pods: each, lately: each, edge: 0.01, ...more }
}
/** What is known after looks each five seconds, each the shares of bad answers by pod. */
const after = (looks: readonly (readonly number[])[]) =>
  looks.reduce<ReturnType<typeof watchOutliers>>(
    ({ outliers }, shares, index) => watchOutliers(outliers, look(index * 5000, shares)),
    {},
  )
const times = <T>(n: number, value: T): readonly T[] => Array.from({ length: n }, () => value)

describe('who is an outlier', () => {
  test.each<[string, readonly number[], readonly string[] | undefined]>([
    ['one pod of two', [0.5, 0], ['shop-0']],
    ['two of three', [0.5, 0.4, 0], ['shop-0', 'shop-1']],
    ['all', [0.5, 0.4, 0.45], undefined],
    ['all, one of them less', [0.5, 0.1], undefined],
    ['none beyond chance', [0.03, 0.01], undefined],
    ['the only one', [0.5], undefined],
  ])('%s: %j', (_, shares, expected) => {
    const { outliers } = watchOutliers(undefined, look(0, shares))
    expect(outliers === undefined ? undefined : Object.keys(outliers.pods)).toEqual(expected)
  })

  test('nobody before the evidence has its limit', () => {
    expect(watchOutliers(undefined, look(0, [0.5, 0], { reached: false }))).toEqual({})
  })

  test('a pod without requests is no proof that the release is well', () => {
    const silent = { ...look(0, [0.5]).lately, 'shop-1': count(0, 0) }
    expect(watchOutliers(undefined, look(0, [], { pods: silent, lately: silent }))).toEqual({})
  })
})

describe('what becomes of it', () => {
  test('bad for half a minute and well for a minute: the evidence is dropped, once', () => {
    const looks = [...times(7, [0.5, 0]), ...times(12, [0, 0])]
    expect(after(looks.slice(0, -1)).dropped).toBeUndefined()
    const { outliers, dropped } = after(looks)
    expect(dropped).toBe(true)
    expect(outliers).toMatchObject({ over: true, pods: { 'shop-0': { later: { n: 1200, k: 0 } } } })
    const again = watchOutliers(outliers, look(500_000, [0, 0.5]))
    expect(again).toEqual({ outliers })
    const next = watchOutliers(outliers, look(500_000, [0, 0.5], { step: 1 }))
    expect(next.outliers).toMatchObject({ pods: { 'shop-1': { since: 500_000 } }, step: 1 })
    expect(next.outliers?.over).toBeUndefined()
  })

  test('as bad after half a minute: it was waited for', () => {
    expect(after(times(7, [0.5, 0])).outliers?.over).toBeUndefined()
    expect(after(times(8, [0.5, 0]))).toMatchObject({ outliers: { over: true } })
    expect(after(times(8, [0.5, 0])).dropped).toBeUndefined()
  })

  test('less bad than before, and bad over the minute after', () => {
    const { outliers, dropped } = after([...times(6, [0.5, 0]), ...times(13, [0.08, 0])])
    expect([outliers?.over, dropped]).toEqual([true, undefined])
  })

  test('no pod is well any more: it was waited for', () => {
    expect(
      after([
        [0.5, 0],
        [0.5, 0.5],
      ]),
    ).toMatchObject({ outliers: { over: true } })
  })

  test('a pod that turns bad meanwhile is waited for, too, from then on', () => {
    const looks = [...times(7, [0.5, 0, 0]), ...times(6, [0, 0.4, 0]), ...times(6, [0, 0, 0])]
    expect(after(looks)).toMatchObject({ outliers: { pods: { 'shop-1': { since: 35_000 } } }, well: ['shop-0'] })
    expect(after(looks).dropped).toBeUndefined()
    expect(after([...looks, ...times(7, [0, 0, 0])]).dropped).toBe(true)
    const stays = [...times(7, [0.5, 0, 0]), ...times(8, [0, 0.4, 0])]
    expect(after(stays.slice(0, -1)).outliers?.over).toBeUndefined()
    expect(after(stays).outliers?.over).toBe(true)
  })

  const one = (pod: string, later: Count, low = 0.4): Outliers => ({
    step: 0,
    first: 0,
    pods: { [pod]: { since: 0, low, later } },
  })

  test('one of two goes on, little beside what the other answers', () => {
    const each = { a: count(100, 0), b: count(2, 2), c: count(100, 0) }
    const known = { step: 0, first: 0, pods: { ...one('a', count(0, 0)).pods, ...one('b', count(0, 0)).pods } }
    const looks = Array.from({ length: 12 }, (_, index) =>
      look(35_000 + index * 5000, [], { pods: each, lately: each }),
    )
    const end = looks.reduce<ReturnType<typeof watchOutliers>>(({ outliers }, next) => watchOutliers(outliers, next), {
      outliers: known,
    })
    expect([end.outliers?.over, end.dropped]).toEqual([true, undefined])
  })

  test.each([
    ['nothing', 0],
    ['one request, well', 1],
  ])('a pod that answers %s afterwards has proved nothing: a minute later the evidence holds', (_, n) => {
    const known = one('gone', count(n, 0))
    expect(watchOutliers(known, look(85_000, [0]))).toEqual({ outliers: known, well: [] })
    expect(watchOutliers(known, look(90_000, [0]))).toMatchObject({ outliers: { over: true } })
    expect(watchOutliers(known, look(90_000, [0])).dropped).toBeUndefined()
  })

  test('chance makes no pod an outlier while another is waited for', () => {
    const looks = [[0.5, 0, 0], ...times(5, [0.5, 0.04, 0])]
    expect(Object.keys(after(looks).outliers?.pods ?? {})).toEqual(['shop-0'])
  })

  test('pods that turn bad one after the other are waited for so long in all', () => {
    const turn = (index: number) => Array.from({ length: 9 }, (_, pod) => (pod === Math.floor(index / 7) % 9 ? 0.5 : 0))
    const ends = (at: number) => after(Array.from({ length: at / 5 + 1 }, (_, index) => turn(index))).outliers?.over
    expect(ends(265)).toBeUndefined()
    expect(ends(270)).toBe(true)
  })

  test('a clock that was set back ends the wait', () => {
    const known: Outliers = { ...one('shop-0', count(0, 0)), first: 3_600_000 }
    expect(watchOutliers(known, look(60_000, [0.5, 0])).outliers?.over).toBe(true)
  })

  test('a look of minutes, in which a pod was bad and well again, is no proof', () => {
    const known = one('shop-0', count(0, 0))
    expect(watchOutliers(known, look(120_000, [0.1, 0], { began: 0 })).outliers?.over).toBeUndefined()
  })

  test('an interval that began before the half minute was over tells of both', () => {
    const known = one('shop-0', count(0, 0))
    expect(watchOutliers(known, look(60_000, [0.5, 0], { began: 0 })).outliers?.over).toBeUndefined()
    expect(watchOutliers(known, look(60_000, [0.5, 0], { began: 30_000 })).outliers?.over).toBe(true)
  })
})

const plan: JudgePlan = {
  metrics: [{ name: 'errors', kind: 'ratio', max: 0.05 }],
  alpha: 0.01,
  warmUp: 0,
  settle: 5000,
  missing: 'silence',
}

/** Looks each five seconds at three pods of the baseline and two of the canary, 100 requests each: by second and pod what share of them is bad. */
const watch = (share: (second: number, pod: number) => number, without: readonly Precaution[] = []) => {
  let evidence = beginEvidence(plan)
  const said: { readonly second: number; readonly decision: Decision; readonly logE: number }[] = []
  const bad = [0, 0, 0, 0, 0]
  for (let second = 5; second <= 300; second += 5) {
    const weight = second <= 30 ? 0 : 40
    const total = 20 * second
    const readings = bad.map((_, index) => {
      const side = index < 3 ? 'baseline' : 'canary'
      if (side === 'baseline' || weight > 0)
        bad[index] = (bad[index] ?? 0) + 100 * (side === 'baseline' ? 0.01 : share(second, index - 3))
      return pod(side, `${side}-${index}`, [side === 'canary' ? Math.max(0, total - 600) : total, bad[index] ?? 0])
    })
    const judged = judge(evidence, { at: second * 1000, scrape: pods(readings), weight, step: 0 }, { ...plan, without })
    evidence = judged.evidence
    const [errors] = judged.metrics
    said.push({ second, decision: judged.decision, logE: errors?.kind === 'ratio' ? errors.logE : Number.NaN })
    if (judged.decision.kind === 'reject') break
  }
  return said
}
const burst = (from: number, to: number) => (second: number, pod: number) =>
  pod === 0 && second > from && second <= to ? 0.6 : 0.01

test('half a minute of one pod is waited for, said with its name, and the release goes on', () => {
  const said = watch(burst(60, 90))
  const waiting = said.filter(({ decision }) => decision.kind === 'unreliable')
  expect(waiting[0]?.second).toBe(65)
  expect(waiting[0]?.decision).toMatchObject({
    metric: 'errors',
    why: { code: 'outlier-pods', text: expect.stringContaining('only its pod canary-3 is bad') },
  })
  expect(waiting.at(-1)?.second).toBe(150)
  expect(said.at(-1)).toMatchObject({ second: 300, decision: { kind: 'continue' } })
  expect(said.at(-1)?.logE).toBeLessThan(1)
  expect(watch(burst(60, 90), ['outlier-pods']).at(-1)).toMatchObject({ second: 65, decision: { kind: 'reject' } })
})

test('a pod that stays bad takes the release back half a minute later', () => {
  expect(watch(burst(60, 300)).at(-1)).toMatchObject({
    second: 100,
    decision: { kind: 'reject', why: { code: 'errors' } },
  })
})

test('a pod whose requests go to the others, as it is gone or not ready, takes the release back too', () => {
  let evidence = beginEvidence(plan)
  const total = { stable: 0, a: 0, b: 0 }
  const bad = { stable: 0, a: 0, b: 0 }
  const answer = (pod: keyof typeof total, n: number, share: number): void => {
    total[pod] += n
    bad[pod] += n * share
  }
  let said: { readonly second: number; readonly decision: Decision } | undefined
  for (let second = 5; second <= 300 && said?.decision.kind !== 'reject'; second += 5) {
    const weight = second <= 30 ? 0 : 40
    answer('stable', 300, 0.01)
    if (weight > 0 && second <= 80) answer('a', 100, second > 60 ? 0.6 : 0.01)
    if (weight > 0) answer('b', second <= 80 ? 100 : 200, 0.01)
    const canaries = second <= 80 ? (['a', 'b'] as const) : (['b'] as const)
    const scrape = pods([
      pod('baseline', 'stable', [total.stable, bad.stable]),
      ...canaries.map((name) => pod('canary', name, [total[name], bad[name]])),
    ])
    const judged = judge(evidence, { at: second * 1000, scrape, weight, step: 0 }, plan)
    evidence = JSON.parse(JSON.stringify(judged.evidence))
    said = { second, decision: judged.decision }
  }
  expect(said).toMatchObject({ second: 155, decision: { kind: 'reject', why: { code: 'errors' } } })
})

test('where all pods are bad nothing is waited for', () => {
  const all = (second: number) => (second > 60 ? 0.6 : 0.01)
  expect(watch(all).at(-1)).toMatchObject({ second: 65, decision: { kind: 'reject' } })
})
