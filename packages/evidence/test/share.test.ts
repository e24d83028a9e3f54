import { expect, test } from 'vitest'
import { beginEvidence, type Judged, type JudgePlan, judge } from '../src/judge.ts'
import type { PodReading } from '../src/reading.ts'

/** Sides of equal weight: of what both count the canary is to have one half, whatever its weight is. */
const plan: JudgePlan = {
  metrics: [{ name: 'errors', kind: 'ratio' }],
  alpha: 0.01,
  warmUp: 0,
  settle: 5000,
  missing: 'share',
}
const reading = (side: PodReading['side'], total: number): PodReading => ({
  side,
  pod: { name: side, uid: side },
  containerId: 'c',
  restarts: 0,
  readAt: 0,
  counters: { errors: { total, bad: 0 } },
  gauges: {},
})
/** One look a second at 5 %, in which the sides count so many requests more. */
const watch = (adds: readonly (readonly [number, number])[], share: number | undefined): Judged[] => {
  let [evidence, b, c] = [beginEvidence(plan), 1000, 0]
  return adds.map(([baseline, canary], index) => {
    ;[b, c] = [b + baseline, c + canary]
    const scrape = { kind: 'pods', readings: [reading('baseline', b), reading('canary', c)], missing: [] } as const
    const judged = judge(evidence, { at: 1000 * index, scrape, weight: 5, step: 0, share }, plan)
    evidence = judged.evidence
    return judged
  })
}
const times = (count: number, add: readonly [number, number]) => Array.from({ length: count }, () => add)

test('a canary that counts a ninth of what its equal counts misses requests, at any weight', () => {
  const adds = times(60, [9, 1])
  expect(watch(adds, 50).at(-1)?.decision).toMatchObject({ kind: 'reject', why: { code: 'missing-requests' } })
  expect(watch(adds, undefined).at(-1)?.decision.kind).toBe('continue')
})

test('one that counts as many as its equal misses none', () => {
  expect(watch(times(60, [5, 5]), 50).at(-1)?.decision.kind).toBe('continue')
})

test('one that falls silent is missed by what its share would have been, which is soon', () => {
  const adds = [...times(10, [5, 5]), ...times(30, [5, 0])] as const
  const said = watch(adds, 50).find(({ decision }) => decision.kind === 'reject')
  expect(said?.decision).toMatchObject({ why: { code: 'no-requests', text: expect.stringContaining('about 4') } })
  expect(watch(adds, undefined).some(({ decision }) => decision.kind === 'reject')).toBe(false)
})

test('a share that is asked for at one weight is forgotten at the next', () => {
  const { evidence } = watch(times(3, [5, 5]), 50).at(-1) ?? { evidence: beginEvidence(plan) }
  const scrape = { kind: 'pods', readings: [reading('baseline', 2000), reading('canary', 15)], missing: [] } as const
  expect(evidence.share).toBe(50)
  expect(judge(evidence, { at: 9000, scrape, weight: 0, step: 1 }, plan).evidence).not.toHaveProperty('share')
})
