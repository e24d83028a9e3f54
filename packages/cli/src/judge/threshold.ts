import { percent, value } from '@sluice/canary-report/numbers'
import type { Series } from '@sluice/evidence/series'
import {
  type AnalysisState,
  beginAnalysis,
  endAnalysis,
  lookAnalysis,
  worstPhase,
} from '@sluice/evidence/threshold/analysis'
import { beginChecks, type ChecksState, lookChecks } from '@sluice/evidence/threshold/checks'
import type { Range } from '@sluice/evidence/threshold/reading'
import type { Why } from '@sluice/evidence/verdict'
import type { Recorded } from './file.ts'
import { answerOf, iso, type JudgedVerdict, type Judgement } from './verdict.ts'
import { windowsOf } from './windows.ts'

/** What a fixed limit saw of a metric: the canary's value (of counts the share of bad ones; null: none) and the range it must lie in. */
export type Measured = {
  readonly name: string
  readonly kind: Series['kind']
  readonly value: number | null
  readonly range: Range
}

/** One look at all metrics. `failed`: how many looks have failed so far, of the metric that failed most. */
export type Measurement = {
  readonly at: string
  readonly phase: string
  readonly failed: number
  readonly metrics: readonly Measured[]
}

/** What a fixed limit is where a metric names none: canary-promote's own defaults. */
const DEFAULT_MAX = { ratio: 0.05, latency: 0.01 } as const

/**
 * What a fixed limit would have said, once a minute unless `interval` says otherwise: it looks at the canary alone. By the rule of Argo Rollouts each metric's
 * failures are counted and more than `limit` of them end it; by Flagger's, failed looks at any metric, the `limit`-th of which ends it. A period
 * in which the canary had no request is a success by the first, as its users write their conditions, and a failed check by the second.
 */
export const judgeByThreshold = (recorded: Recorded): Judgement<Measurement, Measured> => {
  const { rule } = recorded.peers.threshold
  const looks = looksOf(recorded)
  const measurements = rule === 'argo' ? byArgo(looks, recorded) : byFlagger(looks, recorded)
  const last = measurements.at(-1)
  const said = { verdict: verdictOf(last), reason: reasonOf(last, recorded) }
  return answerOf('threshold', said, measurements, recorded)
}

type Look = { readonly at: number; readonly metrics: readonly Measured[] }

const looksOf = ({ series, peers }: Recorded): readonly Look[] => {
  const looks = new Map<number, Measured[]>()
  for (const one of series)
    for (const { at, canary } of windowsOf(one, peers.threshold.interval)) {
      const measured = { name: one.name, kind: one.kind, value: canary, range: rangeOf(one) }
      looks.set(at, [...(looks.get(at) ?? []), measured])
    }
  return [...looks].sort(([a], [b]) => a - b).map(([at, metrics]) => ({ at, metrics }))
}

const rangeOf = (series: Series): Range =>
  series.kind === 'gauge' ? { max: series.max, min: series.min } : { max: series.max ?? DEFAULT_MAX[series.kind] }

const byArgo = (looks: readonly Look[], { series, peers }: Recorded): readonly Measurement[] => {
  const states = new Map<string, AnalysisState>(series.map(({ name }) => [name, beginAnalysis()] as const))
  const done: Measurement[] = []
  for (const { at, metrics } of looks) {
    for (const metric of metrics) {
      const limits = { success: metric.range, failureLimit: peers.threshold.limit }
      const before = states.get(metric.name) ?? beginAnalysis()
      const reading = metric.value ?? (metric.kind === 'gauge' ? null : 0)
      states.set(metric.name, lookAnalysis(before, reading, limits))
    }
    const all = [...states.values()]
    const phase = worstPhase(all.map((state) => (at === looks.at(-1)?.at ? endAnalysis(state) : state).phase))
    done.push({ at: iso(at), phase, failed: Math.max(...all.map(({ failures }) => failures.total)), metrics })
    if (['failed', 'error', 'inconclusive'].includes(phase)) break
  }
  return done
}

const byFlagger = (looks: readonly Look[], { peers }: Recorded): readonly Measurement[] => {
  const done: Measurement[] = []
  let state: ChecksState = beginChecks()
  for (const { at, metrics } of looks) {
    const checks = metrics.map(({ name, value, range }) => ({ name, reading: value, range }))
    state = lookChecks(state, checks, peers.threshold.limit)
    const over = at === looks.at(-1)?.at && state.phase === 'running'
    done.push({ at: iso(at), phase: over ? 'successful' : state.phase, failed: state.failures.total, metrics })
    if (state.phase === 'rolled-back') break
  }
  return done
}

const verdictOf = (last: Measurement | undefined): JudgedVerdict => {
  if (last === undefined || last.phase === 'inconclusive') return 'inconclusive'
  return last.phase === 'successful' ? 'promoted' : 'rolled-back'
}

const reasonOf = (last: Measurement | undefined, { peers }: Recorded): Why => {
  const { interval, limit, rule } = peers.threshold
  if (last === undefined) {
    const text = `the record has no whole interval of ${interval / 1000} s under traffic`
    return { code: 'no-measurements', text, next: 'Record for longer, or set threshold.interval' }
  }
  const seen = last.metrics.map(measuredText)
  const count = `${last.failed} failed, ${rule === 'argo' ? `${limit} allowed` : `${Math.max(1, limit)} end it`}`
  return {
    code: last.phase,
    text: `${last.phase}: ${count}; last look: ${seen.join(', ')}`,
    next:
      last.phase === 'successful'
        ? 'nothing'
        : 'A fixed limit says nothing of the baseline: see whether it was above too',
  }
}

const measuredText = ({ name, kind, value: seen, range: { min, max } }: Measured): string => {
  const written = kind === 'gauge' ? value : percent
  const bounds = [
    ...(min === undefined ? [] : [`at least ${written(min)}`]),
    ...(max === undefined ? [] : [`at most ${written(max)}`]),
  ]
  return `${name} ${seen === null ? 'no value' : written(seen)} (asked: ${bounds.join(' and ')})`
}
