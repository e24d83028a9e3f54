import { counted, duration, magnitude, points } from '@sluice/canary-report/numbers'
import type { CountedJudgement } from '@sluice/evidence/metric'
import { differenceSequence } from '@sluice/evidence/sequence'
import type { MetricJudgement, Why } from '@sluice/evidence/verdict'
import type { SluiceJudgement } from './verdict.ts'

/** What every judge's answer has. */
type Answer = {
  readonly judge: string
  readonly verdict: string
  readonly reason: Why
  readonly at: string
  readonly intervals: readonly { readonly at: string }[]
  readonly recorded?: { readonly verdict: string } | undefined
}

/** The answer for a person: verdict and reason, then a table of the metrics where this project's judge gave it, then what could have been seen. */
export const textOf = (answer: Answer | SluiceJudgement): string => {
  const { judge, verdict, reason, at, intervals, recorded } = answer
  const looks = `${intervals.length} ${intervals.length === 1 ? 'look' : 'looks'}`
  const head = [
    `${verdict} after ${[looks, ...timeOf(at, intervals)].join(', ')} (judge: ${judge})`,
    `  ${reason.text}`,
    ...(reason.next === 'nothing' ? [] : [`  ${reason.next}.`]),
    ...(recorded === undefined ? [] : [`  The canary itself: ${recorded.verdict}.`]),
  ]
  if (!('power' in answer)) return head.join('\n')
  return [...head, '', ...table(answer.metrics), '', ...answer.power.map(({ text }) => `  ${text}`)]
    .join('\n')
    .trimEnd()
}

/** How long the looks took, and when the last one was where the file says so: times without a `since` begin with 1970. */
const timeOf = (at: string, intervals: Answer['intervals']): readonly string[] => {
  const [first, second] = intervals.map((interval) => Date.parse(interval.at))
  const took = first === undefined || second === undefined ? [] : [duration(Date.parse(at) - first + (second - first))]
  return Date.parse(at) < FIRST_CLOCKS ? took : [...took, `at ${at}`]
}

const FIRST_CLOCKS = Date.parse('1971-01-01T00:00:00Z')

const HEAD = ['metric', 'canary', 'baseline', 'difference, 95 % at all looks', 'tolerated', 'evidence', 'limit']

const table = (metrics: readonly MetricJudgement[]): readonly string[] => {
  const rows = [HEAD, ...metrics.flatMap((metric) => (metric.kind === 'gauge' ? [] : [row(metric)]))]
  const widths = HEAD.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)))
  const counts = rows.map((cells) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
  const gauges = metrics.flatMap(({ kind, name, text }) => (kind === 'gauge' ? [`${name}: ${text}`] : []))
  return [...(rows.length > 1 ? counts : []), ...gauges].map((line) => `  ${line}`.trimEnd())
}

/** Counts are those of the last step: over several, a drifting baseline would be mixed in other parts on either side. */
const row = (metric: CountedJudgement): readonly string[] => {
  const { low, high } = differenceSequence(metric.step)
  return [
    metric.name,
    counted(metric.step.canary),
    counted(metric.step.baseline),
    `${signed(low)} … ${signed(high)}`,
    points(metric.margin),
    magnitude(Math.max(metric.logPeak, metric.limit?.logPeak ?? 0)),
    magnitude(metric.logLimit),
  ]
}

const signed = (share: number): string => (share < 0 ? points(share).replace('+', '').replace('-', '−') : points(share))
