import type { GaugeSeries } from '@sluice/evidence/series'
import { timeTicks, valueTicks } from './axis.ts'
import { line, type Point, thinned } from './curve.ts'
import { eventMarks, RAIL } from './events.ts'
import { axes, endLabels, fieldOf, figure, r } from './figure.ts'
import { html, type Markup } from './html.ts'
import { value as valueText } from './numbers.ts'
import type { Course } from './shares.ts'

type Side = 'baseline' | 'canary'

/** A gauge: the mean over each side's pods over time, in its own unit, between its bounds. */
export const gaugeChart = (series: GaugeSeries, id: string, { span, events }: Course): Markup => {
  const bounds = [
    ...(series.max === undefined ? [] : [{ name: 'at most', value: series.max }]),
    ...(series.min === undefined ? [] : [{ name: 'at least', value: series.min }]),
  ]
  const values = [...series.baseline, ...series.canary].filter((value) => value !== null)
  const top = Math.max(...values, ...bounds.map(({ value }) => value), 1e-9) * 1.12
  const caption = {
    id,
    title: `${series.name}: canary and baseline over time`,
    description: `${(['canary', 'baseline'] as const).map((side) => describe(series, side)).join(' ')} Every value is in the table of this metric.`,
    legend: [
      { key: 'canary', text: 'canary' },
      { key: 'baseline', text: 'baseline' },
      ...bounds.map(({ name, value }) => ({ key: 'max', text: `${name} ${valueText(value)}` })),
    ],
  }
  return figure(caption, RAIL + HEIGHT + 26, (size) => {
    const low = Math.min(0, ...values)
    const field = fieldOf(size, span, { top: RAIL, height: HEIGHT, range: [low, top] })
    const labels = [
      ...(['canary', 'baseline'] as const).flatMap((side) => {
        const last = pointsOf(series, side).findLast((point) => point.value !== undefined)?.value
        return last === undefined ? [] : [{ y: field.y(last), text: `${side} ${valueText(last)}`, key: side }]
      }),
      ...bounds.map(({ name, value }) => ({ y: field.y(value), text: `${name} ${valueText(value)}`, key: 'max' })),
    ]
    return html`${axes(field, { values: valueTicks(top, 4, valueText), times: timeTicks(span, size.ticks) })}
${bounds.map(({ value }) => html`<path class="max-line" d="M${r(field.left)} ${r(field.y(value))}H${r(field.right)}"/>`)}
${(['baseline', 'canary'] as const).map((side) => html`<path class="${side}-line" d="${line(field, thinned(pointsOf(series, side), size.name === 'wide' ? 240 : 100))}"/>`)}
${eventMarks(field, events)}${endLabels(size, field, labels)}`
  })
}

const HEIGHT = 150

const pointsOf = (series: GaugeSeries, side: Side): readonly Point[] =>
  series.samples.map(({ at }, index) => ({ at: Date.parse(at), value: series[side][index] ?? undefined }))

const describe = (series: GaugeSeries, side: Side): string => {
  const values = series[side].filter((value) => value !== null)
  if (values.length === 0) return `The ${side} showed no value.`
  return `The ${side} was between ${valueText(Math.min(...values))} and ${valueText(Math.max(...values))}.`
}
