import type { Details } from '@sluice/canary-report/report'
import type { JudgePlan, MetricPlan } from '@sluice/evidence/evidence'
import type { Series } from '@sluice/evidence/series'
import { Fault } from '@sluice/kit/faults'
import { seriesOf } from './metric.ts'
import { type PeerSettings, peerSettings } from './peer-settings.ts'
import { beginProblems, objectOf, refuse, type Say, shown } from './problems.ts'
import { durationOf, given, listOf, numberOf, shareOf, timeOf, wordOf } from './values.ts'

/**
 * What a file holds, ready to be judged. `minRequests`: what each step needs on both sides to pass; `counted`: what the canary counted of it in each step, where a
 * report says so. `recorded`: what the canary itself came to.
 */
export type Recorded = {
  readonly series: readonly Series[]
  readonly plan: JudgePlan
  readonly minRequests: number
  readonly counted?: ReadonlyMap<number, Requests>
  readonly peers: PeerSettings
  readonly recorded?: Pick<Details, 'namespace' | 'deployment'> & { readonly verdict: string; readonly reason: unknown }
}

/** Requests of a step on each side. */
type Requests = { readonly baseline: number; readonly canary: number }

/** What canary-promote takes where its plan does not say. */
const DEFAULTS = { alpha: 0.01, warmUp: 0, settle: 10_000, minRequests: 50, interval: 60_000 } as const
const KEYS =
  'description interval since metrics false-rollback-rate warm-up settle min-requests kayenta threshold'.split(' ')
const REPORT = 'sluice.dev/canary-promote/v1'

/**
 * Reads what is to be judged again: a file of one's own, or the report of a canary.
 * @param file its name, for messages
 * @throws Fault('input') with everything that is wrong with it
 */
export const readRecorded = (text: string, file: string): Recorded => {
  const value = parsed(text, file)
  const isReport = typeof value === 'object' && value !== null && 'schema' in value
  return isReport ? reportFile(value, file) : ownFile(value, file)
}

const parsed = (text: string, file: string): unknown => {
  const plain = text.replace(/^\ufeff/, '')
  try {
    return JSON.parse(plain)
  } catch {
    return parsedMarked(plain, file)
  }
}

/** JSON has no NaN, and many programs write it none the less: as a text it is found where it stands, with all other problems. */
const parsedMarked = (text: string, file: string): unknown => {
  try {
    // A text without an end is passed over as a whole: to look for another one inside it would take the square of its length.
    return JSON.parse(
      text.replace(/("(?:[^"\\]+|\\.)*"?)|-?\b(?:NaN|Infinity)\b/g, (word, quoted) => quoted ?? `"${word}"`),
    )
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown)
    throw new Fault('input', `${file} is not JSON: ${why}`, 'See docs/judging.md for the shape of the file.')
  }
}

const ownFile = (value: unknown, file: string): Recorded => {
  const { say, found } = beginProblems()
  const own = objectOf(value, say, KEYS)
  const interval = durationOf(own.interval, say.under('interval'), DEFAULTS.interval)
  if (interval === 0) say('interval must be longer than 0')
  const clock = { since: timeOf(own.since, say.under('since')) ?? 0, interval: interval || DEFAULTS.interval }
  const series = metricsOf(own.metrics, say, (metric, index) => seriesOf(metric, index, { say, clock, strict: true }))
  const alpha = numberOf(own['false-rollback-rate'], say.under('false-rollback-rate')) ?? DEFAULTS.alpha
  if (!(alpha > 0 && alpha < 1)) say(`false-rollback-rate must lie between 0 and 1, such as 0.01, not ${alpha}`)
  const minRequests = numberOf(own['min-requests'], say.under('min-requests'), { min: 0 }) ?? DEFAULTS.minRequests
  const plan: JudgePlan = {
    metrics: series.map(planned),
    alpha,
    warmUp: durationOf(own['warm-up'], say.under('warm-up'), DEFAULTS.warmUp),
    settle: durationOf(own.settle, say.under('settle'), DEFAULTS.settle),
    missing: series.some(({ kind }) => kind !== 'gauge') ? 'silence' : 'off',
  }
  const peers = peerSettings(own, say)
  refuse(file, found)
  return { series, plan, minRequests, peers }
}

const metricsOf = (value: unknown, say: Say, read: (metric: unknown, index: number) => Series): readonly Series[] => {
  const series = listOf(value, say.under('metrics'), read)
  const names = series.map(({ name }) => name)
  for (const name of new Set(names.filter((name, index) => names.indexOf(name) !== index)))
    say(`two metrics are named ${name}: give each a name of its own`)
  return series
}

