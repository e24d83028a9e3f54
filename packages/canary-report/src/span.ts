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
