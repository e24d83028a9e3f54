import { add, type Count, remember, share, zero } from './count.ts'

/**
 * How much more the baseline's own past varies than independent requests would: between neighbouring intervals (`time`), and between its pods within one
 * interval (`pods`), each over the intervals as they are read and over blocks of a minute. `spread`: each pod's requests of the whole release, for what
 * stays different between them. The other sums forget with a half hour. Plain JSON, as large as a step has pods.
 */
export type DispersionState = {
  readonly at?: number
  readonly interval: Scale
  readonly minute: Scale & { readonly since?: number }
  readonly spread: PodCounts
}

/**
 * What one scale has shown. `last`: the baseline of the interval before; `level`: of the last intervals together; `held`: large differences that
 * wait for one the other way; `swings`: how many there were lately, `spared`: the first of them, until there is another; `open`: what of the present interval is summed so far.
 */
type Scale = {
  readonly time: Excess
  readonly pods: Excess
  readonly last?: Count
  readonly level?: Count
  readonly held?: readonly Difference[]
  readonly swings?: number
  readonly spared?: Excess
  readonly open?: { readonly baseline: Count; readonly pods: PodCounts }
}

/**
 * Σ (z² − 1), what that would be at ρ = 1, and its variance among independent requests: ρ̂ = excess / perRho. `terms` counts what entered.
 */
type Excess = { readonly excess: number; readonly perRho: number; readonly variance: number; readonly terms: number }

/** Between two neighbouring intervals: the excess, z with its sign, and how many intervals ago. */
type Difference = { readonly excess: Excess; readonly z: number; readonly age: number }

/** Requests by pod. */
export type PodCounts = { readonly [uid: string]: Count }

/** A baseline's interval: its end (ms), all requests, and those of each pod where the source has pods. */
export type BaselineInterval = { readonly at: number; readonly baseline: Count; readonly pods?: PodCounts }

/** Nothing seen: requests are taken for independent. */
export const beginDispersion = (): DispersionState => ({
  interval: { time: nothing, pods: nothing },
  minute: { time: nothing, pods: nothing },
  spread: {},
})

/** Learns from an interval of the baseline's, judged or not. */
export const learnDispersion = (state: DispersionState, look: BaselineInterval): DispersionState => {
  const { at, baseline, pods = {} } = look
  const keep = state.at === undefined ? 1 : Math.exp(-Math.max(0, at - state.at) / MEMORY)
  const interval = close(forget(state.interval, keep), baseline, pods)
  const since = state.minute.since ?? state.at ?? at
  const open = {
    baseline: add(state.minute.open?.baseline ?? zero, baseline),
    pods: plus(state.minute.open?.pods ?? {}, pods),
  }
  const minute = forget(state.minute, keep)
  return {
    at,
    interval,
    minute:
      at - since >= BLOCK ? { ...close(minute, open.baseline, open.pods), since: at } : { ...minute, open, since },
    spread: addPods(state.spread, pods),
  }
}

/** ρ̂, 0 … 1: the correlation between two requests of an interval (`time`), and between two that one pod answers (`pods`), over intervals as they are read and over minutes. */
export type Correlations = {
  readonly [Scale in 'interval' | 'minute']: { readonly time: number; readonly pods: number }
}

/** What the past shows now: each is lowered by one standard error, so that chance alone slows no verdict. */
export const correlationsOf = ({ interval, minute }: DispersionState): Correlations => ({
  interval: { time: correlation(interval.time), pods: correlation(interval.pods) },
  minute: { time: correlation(minute.time), pods: correlation(minute.pods) },
})

/**
 * By what a side's counts of an interval are divided: φ = 1 + (n − 1)ρ̂, the largest over both scales, over time and between pods. 1 where the past looks
 * independent.
 *
 * With any such divisor that only the past decides, the comparison keeps its guarantee for independent requests (a power below one of an E-variable is one,
 * by Jensen); for dependent ones it is an approximation. docs/decisions/0003-evidence.md.
 * @param side `n` requests of the interval, `lasted` ms, answered by `pods` pods (0: not known)
 */
