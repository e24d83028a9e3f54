import type { PowerStatement } from '@sluice/canary-report/report'
import { smallestIncrease, type Traffic } from '@sluice/evidence/power'
import type { Replayed } from '@sluice/evidence/replay'

/**
 * What the requests of a record would have revealed, metric by metric: without it "no test rejected" says less than it seems to. Each step that had a
 * weight counts with the requests that were judged in it.
 */
export const powerOf = (looks: readonly Replayed[]): readonly PowerStatement[] => {
  const judged = looks.filter(({ weight }) => weight > 0)
  return (looks.at(-1)?.metrics ?? []).flatMap((metric) => {
    if (metric.kind === 'gauge' || judged.length === 0) return []
    const { n, k } = metric.baseline
    const increase = smallestIncrease({
      baseline: n === 0 ? 0 : k / n,
      margin: metric.margin,
      traffic: trafficOf(metric.name, judged),
      logLimit: metric.logLimit,
    })
    if (increase === undefined) {
      const text = `${metric.name}: too few requests; not even a canary that always fails would have been revealed`
      return [{ metric: metric.name, text }]
    }
    const points = Number((increase * 100).toPrecision(2))
    const text = `${metric.name}: an increase of ${points} percentage points or more would have been revealed with 95 % probability`
    return [{ metric: metric.name, increase, text }]
  })
}

const trafficOf = (name: string, looks: readonly Replayed[]): readonly Traffic[] => {
  const steps = new Map<number, Traffic>()
  for (const { step, metrics } of looks) {
    const metric = metrics.find((each) => each.name === name)
    if (metric === undefined || metric.kind === 'gauge') continue
    // Counts of a step only grow: its last look has them all.
    const { baseline, canary } = metric.step
    steps.set(step, { baseline: baseline.n, canary: canary.n, looks: (steps.get(step)?.looks ?? 0) + 1 })
  }
  return [...steps.values()]
}
