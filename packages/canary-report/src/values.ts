import { type Count, zero } from '@sluice/evidence/count'
import type { CountedSeries, GaugeSeries, Sample, Series } from '@sluice/evidence/series'
import { html, type Markup, type Part } from './html.ts'
import { intervalText } from './interval.ts'
import { clock, magnitude, moment, percent, points, requests, value } from './numbers.ts'
import type { Details } from './report.ts'
import { details, table, terms } from './table.ts'

/** Every query and every value that was kept, folded away: what the charts are drawn from, so that nothing is only in a picture. */
export const values = (all: Details): Markup | undefined => {
  const parts = [
    ...(all.series ?? []).map(seriesValues),
    ...(all.judge === undefined ? [] : [details('How it was judged', plan(all.judge))]),
    ...((all.looks ?? []).length > 0
      ? [details(`Looks at the cluster (${all.looks?.length})`, looks(all.looks ?? []))]
      : []),
    ...(all.steps.length > 0 ? [details(`Steps (${all.steps.length})`, steps(all.steps))] : []),
    ...(all.timeline.length > 0
      ? [details(`What the release told (${all.timeline.length})`, timeline(all.timeline))]
      : []),
    ...(all.history.length > 0 ? [details(`Last releases (${all.history.length})`, history(all.history))] : []),
  ]
  return parts.length === 0
    ? undefined
    : html`<section aria-labelledby="values"><h2 id="values">Every query and value</h2>${parts}</section>`
}

const seriesValues = (series: Series): Markup =>
  details(
    html`${series.name}: ${series.samples.length} intervals${series.query !== undefined && ', and the query'}`,
    html`${settings(series)}${series.kind === 'gauge' ? gaugeTable(series) : countedTable(series)}`,
  )

const settings = (series: Series): Markup =>
  terms([
    ...(series.provider === undefined ? [] : [['Read from', series.provider] as const]),
    ...(series.query === undefined ? [] : [['Query', html`<code class="query">${series.query}</code>`] as const]),
    ...(series.kind === 'gauge'
      ? [
          ...named('At most', series.max, value),
          ...named('At least', series.min, value),
          ...named('Reads in a row outside', series.failures, String),
        ]
      : [
          ...named('Slower than', series.threshold, (ms) => `${ms} ms`),
          ...named('Tolerated increase', series.margin, points),
          ...named('At most', series.max, percent),
        ]),
  ])

const named = (name: string, number: number | undefined, text: (number: number) => string) =>
  number === undefined ? [] : [[name, text(number)] as const]

/** A column of a table of intervals; one that is empty in every row is left out. */
type Column = { readonly head: string; readonly cell: (sample: Sample, index: number) => string | undefined }

const countedTable = (series: CountedSeries): Markup => {
  const sides = (['canary', 'baseline'] as const).flatMap((side): readonly Column[] => [
    { head: `${side}: bad of all`, cell: (_, index) => kOfN(series[side][index]) },
    {
      head: `${side}: 95 % interval`,
      cell: ({ dispersion: by }, index) => intervalText(series[side][index] ?? zero, by?.[side]),
    },
  ])
  return intervals(series, [
    ...sides,
    { head: 'Tolerated', cell: ({ margin }) => (margin === undefined ? undefined : points(margin)) },
    {
      head: 'Counts divided by: canary, baseline',
      cell: ({ dispersion: by }) => by && `${value(by.canary)}, ${value(by.baseline)}`,
    },
    { head: 'Evidence', cell: ({ logE }) => (logE === undefined ? undefined : magnitude(logE)) },
    {
      head: 'Evidence of the limit',
      cell: ({ limitLogE }) => (limitLogE === undefined ? undefined : magnitude(limitLogE)),
    },
    { head: 'Only bad, and waited for', cell: ({ outliers }) => outliers && waited(outliers) },
  ])
}

const waited = ({ pods, dropped }: NonNullable<Sample['outliers']>): string =>
  `${pods.join(', ')}${dropped === true ? ': well again, the evidence began anew' : ''}`

const gaugeTable = (series: GaugeSeries): Markup =>
  intervals(
    series,
    (['canary', 'baseline'] as const).map((side) => ({
      head: side,
      cell: (_, index) => {
        const read = series[side][index] ?? undefined
        return read === undefined ? 'no value' : value(read)
      },
    })),
  )

