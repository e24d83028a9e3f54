import { beginOf, type Course, type Side, type Truth } from './release.ts'

/** What a cell is about, and by which goal it is measured: see `goals.ts`. */
export type Group =
  | 'independent'
  | 'outage'
  | 'skew'
  | 'overdispersed'
  | 'retries'
  | 'drift'
  | 'pods'
  | 'bursts'
  | 'populations'
  | 'cold'
  | 'regression'

/**
 * One truth at one request rate (requests per second, both sides). `metric`: what a bad answer is, one that failed or one that was slow. `warmUp`: of the
 * plan, seconds. `from`: when a regression begins, seconds. `twin`: the name of the same release without its regression, at the same rate;
 * absent: the cell is that of a healthy release.
 */
export type Cell = {
  readonly name: string
  readonly rate: number
  readonly group: Group
  readonly metric: 'errors' | 'latency'
  readonly truth: Truth
  readonly warmUp?: number
  readonly from?: number
  readonly twin?: string
}

/** Of which rates and ratios cells are made. `base`: the baseline's ratio wherever a cell is not about another. `spreadFrom`: the least rate with pods that differ. */
export type Grid = {
  readonly rates: readonly number[]
  readonly ratios: readonly number[]
  readonly base: number
  readonly regressions: readonly number[]
  readonly spreadFrom: number
}

/** What is reported. */
export const REPORTED: Grid = {
  rates: [1, 5, 50, 500],
  ratios: [0.001, 0.005, 0.02, 0.1],
  base: 0.005,
  regressions: [0.015, 0.03, 0.1, 0.5],
  spreadFrom: 500,
}

/** What the judge's constants were chosen by, with seeds of its own: nothing of it is reported. */
export const TUNED_ON: Grid = {
  rates: [2, 20, 200],
  ratios: [0.003, 0.01],
  base: 0.003,
  regressions: [0.009, 0.02, 0.06, 0.3],
  spreadFrom: 200,
}

/** Every cell of a grid, rate by rate. */
export const cellsOf = (grid: Grid): readonly Cell[] =>
  grid.rates.flatMap((rate) =>
    [...healthy(grid), ...regressions(grid)]
      .filter(({ group }) => group !== 'pods' || rate >= grid.spreadFrom)
      .map((cell) => ({ ...cell, rate })),
  )

/** A cell's name with its rate: what it is found by. */
export const keyOf = ({ rate, name }: Pick<Cell, 'rate' | 'name'>): string => `${rate}/s, ${name}`

