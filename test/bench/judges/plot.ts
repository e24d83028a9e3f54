import { type Cell, keyOf } from './cells.ts'
import { type Figure, finder } from './figures.ts'
import { JUDGES } from './judges.ts'
import { digits } from './text.ts'

const RATE = 50
const LEFT = 150
const RIGHT = 790
const WIDTH = 900
const ROW = 16
const GAP = 26
const COLOURS = ['#b45309', '#7c3aed', '#64748b', '#0e7490', '#15803d']

/**
 * Extra bad answers of every regression at 50 requests/s as bars on a log scale, one a judge, with their intervals; pale where the judge also stops the
 * same release without its regression. A whole SVG document.
 */
export const plot = (cells: readonly Cell[], figures: readonly Figure[]): string => {
  const found = finder(figures)
  const judges = JUDGES.filter(({ name }) => figures.some(({ judge }) => judge === name)).map(({ name }) => name)
  const shown = cells.filter(({ rate, twin }) => rate === RATE && twin !== undefined)
  const highs = shown.flatMap((cell) => judges.map((judge) => found(keyOf(cell), judge)?.extra?.high ?? 0))
  const powers = Math.ceil(Math.log10(Math.max(10, ...highs)))
  const x = (value: number): number => LEFT + ((RIGHT - LEFT) * Math.log10(Math.max(1, value))) / powers
  const top = 60 + 20 * Math.ceil(judges.length / 2)
  const block = judges.length * ROW + GAP
  const height = top + shown.length * block + 30
  const ticks = Array.from({ length: powers + 1 }, (_, power) => 10 ** power)
  const bars = shown.flatMap((cell, index) => {
    const y = top + index * block
    return [
      `<text x="${LEFT - 8}" y="${y + (judges.length * ROW) / 2 + 4}" text-anchor="end">${label(cell)}</text>`,
      ...judges.map((judge, row) => {
        const figure = found(keyOf(cell), judge)
        const twin = found(keyOf({ rate: RATE, name: cell.twin ?? '' }), judge)
        const fill = `fill="${COLOURS[row]}"${(twin?.stopped.low ?? 0) >= 0.01 ? ' opacity="0.35"' : ''}`
        return figure === undefined ? '' : bar(figure, { x, y: y + row * ROW, fill })
      }),
    ]
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title">
<title id="title">Extra bad answers a release, mean, at ${RATE} requests/s, by regression and judge; log scale</title>
<style>text{font:12px sans-serif;fill:#1f2937}.line{stroke:#9ca3af}.mark{stroke:#1f2937;stroke-width:1.5}@media(prefers-color-scheme:dark){text{fill:#e5e7eb}.line{stroke:#4b5563}.mark{stroke:#e5e7eb}}</style>
<text x="${LEFT}" y="18">Extra bad answers a release at ${RATE} requests/s (mean and 95 %; log scale).</text>
<text x="${LEFT}" y="36">Pale: the judge also stops more than 1 % of the same releases without the regression.</text>
${judges.map(legend).join('\n')}
${ticks.map((tick) => `<line class="line" x1="${x(tick)}" x2="${x(tick)}" y1="${top - 6}" y2="${height - 24}"/><text x="${x(tick)}" y="${height - 8}" text-anchor="middle">${tick}</text>`).join('\n')}
${bars.join('\n')}
</svg>
`
}

const legend = (judge: string, index: number): string => {
  const [x, y] = [LEFT + (index % 2) * 340, 46 + 20 * Math.floor(index / 2)]
  return `<rect x="${x}" y="${y}" width="12" height="12" fill="${COLOURS[index]}"/><text x="${x + 18}" y="${y + 10}">${judge}</text>`
}

const label = ({ name }: Cell): string => name.replace(/^errors /, '').replace(/^slow answers /, 'slow ')

type Drawn = { readonly x: (value: number) => number; readonly y: number; readonly fill: string }

const bar = ({ extra, stopped }: Figure, { x, y, fill }: Drawn): string => {
  if (extra === undefined) return ''
  const [from, to, low, high] = [x(1), x(extra.value), x(extra.low), x(extra.high)].map((at) => at.toFixed(1))
  const missed = stopped.value < 0.995 ? `, ${digits(100 * stopped.value)} % stopped` : ''
  const middle = y + ROW / 2 - 2
  return [
    `<rect x="${from}" y="${y}" width="${Math.max(1, Number(to) - Number(from)).toFixed(1)}" height="${ROW - 4}" ${fill}/>`,
    `<line class="mark" x1="${low}" x2="${high}" y1="${middle}" y2="${middle}"/>`,
    `<text x="${Number(high) + 5}" y="${y + ROW - 5}">${digits(extra.value)}${missed}</text>`,
  ].join('')
}
