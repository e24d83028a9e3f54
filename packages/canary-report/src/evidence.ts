import type { CountedJudgement } from '@sluice/evidence/metric'
import type { CountedSeries } from '@sluice/evidence/series'
import { type Tick, timeTicks } from './axis.ts'
import { line, type Point, thinned } from './curve.ts'
import { eventLines } from './events.ts'
import { axes, endLabels, type Field, fieldOf, figure, r, type Size } from './figure.ts'
import { html, type Markup } from './html.ts'
import { clock, magnitude, powerOfTen } from './numbers.ts'
import type { Course } from './shares.ts'

type Which = 'logE' | 'limitLogE'

/** A metric's evidence over time on a scale of powers of ten, against the limit at which it rejects; nothing where none was recorded. */
export const evidenceChart = (
  series: CountedSeries,
  judgement: CountedJudgement,
  { id, course }: { readonly id: string; readonly course: Course },
): Markup | undefined => {
  const { logLimit } = judgement
  const [comparison, absolute] = [pointsOf(series, 'logE'), pointsOf(series, 'limitLogE')]
  const known = [...comparison, ...absolute].flatMap(({ value }) => (value === undefined ? [] : [value]))
  if (known.length === 0) return undefined
  const range = rangeOf(known, logLimit)
  const crossed = [...comparison, ...absolute].find(({ value }) => value !== undefined && value >= logLimit)
  const limited = absolute.some(({ value }) => value !== undefined)
  const caption = {
    id,
    title: `${series.name}: the evidence that the canary is worse`,
    description: `It rejects at ${magnitude(logLimit)}; the highest was ${magnitude(Math.max(...known))}${crossed === undefined ? ', so it was never reached' : `, and it was reached at ${clock(crossed.at)} UTC`}. Every value is in the table of this metric.`,
    legend: [
      { key: 'evidence', text: 'evidence that the canary is worse than the baseline' },
      ...(limited ? [{ key: 'absolute', text: 'evidence that it is above its absolute limit' }] : []),
      { key: 'reject', text: `rolls back at ${magnitude(logLimit)}` },
    ],
  }
  return figure(caption, 20 + HEIGHT + 28, (size) => {
    const field = fieldOf(size, course.span, { top: 20, height: HEIGHT, range })
    const draw = (points: readonly Point[], key: string) =>
      html`<path class="${key}-line" d="${line(field, thinned(points, size.name === 'wide' ? 240 : 100))}"/>`
    const labels = [
      { y: field.y(logLimit), text: `limit ${magnitude(logLimit)}`, key: 'reject' },
      ...lastLabel(comparison, 'evidence', field),
    ]
    return html`${axes(field, { values: powers(range), times: timeTicks(course.span, size.ticks) })}
${eventLines(field, course.events)}
<path class="reject-area" d="M${r(field.left)} ${r(field.top)}H${r(field.right)}V${r(field.y(logLimit))}H${r(field.left)}Z"/><path class="reject-line" d="M${r(field.left)} ${r(field.y(logLimit))}H${r(field.right)}"/>
${limited && draw(absolute, 'absolute')}${draw(comparison, 'evidence')}
${crossed !== undefined && crossing(size, field, crossed, field.y(logLimit))}${endLabels(size, field, labels)}`
  })
}

const HEIGHT = 130

const pointsOf = ({ samples }: CountedSeries, which: Which): readonly Point[] =>
  samples.map((sample) => ({ at: Date.parse(sample.at), value: sample[which] }))

/** From at most a thousandth to half a power of ten above the limit, or as far above as the evidence went: past three powers more is the same answer. */
const rangeOf = (known: readonly number[], logLimit: number): readonly [number, number] => {
  const low = Math.max(-3, Math.min(-1, Math.floor(Math.min(...known) / Math.LN10)))
  const high = Math.min(
    logLimit / Math.LN10 + 3,
    Math.max(logLimit / Math.LN10 + 0.6, Math.max(...known) / Math.LN10 + 0.2),
  )
  return [low * Math.LN10, high * Math.LN10]
}

const powers = ([low, high]: readonly [number, number]): readonly Tick[] => {
  const [first, last] = [Math.ceil(low / Math.LN10 - 1e-9), Math.floor(high / Math.LN10)]
  const every = last - first > 5 ? 2 : 1
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
    .filter((power) => power % every === 0)
    .map((power) => ({
      value: power * Math.LN10,
      label: power >= -1 && power <= 3 ? String(10 ** power) : powerOfTen(power),
    }))
}

const lastLabel = (points: readonly Point[], key: string, field: Field) => {
  const value = points.findLast((point) => point.value !== undefined)?.value
  return value === undefined ? [] : [{ y: field.y(value), text: `evidence ${magnitude(value)}`, key }]
}

/** Where the evidence first reached its limit, with the time: beside the steep end of its curve, below the line. */
const crossing = (size: Size, field: Field, { at, value }: Point, limit: number): Markup => {
  const [x, y] = [field.x(at), field.y(value ?? 0)]
  const left = x > size.width / 2
  return html`<g aria-hidden="true"><circle class="crossing" cx="${r(x)}" cy="${r(y)}" r="5"/><text class="crossing-text ${left ? 'end' : ''}" x="${r(x + (left ? -14 : 14))}" y="${r(limit + 18)}">limit reached at ${clock(at)}</text></g>`
}