const planned = (series: Series): MetricPlan =>
  series.kind === 'gauge'
    ? {
        name: series.name,
        kind: series.kind,
        ...given({ max: series.max, min: series.min, failures: series.failures }),
      }
    : { name: series.name, kind: series.kind, ...given({ margin: series.margin, max: series.max }) }

/** The plan is the release's own. What each step needs was not always kept: of a report that does not say it, some on both sides. */
const reportFile = (value: object, file: string): Recorded => {
  const { say, found } = beginProblems()
  const report = objectOf(value, say)
  if (report.schema !== REPORT)
    throw new Fault(
      'input',
      `${file} has the schema ${shown(report.schema)}; of reports only those of a canary can be judged again, ${REPORT}`,
      'Give the file that canary-promote names in its output `report`, or one of your own without `schema`.',
    )
  const details = report.details === null ? {} : objectOf(report.details, say.under('details'))
  if (details.series === undefined || details.judge === undefined)
    throw new Fault(
      'input',
      `${file} holds no intervals (details.series and details.judge): that run judged none, or an older version wrote it`,
      'Give the report of the run that held the canary.',
    )
  const read = (metric: unknown, index: number) => seriesOf(metric, index, { say, clock: NO_CLOCK, strict: false })
  const series = metricsOf(details.series, say.under('details'), read)
  const { minRequests, ...plan } = planOf(details.judge, say.under('details.judge'))
  const counted = stepsOf(details.steps, say.under('details.steps'))
  for (const { name, kind } of series) {
    const judged = plan.metrics.find((metric) => metric.name === name)
    if (judged === undefined) say(`metric ${name}: details.judge does not name it`)
    else if (judged.kind !== kind) say(`metric ${name}: is a ${kind}, and in details.judge a ${judged.kind}`)
  }
  const verdict = wordOf(report.verdict, say.under('verdict'), VERDICTS)
  if (report.verdict === undefined) say('verdict is missing: what the canary came to')
  const peers = peerSettings({ ...report, metrics: details.series }, say)
  refuse(file, found)
  const { namespace, deployment } = details as Pick<Details, 'namespace' | 'deployment'>
  const recorded = { namespace, deployment, verdict: verdict ?? '', reason: report.reason }
  return { series, plan, minRequests: minRequests ?? 1, counted, peers, recorded }
}

const VERDICTS = ['promoted', 'rolled-back', 'superseded', 'inconclusive', 'error'] as const

/** A report's intervals all say when they ended. */
const NO_CLOCK = { since: 0, interval: DEFAULTS.interval }

/** The plan as canary-promote wrote it: what is judged by is checked, the rest is taken as it is. */
const planOf = (value: unknown, say: Say): NonNullable<Details['judge']> => {
  const plan = objectOf(value, say)
  const alpha = numberOf(plan.alpha, say.under('alpha'), { min: 0, max: 1 })
  if (alpha === undefined) say('alpha is missing')
  const metrics = listOf(plan.metrics, say.under('metrics'), (entry, index) => {
    const under = say.under(`metrics[${index}]`)
    const metric = objectOf(entry, under)
    const { name, kind } = metric
    if (typeof name !== 'string' || !['ratio', 'latency', 'gauge'].includes(String(kind)))
      under(`must have a name and a kind, not ${shown(entry)}`)
    const bound = kind === 'gauge' ? numberOf : shareOf
    for (const key of ['margin', 'max', 'min']) bound(metric[key], under.under(key))
    numberOf(metric.failures, under.under('failures'), { min: 3, max: 1000 })
    return metric as unknown as MetricPlan
  })
  return {
    ...(plan as unknown as JudgePlan),
    ...given({ minRequests: numberOf(plan.minRequests, say.under('minRequests'), { min: 0 }) }),
    metrics,
    alpha: alpha ?? DEFAULTS.alpha,
    warmUp: numberOf(plan.warmUp, say.under('warmUp'), { min: 0 }) ?? DEFAULTS.warmUp,
    settle: numberOf(plan.settle, say.under('settle'), { min: 0 }) ?? DEFAULTS.settle,
  }
}

/** The users' requests and the release's own together, whichever process counted them; a run that was taken over left no intervals to the report. */
const stepsOf = (value: unknown, say: Say): ReadonlyMap<number, Requests> => {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return new Map()
  const steps = listOf(value, say, (entry, index) => {
    const under = say.under(`[${index}]`)
    const step = objectOf(entry, under)
    const of = (key: string): number => numberOf(step[key], under.under(key), { min: 0 }) ?? 0
    return [of('step'), { baseline: of('baseline'), canary: of('canary') }] as const
  })
  return new Map(steps)
}
