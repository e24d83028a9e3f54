import { describe, expect, test } from 'vitest'
import { beginEvidence, type Evidence, type Judged, type JudgePlan, judge } from '../src/judge.ts'
import { comparePopulations } from '../src/population.ts'
import { pod, pods } from './readings.ts'

const sides = (nb: number, kb: number, nc: number, kc: number) => ({
  baseline: { n: nb, k: kb },
  canary: { n: nc, k: kc },
})

test.each([
  ['the share that was asked for', sides(9500, 95, 500, 15), 0.05, 'same'],
  ['more than it', sides(9000, 90, 1000, 30), 0.05, 'same'],
  ['too few requests to tell', sides(95, 0, 1, 1), 0.05, 'same'],
  ['nothing counted', sides(0, 0, 0, 0), 0.05, 'same'],
  ['no weight', sides(9500, 95, 500, 15), 0, 'same'],
  [
    'half of it, and errors that callers beyond the route may have thinned on stable',
    sides(19_000, 190, 500, 12),
    0.05,
    'differs',
  ],
  ['half of it, and far more errors than that', sides(19_000, 190, 500, 100), 0.05, 'holds'],
  ['half of it, as the canary loses requests and fails the rest', sides(9500, 9, 250, 125), 0.05, 'holds'],
  ['hardly any of it, and no error at all', sides(19_000, 190, 30, 0), 0.05, 'differs'],
] as const)('%s', (_, step, share, answer) => {
  expect(comparePopulations(step, share, 0.002)).toBe(answer)
})

describe('a step whose pods are made while the weight of the step before is in force', () => {
  const plan: JudgePlan = {
    metrics: [{ name: 'errors', kind: 'ratio' }],
    alpha: 0.01,
    warmUp: 0,
    settle: 5000,
    missing: 'silence',
    interval: 5000,
  }
  type Look = {
    readonly weight: number
    readonly step: number
    readonly counts: readonly [number, number, number, number]
  }

  /** A look every 5 s; each is judged from evidence that was saved and read again, as `saved` gives it. */
  const watch = (looks: readonly Look[], saved = (evidence: Evidence): Evidence => evidence): readonly Judged[] => {
    let evidence = beginEvidence(plan)
    const sums = [100_000, 1000, 0, 0]
    return looks.map(({ weight, step, counts }, index) => {
      for (const [i, count] of counts.entries()) sums[i] = (sums[i] ?? 0) + count
      const [b = 0, bad = 0, c = 0, failed = 0] = sums
      const scrape = pods([pod('baseline', 'shop-1', [b, bad]), pod('canary', 'shop-canary-1', [c, failed])])
      const before = saved(JSON.parse(JSON.stringify(evidence)))
      const judged = judge(before, { at: 1e9 + 5000 * index, scrape, weight, step }, plan)
      evidence = judged.evidence
      return judged
    })
  }
  const times = (count: number, look: Look): readonly Look[] => Array.from({ length: count }, () => look)
  const first: Look = { weight: 0, step: 0, counts: [1000, 10, 0, 0] }
  const prepared = [
    first,
    ...times(24, { weight: 5, step: 0, counts: [950, 9, 50, 0] }),
    ...times(60, { weight: 5, step: 1, counts: [950, 9, 50, 0] }),
  ]
  const failing: Look = { weight: 50, step: 1, counts: [500, 5, 500, 100] }

  test('rolls back a canary that fails from the raised weight on as soon as one without a wait', () => {
    const after = (looks: readonly Look[]) =>
      watch([...looks, ...times(6, failing)])
        .slice(looks.length)
        .map(({ decision }) => decision.kind)
    expect(after(prepared).slice(0, 4)).toEqual(['continue', 'reject', 'reject', 'reject'])
    expect(after(prepared)).toEqual(after(prepared.slice(0, 25)))
  })

  test('asks for the mean of both weights where stable answers others, too', () => {
    const shared = { weight: 50, step: 1, counts: [4500, 45, 500, 12] } as const
    const said = watch([...prepared, ...times(40, shared)]).at(-1)
    // 60,000 requests at 5 %, 195,000 at 50 %.
    expect(said?.decision).toMatchObject({
      kind: 'unreliable',
      why: { code: 'populations-differ', text: expect.stringContaining('where 39.4 % were to be expected') },
    })
  })

  test('goes on with what was saved before it was kept', () => {
    const older = (evidence: Evidence): Evidence => {
      const { errors } = evidence.metrics
      if (errors?.kind !== 'counted') return evidence
      const { asked: _, ...rest } = errors
      return { ...evidence, metrics: { errors: rest } }
    }
    const said = watch([first, ...times(3, { weight: 5, step: 0, counts: [950, 9, 50, 25] })], older)
    expect(said.at(-1)?.decision.kind).toBe('reject')
  })
})
