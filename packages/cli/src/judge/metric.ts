import type { Sample, Series, Use } from '@sluice/evidence/series'
import { objectOf, type Say, shown } from './problems.ts'
import { countOf, durationOf, flagOf, gaugeOf, given, listOf, numberOf, shareOf, timeOf, wordOf } from './values.ts'

/** When the intervals of a file end that does not say it: from `since` (ms UTC), one each `interval` (ms). */
export type Clock = { readonly since: number; readonly interval: number }

/** The keys of a metric. What only Kayenta's judge reads is under `kayenta`. */
const KEYS = ['name', 'kind', 'samples', 'weight', 'baseline', 'canary', 'margin', 'max', 'min', 'failures'].concat([
  'threshold',
  'provider',
  'query',
  'kayenta',
])
const KINDS = ['ratio', 'latency', 'gauge'] as const
const USES: readonly Use[] = ['judged', 'learned', 'skewed']

/**
 * One metric of a file as the series that is judged. What is wrong with it is said with its name, and with the index of the entry.
 * `strict`: whether keys that are not known are problems; not in a report, which a later version may have written.
 */
export const seriesOf = (
  value: unknown,
  index: number,
  { say: all, clock, strict }: { readonly say: Say; readonly clock: Clock; readonly strict: boolean },
): Series => {
  const name = nameOf(value) ?? `metrics[${index}]`
  const say = all.under(`metric ${name}`)
  const metric = objectOf(value, say, strict ? KEYS : undefined)
  if (nameOf(value) === undefined)
    say(
      `name must be a text, not ${shown(metric.name)}; it may hold no invisible characters, and be no word such as constructor`,
    )
  const source = given({ provider: textOf(metric.provider), query: textOf(metric.query) })
  if (metric.kind === 'gauge') {
    const sides = sidesOf(metric, say, gaugeOf)
    const bounds = given({
      max: numberOf(metric.max, say.under('max')),
      min: numberOf(metric.min, say.under('min')),
      failures: numberOf(metric.failures, say.under('failures'), { min: 3, max: 1000 }),
    })
    if (strict && metric.max === undefined && metric.min === undefined)
      say('is a gauge and needs max, min or both: without them nothing can be wrong with it')
    return { name, kind: 'gauge', ...source, ...bounds, samples: samplesOf(metric, sides, { say, clock }), ...sides }
  }
  const kind = wordOf(metric.kind, say.under('kind'), KINDS)
  if (metric.kind === undefined) say(`kind is missing: ${KINDS.join(', ')}`)
  if (kind === undefined) {
    // What is of no known kind has no known entries: only that they are there can be asked for.
    sidesOf(metric, say, () => null)
    return { name, kind: 'gauge', samples: [], baseline: [], canary: [] }
  }
  const sides = sidesOf(metric, say, countOf)
  const settings = given({
    margin: shareOf(metric.margin, say.under('margin')),
    max: shareOf(metric.max, say.under('max')),
    threshold: thresholdOf(metric.threshold, say.under('threshold')),
  })
  return {
    name,
    kind: kind === 'latency' ? 'latency' : 'ratio',
    ...source,
    ...settings,
    samples: samplesOf(metric, sides, { say, clock }),
    ...sides,
  }
}

type Metric = Readonly<Record<string, unknown>>
type Sides<T> = { readonly baseline: readonly T[]; readonly canary: readonly T[] }

const nameOf = (value: unknown): string | undefined => {
  const name = typeof value === 'object' && value !== null && 'name' in value ? value.name : undefined
  return typeof name === 'string' && name.trim() !== '' && !UNSEEN.test(name) && !(name in {}) ? name : undefined
}

/** Controls, and what turns the direction of the text around it: in a terminal they would rewrite the answer. */
const UNSEEN = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u

/** Milliseconds, as a number or such as 500ms. */
const thresholdOf = (value: unknown, say: Say): number | undefined =>
  typeof value === 'string' ? durationOf(value, say, 0) : numberOf(value, say, { min: 0 })

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

const sidesOf = <T>(metric: Metric, say: Say, read: (value: unknown, say: Say) => T): Sides<T> => {
  const side = (name: 'baseline' | 'canary') =>
    listOf(metric[name], say.under(name), (entry, index) => read(entry, say.under(`${name}[${index}]`)))
  const [baseline, canary] = [side('baseline'), side('canary')]
  if (baseline.length !== canary.length && baseline.length > 0 && canary.length > 0)
    say(`baseline has ${baseline.length} intervals and canary ${canary.length}: give both an entry for each interval`)
  return { baseline, canary }
}