export const dispersionOf = (
  { interval, minute }: Correlations,
  { n, lasted, pods }: { readonly n: number; readonly lasted: number; readonly pods: number },
): number => {
  const perMinute = n * Math.max(1, BLOCK / Math.max(1, lasted))
  const between = (rho: number, requests: number): number => (pods > 0 ? 1 + Math.max(0, requests / pods - 1) * rho : 1)
  const over = (rho: number, requests: number): number => 1 + Math.max(0, requests - 1) * rho
  return Math.max(
    1,
    over(interval.time, n),
    over(minute.time, perMinute),
    between(interval.pods, n),
    between(minute.pods, perMinute),
  )
}

/**
 * The standard deviation of the ratio between the baseline's pods beyond what chance explains, absolute 0 … 1: no two pods are equal to the last digit, and a
 * canary of few pods may be an ordinary one of them. 0 for fewer than three pods.
 */
export const podSpread = ({ spread }: DispersionState): number => {
  const pods = Object.values(spread).filter(({ n }) => n >= 1)
  const all = pods.reduce(add, zero)
  if (pods.length < 3 || all.k < 1) return 0
  const p = share(all)
  return Math.sqrt(correlation(betweenPods(pods)) * p * (1 - p))
}

const nothing: Excess = { excess: 0, perRho: 0, variance: 0, terms: 0 }
/** The past that counts, ms. */
const MEMORY = 30 * 60_000
const BLOCK = 60_000
/** So many intervals tell what is usual now. */
const LEVEL = 20
/** A difference is large from so many times what is expected of its square by now. */
const LARGE = 9
/**
 * A large difference counts when one the other way follows within so many intervals. Else the level has changed, as where an outage begins or ends: that says
 * nothing of the minutes between, and hits both sides.
 */
const SWING = 4
/** A swing by itself is a short outage. It counts with the next one, as long as so much of it is still remembered. */
const REMEMBERED = 0.25
/** So many ordinary differences are taken to have come before the first. */
const ORDINARY = 10

const forget = (scale: Scale, keep: number): Scale => ({
  ...scale,
  time: weighted(scale.time, keep),
  pods: weighted(scale.pods, keep),
  ...(scale.swings === undefined ? {} : { swings: scale.swings * keep }),
  ...(scale.spared === undefined ? {} : { spared: weighted(scale.spared, keep) }),
})

const weighted = ({ excess, perRho, variance, terms }: Excess, keep: number): Excess => ({
  excess: excess * keep,
  perRho: perRho * keep,
  variance: variance * keep,
  terms: terms * keep,
})

const close = (scale: Scale, baseline: Count, pods: PodCounts): Scale => {
  const { open: _, spared, ...known } = scale
  const { last } = known
  const each = Object.values(pods).filter(({ n }) => n > 0)
  const after = { ...known, ...(spared === undefined ? {} : { spared }), pods: joined(scale.pods, betweenPods(each)) }
  if (baseline.n === 0) return after
  const level = remember(scale.level ?? zero, baseline, LEVEL * baseline.n)
  if (last === undefined) return { ...after, last: baseline, level }
  const difference = betweenIntervals(last, baseline, level)
  const held = (scale.held ?? []).map((each) => ({ ...each, age: each.age + 1 }))
  const isLarge = difference.z * difference.z > LARGE * expected(scale.time)
  const swung = isLarge ? held.filter(({ z, age }) => age <= SWING && isBack(z, difference.z)) : []
  const settled = held.some(({ age }) => age > SWING)
  const kept = held.filter((each) => each.age <= SWING && !swung.includes(each))
  const now = { ...after, last: baseline, level: settled ? add(last, baseline) : level }
  if (!isLarge) return { ...now, held: kept, time: joined(scale.time, difference.excess) }
  if (swung.length === 0) return { ...now, held: [...kept, difference] }
  const swing = [...swung, difference].reduce((sum, { excess }) => joined(sum, excess), nothing)
  const { swings = 0 } = scale
  if (swings < REMEMBERED) return { ...now, held: kept, swings: swings + 1, spared: swing }
  const { spared: __, ...again } = now
  return {
    ...again,
    held: kept,
    swings: swings + 1,
    time: [spared ?? nothing, swing].reduce(joined, scale.time),
  }
}

