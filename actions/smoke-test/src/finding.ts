import type { Finding } from '@sluice/kit/report'
import type { SeriesReport } from './series.ts'

/** One finding for each check that did not pass, worst first, at the check's line. */
export const findings = (series: readonly SeriesReport[]): readonly Finding[] =>
  series
    .filter(({ result }) => result !== 'passed')
    .sort((a, b) => Number(a.result === 'not-tried') - Number(b.result === 'not-tried'))
    .map(({ name, result, problems, tries, where }) => ({
      id: result,
      level: result === 'not-tried' ? ('warning' as const) : ('error' as const),
      text: `${name}: ${problems.join('; ') || 'not tried'}`,
      n: tries,
      ...(where === undefined ? {} : { where }),
    }))
