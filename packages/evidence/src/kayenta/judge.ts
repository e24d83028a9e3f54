import { classify } from './classify.ts'
import type { Classified, SampledMetric } from './metric.ts'
import { type CanaryScore, scoreCanary } from './score.ts'
import { type KayentaSettings, settingsProblems, settled } from './settings.ts'

/** A metric's answer, with the groups it counts in; a muted one is judged and counts nowhere. */
export type JudgedMetric = Classified & { readonly groups: readonly string[]; readonly muted: boolean }

/** The canary's score and verdict, and every metric's answer in the order given. */
export type JudgedSeries = CanaryScore & { readonly metrics: readonly JudgedMetric[] }

/** The group of metrics that name none. */
const ALL = 'all'

/**
 * Judges whole series at one look, as the judge of Kayenta (NetflixACAJudge) does, with its known faults mended one by one; `compatible: true`
 * gives the original's answer. It is made for one look: asked at every interval its false alarms add up, which the always-valid judge is for.
 * Settings and metrics are taken as they are; ask `judgeProblems` first where they come from outside.
 * Source: docs/decisions/0015-judges-of-peers.md; the mends are the table of `Mends`.
 */
export const judgeSeries = (metrics: readonly SampledMetric[], settings: KayentaSettings = {}): JudgedSeries => {
  const chosen = settled(settings)
  const judged = metrics.map((metric) => ({
    ...classify(metric, chosen),
    groups: metric.groups ?? [ALL],
    muted: metric.muted === true,
  }))
  return {
    ...scoreCanary(
      judged.filter(({ muted }) => !muted),
      chosen,
    ),
    metrics: judged,
  }
}

/** What is wrong with metrics and settings, a sentence each with the value and what to do; empty where nothing is. */
export const judgeProblems = (metrics: readonly SampledMetric[], settings: KayentaSettings = {}): readonly string[] => {
  const names = metrics.map(({ name }) => name)
  const twice = names.filter((name, index) => names.indexOf(name) !== index)
  const factors = metrics.filter(({ outlierFactor }) => outlierFactor !== undefined && !(outlierFactor > 0))
  return [
    ...(metrics.length > 0 ? [] : ['there is no metric: name at least one']),
    ...[...new Set(twice)].map((name) => `metric ${name} is there twice: give each a name of its own`),
    ...factors.map(
      ({ name, outlierFactor }) => `metric ${name}: outlierFactor is ${outlierFactor}: take a number above 0`,
    ),
    ...settingsProblems(settings),
  ]
}
