/** One line of a plot. Points are [x, y] in the plot's own units; `step` holds each value until the next. */
export type Series = {
  readonly name: string
  readonly colour: string
  readonly points: readonly (readonly [number, number])[]
  readonly step?: boolean
}

/** A plot to draw: values over the seconds since the beginning. */
export type Plot = {
  readonly title: string
  readonly unit: string
  readonly series: readonly Series[]
  /** Seconds since the beginning. */
  readonly to: number
  readonly top: number
  readonly marks: readonly { readonly at: number; readonly text: string }[]
}

const SIZE = { width: 920, height: 210, left: 46, right: 14, top: 26, bottom: 24 } as const

/** An inline SVG of lines over time, with vertical marks; it carries its own description for readers that do not see it. */
export const plot = ({ title, unit, series, to, top, marks }: Plot): string => {
  const { width, height, left, right } = SIZE
  const x = (at: number): string => (left + (at / to) * (width - left - right)).toFixed(1)
  const y = (value: number): string => yOf(Math.min(value, top), top).toFixed(1)
  const grid = ticks(top, 4).map(
    (value) =>
      `<line class="grid" x1="${left}" x2="${width - right}" y1="${y(value)}" y2="${y(value)}"/><text class="tick" x="${left - 6}" y="${y(value)}" dy="4" text-anchor="end">${number(value)}</text>`,
  )
  const times = ticks(to, 8).map(
    (value) => `<text class="tick" x="${x(value)}" y="${height - 8}" text-anchor="middle">${number(value)} s</text>`,
  )
  const shown = apart(marks.map(({ at }) => Number(x(at))))
  const lines = marks.map(({ at, text }, index) => {
    const number = shown.has(index)
      ? `<text class="mark" x="${x(at)}" y="${SIZE.top - 6}" text-anchor="middle">${index + 1}</text>`
      : ''
    return `<line class="mark" x1="${x(at)}" x2="${x(at)}" y1="${SIZE.top}" y2="${height - SIZE.bottom}"/>${number}<title>${safe(text)}</title>`
  })
  const paths = series
    .filter(({ points }) => points.length > 0)
    .map(
      ({ name, colour, points, step }) =>
        `<path d="${path(points, { x, y, step: step === true })}" stroke="${safe(colour)}"><title>${safe(name)}</title></path>`,
    )
  const legend = series.map(
    ({ name, colour }) => `<span><i style="background:${safe(colour)}"></i>${safe(name)}</span>`,
  )
  return `<figure><figcaption><b>${safe(title)}</b> <small>${safe(unit)}</small> ${legend.join(' ')}</figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${safe(`${title}, ${unit}`)}">
${[...grid, ...times, ...lines.map((line) => `<g>${line}</g>`)].join('\n')}
<g fill="none" stroke-width="2" stroke-linejoin="round">${paths.join('')}</g>
</svg></figure>`
}

/** Text that cannot end an attribute or an element. */
export const safe = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')

/** Round values from 0 to `top`, about `count` of them: 1, 2 or 5 times a power of ten apart. */
export const ticks = (top: number, count: number): readonly number[] => {
  if (!(top > 0)) return [0]
  const rough = top / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power
  return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, index) => index * step)
}

/** The marks whose numbers can stand beside each other; a number closer than that to the one before is left out. */
const apart = (places: readonly number[]): ReadonlySet<number> => {
  const shown = new Set<number>()
  let last = Number.NEGATIVE_INFINITY
  places.forEach((place, index) => {
    if (place - last < 18) return
    shown.add(index)
    last = place
  })
  return shown
}

const yOf = (value: number, top: number): number => {
  const { height, bottom, top: above } = SIZE
  return height - bottom - (value / top) * (height - bottom - above)
}

const path = (
  points: readonly (readonly [number, number])[],
  { x, y, step }: { x(at: number): string; y(value: number): string; readonly step: boolean },
): string =>
  points
    .map(([at, value], index) => {
      if (index === 0) return `M${x(at)},${y(value)}`
      return step ? `H${x(at)}V${y(value)}` : `L${x(at)},${y(value)}`
    })
    .join('')

const number = (value: number): string => String(Number(value.toFixed(2)))
