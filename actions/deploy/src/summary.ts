import { table } from '@sluice/kit/markdown'
import { effectOf } from './change.ts'
import type { Explanation } from './ports.ts'
import type { Result } from './run.ts'
import type { Decided, Verdict } from './verdict.ts'

/** The image of one Deployment's container, before and after. */
export type Shipped = {
  readonly namespace: string
  readonly deployment: string
  readonly container: string
  /** What the live object asks for now. */
  readonly image: string
  /** What this step asked for; another one than `image` after a way back. */
  readonly asked: string
  /** Empty on a first deployment. */
  readonly previousImage: string
  readonly revision: string
  /** The latest look at its rollout. */
  readonly rollout: string
}

/** The job summary: verdict, reason and what to do; why it hung; the images; every object and what became of it. */
export const summarize = ({ verdict, reason }: Decided, result: Result, shipped: readonly Shipped[]): string => {
  const parts = [
    `### ${SIGN[verdict]} Deploy: ${verdict} (${reason.code})`,
    `**${text(reason.text)}.** ${text(reason.next)}`,
  ]
  if (result.explanations.length > 0) parts.push(`#### Why\n\n${result.explanations.map(explain).join('\n')}`)
  if (shipped.length > 0) parts.push(images(shipped))
  if (result.changes.length > 0) parts.push(table(['Object', 'Namespace', 'What happened'], fates(result)))
  return `${parts.join('\n\n')}\n`
}

const images = (shipped: readonly Shipped[]): string => {
  // After a way back the release's own image is neither the one before nor the one now.
  const tried = shipped.some(({ asked, image }) => asked !== image)
  const head = [
    'Deployment',
    'Container',
    'Image before',
    ...(tried ? ['Image tried'] : []),
    'Image now',
    'Revision',
    'Rollout',
  ]
  const rows = shipped.map((each) => [
    each.deployment,
    each.container,
    short(each.previousImage) || '– (first)',
    ...(tried ? [short(each.asked)] : []),
    short(each.image) || '– (deleted)',
    each.revision || '–',
    each.rollout,
  ])
  return table(head, rows)
}

const SIGN: Readonly<Record<Verdict, string>> = { pass: '✅', fail: '❌', error: '❌' }

const fates = ({ changes, undone }: Result): readonly (readonly string[])[] =>
  changes.map((change) => {
    const effect = effectOf(change)
    const back = undone?.find((each) => each.change === change)
    const fate =
      back === undefined || back.state === 'unchanged'
        ? ''
        : `, then ${back.state}${back.why === undefined ? '' : `: ${back.why}`}`
    const { kind, name, namespace } = change.target
    return [`${kind}/${name}`, namespace ?? '–', `${effect}${fate}`]
  })

const explain = ({ about, text: why, log }: Explanation): string => {
  const line = `- **${text(about)}**: ${text(why)}`
  if (log === undefined || log.length === 0) return line
  const longest = Math.max(2, ...(log.join('\n').match(/`+/g) ?? []).map((run) => run.length))
  const fence = '`'.repeat(longest + 1)
  return `${line}\n\n  ${fence}text\n${log.map((each) => `  ${each}`).join('\n')}\n  ${fence}\n`
}

/** An image as people tell it from another: its last name and the digest's beginning. */
const short = (image: string): string =>
  image.replace(/^.*\/(?=[^/]*$)/, '').replace(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/, '$1…')

/** Text of the cluster must not start Markdown or HTML of its own. */
const text = (raw: string): string =>
  raw
    .replace(/\s+/g, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replace(/([*_`[\]])/g, '\\$1')
