import type { Judged } from './judge.ts'

/** All tries of one check, the latest last. */
export type Series = {
  readonly name: string
  readonly where?: string
  readonly tries: readonly Try[]
}
/** One try of one check. */
export type Try = {
  readonly round: number
  /** `not-tried`: a value it needs was not captured in this round. */
  readonly result: Judged | { readonly kind: 'not-tried'; readonly problems: readonly string[] }
  /** Milliseconds; absent when no request was made. */
  readonly tookMs?: number
}

/** One check's line in the report. Times are ms over all its answered tries; absent when there was none. */
export type SeriesReport = {
  readonly name: string
  readonly result: 'passed' | 'wrong-image' | 'wrong-answer' | 'no-answer' | 'unreachable' | 'not-tried'
  readonly tries: number
  readonly passed: number
  readonly p50Ms?: number
  readonly p95Ms?: number
  /** Of the latest try. */
  readonly problems: readonly string[]
  readonly where?: string
}

/** A check's tries as numbers: how many passed, the median and 95th percentile of their times in ms, and the problems of the latest one. */
export const reportSeries = ({ name, where, tries }: Series): SeriesReport => {
  const latest = tries.at(-1)?.result
  const times = tries.flatMap(({ tookMs }) => (tookMs === undefined ? [] : [tookMs]))
  return {
    name,
    result: latest === undefined || latest.kind === 'not-tried' ? 'not-tried' : resultOf(latest),
    tries: tries.length,
    passed: tries.filter(({ result }) => result.kind === 'passed').length,
    ...(times.length === 0
      ? {}
      : { p50Ms: Math.round(percentile(times, 50)), p95Ms: Math.round(percentile(times, 95)) }),
    problems: latest === undefined || latest.kind === 'passed' ? [] : latest.problems,
    ...(where === undefined ? {} : { where }),
  }
}

/** The nearest-rank percentile: a time that was really measured. @param values at least one */
export const percentile = (values: readonly number[], percent: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN
}

const resultOf = (judged: Judged): SeriesReport['result'] => (judged.kind === 'passed' ? 'passed' : judged.cause)
