import { share } from '@sluice/evidence/count'
import { type Span, timeTicks, valueTicks } from './axis.ts'
import { blocksOf } from './blocks.ts'
import { stairs } from './curve.ts'
import { eventMarks, type Happening, RAIL } from './events.ts'
import { axes, type Field, fieldOf, figure, r, type Size } from './figure.ts'
import { html, type Markup } from './html.ts'
import type { Details } from './report.ts'

/** A weight from a time on, ms. */
type Held = { readonly at: number; readonly value: number; readonly label: string }

/** The weights asked for and read back, as steps over time, with the share of the requests that the canary was seen to get, and what happened. */
export const schedule = (details: Details, span: Span, events: readonly Happening[]): Markup => {
  const [asked, written] = [weights(details, 'asked'), weights(details, 'written')]
  const top = topOf(
    Math.max(...[...asked, ...written].map(({ value }) => value), ...observed(details, 44).map(({ value }) => value)),
  )
  const told = written.filter(({ value }) => value > 0).map(({ label }) => label)
  const looked = (details.looks ?? []).length > 0
  const caption = {
    id: 'schedule',
    title: 'The canary’s share of the traffic over time',
    description: `Weights in force, one after the other: ${told.join(', ') || 'none'}. The same is in the table of looks and steps.`,
    legend: [
      ...(looked
        ? [
            { key: 'weight', text: 'weight, as read back' },
            { key: 'asked', text: 'weight asked for' },
          ]
        : [{ key: 'weight', text: 'weight of the step' }]),
      ...(observed(details, 44).length > 0 ? [{ key: 'dot', text: 'share of the counted requests' }] : []),
    ],
  }
  return figure(caption, RAIL + 8 + HEIGHT + 28, (size) => {
    const field = fieldOf(size, span, { top: RAIL + 8, height: HEIGHT, range: [0, top] })
    const values = valueTicks(top, 4, (value) => `${value} %`)
    return html`${axes(field, { values, times: timeTicks(span, size.ticks) })}
<path class="weight-area" d="${area(field, written, span)}"/><path class="weight-line" d="${stairs(field, written, span.until)}"/>
${looked && html`<path class="asked-line" d="${stairs(field, asked, span.until)}"/>`}
${observed(details, size.blocks).map(({ at, value }) => html`<circle class="observed" cx="${r(field.x(at))}" cy="${r(field.y(value))}" r="2.6"/>`)}
${eventMarks(field, events)}${plateaus(size, field, written, span)}`
  })
}

const HEIGHT = 150

const topOf = (most: number): number => [5, 10, 20, 30, 40, 50, 60, 80, 100].find((top) => top >= most * 1.12) ?? 100

const area = (field: Field, held: readonly Held[], span: Span): string =>
  held.length === 0 ? '' : `${stairs(field, held, span.until)}V${r(field.bottom)}H${r(field.x(held[0]?.at ?? 0))}Z`

/** Each weight is written over its own step of the stairs, where it is long enough to hold it. */
const plateaus = (size: Size, field: Field, held: readonly Held[], span: Span): Markup =>
  html`<g aria-hidden="true">${held.map(({ at, value, label }, index) => {
    const [left, right] = [field.x(at), field.x(held[index + 1]?.at ?? span.until)]
    const room = right - left > 8 * label.length + (size.name === 'wide' ? 8 : 2)
    return (
      value > 0 &&
      room &&
      html`<text class="middle weight-text" x="${r((left + right) / 2)}" y="${r(field.y(value) - 8)}">${label}</text>`
    )
  })}</g>`

/** From the looks; where there are none, from the steps. */
const weights = ({ looks = [], steps }: Details, which: 'asked' | 'written'): readonly Held[] => {
  const all =
    looks.length > 0
      ? looks.map((look) => ({
          at: Date.parse(look.at),
          value: look[which],
          label: labelOf(steps, look[which], look.step),
        }))
      : steps.map(({ since, step, weight }) => ({
          at: Date.parse(since),
          value: weight,
          label: labelOf(steps, weight, step),
        }))
  return all.filter(({ value }, index) => value !== all[index - 1]?.value)
}

const labelOf = (steps: Details['steps'], weight: number, step: number): string => {
  const mirror = steps.find((each) => each.step === step)?.mirror
  return weight === 0 && mirror !== undefined ? `copy of ${mirror} %` : `${weight} %`
}

/** What share of the counted requests the canary got, percent: of the first metric that counts the users' own, else what the looks say. */
const observed = (
  { series = [], looks = [] }: Details,
  most: number,
): readonly { readonly at: number; readonly value: number }[] => {
  const counted = series.find((each) => each.kind !== 'gauge' && each.provider !== 'probe')
  if (counted === undefined || counted.kind === 'gauge')
    return looks.flatMap(({ at, observed: value }) => (value === undefined ? [] : [{ at: Date.parse(at), value }]))
  return blocksOf(counted, most).flatMap(({ from, until, baseline, canary }) =>
    canary.n === 0 ? [] : [{ at: (from + until) / 2, value: 100 * share({ n: baseline.n + canary.n, k: canary.n }) }],
  )
}

/** The highest weight that was in force, percent; `undefined` where none was. */
export const highestWeight = ({ looks = [], steps }: Pick<Details, 'looks' | 'steps'>): number | undefined => {
  const all = [...looks.map(({ written }) => written), ...steps.map(({ weight }) => weight)].filter(
    (weight) => weight > 0,
  )
  return all.length === 0 ? undefined : Math.max(...all)
}
