import type { Count } from '@sluice/evidence/count'
import type { CountedJudgement, GaugeJudgement } from '@sluice/evidence/metric'
import type { Series } from '@sluice/evidence/series'
import { evidenceChart } from './evidence.ts'
import { gaugeChart } from './gauge.ts'
import { html, type Markup, type Part } from './html.ts'
import { intervalText } from './interval.ts'
import { counted, magnitude, percent, points, value } from './numbers.ts'
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
  caption:
    'Every metric at the end. Evidence that reaches its limit takes a canary back, where both sides answer the same requests.',
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
  const { canary, baseline, margin, limit, logLimit, logPeak, dispersion } = judgement
  const peak = Math.max(logPeak, limit?.logPeak ?? Number.NEGATIVE_INFINITY)
  return [
    side(canary, dispersion?.canary),
    side(baseline, dispersion?.baseline),
    html`${points(margin)}${limit !== undefined && html`<br>at most ${percent(limit.max)}`}`,
    html`${meter(peak, logLimit)}${magnitude(peak)}${peak >= logLimit && html` <b class="over">reached</b>`}${
      dispersion !== undefined &&
      dispersion.canary > UNEVEN &&
      html`<br><small>counts weigh ${value(dispersion.canary)} times less: the baseline’s past is uneven</small>`
    }`,
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

const side = (count: Count, divisor: number | undefined): Markup => {
  const interval = intervalText(count, divisor)
  return html`${counted(count)}${interval !== undefined && html`<br><small>${interval}</small>`}`
}

/** From where on it is worth saying that counts weigh less. */
const UNEVEN = 1.05

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
