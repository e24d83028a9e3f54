/**
 * What became of some releases under one judge. `stops`: seconds from the canary's first weight to each stop; `requests`: those that the canary had answered
 * since the fault began, of each stop. `extra`: the sum over all releases and the sum of squares of their extra bad answers. `codes`: releases that ended or were
 * held without a verdict, by code; `why`: the stopped ones by code.
 */
export type Tally = {
  readonly n: number
  readonly stops: readonly number[]
  readonly requests: readonly number[]
  readonly extra: { readonly sum: number; readonly squares: number }
  readonly codes: { readonly [code: string]: number }
  readonly why: { readonly [code: string]: number }
}

/** How one release ended for one judge. */
export type Ending = {
  readonly kind: 'stopped' | 'inconclusive' | 'passed'
  readonly code?: string | undefined
  readonly at: number
  readonly requests: number
  readonly extra: number
}

/** Of no release. */
export const nothing: Tally = { n: 0, stops: [], requests: [], extra: { sum: 0, squares: 0 }, codes: {}, why: {} }

/** Counts releases together. */
export const tallyOf = (endings: readonly Ending[]): Tally => {
  const stopped = endings.filter(({ kind }) => kind === 'stopped')
  return {
    n: endings.length,
    stops: stopped.map(({ at }) => at),
    requests: stopped.map(({ requests }) => requests),
    extra: {
      sum: endings.reduce((sum, { extra }) => sum + extra, 0),
      squares: endings.reduce((sum, { extra }) => sum + extra * extra, 0),
    },
    codes: countsOf(endings.filter(({ kind }) => kind === 'inconclusive')),
    why: countsOf(stopped),
  }
}

/** Both together; neither holds a release of the other. */
export const merge = (a: Tally, b: Tally): Tally => ({
  n: a.n + b.n,
  stops: [...a.stops, ...b.stops],
  requests: [...a.requests, ...b.requests],
  extra: { sum: a.extra.sum + b.extra.sum, squares: a.extra.squares + b.extra.squares },
  codes: added(a.codes, b.codes),
  why: added(a.why, b.why),
})

const countsOf = (endings: readonly Ending[]): Readonly<Record<string, number>> =>
  endings.reduce<Record<string, number>>((counts, { code = 'none' }) => added(counts, { [code]: 1 }), {})

const added = (a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> => {
  const sum = { ...a }
  for (const [code, count] of Object.entries(b)) sum[code] = (sum[code] ?? 0) + count
  return sum
}
