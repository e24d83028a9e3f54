import { createHash } from 'node:crypto'
import { eventsOf, type Happening } from './events.ts'
import { html, type Markup } from './html.ts'
import { metrics } from './metrics.ts'
import { clock, points } from './numbers.ts'
import type { CanaryReport, Details, Ending, PowerStatement } from './report.ts'
import { schedule } from './schedule.ts'
import type { Course } from './shares.ts'
import { sinceFirstLook, spanOf } from './span.ts'
import { STYLE } from './style.ts'
import { details as folded, table } from './table.ts'
import { values } from './values.ts'
import { verdict } from './verdict.ts'

/**
 * The report of a canary as one HTML file: verdict and reason first, then the schedule, each metric against its limit over time, what the traffic could
 * reveal, the findings, and every value. It needs no script and no network, and says so to the browser: its policy allows its own style and nothing
 * else. Of a report without series (a run that did nothing, an older report) it shows what there is. All text of others is escaped.
 */
export const page = (report: CanaryReport | Ending): string => {
  const { details } = report
  const name = details === null ? 'canary' : `${details.namespace}/${details.deployment}`
  return `<!doctype html>\n${
    html`<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '${{ markup: HASH }}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${report.verdict}: canary of ${name}</title>
<style>${{ markup: STYLE }}</style>
</head>
<body>
<main>
${verdict(report)}
${details !== null && measured(report.findings, details)}
${details === null && findings(report.findings)}
</main>
<footer><p>Made by canary-promote ${report.tool.version}${report.tool.commit !== '' && ` (${report.tool.commit.slice(0, 12)})`} from its report file. All times are UTC.</p></footer>
</body>
</html>`.markup
  }\n`
}

const HASH = `sha256-${createHash('sha256').update(STYLE).digest('base64')}`

const measured = (found: CanaryReport['findings'], details: Details): Markup => {
  const drawn = sinceFirstLook(details)
  const span = spanOf(drawn)
  const course: Course | undefined = span && { span, events: within(eventsOf(details), span.until) }
  return html`${course !== undefined && overTime(drawn, course)}
${metrics(drawn, course)}
${power(details)}
${findings(found)}
${values(details)}`
}

/** What came after the last interval is told in the tables; its mark would only stand at the edge. */
const within = (events: readonly Happening[], until: number): readonly Happening[] =>
  events.filter(({ at }) => at <= until)

const overTime = (
  details: Details,
  course: Course,
): Markup => html`<section aria-labelledby="course"><h2 id="course">The release over time</h2>
${schedule(details, course.span, course.events)}
${eventList(course.events)}</section>`

/** The numbers that the charts bear. A release that saw much is read from its charts first: a long list is folded away. */
const eventList = (events: readonly Happening[]): Markup | undefined => {
  if (events.length === 0) return undefined
  const list = html`<ol class="events">${events.map(eventItem)}</ol>`
  return events.length > LONG ? folded(`What happened, by the numbers of the charts (${events.length})`, list) : list
}

const eventItem = ({ at, kind, text }: Happening): Markup =>
  html`<li${kind === 'restart' && html` class="restart"`}><time>${clock(at)}</time> ${text}</li>\n`

const LONG = 24

/** The power statement: what the plan could see, as said at the start, and what the release's own traffic would have revealed. */
const power = ({ planned = [], power: reached }: Details): Markup | undefined => {
  const names = [...new Set([...planned, ...reached].map(({ metric }) => metric))]
  if (names.length === 0) return undefined
  const both = [
    ['As planned', planned],
    ['With the traffic that came', reached],
  ] as const
  const said = both.filter(([, all]) => all.length > 0)
  const cell = (statement: PowerStatement | undefined) => {
    if (statement === undefined) return 'not said'
    const said = html`<small>${statement.text.replace(`${statement.metric}: `, '')}</small>`
    return statement.increase === undefined ? said : html`${points(statement.increase)}<br>${said}`
  }
  return html`<section aria-labelledby="power"><h2 id="power">What this release could reveal</h2>
<p>The smallest increase over the baseline that is revealed with 95 % probability: what is smaller may have passed unseen.</p>
${table({
  caption: 'The smallest increase that is revealed, by metric',
  head: ['Metric', ...said.map(([when]) => when)],
  rows: names.map((name) => [name, ...said.map(([, all]) => cell(all.find(({ metric }) => metric === name)))]),
})}</section>`
}

const findings = (found: CanaryReport['findings']): Markup | undefined =>
  found.length === 0
    ? undefined
    : html`<section aria-labelledby="findings"><h2 id="findings">Findings</h2>
${table({
  caption: 'What was found beside the metrics',
  head: ['Level', 'What was found', 'What to do'],
  rows: found.map(({ level, text, where, hint }) => [
    html`<span class="level ${level}">${level}</span>`,
    html`${text}${where !== undefined && html`<br><code>${where}</code>`}`,
    hint ?? '',
  ]),
})}</section>`
