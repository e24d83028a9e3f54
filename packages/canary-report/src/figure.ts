import type { Span, Tick } from './axis.ts'
import { html, type Markup } from './html.ts'

/** The two sizes that every chart is drawn in; the style sheet shows the one that fits. Lengths in the chart's own units, about a pixel each. */
export type Size = {
  readonly name: 'wide' | 'narrow'
  readonly width: number
  readonly left: number
  readonly right: number
  /** How many blocks of intervals a curve is drawn from at most, and how many marks an axis of time has. */
  readonly blocks: number
  readonly ticks: number
}

const SIZES: readonly Size[] = [
  { name: 'wide', width: 940, left: 58, right: 128, blocks: 44, ticks: 9 },
  { name: 'narrow', width: 340, left: 46, right: 8, blocks: 26, ticks: 5 },
]

/** What a chart says beside its curves. `id`: of the figure, unique in the page. `title`, `description`: read out in place of the picture. */
export type Caption = {
  readonly id: string
  readonly title: string
  readonly description: string
  readonly legend: readonly { readonly key: string; readonly text: string }[]
}

/** A chart: its legend, and the picture in both sizes, of which one is shown and read out. */
export const figure = (caption: Caption, height: number, draw: (size: Size) => Markup): Markup => html`<figure>
${caption.legend.length > 0 && html`<figcaption>${caption.legend.map(legendItem)}</figcaption>`}
${SIZES.map((size) => {
  const id = `${caption.id}-${size.name}`
  return html`<svg class="${size.name}" viewBox="0 0 ${size.width} ${height}" role="img" aria-labelledby="${id}-title ${id}-desc"><title id="${id}-title">${caption.title}</title><desc id="${id}-desc">${caption.description}</desc>${draw(size)}</svg>
`
})}</figure>`

const legendItem = ({ key, text }: Caption['legend'][number]): Markup =>
  html`<span class="key"><svg class="swatch" viewBox="0 0 28 14" aria-hidden="true">${swatch(key)}</svg>${text}</span> `

const swatch = (key: string): Markup => {
  if (key === 'dot') return html`<circle class="observed" cx="14" cy="7" r="3.5"/>`
  if (key === 'weight')
    return html`<path class="weight-area" d="M0 3H28V14H0Z"/><path class="weight-line" d="M0 3H28"/>`
  const side = key.replace('-band', '')
  return html`${side !== key && html`<path class="${key}" d="M0 1H28V13H0Z"/>`}<path class="${side}-line" d="M0 7H28"/>`
}

/** Where a chart's values lie: `x` of ms, `y` of a value, and the edges of the field they are drawn in. */
export type Field = {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
  readonly x: (at: number) => number
  readonly y: (value: number) => number
}

/** A field below `top` and `height` high, for values of `range`; what lies outside is drawn at its edge. */
export const fieldOf = (
  size: Size,
  span: Span,
  { top, height, range }: { readonly top: number; readonly height: number; readonly range: readonly [number, number] },
): Field => {
  const [left, right, bottom] = [size.left, size.width - size.right, top + height]
  const [low, high] = range
  const along = (value: number, from: number, until: number) =>
    until > from ? Math.min(1, Math.max(0, (value - from) / (until - from))) : 0
  return {
    left,
    right,
    top,
    bottom,
    x: (at) => left + (right - left) * along(at, span.from, span.until),
    y: (value) => bottom - height * along(value, low, high),
  }
}

/** Grid, and the marks of both axes. */
export const axes = (
  field: Field,
  { values, times }: { readonly values: readonly Tick[]; readonly times: readonly Tick[] },
): Markup => html`<g class="axis" aria-hidden="true">
${values.map(({ value, label }) => html`<path class="grid" d="M${r(field.left)} ${r(field.y(value))}H${r(field.right)}"/><text class="end" x="${r(field.left - 8)}" y="${r(field.y(value) + 4)}">${label}</text>`)}
${times.map(({ value, label }) => html`<path class="tick" d="M${r(field.x(value))} ${r(field.bottom)}v5"/><text class="middle" x="${r(field.x(value))}" y="${r(field.bottom + 19)}">${label}</text>`)}
<path class="rule" d="M${r(field.left)} ${r(field.bottom)}H${r(field.right)}"/></g>`

/** Names at the right end of curves, moved apart where they would lie on each other. Only a wide chart has room for them. */
export const endLabels = (
  size: Size,
  field: Field,
  labels: readonly { readonly y: number; readonly text: string; readonly key: string }[],
): Markup | undefined => {
  if (size.name === 'narrow') return undefined
  const sorted = [...labels].sort((a, b) => a.y - b.y)
  const placed: number[] = []
  for (const { y } of sorted) placed.push(Math.max(y, (placed.at(-1) ?? Number.NEGATIVE_INFINITY) + LINE_HEIGHT))
  const over = Math.max(0, (placed.at(-1) ?? 0) - field.bottom)
  return html`<g aria-hidden="true">${sorted.map(
    ({ text, key }, index) =>
      html`<text class="label ${key}-text" x="${r(field.right + 8)}" y="${r((placed[index] ?? 0) - over + 4)}">${text}</text>`,
  )}</g>`
}

const LINE_HEIGHT = 15

/** A coordinate, to a tenth. */
export const r = (coordinate: number): number => Math.round(coordinate * 10) / 10
