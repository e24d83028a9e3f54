import { type JudgedMetric, judgeSeries } from '@sluice/evidence/kayenta/judge'
import type { SampledMetric } from '@sluice/evidence/kayenta/metric'
import type { CanaryScore } from '@sluice/evidence/kayenta/score'
import { seeded } from '@sluice/evidence/random'
import type { Series } from '@sluice/evidence/series'
import type { Why } from '@sluice/evidence/verdict'
import type { Recorded } from './file.ts'
import { answerOf, iso, type JudgedVerdict, type Judgement } from './verdict.ts'
import { type Window, windowsOf } from './windows.ts'

/** One analysis: of all samples so far. */
export type Analysis = CanaryScore & { readonly at: string; readonly metrics: readonly JudgedMetric[] }

/**
 * What Kayenta's judge would have said: of counts it gets the share of bad ones over each `step`, in percent. One analysis at the end, or one `every` so often: before
 * the last only Fail ends the canary, at the last only Pass promotes it. Without a `direction` a counted metric may only rise, and a gauge only pass the bound
 * that it has.
 * @param compatible with the faults of the original; its noise is seeded, so that the same file has the same answer
 */
export const judgeByKayenta = (recorded: Recorded, compatible: boolean): Judgement<Analysis, JudgedMetric> => {
  const { settings, step, every } = recorded.peers.kayenta
  const metrics = recorded.series.map((series) => ({ series, windows: windowsOf(series, step) }))
  const random = seeded(1)
  const analyses: Analysis[] = []
  for (const at of timesOf(metrics, every)) {
    const sampled = metrics.map(({ series, windows }) => sampledOf(series, windows, { until: at, recorded }))
    analyses.push({ at: iso(at), ...judgeSeries(sampled, { ...settings, compatible, random }) })
    if (analyses.at(-1)?.verdict === 'Fail') break
  }
  const last = analyses.at(-1)
  const said = { verdict: verdictOf(last), reason: reasonOf(last, recorded) }
  return answerOf('kayenta', said, analyses, recorded)
}

/** The ends of the analyses, ms UTC: the last sample is of one. */
const timesOf = (metrics: readonly { readonly windows: readonly Window[] }[], every?: number): readonly number[] => {
  const ends = [...new Set(metrics.flatMap(({ windows }) => windows.map(({ at }) => at)))].sort((a, b) => a - b)
  const [first, last] = [ends[0], ends.at(-1)]
  if (first === undefined || last === undefined) return []
  let due = every === undefined ? last : first
  return ends.filter((at) => {
    if (at !== last && at < due) return false
    due = at + (every ?? 0)
    return true
  })
}

const sampledOf = (
  series: Series,
  windows: readonly Window[],
  { until, recorded }: { readonly until: number; readonly recorded: Recorded },
): SampledMetric => {
  const known = windows.filter(({ at }) => at <= until)
  // The original finds its ends to 1e-4 of the unit: shares of 1 would be too coarse for it.
  const inUnit = (value: number | null): number | null =>
    value === null || series.kind === 'gauge' ? value : 100 * value
  return {
    name: series.name,
    direction: directionOf(series),
    ...recorded.peers.kayenta.metrics[series.name],
    baseline: known.map(({ baseline }) => inUnit(baseline)),
    canary: known.map(({ canary }) => inUnit(canary)),
  }
}

const directionOf = (series: Series): NonNullable<SampledMetric['direction']> => {
  if (series.kind !== 'gauge') return 'increase'
  if (series.min === undefined) return series.max === undefined ? 'either' : 'increase'
  return series.max === undefined ? 'decrease' : 'either'
}

const verdictOf = (last: Analysis | undefined): JudgedVerdict => {
  if (last === undefined || last.verdict === 'Inconclusive') return 'inconclusive'
  return last.verdict === 'Pass' ? 'promoted' : 'rolled-back'
}

const reasonOf = (last: Analysis | undefined, { peers }: Recorded): Why => {
  const { step } = peers.kayenta
  if (last === undefined) {
    const text = `the record has no whole sample of ${step / 1000} s under traffic`
    return { code: 'no-samples', text, next: 'Record for longer, or set kayenta.step' }
  }
  const labels = last.metrics.map(({ name, label, reason }) => `${name} ${label} (${reason})`).join(', ')
  return {
    code: last.classification.toLowerCase(),
    text: `${last.classification}: ${last.reason}; ${labels}`,
    next: last.verdict === 'Pass' ? 'nothing' : 'Compare the two versions on the metrics that did not pass',
  }
}