const intervals = ({ name, samples }: Series, columns: readonly Column[]): Markup => {
  const all: readonly Column[] = [
    { head: 'Weight', cell: ({ weight }) => `${weight} %` },
    { head: 'Of what both sides count', cell: ({ share }) => (share === undefined ? undefined : `${share} %`) },
    { head: 'Step', cell: ({ step }) => String(step + 1) },
    { head: 'Use', cell: ({ use }) => use },
    ...columns,
  ]
  const kept = all.filter(({ cell }) => samples.some((sample, index) => cell(sample, index) !== undefined))
  return table({
    caption: `${name}: every interval, by the time it ended (UTC)${samples.some(({ use }) => use !== undefined) ? USES : ''}`,
    head: ['Time', ...kept.map(({ head }) => head)],
    rows: samples.map((sample, index) => [
      clock(Date.parse(sample.at)),
      ...kept.map(({ cell }) => cell(sample, index) ?? ''),
    ]),
    numbers: true,
  })
}

const USES =
  '. Judged: both sides counted. Learned: only the estimate of the baseline took it in. Skewed: not judged, as the baseline’s share was jumping and the sides are read apart'

const kOfN = (count: Count | undefined): string | undefined =>
  count === undefined ? undefined : `${requests(count.k)} of ${requests(count.n)}`

const plan = ({ alpha, missing, warmUp, settle, interval: ms, metrics, minRequests }: NonNullable<Details['judge']>) =>
  terms([
    ['False rollbacks at most', percent(alpha)],
    ['Metrics', metrics.map(({ name, kind }) => `${name} (${kind})`).join(', ')],
    ['Missing requests', missing],
    ['Warm-up', `${warmUp / 1000} s`],
    ['A weight settles within', `${settle / 1000} s`],
    ...named('Looks every', ms, (every) => `${every / 1000} s`),
    ...named('Requests that a step needs on both sides', minRequests, String),
  ])

const looks = (all: NonNullable<Details['looks']>): Markup =>
  table({
    caption: 'The cluster, whenever it changed (UTC)',
    head: [
      'Time',
      'Phase',
      'Step',
      'Weight asked',
      'Weight read back',
      'Share observed',
      'Canary pods ready',
      'Restarts',
      'Stable pods available',
    ],
    rows: all.map(({ at, phase, step, asked, written, observed, canary, stable }) => [
      clock(Date.parse(at)),
      phase,
      step + 1,
      `${asked} %`,
      `${written} %`,
      observed === undefined ? '' : percent(observed / 100),
      canary === undefined ? '' : `${canary.ready} of ${canary.desired}`,
      canary?.restarts,
      `${stable.available} of ${stable.desired}`,
    ]),
    numbers: true,
  })

const steps = (all: Details['steps']): Markup =>
  table({
    caption: 'The steps, with the requests that were judged in each',
    head: ['Step', 'Weight', 'From', 'Until', 'Canary requests', 'Baseline requests'],
    rows: all.map(({ step, weight, mirror, since, until, canary, baseline, synthetic }): readonly Part[] => [
      step + 1,
      mirror === undefined ? `${weight} %` : `copy of ${mirror} %`,
      clock(Date.parse(since)),
      clock(Date.parse(until)),
      `${requests(canary)}${ours(synthetic?.canary)}`,
      `${requests(baseline)}${ours(synthetic?.baseline)}`,
    ]),
    numbers: true,
  })

const ours = (sent = 0): string => (sent > 0 ? `, ${requests(sent)} our own` : '')

const timeline = (all: Details['timeline']): Markup =>
  table({
    caption: 'What the release told (UTC)',
    head: ['Time', 'What'],
    rows: all.map(({ at, text }) => [clock(Date.parse(at)), text]),
  })

const history = (all: Details['history']): Markup =>
  table({
    caption: 'The last releases of this Deployment, newest first',
    head: ['When (UTC)', 'Image', 'Verdict'],
    rows: [...all].reverse().map(({ at, image, verdict }) => [moment(at), html`<code>${image}</code>`, verdict]),
  })
