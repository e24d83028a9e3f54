import type { RunTrace } from '@sluice/runner/trace'
import type { Claim } from './claims.ts'
import type { Moment } from './moments.ts'
import { plot, safe } from './plot.ts'
import type { Share } from './traffic.ts'
import { clock } from './view.ts'

/** What the HTML report shows. Times in ms UTC; seconds of `perSecond` count from `began`. */
export type Page = {
  readonly title: string
  readonly passed: boolean
  readonly began: number
  readonly ended: number
  readonly machine: string
  readonly shortened: string
  readonly claims: readonly Claim[]
  readonly moments: readonly Moment[]
  readonly figures: readonly (readonly [string, string])[]
  /** [at, whole percent] at each change. */
  readonly weights: readonly (readonly [number, number])[]
  readonly perSecond: ReadonlyMap<string, readonly Share[]>
  readonly runs: readonly RunTrace[]
}

/** One self-contained page: verdict first, then the plots, what happened, the claims and the figures. */
export const page = (content: Page): string => {
  const { title, passed, began, ended, claims, moments } = content
  const failed = claims.filter(({ ok }) => !ok).length
  const verdict = passed
    ? `All ${claims.length} claims hold.`
    : claims.length === 0
      ? 'It did not come to an end.'
      : `${failed} of ${claims.length} claims do not hold.`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${safe(title)}</title>
<style>${STYLE}</style></head><body><main>
<h1>${safe(title)}</h1>
<p class="verdict ${passed ? 'good' : 'bad'}">${passed ? '✓ Passed' : '✗ Failed'}: ${verdict}</p>
<p>${safe(new Date(began).toISOString())}, ${((ended - began) / 1000).toFixed(1)} s, on ${safe(content.machine)}. ${safe(content.shortened)}</p>
${plots(content)}
<h2>What happened</h2>
<table><tr><th>#</th><th>Time</th><th>What</th><th>Detail</th></tr>
${moments.map(({ at, text, detail }, index) => row([String(index + 1), clock(at - began), text, detail])).join('\n')}
</table>
<h2>Runs, as the local GitHub ran them</h2>
${content.runs.map(runTable).join('\n')}
<h2>Figures of this run</h2>
<table>${content.figures.map((figure) => row(figure)).join('\n')}</table>
<h2>Claims, read back from the cluster and from the clients</h2>
<table><tr><th></th><th>Release</th><th>Claim</th><th>Expected</th><th>Found</th></tr>
${claims.map(({ ok, release, text, expected, actual }) => row([ok ? '✓' : '✗', release, text, expected, actual], ok ? '' : 'bad')).join('\n')}
</table>
</main></body></html>
`
}

/** A run's jobs; those that were skipped stay in, for why they were is part of what the workflow says. */
const runTable = ({ id, workflow, file, event, conclusion, refused, jobs }: RunTrace): string =>
  `<h3>${safe(`${workflow}, run ${id}`)}: ${safe(conclusion)}</h3>
<p>${safe(`${file}, started by ${event}`)}${refused === '' ? '' : `. ${safe(refused)}`}</p>
<table><tr><th></th><th>Job</th><th>Took</th><th>Verdict</th><th>Why</th></tr>
${jobs
  .filter(({ kind }) => kind === 'job')
  .map((job) =>
    row(
      [
        { success: '✓', failure: '✗', cancelled: '⊘', skipped: '–' }[job.conclusion],
        job.path,
        job.conclusion === 'skipped' ? '' : `${((job.endedAt - job.startedAt) / 1000).toFixed(1)} s`,
        [job.outputs.verdict, job.outputs['reason-code']].filter(Boolean).join(', '),
        job.why,
      ],
      job.conclusion === 'failure' ? 'bad' : '',
    ),
  )
  .join('\n')}
</table>`

const plots = ({ began, ended, weights, perSecond, moments }: Page): string => {
  const to = Math.max(1, (ended - began) / 1000)
  const marks = moments.map(({ at, text }) => ({ at: (at - began) / 1000, text }))
  const named = [...perSecond].sort(([a], [b]) => a.localeCompare(b))
  const coloured = named.map(([release, shares]) => ({
    name: release === '' ? 'no answer of the service' : release,
    colour: release === '' ? '#c0392b' : (COLOURS[Number(release.replace(/\D/g, '')) % COLOURS.length] ?? '#555'),
    shares,
  }))
  const seconds = (values: readonly number[]): readonly (readonly [number, number])[] =>
    values.map((value, second) => [second + 0.5, value] as const)
  const most = Math.max(10, ...coloured.flatMap(({ shares }) => shares.map(({ total }) => total)))
  const last = weights.at(-1)
  const stepped = weights.map(([at, weight]) => [(at - began) / 1000, weight] as const)
  return [
    plot({
      title: 'Canary weight, as read back',
      unit: '% of the traffic',
      to,
      top: 100,
      marks,
      series: [
        {
          name: 'weight',
          colour: '#6b3fa0',
          step: true,
          points: [[0, 0], ...stepped, ...(last === undefined ? [] : [[to, last[1]] as const])],
        },
      ],
    }),
    plot({
      title: 'Answers by release',
      unit: 'requests in each second, as the clients count',
      to,
      top: most * 1.1,
      marks,
      series: coloured.map(({ name, colour, shares }) => ({
        name,
        colour,
        points: seconds(shares.map(({ total }) => total)),
      })),
    }),
    plot({
      title: 'Failed or slow, by release',
      unit: '% of its requests of each second',
      to,
      top: 100,
      marks,
      series: coloured.map(({ name, colour, shares }) => ({
        name,
        colour,
        points: seconds(shares.map(badShare)).filter((_, second) => (shares[second]?.total ?? 0) > 0),
      })),
    }),
  ].join('\n')
}

// A request that is both failed and slow counts once as far as the sums can tell.
const badShare = ({ total, failed, slow }: Share): number =>
  total === 0 ? 0 : Math.min(100, (100 * Math.max(failed, slow)) / total)

const row = (cells: readonly string[], kind = ''): string =>
  `<tr${kind && ` class="${kind}"`}>${cells.map((cell) => `<td>${safe(cell)}</td>`).join('')}</tr>`

/** By the release's number, so that a release has one colour in every report. */
const COLOURS = ['#2e8b57', '#7f8c9b', '#1f6fb2', '#d9731a'] as const

const STYLE = `:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6775;--line:#dde2e8;--paper:#fff;--good:#1d7a46;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa6b4;--line:#323a45;--paper:#14181e;--good:#5fd08f;--bad:#ff8a80}}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}main{max-width:960px;margin:0 auto;padding:24px}
h1{font-size:24px;margin:0 0 8px}h2{font-size:17px;margin:28px 0 8px}.verdict{font-size:18px;font-weight:600;margin:0}.good{color:var(--good)}p.bad,tr.bad td{color:var(--bad)}
table{border-collapse:collapse;width:100%;font-size:14px}th,td{text-align:left;padding:4px 10px 4px 0;border-bottom:1px solid var(--line);vertical-align:top}th{color:var(--soft);font-weight:500}
figure{margin:20px 0 0}figcaption small{color:var(--soft);margin:0 12px 0 4px}figcaption span{margin-right:12px;font-size:13px}figcaption i{display:inline-block;width:14px;height:3px;margin-right:5px;vertical-align:middle}
svg{width:100%;height:auto;display:block}.grid{stroke:var(--line)}.tick,text.mark{fill:var(--soft);font-size:11px}line.mark{stroke:var(--soft);stroke-dasharray:2 4;opacity:.6}`