/** `0.5 %` */
export const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`

type Rateless = Omit<Cell, 'rate'>

const healthy = ({ ratios, base }: Grid): readonly Rateless[] => {
  const sound = (group: Group, name: string, truth: Truth): Rateless => ({ name, group, metric: 'errors', truth })
  const usual = both(steady(base))
  return [
    ...ratios.map((ratio) => sound('independent', `healthy at ${percent(ratio)}`, both(steady(ratio)))),
    ...OUTAGES.map((during) =>
      sound('outage', `shared outage of ${percent(during)}, 6 min`, both(outage(base, during))),
    ),
    ...OUTAGES.flatMap((during) =>
      (['baseline', 'canary'] as const).flatMap((side) =>
        [5, 15].map((seconds) =>
          sound(
            'skew',
            `shared outage of ${percent(during)}, ${side} read ${seconds} s late`,
            late(outage(base, during), side, seconds),
          ),
        ),
      ),
    ),
    sound('drift', `load doubles, errors ${percent(base)} to ${percent(4 * base)}`, {
      ...both(drift(base, 4 * base)),
      load: drift(1, 2),
    }),
    sound('drift', `load halves, errors ${percent(4 * base)} to ${percent(base)}`, {
      ...both(drift(4 * base, base)),
      load: drift(1, 0.5),
    }),
    ...RHOS.map((rho) => sound('overdispersed', `beta-binomial errors, ρ ${rho}`, { ...usual, rho })),
    sound('retries', 'clients ask three times more', { ...usual, retries: 3 }),
    sound('bursts', BURSTS, { ...usual, bursts }),
    ...ratios
      .slice(1)
      .map((ratio) =>
        sound('pods', `pods differ, log-sd 0.2, at ${percent(ratio)}`, { ...both(steady(ratio)), podSpread: 0.2 }),
      ),
    ...[0.1, 0.3].flatMap((internal) =>
      [base, 4 * base].map((ratio) =>
        sound('populations', internalName(internal, ratio), {
          ...both(steady(ratio)),
          internal,
        }),
      ),
    ),
    { ...sound('independent', SLOW_TWIN, both(steady(SLOW))), metric: 'latency' },
    {
      ...sound('cold', 'cold caches: 20 % slow in the first minute, warm-up 60 s', cold),
      metric: 'latency',
      warmUp: 60,
    },
    { ...sound('cold', 'cold caches: 20 % slow in the first minute, no warm-up', cold), metric: 'latency' },
  ]
}

const regressions = ({ base, regressions: ratios }: Grid): readonly Rateless[] => {
  const usual = { group: 'regression', metric: 'errors', twin: `healthy at ${percent(base)}` } as const
  const [, middle = base, large = base] = ratios
  return [
    ...ratios.map((ratio) => ({
      ...usual,
      name: `errors ${percent(base)} → ${percent(ratio)}`,
      truth: { baseline: steady(base), canary: steady(ratio) },
    })),
    {
      ...usual,
      name: `errors ${percent(base)} → ${percent(middle)} at 50 %`,
      from: LAST_STEP,
      truth: { baseline: steady(base), canary: (at: number) => (at >= LAST_STEP ? middle : base) },
    },
    {
      ...usual,
      name: `errors ${percent(base)} → ${percent(middle)}, ρ 0.02`,
      twin: 'beta-binomial errors, ρ 0.02',
      truth: { baseline: steady(base), canary: steady(middle), rho: 0.02 },
    },
    {
      ...usual,
      name: `errors ${percent(base)} → ${percent(large)}, bursts`,
      twin: BURSTS,
      truth: { baseline: steady(base), canary: steady(large), bursts },
    },
    {
      ...usual,
      name: `errors ${percent(base)} → ${percent(middle)}, 30 % internal`,
      twin: internalName(0.3, base),
      truth: { baseline: steady(base), canary: steady(middle), internal: 0.3 },
    },
    ...[0.02, 0.05, 0.2].map((ratio) => ({
      ...usual,
      metric: 'latency' as const,
      twin: SLOW_TWIN,
      name: `slow answers ${percent(SLOW)} → ${percent(ratio)}`,
      truth: { baseline: steady(SLOW), canary: steady(ratio) },
    })),
  ]
}

const OUTAGES = [0.08, 0.5]
const BURSTS = 'a pod fails half of its requests for 30 s, every 15 min'
const bursts = { every: 900, share: 0.5 }
const RHOS = [0.01, 0.02, 0.05]
const SLOW = 0.01
const SLOW_TWIN = `healthy, ${percent(SLOW)} slow`
const LAST_STEP = beginOf(2)
const END = beginOf(3)

const internalName = (internal: number, ratio: number): string =>
  `${percent(internal)} of the baseline is internal, errors ${percent(ratio)}`

const steady =
  (share: number): Course =>
  () =>
    share

const outage =
  (before: number, during: number): Course =>
  (at) =>
    at >= 300 && at < 660 ? during : before

/** From one value at the canary's first weight to another at the end, in a straight line. */
const drift =
  (from: number, to: number): Course =>
  (at) =>
    from + (to - from) * Math.max(0, at / END)

const both = (course: Course): Truth => ({ baseline: course, canary: course })

const late = (course: Course, side: Side, seconds: number): Truth => ({ ...both(course), late: { side, seconds } })

const cold: Truth = { baseline: steady(SLOW), canary: (at) => (at < 60 ? 0.2 : SLOW) }