type Reading = { readonly say: Say; readonly clock: Clock }

const samplesOf = (metric: Metric, { baseline }: Sides<unknown>, { say, clock }: Reading): readonly Sample[] => {
  if (metric.samples === undefined) return madeSamples(metric.weight, baseline.length, { say, clock })
  const weight = numberOf(metric.weight, say.under('weight'), PERCENT) ?? HALF
  const samples = listOf(metric.samples, say.under('samples'), (entry, index) =>
    sampleOf(entry, say.under(`samples[${index}]`), weight),
  )
  if (samples.length !== baseline.length && samples.length > 0 && baseline.length > 0)
    say(`samples has ${samples.length} entries and baseline ${baseline.length}: give one for each interval`)
  samples.forEach((sample, index) => {
    const before = samples[index - 1]
    if (before !== undefined && Date.parse(sample.at) < Date.parse(before.at))
      say(`samples[${index}]: ends at ${sample.at}, before the one above it: put them in the order of time`)
  })
  return samples
}

/** One interval after the other; a step ends where the weight changes. */
const madeSamples = (weight: unknown, length: number, { say, clock }: Reading): readonly Sample[] => {
  const weights = Array.isArray(weight)
    ? weight.map((each, index) => numberOf(each, say.under(`weight[${index}]`), PERCENT) ?? HALF)
    : Array<number>(length).fill(numberOf(weight, say.under('weight'), PERCENT) ?? HALF)
  if (weights.length !== length && length > 0)
    say(
      `weight has ${weights.length} entries and baseline ${length}: give one for each interval, or one number for all`,
    )
  const end = clock.since + length * clock.interval
  if (Number.isNaN(new Date(end).getTime())) {
    say(
      `has ${length} intervals that would not end within the years that dates have: give a shorter interval or another since`,
    )
    return []
  }
  let step = 0
  return Array.from({ length }, (_, index) => {
    const [now, before] = [weights[index] ?? HALF, weights[index - 1]]
    if (before !== undefined && before > 0 && now !== before) step += 1
    return { at: new Date(clock.since + (index + 1) * clock.interval).toISOString(), weight: now, step }
  })
}

const PERCENT = { min: 0, max: 100 }
const HALF = 50

const sampleOf = (value: unknown, say: Say, weight: number): Sample => {
  const sample = objectOf(value, say)
  const at = timeOf(sample.at, say.under('at'))
  if (sample.at === undefined) say('at is missing: when the interval ended, such as 2026-01-31T12:00:00Z')
  const dispersion = sample.dispersion === undefined ? undefined : objectOf(sample.dispersion, say.under('dispersion'))
  const divisor = (side: 'baseline' | 'canary') =>
    numberOf(dispersion?.[side], say.under(`dispersion.${side}`), { min: 1 }) ?? 1
  return {
    at: new Date(at ?? 0).toISOString(),
    weight: numberOf(sample.weight, say.under('weight'), PERCENT) ?? weight,
    ...given({ share: numberOf(sample.share, say.under('share'), PERCENT) }),
    step: numberOf(sample.step, say.under('step'), { min: 0 }) ?? 0,
    ...given({
      use: wordOf(sample.use, say.under('use'), USES),
      margin: shareOf(sample.margin, say.under('margin')),
      logE: numberOf(sample.logE, say.under('logE')),
      limitLogE: numberOf(sample.limitLogE, say.under('limitLogE')),
    }),
    ...(dispersion === undefined ? {} : { dispersion: { baseline: divisor('baseline'), canary: divisor('canary') } }),
    ...(flagOf(sample.idle, say.under('idle')) === true ? { idle: true } : {}),
    ...(sample.outliers === undefined ? {} : { outliers: outliersOf(sample.outliers, say.under('outliers')) }),
  }
}

const outliersOf = (value: unknown, say: Say): NonNullable<Sample['outliers']> => {
  const { pods: named, dropped } = objectOf(value, say)
  const pods = listOf(named, say.under('pods'), (pod, index) => podOf(pod, say.under(`pods[${index}]`)))
  if (pods.length > MOST_PODS) say(`pods: has ${pods.length} names, more than the ${MOST_PODS} that may be told`)
  return { pods, ...(flagOf(dropped, say.under('dropped')) === true ? { dropped: true } : {}) }
}

/** A verdict's text names them all. */
const MOST_PODS = 1000

const podOf = (value: unknown, say: Say): string => {
  if (typeof value === 'string' && /^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/.test(value)) return value
  say(`must be the name of a pod, not ${shown(value)}`)
  return ''
}
