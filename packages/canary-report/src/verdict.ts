import { html, type Markup } from './html.ts'
import { duration, moment, requests } from './numbers.ts'
import type { CanaryReport, Details, Ending } from './report.ts'
import { highestWeight } from './schedule.ts'
import { terms } from './table.ts'

/** The head of the page: the verdict and its reason, then what happened, whether traffic is safe, and what to do. */
export const verdict = (report: CanaryReport | Ending): Markup => {
  const { reason, details } = report
  const { tone, title, mark } = WORDS[report.verdict]
  const traffic = trafficOf(report)
  return html`<header class="verdict ${tone}">
<p class="what">Canary report${details !== null && html` · <span class="name">${details.namespace}/${details.deployment}</span>`}</p>
<h1>${icon(mark)}${title}</h1>
<p class="reason"><b>${reason.code}</b> ${reason.text.replace(`${reason.code}: `, '')}</p>
<div class="answers">
<section><h2>What happened</h2><p>${happened(report)}</p></section>
<section class="${traffic.tone}"><h2>Is traffic safe?</h2><p><b>${traffic.answer}</b> ${traffic.text}</p></section>
<section><h2>What to do</h2><p>${sentence(reason.next === 'nothing' || reason.next === '' ? 'Nothing' : reason.next)}</p></section>
</div>
${facts(report)}
</header>`
}

type Tone = 'good' | 'bad' | 'unsure'

const TICK = 'M7 12.5l3.5 3.5L17 9'
const BACK = 'M10 7.5L6.5 11l3.5 3.5M6.5 11H14a3.2 3.2 0 0 1 0 6.4h-2.5'
const QUESTION = 'M9.3 9.6a2.8 2.8 0 1 1 4.2 2.4c-1 .6-1.5 1.1-1.5 2.1M12 17v.1'
const CROSS = 'M8.3 8.3l7.4 7.4M15.7 8.3l-7.4 7.4'

const WORDS: Readonly<
  Record<CanaryReport['verdict'], { readonly tone: Tone; readonly title: string; readonly mark: string }>
> = {
  promoted: { tone: 'good', title: 'Promoted', mark: TICK },
  'rolled-back': { tone: 'bad', title: 'Rolled back', mark: BACK },
  superseded: { tone: 'unsure', title: 'Superseded', mark: QUESTION },
  inconclusive: { tone: 'unsure', title: 'Inconclusive', mark: QUESTION },
  error: { tone: 'bad', title: 'Error', mark: CROSS },
}

/** Verdicts are told apart by the shape of their mark, not by colour alone. */
const icon = (mark: string): Markup =>
  html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="11"/><path d="${mark}"/></svg>`

const happened = ({ verdict, details, reason }: CanaryReport | Ending): string => {
  if (details === null) return 'The action came to no outcome: it could not begin, or what it relies on failed.'
  if (reason.code === 'nothing-in-flight' || details.phase === 'none')
    return 'This run found nothing to do for a release, and changed nothing.'
  const highest = highestWeight(details)
  const watched = details.steps.reduce((sum, { since, until }) => sum + Date.parse(until) - Date.parse(since), 0)
  const share =
    highest === undefined
      ? 'No user’s request was sent to the canary'
      : `The canary got up to ${highest} % of the traffic and was watched for ${duration(watched)}`
  const ends: Readonly<Record<CanaryReport['verdict'], string>> = {
    promoted: 'It took the place of the running version.',
    'rolled-back': 'Then it was taken back.',
    inconclusive: 'What was seen does not say whether it is as good as the running version.',
    superseded: 'Something newer took its place.',
    error: 'This run could not bring the release to its end.',
  }
  return `${share}. ${ends[verdict]}${verdict === 'rolled-back' ? harm(details.metrics, reason.text) : ''}`
}

/** How many requests more failed than would have on the running version, where failures were the reason. */
const harm = (metrics: Details['metrics'], reason: string): string => {
  const metric = metrics.find(({ name }) => reason.startsWith(`${name}: `))
  if (metric?.kind !== 'ratio' || metric.baseline.n === 0) return ''
  const more = Math.round(metric.canary.k - (metric.canary.n * metric.baseline.k) / metric.baseline.n)
  return more > 0 ? ` About ${requests(more)} more requests failed than would have on the running version.` : ''
}

/** Where the traffic is now. The release's own state tells: only one that is over has all of it on one version. */
const trafficOf = ({
  verdict,
  details,
  reason,
}: CanaryReport | Ending): { readonly tone: Tone; readonly answer: string; readonly text: string } => {
  if (details === null)
    return {
      tone: 'unsure',
      answer: 'Not known.',
      text: 'This run says nothing of it. A release that was in flight is ended by the post step, by mode reap, or by the next release.',
    }
  const { phase, weight, zeroWeightSeconds, rollbackSeconds } = details
  if (phase === 'none') return { tone: 'good', answer: 'Unchanged.', text: 'This run touched no traffic.' }
  const read = weight === undefined ? '' : ` The canary’s weight last read back as ${weight} %.`
  if (phase !== 'done')
    return { tone: 'bad', answer: 'Not settled.', text: `The release is not over (${phase}).${read}` }
  if (weight !== undefined && weight > 0)
    return {
      tone: 'bad',
      answer: 'Look now.',
      text: `The release is over, but the canary’s weight reads back as ${weight} %.`,
    }
  if (verdict === 'promoted')
    return { tone: 'good', answer: 'Yes.', text: 'All of it is on the new version, which is fully available.' }
  if (verdict === 'superseded' || verdict === 'error' || reason.code === 'nothing-in-flight')
    return { tone: 'unsure', answer: 'As the last release left it.', text: `No canary is in flight.${read}` }
  const times = [
    ...(zeroWeightSeconds === undefined ? [] : [`weight 0 read back ${soon(zeroWeightSeconds)} the verdict`]),
    ...(rollbackSeconds === undefined ? [] : [`last canary request ${soon(rollbackSeconds)} it`]),
  ]
  return {
    tone: 'good',
    answer: 'Yes.',
    text: `All of it is on the previous version${times.length > 0 ? `: ${times.join(', ')}` : ''}.`,
  }
}

/** Seconds are told to a tenth. */
const soon = (seconds: number): string => (seconds > 0 ? `${seconds}\u00a0s after` : 'within 0.1\u00a0s of')

const facts = (report: CanaryReport | Ending): Markup => {
  const { subject, details, run, startedAt, endedAt } = report
  const image = (named: { readonly repository: string; readonly digest: string } | undefined, name: string) =>
    named === undefined ? [] : [[name, html`<code>${named.repository}@${named.digest}</code>`] as const]
  return terms([
    ...image(subject.image, 'Released image'),
    ...image(details?.previousImage, 'Image before'),
    [
      'Time (UTC)',
      `${moment(startedAt)} to ${moment(endedAt).slice(11)} (${duration(Date.parse(endedAt) - Date.parse(startedAt))})`,
    ],
    ...(run === undefined
      ? []
      : [['Run', `${run.repository}, run ${run.runId}, attempt ${run.attempt}, job ${run.job}`] as const]),
  ])
}

const sentence = (text: string): string => {
  const begun = `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`
  return /[.!?]$/.test(begun) ? begun : `${begun}.`
}
