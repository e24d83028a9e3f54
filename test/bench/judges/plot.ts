import { type Cell, keyOf } from './cells.ts'
import { type Figure, finder } from './figures.ts'
import { JUDGES } from './judges.ts'
import { digits } from './text.ts'

const RATE = 50
const LEFT = 150
const WIDTH = 860
const ROW = 16
const GAP = 26
const COLOURS = ['#b45309', '#7c3aed', '#64748b', '#0e7490', '#15803d']

/** Extra bad answers of every regression at 50 requests/s as bars on a log scale, one a judge, with their intervals. A whole SVG document. */
export const plot = (cells: readonly Cell[], figures: readonly Figure[]): string => {
  const found = finder(figures)
  const judges = JUDGES.filter(({ name }) => figures.some(({ judge }) => judge === name))
  const shown = cells.filter(({ rate, twin }) => rate === RATE && twin !== undefined)
  const high = Math.max(
    10,
    ...shown.flatMap((cell) => judges.map(({ name }) => found(keyOf(cell), name)?.extra.high ?? 0)),
  )
  const right = WIDTH - 70
  const scale = (value: number): number =>
    LEFT + ((right - LEFT) * Math.log10(Math.max(1, value))) / Math.log10(10 ** Math.ceil(Math.log10(high)))
  const top = 40 + 20 * Math.ceil(judges.length / 2)
  const block = judges.length * ROW + GAP
  const height = top + shown.length * block + 30
  const ticks = Array.from({ length: Math.ceil(Math.log10(high)) + 1 }, (_, power) => 10 ** power)
  const bars = shown.flatMap((cell, index) => {
    const y = top + index * block
    return [
      `<text x="${LEFT - 8}" y="${y + (judges.length * ROW) / 2 + 4}" text-anchor="end">${label(cell)}</text>`,
      ...judges.flatMap(({ name }, judge) => {
        const figure = found(keyOf(cell), name)
        return figure === undefined
          ? []
          : [bar(figure, { y: y + judge * ROW, scale, colour: COLOURS[judge] ?? '#000' })]
      }),
    ]
  })
  const legend = judges.map(
    ({ name }, index) =>
      `<rect x="${LEFT + (index % 2) * 340}" y="${28 + 20 * Math.floor(index / 2)}" width="12" height="12" fill="${COLOURS[index] ?? '#000'}"/><text x="${LEFT + 18 + (index % 2) * 340}" y="${38 + 20 * Math.floor(index / 2)}">${name}</text>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title">
<title id="title">Extra bad answers a release, mean, at ${RATE} requests/s, by regression and judge; log scale</title>
<style>text{font:12px sans-serif;fill:#1f2937}.line{stroke:#9ca3af;stroke-width:1}.mark{stroke:#1f2937;stroke-width:1.5}@media(prefers-color-scheme:dark){text{fill:#e5e7eb}.line{stroke:#4b5563}.mark{stroke:#e5e7eb}}</style>
<text x="${LEFT}" y="18">Extra bad answers a release at ${RATE} requests/s (mean and 95 %; log scale)</text>
${legend.join('\n')}
${ticks.map((tick) => `<line class="line" x1="${scale(tick)}" x2="${scale(tick)}" y1="${top - 6}" y2="${height - 24}"/><text x="${scale(tick)}" y="${height - 8}" text-anchor="middle">${tick}</text>`).join('\n')}
${bars.join('\n')}
</svg>
`
}

const label = ({ name }: Cell): string => name.replace(/^errors /, '').replace(/^slow answers /, 'slow ')

const bar = (
  { extra, stopped }: Figure,
  { y, scale, colour }: { readonly y: number; readonly scale: (value: number) => number; readonly colour: string },
): string => {
  const [from, to] = [scale(1), scale(extra.value)]
  const missed = stopped.value < 0.995 ? `, ${digits(100 * stopped.value)} % stopped` : ''
  return [
    `<rect x="${from}" y="${y}" width="${Math.max(1, to - from).toFixed(1)}" height="${ROW - 4}" fill="${colour}"/>`,
    `<line class="mark" x1="${scale(extra.low).toFixed(1)}" x2="${scale(extra.high).toFixed(1)}" y1="${y + ROW / 2 - 2}" y2="${y + ROW / 2 - 2}"/>`,
    `<text x="${(scale(extra.high) + 5).toFixed(1)}" y="${y + ROW - 5}">${digits(extra.value)}${missed}</text>`,
  ].join('')
}
