import { share } from '@sluice/evidence/count'
import { wilson } from '@sluice/evidence/interval'
import type { CountedSeries } from '@sluice/evidence/series'
import { type Span, timeTicks, valueTicks } from './axis.ts'
import { type Block, blocksOf } from './blocks.ts'
import { band, line, type Point } from './curve.ts'
import { eventMarks, type Happening, RAIL } from './events.ts'
import { axes, endLabels, type Field, fieldOf, figure, r } from './figure.ts'
import { html, type Markup } from './html.ts'
import { percent } from './numbers.ts'

type Side = 'baseline' | 'canary'

/** A page's axis of time and what happened along it. */
export type Course = { readonly span: Span; readonly events: readonly Happening[] }

/** A counted metric: both sides' share of bad requests over time, in blocks of intervals with Wilson's 95 % intervals, against the absolute limit. */
export const sharesChart = (series: CountedSeries, id: string, { span, events }: Course): Markup => {
  const bad = badOf(series)
  const top = topOf(blocksOf(series, 44), series.max)
  const caption = {
    id,
    title: `${series.name}: ${bad} over time, canary and baseline`,
    description: `${describe(series, 'canary')} ${describe(series, 'baseline')} Every interval is in the table of this metric’s values.`,
    legend: [
      { key: 'canary-band', text: 'canary (shaded: 95 % interval)' },
      { key: 'baseline-band', text: 'baseline (shaded: 95 % interval)' },
      ...(series.max !== undefined && series.max <= top ? [{ key: 'max', text: `limit ${percent(series.max)}` }] : []),
    ],
  }
  return figure(caption, RAIL + HEIGHT + 26, (size) => {
    const field = fieldOf(size, span, { top: RAIL, height: HEIGHT, range: [0, top] })
    const blocks = blocksOf(series, size.blocks)
    const times = timeTicks(span, size.ticks)
    return html`${axes(field, { values: valueTicks(top, 4, percent), times })}
${(['baseline', 'canary'] as const).map((side) => html`<path class="${side}-band" d="${band(field, ends(blocks, side, 'low'), ends(blocks, side, 'high'))}"/>`)}
${limitLine(field, series.max, top)}
${(['baseline', 'canary'] as const).map((side) => html`<path class="${side}-line" d="${line(field, middles(blocks, side))}"/>`)}
${eventMarks(field, events)}${endLabels(size, field, labels(series, blocks, field, top))}`
  })
}

const HEIGHT = 190

/** What a metric counts as bad. */
export const badOf = ({ kind, threshold }: Pick<CountedSeries, 'kind' | 'threshold'>): string => {
  if (kind === 'ratio') return 'share of failed requests'
  return threshold === undefined ? 'share of slow requests' : `share of requests slower than ${threshold} ms`
}

const describe = (series: CountedSeries, side: Side): string => {
  const all = series[side].reduce((sum, { n, k }) => ({ n: sum.n + n, k: sum.k + k }), { n: 0, k: 0 })
  const shares = blocksOf(series, 12).flatMap((block) => (block[side].n > 0 ? [share(block[side])] : []))
  if (shares.length === 0) return `The ${side} counted no request.`
  return `The ${side}: ${percent(share(all))} over all, between ${percent(Math.min(...shares))} and ${percent(Math.max(...shares))} in twelfths of the time.`
}

const sideOf = (blocks: readonly Block[], side: Side, value: (block: Block) => number): readonly Point[] =>
  blocks.map((block) => ({
    at: (block.from + block.until) / 2,
    value: block[side].n > 0 && (side === 'baseline' || block.weight > 0) ? value(block) : undefined,
  }))

const middles = (blocks: readonly Block[], side: Side): readonly Point[] =>
  sideOf(blocks, side, (block) => share(block[side]))

const ends = (blocks: readonly Block[], side: Side, end: 'low' | 'high'): readonly Point[] =>
  sideOf(blocks, side, (block) => wilson(block.weighed[side])[end])

/** High enough for every share and nearly all of the intervals. A limit far above all that would press the curves flat: it is named instead of drawn. */
const topOf = (blocks: readonly Block[], max: number | undefined): number => {
  const counts = blocks.flatMap(({ weighed: { baseline, canary } }) => [baseline, canary]).filter(({ n }) => n > 0)
  const most = Math.max(...counts.map(share), 0)
  const highs = counts.map((count) => wilson(count).high).sort((a, b) => a - b)
  const usual = highs[Math.floor(highs.length / 2)] ?? 0
  const needed = Math.max(most * 1.1, Math.min(highs.at(-1) ?? 0, 3 * most), usual * 1.2, 0.001)
  return Math.min(1, max !== undefined && max <= 2 * needed ? Math.max(needed, max * 1.15) : needed)
}

const limitLine = (field: Field, max: number | undefined, top: number): Markup | undefined =>
  max !== undefined && max <= top
    ? html`<path class="max-line" d="M${r(field.left)} ${r(field.y(max))}H${r(field.right)}"/>`
    : undefined

const labels = (series: CountedSeries, blocks: readonly Block[], field: Field, top: number) => {
  const last = (side: Side) => middles(blocks, side).findLast(({ value }) => value !== undefined)?.value
  const sides = (['canary', 'baseline'] as const).flatMap((side) => {
    const value = last(side)
    return value === undefined ? [] : [{ y: field.y(value), text: `${side} ${percent(value)}`, key: side }]
  })
  if (series.max === undefined) return sides
  const above = series.max > top
  return [
    ...sides,
    {
      y: above ? field.top - 4 : field.y(series.max),
      text: `limit ${percent(series.max)}${above ? ' ↑' : ''}`,
      key: 'max',
    },
  ]
}
