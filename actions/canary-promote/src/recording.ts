import type { Look } from '@sluice/canary-report/report'
import type { Sampled } from '@sluice/evidence/judge'
import type { ReleaseRecord, World } from '@sluice/release/record'
import { askedWeight } from '@sluice/release/way'
import { watchOf } from './judgement.ts'
import { settingsOf } from './plan.ts'
import { providerOf } from './providers.ts'

/**
 * What one process saw of a release, for its report: it is held in memory and not saved in the cluster, so of a release that was taken over it begins
 * with the takeover. `shares`: what was counted since the last look that was kept, by metric.
 */
export type Recording = {
  readonly taken: { readonly [metric: string]: readonly Sampled[] }
  readonly looks: readonly Look[]
  readonly shares: { readonly [metric: string]: Requests }
}

type Requests = { readonly baseline: number; readonly canary: number }

/** Nothing seen yet. */
export const beginRecording: Recording = { taken: {}, looks: [], shares: {} }

/**
 * Remembers one look: what was judged, and what was seen of the cluster wherever that changed, or 15 s after the last look that was kept where requests
 * were counted. Bounded: beyond 5,000 intervals of a metric neighbours of one step, weight, share and use are merged in pairs, the oldest again and again, but none
 * with the one from which on its evidence began anew; beyond 5,000 looks every second one is dropped. Counts are added up, of a gauge's values the mean is kept.
 * @param record as it was when the look was begun
 */
export const recordLook = (
  { taken, looks, shares }: Recording,
  look: { readonly record: ReleaseRecord; readonly world: World; readonly samples?: readonly Sampled[] },
): Recording => {
  const { record, world, samples = [] } = look
  const counted = countedOf(shares, samples, record)
  const seen = lookOf(record, world, counted)
  const last = looks.at(-1)
  const kept =
    last === undefined ||
    !isSame(last, seen) ||
    (seen.observed !== undefined && world.at - Date.parse(last.at) >= OBSERVED_EVERY)
  return {
    taken: withSamples(taken, samples),
    looks: kept ? thinned([...looks, seen], (all) => all.filter((_, index) => index % 2 === 1)) : looks,
    shares: kept ? {} : counted,
  }
}

const OBSERVED_EVERY = 15_000
const MOST = 5000

const thinned = <T>(all: readonly T[], thin: (all: readonly T[]) => readonly T[]): readonly T[] =>
  all.length > MOST ? thin(all) : all

const withSamples = (before: Recording['taken'], samples: readonly Sampled[]): Recording['taken'] => ({
  ...before,
  ...Object.fromEntries(
    byMetric(samples).map(([metric, more]) => [metric, thinned([...(before[metric] ?? []), ...more], inPairs)]),
  ),
})

const byMetric = (samples: readonly Sampled[]): readonly (readonly [string, readonly Sampled[]])[] =>
  [...new Set(samples.map(({ metric }) => metric))].map((name) => [
    name,
    samples.filter(({ metric }) => metric === name),
  ])

const inPairs = (all: readonly Sampled[]): readonly Sampled[] => {
  const merged: Sampled[] = []
  for (let index = 0; index < all.length; index++) {
    const [first, second] = [all[index], all[index + 1]]
    const both = first === undefined || second === undefined ? undefined : together(first, second)
    if (both !== undefined) index++
    const next = both ?? first
    if (next !== undefined) merged.push(next)
  }
  return merged
}

/** Two neighbours as one, with what stood at the end of it; `undefined` for those that must stay apart. */
const together = (first: Sampled, second: Sampled): Sampled | undefined => {
  if (first.step !== second.step || first.weight !== second.weight || first.share !== second.share) return undefined
  if (first.kind === 'gauge' && second.kind === 'gauge')
    return {
      ...second,
      baseline: mean(first.baseline, second.baseline),
      canary: mean(first.canary, second.canary),
    }
  if (first.kind === 'gauge' || second.kind === 'gauge' || first.use !== second.use) return undefined
  // The second's evidence began with this: both together, it would hold what was dropped.
  if (first.outliers?.dropped) return undefined
  // What was compared would wait again.
  if (second.idle === true && first.idle !== true) return undefined
  const add = (side: 'baseline' | 'canary') => ({
    n: first[side].n + second[side].n,
    k: first[side].k + second[side].k,
  })
  return { ...second, baseline: add('baseline'), canary: add('canary') }
}

const mean = (a: number | null, b: number | null): number | null => (a === null || b === null ? (a ?? b) : (a + b) / 2)

/** The users' requests only: ours go to both sides alike. Beside a fresh baseline most of the users' are counted by neither. */
const countedOf = (
  before: Recording['shares'],
  samples: readonly Sampled[],
  record: ReleaseRecord,
): Recording['shares'] => {
  if (record.plan.baseline === 'fresh') return before
  const settings = settingsOf(record)
  const own = new Set(
    settings.metrics.flatMap((metric) => (providerOf(metric, settings) === 'probe' ? [metric.name] : [])),
  )
  const users = samples.filter(({ metric }) => !own.has(metric))
  const more = byMetric(users).map(([metric, all]) => {
    const sum = (side: 'baseline' | 'canary'): number =>
      all.reduce((n, each) => n + (each.kind === 'counted' ? each[side].n : 0), before[metric]?.[side] ?? 0)
    return [metric, { baseline: sum('baseline'), canary: sum('canary') }] as const
  })
  return { ...before, ...Object.fromEntries(more) }
}

const lookOf = (record: ReleaseRecord, { at, weight, stable, canary }: World, shares: Recording['shares']): Look => {
  const observed = observedShare(shares)
  return {
    at: new Date(at).toISOString(),
    phase: record.state.phase,
    step: 'step' in record.state ? record.state.step : (watchOf(record).steps.at(-1)?.step ?? 0),
    asked: askedWeight(record),
    written: weight.written,
    ...(observed === undefined ? {} : { observed }),
    stable: { available: stable.available, desired: stable.desired },
    ...(canary === undefined
      ? {}
      : { canary: { ready: canary.ready, desired: canary.desired, restarts: canary.restarts } }),
  }
}

/** By the metric that counts most, which is nearest to all requests; percent with one decimal. */
const observedShare = (shares: Recording['shares']): number | undefined => {
  const all = ({ baseline, canary }: Requests): number => baseline + canary
  const most = Object.values(shares).reduce<Requests>((a, b) => (all(b) > all(a) ? b : a), { baseline: 0, canary: 0 })
  return all(most) === 0 ? undefined : Math.round((1000 * most.canary) / all(most)) / 10
}

const isSame = ({ at: _, observed: __, ...a }: Look, { at: ___, observed: ____, ...b }: Look): boolean =>
  JSON.stringify(a) === JSON.stringify(b)
