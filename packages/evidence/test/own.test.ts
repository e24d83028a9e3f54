import { expect, test } from 'vitest'
import { beginEvidence, type JudgePlan, judge, type Scrape } from '../src/judge.ts'
import { pod, pods } from './readings.ts'

/** What a release comes to whose metrics have these names, with the names taken out; `scrapes` by the names, 5 s apart. */
const judged = (
  [errors, memory]: readonly [string, string],
  scrapes: (errors: string, memory: string) => readonly Scrape[],
) => {
  const plan: JudgePlan = {
    metrics: [
      { name: errors, kind: 'ratio', max: 0.05 },
      { name: memory, kind: 'gauge', max: 85 },
    ],
    alpha: 0.01,
    warmUp: 0,
    settle: 5000,
    missing: 'silence',
  }
  let evidence = beginEvidence(plan)
  const looks = scrapes(errors, memory).map((scrape, index) => {
    const { evidence: after, ...look } = judge(evidence, { at: 1e9 + 5000 * index, scrape, weight: 10, step: 0 }, plan)
    evidence = JSON.parse(JSON.stringify(after))
    return look
  })
  return JSON.parse(JSON.stringify(looks).replaceAll(errors, 'ERRORS').replaceAll(memory, 'MEMORY'))
}

const read = (errors: string, memory: string, [look, gauge]: readonly [number, boolean]): Scrape => {
  const gauges = gauge ? { [memory]: 60 } : {}
  const counters = (total: number, bad: number) => ({ [errors]: { total, bad } })
  return pods([
    pod('baseline', 'shop-1', [0, 0], { counters: counters(1000 + 900 * look, 9 * look), gauges: { [memory]: 60 } }),
    pod('canary', 'shop-canary-1', [0, 0], { counters: counters(100 * look, 6 * look), gauges }),
  ])
}

const closed = (errors: string, memory: string, look: number): Scrape => {
  const period = { from: 1e9 + 5000 * (look - 1), to: 1e9 + 5000 * look }
  return {
    kind: 'buckets',
    buckets: [
      { side: 'baseline', metric: errors, ...period, total: 900, bad: 9 },
      { side: 'canary', metric: errors, ...period, total: 100, bad: 6 },
    ],
    gauges: [{ side: 'baseline', metric: memory, ...period, value: 60 }],
  }
}

const LOOKS = Array.from({ length: 12 }, (_, look) => look)

test.each<[string, Parameters<typeof judged>[1]]>([
  ['pods', (errors, memory) => LOOKS.map((look) => read(errors, memory, [look, true]))],
  ['pods that show no gauge', (errors, memory) => LOOKS.map((look) => read(errors, memory, [look, false]))],
  ['pods whose counter falls', (errors, memory) => [5, 6, 2].map((look) => read(errors, memory, [look, true]))],
  ['periods', (errors, memory) => LOOKS.map((look) => closed(errors, memory, look))],
])('a metric that is called as what every object has is judged as any other: %s', (_, scrapes) => {
  expect(judged(['constructor', 'toString'], scrapes)).toEqual(judged(['failed', 'memory'], scrapes))
})
