import type { Series } from '@sluice/evidence/series'
import type { Span } from './axis.ts'
import type { Details } from './report.ts'

/** The time that the charts show: from the first interval, look or step to the last, ms; `undefined` where nothing was recorded. */
export const spanOf = ({
  series = [],
  looks = [],
  steps,
}: Pick<Details, 'series' | 'looks' | 'steps'>): Span | undefined => {
  const told = [
    ...series.flatMap(({ samples }) => [samples[0]?.at, samples.at(-1)?.at]),
    ...[looks[0]?.at, looks.at(-1)?.at],
    ...steps.flatMap(({ since, until }) => [since, until]),
  ]
  const times = told.flatMap((at) => (at === undefined ? [] : [Date.parse(at)])).filter(Number.isFinite)
  const [from, until] = [Math.min(...times), Math.max(...times)]
  return from < until ? { from, until } : undefined
}

/**
 * The details as they are drawn: without the intervals that ended before the release's first look, half an hour of the baseline's past that some sources tell.
 * Beside it a release of minutes could not be read; the tables have it.
 */
export const sinceFirstLook = (details: Details): Details => {
  const begin = Date.parse(details.looks?.[0]?.at ?? '')
  if (details.series === undefined || !Number.isFinite(begin)) return details
  return { ...details, series: details.series.map((series) => from(series, begin)) }
}

const from = (series: Series, begin: number): Series => {
  const first = series.samples.findIndex(({ at }) => Date.parse(at) >= begin)
  const cut = <T>(all: readonly T[]): readonly T[] => (first < 0 ? [] : all.slice(first))
  const samples = cut(series.samples)
  return series.kind === 'gauge'
    ? { ...series, samples, baseline: cut(series.baseline), canary: cut(series.canary) }
    : { ...series, samples, baseline: cut(series.baseline), canary: cut(series.canary) }
}
