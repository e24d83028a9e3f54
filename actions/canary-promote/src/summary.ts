import type { MetricJudgement } from '@sluice/evidence/verdict'
import { table } from '@sluice/kit/markdown'
import { evidenceCourse } from './course.ts'
import type { CanaryReport } from './report.ts'

/**
 * The job summary: the verdict first and what to do, then what was measured on how many requests against what limit, with the evidence as a plot, then
 * the steps, then the timeline as a plot with its table. What it leaves out is in the report page.
 */
export const summarize = (report: CanaryReport): string => {
  const { verdict, reason, details, findings } = report
  // What an earlier run measured is in that run's own summary, and a run that did nothing has nothing of its own to show.
  const idle = reason.code === 'nothing-in-flight'
  const measured = idle ? { metrics: [], steps: [] } : details
  const blocks = [
    `### Canary of \`${plain(`${details.namespace}/${details.deployment}`)}\`: ${verdict}`,
    // A metric's verdict has the metric's name for its code, and its text begins with it.
    `**${reason.code}**: ${plain(reason.text.replace(`${reason.code}: `, ''))}`,
    reason.next === 'nothing' ? '' : `What to do: ${plain(reason.next)}`,
    idle ? '' : facts(report),
    measured.metrics.length === 0 ? '' : `#### What was measured\n\n${metricTable(measured.metrics)}`,
    idle ? '' : evidenceCourse(report),
    idle ? '' : seen(report),
    measured.steps.length === 0 ? '' : `#### Steps\n\n${stepTable(measured.steps)}`,
    findings.length === 0 ? '' : `#### Findings\n\n${findingTable(findings)}`,
    details.timeline.length === 0 ? '' : `#### Timeline\n\n${plot(report)}\n\n${timelineTable(details.timeline)}`,
    details.history.length === 0
      ? ''
      : `<details><summary>Last releases</summary>\n\n${historyTable(details.history)}\n\n</details>`,
    (details.series ?? []).length === 0 ? '' : PAGE,
  ]
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`
}

const PAGE =
  'Every interval, both versions over time and every query are in the report page: the output `page`, which canary.yml keeps as an artifact.'

const facts = ({ subject, details, startedAt, endedAt }: CanaryReport): string => {
  const seconds = Math.round((Date.parse(endedAt) - Date.parse(startedAt)) / 1000)
  const { previousImage, weight, rollbackSeconds, zeroWeightSeconds } = details
  const rows: readonly (readonly [string, string])[] = [
    ...(subject.image === undefined ? [] : [['Image', `${subject.image.repository}@${subject.image.digest}`] as const]),
    ...(previousImage === undefined
      ? []
      : [['Before', `${previousImage.repository}@${previousImage.digest}`] as const]),
    ...(weight === undefined ? [] : [['Canary weight now', `${weight} %`] as const]),
    ...(zeroWeightSeconds === undefined ? [] : [['Verdict to weight 0', `${zeroWeightSeconds} s`] as const]),
    ...(rollbackSeconds === undefined ? [] : [['Verdict to last canary request', `${rollbackSeconds} s`] as const]),
    ['Took', `${seconds} s`],
  ]
  return table(['', ''], rows)
}

/** What the plan could see, as said at the start; of a promotion also what its own traffic would have revealed. */
const seen = ({ verdict, details }: CanaryReport): string =>
  [...(details.planned ?? []), ...(verdict === 'promoted' ? details.power : [])]
    .map(({ text }) => `- ${plain(text)}`)
    .join('\n')

const metricTable = (metrics: readonly MetricJudgement[]): string =>
  table(
    ['Metric', 'Canary', 'Baseline', 'Tolerated', 'Evidence (limit)'],
    metrics.map((metric) => {
      if (metric.kind === 'gauge') return [metric.name, '', '', metric.text, `${metric.failures} of ${metric.allowed}`]
      const limit = metric.limit === undefined ? '' : `, at most ${percent(metric.limit.max)}`
      const evidence = Math.max(metric.logPeak, metric.limit?.logPeak ?? Number.NEGATIVE_INFINITY)
      return [
        metric.name,
        counted(metric.canary),
        counted(metric.baseline),
        `${points(metric.margin)}${limit}`,
        `${magnitude(evidence)} (${magnitude(metric.logLimit)})`,
      ]
    }),
  )

const stepTable = (steps: CanaryReport['details']['steps']): string =>
  table(
    ['Step', 'Weight', 'Watched', 'Canary requests', 'Baseline requests'],
    steps.map(({ step, weight, mirror, since, until, canary, baseline, synthetic }) => [
      String(step + 1),
      mirror === undefined ? `${weight} %` : `copy of ${mirror} %`,
      `${Math.round((Date.parse(until) - Date.parse(since)) / 1000)} s`,
      `${Math.round(canary)}${ours(synthetic?.canary)}`,
      `${Math.round(baseline)}${ours(synthetic?.baseline)}`,
    ]),
  )

const ours = (requests = 0): string => (requests === 0 ? '' : `, ${Math.round(requests)} our own`)

const findingTable = (findings: CanaryReport['findings']): string =>
  table(
    ['', 'Finding', 'What to do'],
    findings.map(({ level, text, hint }) => [level, text, hint ?? '']),
  )

const timelineTable = (timeline: CanaryReport['details']['timeline']): string =>
  table(
    ['Time (UTC)', 'What'],
    timeline.map(({ at, text }) => [at.slice(11, 19), text]),
  )

const historyTable = (history: CanaryReport['details']['history']): string =>
  table(
    ['When (UTC)', 'Image', 'Verdict'],
    [...history].reverse().map(({ at, image, verdict }) => [at.slice(0, 19).replace('T', ' '), image, verdict]),
  )

/** A Gantt of the watched steps; the same is in the tables for readers and tools that do not draw it. */
const plot = ({ details }: CanaryReport): string => {
  const bars = details.steps.map(({ step, weight, mirror, since, until }) => {
    const end = Math.max(Date.parse(until), Date.parse(since) + 1000)
    return `  ${mirror === undefined ? `${weight} percent` : `copy of ${mirror} percent`} :step${step}, ${Math.floor(Date.parse(since) / 1000)}, ${Math.ceil(end / 1000)}`
  })
  if (bars.length === 0) return ''
  return [
    '```mermaid',
    'gantt',
    '  dateFormat X',
    '  axisFormat %H:%M:%S',
    '  section Canary weight',
    ...bars,
    '```',
  ].join('\n')
}

const counted = ({ n, k }: { readonly n: number; readonly k: number }): string =>
  n === 0 ? 'no requests' : `${round(k)} of ${round(n)} (${percent(k / n)})`
const round = (value: number): string => String(Math.round(value * 10) / 10)
const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`
/** An increase is in points, as in the page: `+0.1 %` would read as a thousandth of the baseline's share. */
const points = (increase: number): string => `+${Number((increase * 100).toPrecision(3))} points`
const magnitude = (log: number): string =>
  log > 14 ? `10^${Math.round(log / Math.LN10)}` : String(Number(Math.exp(log).toPrecision(3)))
/** One line: a message of several, as other programs write them, could begin a heading or a list. */
const plain = (text: string): string => text.replace(/\s+/g, ' ').replaceAll('<', '&lt;').replaceAll('`', "'")
