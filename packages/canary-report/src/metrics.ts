import { wilson } from '@sluice/evidence/interval'
import type { CountedJudgement, GaugeJudgement } from '@sluice/evidence/metric'
import type { Series } from '@sluice/evidence/series'
import { evidenceChart } from './evidence.ts'
import { gaugeChart } from './gauge.ts'
import { html, type Markup, type Part } from './html.ts'
import { counted, magnitude, percent, points } from './numbers.ts'
import type { Details } from './report.ts'
import { badOf, type Course, sharesChart } from './shares.ts'
import { table } from './table.ts'

type Judgement = Details['metrics'][number]

/** What was measured: all metrics as they stood at the end, then each over time, as far as it was recorded. */
export const metrics = ({ metrics: judged, series = [] }: Details, course: Course | undefined): Markup | undefined =>
  judged.length === 0
    ? undefined
    : html`<section aria-labelledby="measured"><h2 id="measured">What was measured</h2>
${table({
  caption: 'Every metric at the end. A canary is taken back when the evidence reaches its limit.',
  head: ['Metric', 'Canary', 'Baseline', 'Tolerated', 'Evidence', 'Limit'],
  rows: judged.map(row),
})}
${judged.map((judgement, index) => {
  const own = series.find(({ name }) => name === judgement.name)
  return course !== undefined && own !== undefined && own.samples.length > 0
    ? overTime(judgement, own, { index, course })
    : undefined
})}</section>`

const row = (judgement: Judgement): readonly Part[] => {
  const trouble = judgement.unseen?.text ?? (judgement.kind === 'gauge' ? undefined : judgement.unreliable)
  const named = html`${judgement.name}${trouble !== undefined && html`<br><small class="over">${trouble}</small>`}`
  return [named, ...(judgement.kind === 'gauge' ? gaugeRow(judgement) : countedRow(judgement))]
}

const countedRow = (judgement: CountedJudgement): readonly Part[] => {
  const { canary, baseline, margin, limit, logLimit, logPeak } = judgement
  const peak = Math.max(logPeak, limit?.logPeak ?? Number.NEGATIVE_INFINITY)
  return [
    side(canary),
    side(baseline),
    html`${points(margin)}${limit !== undefined && html`<br>at most ${percent(limit.max)}`}`,
    html`${meter(peak, logLimit)}${magnitude(peak)}${peak >= logLimit && html` <b class="over">reached</b>`}`,
    magnitude(logLimit),
  ]
}

const gaugeRow = ({ canary, baseline, text, failures, allowed }: GaugeJudgement): readonly Part[] => [
  canary.kind === 'value' ? String(Number(canary.value.toPrecision(4))) : 'no value',
  baseline.kind === 'value' ? String(Number(baseline.value.toPrecision(4))) : 'no value',
  /asked: ([^;]*);/.exec(text)?.[1] ?? '',
  html`${failures} in a row outside${failures >= allowed && html` <b class="over">reached</b>`}`,
  `${allowed} in a row`,
]

const side = (count: { readonly n: number; readonly k: number }): Markup => {
  const { low, high } = wilson(count)
  return html`${counted(count)}${count.n > 0 && html`<br><small>${percent(low)} to ${percent(high)}</small>`}`
}

/** How far the evidence went towards its limit, on the scale of powers of ten that the charts have; the number stands beside it. */
const meter = (log: number, logLimit: number): Markup => {
  const part = Math.min(1, Math.max(0, log / logLimit))
  return html`<svg class="meter${part >= 1 && ' full'}" viewBox="0 0 80 8" aria-hidden="true"><rect class="meter-all" width="80" height="8" rx="4"/><rect class="meter-part" width="${Math.round(part * 800) / 10}" height="8" rx="4"/></svg>`
}

const overTime = (
  judgement: Judgement,
  series: Series,
  { index, course }: { readonly index: number; readonly course: Course },
): Markup => {
  const id = `metric-${index + 1}`
  return html`<article aria-labelledby="${id}"><h3 id="${id}">${series.name}${series.kind !== 'gauge' && html` <small>${badOf(series)}</small>`}</h3>
<p>${judgement.text}</p>
${series.kind === 'gauge' ? gaugeChart(series, `${id}-gauge`, course) : sharesChart(series, `${id}-shares`, course)}
${series.kind !== 'gauge' && judgement.kind !== 'gauge' && evidenceChart(series, judgement, { id: `${id}-evidence`, course })}</article>
`
}
