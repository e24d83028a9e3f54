import { Fault } from '@sluice/kit/faults'

/**
 * A query as it is sent so that each point is the count of one period over all hosts: `.as_count()` and `.rollup(sum, N)` are added to a query of
 * one metric. One with arithmetic must carry them itself, on each of its metrics.
 * Source: https://docs.datadoghq.com/dashboards/functions/rollup/ (without a rollup Datadog averages, over a width of its own choice)
 * @throws Fault('input') for what would not be a count: another space aggregation, a rate, a rollup of another width or kind, arithmetic without any
 */
export const countQuery = (query: string, width: number, where: string): string => {
  const seconds = width / 1000
  const rollups = [...query.matchAll(/\.rollup\(([^)]*)\)/g)].map(([, inner = '']) => inner.replace(/\s/g, ''))
  const otherRollup = rollups.find((inner) => inner !== `sum,${seconds}`)
  if (/\.as_rate\(\)/.test(query)) throw noCount(`${where} is a rate: ${query}`, seconds)
  if (/\b(?:avg|min|max|p\d+):/.test(query) || !/\b(?:sum|count)\b/.test(query))
    throw noCount(`${where} is not summed over hosts: ${query}`, seconds)
  if (otherRollup !== undefined) throw noCount(`${where} is rolled up by (${otherRollup}): ${query}`, seconds)
  if (isSingle(query))
    return [
      query,
      query.includes('.as_count()') ? '' : '.as_count()',
      rollups.length > 0 ? '' : rollup('sum', width),
    ].join('')
  const metrics = query.match(/[\w.]+(?<!\bby)\{[^{}]*\}/g)?.length ?? 0
  const counts = query.match(/\.as_count\(\)/g)?.length ?? 0
  if (metrics === 0 || counts !== metrics || rollups.length !== metrics)
    throw noCount(`${where} has arithmetic, and not each of its metrics is a count: ${query}`, seconds)
  return query
}

/** A gauge's query with the mean of each period, unless it has a rollup of its own. */
export const gaugeQuery = (query: string, width: number): string =>
  isSingle(query) && !query.includes('.rollup(') ? `${query}${rollup('avg', width)}` : query

const rollup = (by: 'sum' | 'avg', width: number): string => `.rollup(${by}, ${width / 1000})`

const noCount = (text: string, seconds: number): Fault =>
  new Fault(
    'input',
    text,
    `Requests are counted over ${seconds} s: sum:METRIC{SCOPE}.as_count().rollup(sum, {{interval}}), each metric of it`,
  )

/** One metric with its scope, grouping and functions after it: what is added at the end belongs to all of it. */
const isSingle = (query: string): boolean =>
  /^\s*(?:[\w()<>=:. ]+:)?[\w.]+\{[^{}]*\}(?:\s*by\s*\{[^{}]*\})?(?:\.\w+\([^()]*\))*\s*$/.test(query)