/** Whether a difference takes back at least half of an earlier one. */
const isBack = (earlier: number, z: number): boolean => z * earlier < 0 && Math.abs(z) >= Math.abs(earlier) / 2

const joined = (a: Excess, b: Excess): Excess => ({
  excess: a.excess + b.excess,
  perRho: a.perRho + b.perRho,
  variance: a.variance + b.variance,
  terms: a.terms + b.terms,
})

/** What z² is by now, on average. */
const expected = ({ excess, terms }: Excess): number => Math.max(1, 1 + excess / (terms + ORDINARY))

/** Neighbours share an interval, so their differences are not independent: 3 for the 2 of independent ones. */
const betweenIntervals = (a: Count, b: Count, level: Count): Difference => {
  const p = share(level)
  const size = (2 * a.n * b.n) / (a.n + b.n)
  const expectedBad = size * p * (1 - p)
  if (!(expectedBad > LEAST_EXPECTED)) return { excess: nothing, z: 0, age: 0 }
  const z = ((b.k / b.n - a.k / a.n) * size) / Math.sqrt(2 * expectedBad)
  // Bad answers that are few have more of the large squares, and of the small ones.
  return {
    excess: { excess: z * z - 1, perRho: Math.max(0, size - 1), variance: 3 + 1 / expectedBad, terms: 1 },
    z,
    age: 0,
  }
}

/** After hours without a bad answer what is left of a level is so little that JSON has no number for one by it. */
const LEAST_EXPECTED = 1e-12

const betweenPods = (pods: readonly Count[]): Excess => {
  const all = pods.reduce(add, zero)
  if (pods.length < 2 || all.k <= 1 || all.k >= all.n - 1) return nothing
  const p = share(all)
  const free = pods.length - 1
  const square = pods.reduce((sum, { n, k }) => sum + (k - n * p) ** 2 / (n * p * (1 - p)), 0)
  const size = (all.n - pods.reduce((sum, { n }) => sum + n * n, 0) / all.n) / free
  const known = 1 - 1 / Math.min(all.k, all.n - all.k)
  return {
    excess: square - free,
    perRho: free * Math.max(0, size - 1) * known,
    variance: 2 * free * known,
    terms: free,
  }
}

/** ρ̂, lowered by a standard error; 0 … 1. */
const correlation = ({ excess, perRho, variance }: Excess): number =>
  perRho > 0 ? Math.min(1, Math.max(0, (excess - Math.sqrt(variance)) / perRho)) : 0

const plus = (a: PodCounts, b: PodCounts): PodCounts => {
  // Of each pod of every interval: a copy and a loop are several times faster than entries.
  const sum: Record<string, Count> = { ...a }
  for (const uid in b) {
    const [before, more] = [sum[uid], b[uid]]
    if (more !== undefined) sum[uid] = before === undefined ? more : add(before, more)
  }
  return sum
}

/** What each pod has counted so far, with an interval's. Pods come and go; beyond fifty those that answered least are forgotten first. */
export const addPods = (all: PodCounts, pods: PodCounts): PodCounts => known(plus(all, pods))

const known = (pods: PodCounts): PodCounts => {
  if (Object.keys(pods).length <= PODS_KEPT) return pods
  const all = Object.entries(pods)
  return Object.fromEntries(all.sort(([, a], [, b]) => b.n - a.n).slice(0, PODS_KEPT))
}
const PODS_KEPT = 50
