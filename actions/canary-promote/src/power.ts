import type { PowerStatement } from '@sluice/canary-report/report'
import { smallestIncrease } from '@sluice/evidence/power'
import type { MetricJudgement } from '@sluice/evidence/verdict'
import type { ReleaseRecord } from '@sluice/release/record'
import { watchOf } from './judgement.ts'
import { points } from './phrases.ts'
import { settingsOf } from './plan.ts'
import { providerOf } from './providers.ts'

/**
 * What this release's traffic could have revealed, metric by metric, each by the requests that it counted itself, as much as they weighed: a promotion without it says less than it
 * seems to. Synthetic requests are left out: they say nothing of the users'.
 */
export const powerOf = (record: ReleaseRecord, metrics: readonly MetricJudgement[]): readonly PowerStatement[] => {
  const settings = settingsOf(record)
  const synthetic = new Set(
    settings.metrics.flatMap((metric) => (providerOf(metric, settings) === 'probe' ? [metric.name] : [])),
  )
  const { steps, traffic: known } = watchOf(record)
  const looksIn = (step: number): number => {
    const seen = steps.find((each) => each.step === step)
    return seen === undefined ? 1 : Math.max(1, (seen.until - seen.since) / record.plan.interval)
  }
  return metrics.flatMap((metric) => {
    if (metric.kind === 'gauge' || steps.length === 0 || synthetic.has(metric.name)) return []
    // Of what was saved before each metric's own were kept only the least of them is known.
    const traffic =
      known === undefined
        ? steps.map(({ step, baseline, canary }) => ({
            baseline,
            canary,
            looks: looksIn(step),
            every: record.plan.interval,
          }))
        : Object.entries(known[metric.name] ?? {}).map(([step, seen]) => ({
            looks: looksIn(Number(step)),
            every: record.plan.interval,
            ...seen,
          }))
    const { n, k } = metric.baseline
    const increase = smallestIncrease({
      baseline: n === 0 ? 0 : k / n,
      margin: metric.margin,
      traffic,
      logLimit: metric.logLimit,
    })
    if (increase === undefined) {
      const text = `${metric.name}: too few requests; not even a canary that always fails would have been revealed`
      return [{ metric: metric.name, text }]
    }
    const text = `${metric.name}: an increase of ${points(increase)} or more would have been revealed with 95 % probability`
    return [{ metric: metric.name, increase, text }]
  })
}
