import type { CountedSeries } from '@sluice/evidence/series'
import type { CanaryReport } from './report.ts'

/**
 * The evidence of one metric over time as a Mermaid chart, on powers of ten, with its limit as the second, straight line: of the metric that came nearest
 * to its limit. Empty where nothing was recorded of it. Mermaid's charts of this kind have neither times nor a legend: so minutes or seconds since the
 * canary's first share, and a title that explains. The colours are seen on white and on black, which the first of Mermaid's own is not.
 * Source: https://mermaid.js.org/syntax/xyChart.html
 */
export const evidenceCourse = ({ details }: CanaryReport): string => {
  const [nearest] = details.metrics
    .flatMap((metric) => (metric.kind === 'gauge' ? [] : [metric]))
    .sort((a, b) => b.logPeak / b.logLimit - a.logPeak / a.logLimit)
  const series = details.series?.find(({ name }) => name === nearest?.name)
  if (nearest === undefined || series === undefined || series.kind === 'gauge') return ''
  const known = judgedOf(series)
  const [first, last] = [known[0], known.at(-1)]
  if (first === undefined || last === undefined || last.at <= first.at) return ''
  const limit = nearest.logLimit / Math.LN10
  const count = Math.min(MOST_POINTS, known.length)
  const values = Array.from({ length: count }, (_, index) => {
    const at = first.at + ((last.at - first.at) * index) / (count - 1)
    const value = known.findLast((each) => each.at <= at)?.logE ?? 0
    return Math.min(limit + ABOVE, Math.max(BOTTOM, value / Math.LN10))
  })
  const seconds = (last.at - first.at) / 1000
  return [
    '```mermaid',
    `%%{init: ${JSON.stringify(LOOKS)}}%%`,
    'xychart-beta',
    `  title "${plainName(nearest.name)}: evidence against the canary (straight line: rollback)"`,
    seconds < 180 ? `  x-axis "seconds" 0 --> ${number(seconds)}` : `  x-axis "minutes" 0 --> ${number(seconds / 60)}`,
    `  y-axis "powers of ten" ${BOTTOM} --> ${number(limit + ABOVE)}`,
    `  line [${values.map(number).join(', ')}]`,
    `  line [${values.map(() => number(limit)).join(', ')}]`,
    '```',
  ].join('\n')
}

const MOST_POINTS = 60
const BOTTOM = -1
const ABOVE = 1
const LOOKS = { xyChart: { height: 320 }, themeVariables: { xyChart: { plotColorPalette: '#a371f7, #f0524f' } } }

const judgedOf = ({ samples }: CountedSeries): readonly { readonly at: number; readonly logE: number }[] =>
  samples.flatMap(({ at, weight, logE }) => (weight === 0 || logE === undefined ? [] : [{ at: Date.parse(at), logE }]))

/** Nothing in a name can end the title or begin a directive. */
const plainName = (name: string): string => name.replace(/[^\p{L}\p{N}._/-]+/gu, ' ').trim()

const number = (value: number): string => String(Math.round(value * 100) / 100)
