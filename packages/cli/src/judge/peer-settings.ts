import { judgeProblems } from '@sluice/evidence/kayenta/judge'
import type { EffectLimits, SampledMetric } from '@sluice/evidence/kayenta/metric'
import type { KayentaSettings } from '@sluice/evidence/kayenta/settings'
import { objectOf, type Say, shown } from './problems.ts'
import { durationOf, flagOf, given, numberOf, wordOf } from './values.ts'

/** What only Kayenta's judge is told of a metric, in its words. */
export type KayentaMetric = Omit<SampledMetric, 'name' | 'baseline' | 'canary'>

/**
 * How the judges of others are set, from a file's `kayenta` and `threshold`, durations in ms. `step`: of a sample. `every`: between two analyses of all
 * samples so far; absent: one, at the end. `interval`: between two measurements. `limit`: Argo Rollouts' failureLimit or Flagger's threshold.
 */
export type PeerSettings = {
  readonly kayenta: {
    readonly settings: KayentaSettings
    readonly step: number
    readonly every?: number
    readonly metrics: { readonly [metric: string]: KayentaMetric }
  }
  readonly threshold: { readonly rule: 'argo' | 'flagger'; readonly interval: number; readonly limit: number }
}

const MINUTE = 60_000

/** Reads `kayenta` and `threshold` of a file, and `kayenta` of its metrics; what is left out is as those have it by default. */
export const peerSettings = (file: Readonly<Record<string, unknown>>, say: Say): PeerSettings => {
  const metrics = Array.isArray(file.metrics) ? file.metrics : []
  return {
    kayenta: kayentaOf(file.kayenta, metrics, say),
    threshold: thresholdOf(file.threshold, say.under('threshold')),
  }
}

const thresholdOf = (value: unknown = {}, say: Say): PeerSettings['threshold'] => {
  const threshold = objectOf(value, say, ['rule', 'interval', 'limit'])
  const rule = wordOf(threshold.rule, say.under('rule'), ['argo', 'flagger']) ?? 'argo'
  return {
    rule,
    interval: positive(threshold.interval, say.under('interval')) ?? MINUTE,
    limit: numberOf(threshold.limit, say.under('limit'), { min: -1 }) ?? (rule === 'argo' ? 0 : 1),
  }
}

const KEYS = ['pass', 'marginal', 'groupWeights', 'tolerance', 'confidence', 'least', 'step', 'every']

const kayentaOf = (value: unknown = {}, metrics: readonly unknown[], say: Say): PeerSettings['kayenta'] => {
  const under = say.under('kayenta')
  const kayenta = objectOf(value, under, KEYS)
  const number = (key: string) => numberOf(kayenta[key], under.under(key))
  const weights = kayenta.groupWeights === undefined ? {} : objectOf(kayenta.groupWeights, under.under('groupWeights'))
  const groupWeights = Object.fromEntries(
    Object.keys(weights).map((group) => [group, numberOf(weights[group], under.under(`groupWeights.${group}`)) ?? 0]),
  )
  const named = ['pass', 'marginal', 'tolerance', 'confidence', 'least'].map((key) => [key, number(key)] as const)
  const settings: KayentaSettings = { ...given(Object.fromEntries(named)), groupWeights }
  // Of the metrics only what is told here can be wrong: their values are read elsewhere.
  for (const problem of judgeProblems([{ name: '', baseline: [], canary: [] }], settings)) under(problem)
  return {
    settings,
    step: positive(kayenta.step, under.under('step')) ?? MINUTE,
    ...given({ every: positive(kayenta.every, under.under('every')) }),
    metrics: Object.fromEntries(metrics.flatMap((metric) => metricOf(metric, say))),
  }
}

const positive = (value: unknown, say: Say): number | undefined => {
  if (value === undefined) return undefined
  const ms = durationOf(value, say, MINUTE)
  if (ms === 0) say('must be longer than 0')
  return ms || MINUTE
}

const METRIC_KEYS =
  'groups direction critical muted mustHaveData nanStrategy outliers outlierFactor reduceSensitivity effectSize'.split(
    ' ',
  )
const EFFECTS = ['allowedIncrease', 'allowedDecrease', 'criticalIncrease', 'criticalDecrease']

const metricOf = (metric: unknown, all: Say): readonly (readonly [string, KayentaMetric])[] => {
  if (typeof metric !== 'object' || metric === null || !('kayenta' in metric) || !('name' in metric)) return []
  const say = all.under(`metric ${metric.name}`).under('kayenta')
  const told = objectOf(metric.kayenta, say, METRIC_KEYS)
  const word = <const T extends string>(key: string, words: readonly T[]) => wordOf(told[key], say.under(key), words)
  const flag = (key: string) => flagOf(told[key], say.under(key))
  const settings = given({
    groups: groupsOf(told.groups, say.under('groups')),
    direction: word('direction', ['increase', 'decrease', 'either']),
    critical: flag('critical'),
    muted: flag('muted'),
    mustHaveData: flag('mustHaveData'),
    nanStrategy: word('nanStrategy', ['remove', 'replace']),
    outliers: word('outliers', ['keep', 'remove']),
    outlierFactor: numberOf(told.outlierFactor, say.under('outlierFactor'), { min: Number.MIN_VALUE }),
    reduceSensitivity: flag('reduceSensitivity'),
    effectSize: told.effectSize === undefined ? undefined : effectsOf(told.effectSize, say.under('effectSize')),
  })
  return [[String(metric.name), settings]]
}

const groupsOf = (value: unknown, say: Say): readonly string[] | undefined => {
  if (value === undefined) return undefined
  if (Array.isArray(value) && value.every((group) => typeof group === 'string')) return value
  say(`must be a list of texts, not ${shown(value)}`)
  return undefined
}

const effectsOf = (value: unknown, say: Say): EffectLimits => {
  const effects = objectOf(value, say, ['measure', ...EFFECTS])
  const numbers = EFFECTS.map((key) => [key, numberOf(effects[key], say.under(key))] as const)
  return given({
    ...Object.fromEntries(numbers),
    measure: wordOf(effects.measure, say.under('measure'), ['meanRatio', 'cles']),
  })
}
