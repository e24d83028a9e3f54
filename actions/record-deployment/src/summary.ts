import { cell, inline, table, unmarked } from '@sluice/kit/markdown'
import type { Recorded } from './run.ts'
import type { Reason, Verdict } from './verdict.ts'

/** What the summary is rendered from. */
export type Told = {
  readonly verdict: Verdict
  readonly reason: Reason
  readonly recorded: Recorded
  readonly service: string
  readonly environment: string
  readonly commit: string
  readonly image: string
  /** The repository's page on GitHub, without a slash at the end. */
  readonly home: string
}

/**
 * The job summary: verdict, why and what to do, then what GitHub now shows. A record that was made is one line and a link, since it stands beside what a
 * release's own steps have to say; one that was not shows everything.
 */
export const summarize = ({ verdict, reason, recorded, service, environment, commit, image, home }: Told): string => {
  const head = `### ${verdict === 'pass' ? '✅' : '⚠️'} Deployment record: ${verdict}\n\n**${inline(reason.text)}.** ${inline(reason.next)}`
  const changed = recorded.corrections.map(({ id, state }) => [`Deployment ${id}`, `now ${state}`])
  const rows = [
    ['Service', unmarked(service)],
    ['Environment', unmarked(environment)],
    ['Commit', commit],
    ['Image', unmarked(image)],
    ['Deployment', recorded.id === undefined ? 'none' : String(recorded.id)],
    ['State', recorded.state ?? 'not known'],
    ...changed,
  ]
  const release =
    verdict === 'error' ? '\n\nThe release itself is not touched by this: only its record on GitHub is.' : ''
  const link = `${home}/deployments/${encodeURIComponent(environment).replace(/[()]/g, (sign) => (sign === '(' ? '%28' : '%29'))}`
  const shown = verdict === 'pass' ? changed : rows
  const facts = shown.length === 0 ? '' : `${table(['', ''], shown)}\n\n`
  return `${head}${release}\n\n${facts}[Deployments to ${cell(code(environment))}](${link})\n`
}

const code = (text: string): string => `\`${text.replaceAll('`', "'")}\``
