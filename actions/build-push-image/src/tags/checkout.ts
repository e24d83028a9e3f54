import { Fault } from '@sluice/kit/faults'
import type { GitEvent } from './event.ts'
import type { Tagging } from './tags.ts'

/** What is really built: the event with the commit that tags name, and the revision of the checkout. */
export type Checkout = {
  readonly event: GitEvent
  readonly revision: string
  /** GitHub's trial merge of a pull request: no commit that anybody keeps. */
  readonly trial: boolean
  readonly notes: readonly string[]
}

/**
 * Compares the commit of the checkout with the run's: an image must not be named after a commit that it was not built from.
 * @param head the checkout's commit; `undefined` where it cannot be told, such as for a context that is fetched by its URL
 * @throws Fault('input') when a Git tag's run builds another commit
 */
export const checkedOut = (event: GitEvent, head: string | undefined): Checkout => {
  if (head === undefined || head === event.sha) return { event, revision: event.sha, trial: false, notes: [] }
  if (event.ref.startsWith('refs/pull/')) return { event, revision: head, trial: true, notes: [] }
  if (event.ref.startsWith('refs/tags/'))
    throw new Fault(
      'input',
      `The checkout is at ${head}, and the run is of ${event.ref.slice('refs/tags/'.length)}, which is ${event.sha}: its tags would name another commit`,
      'Check out the commit of the run, or start the run from the commit that is meant',
    )
  const notes = [`the checkout is at ${head}, not at the run's ${event.sha}: tags and labels name ${head}`]
  return { event: { ...event, sha: head, committedAt: undefined }, revision: head, trial: false, notes }
}

/**
 * The tags of a trial merge. One that holds the head's commit would stand for that commit when it is on its branch, and the image is of the head and its base
 * together: only those that name the pull request as well are kept, and move.
 * @throws Fault('input') when none is left
 */
export const ofTrial = (tagging: Tagging, { sha, ref }: GitEvent): Tagging => {
  const number = /^refs\/pull\/(\d+)\//.exec(ref)?.[1] ?? ''
  const claims = ({ name }: { readonly name: string }): boolean =>
    name.includes(sha.slice(0, 7)) && !new RegExp(`(^|[._-])pr-${number}([._-]|$)`).test(name)
  const dropped = tagging.tags.filter(claims)
  const tags = tagging.tags.filter((tag) => !claims(tag)).map((tag) => ({ ...tag, kind: 'moving' as const }))
  if (tags.length === 0)
    throw new Fault(
      'input',
      `The checkout is GitHub's trial merge of pull request ${number}, and every tag would name its head: ${dropped.map(({ name }) => name).join(', ')}`,
      'Check out the head (ref: github.event.pull_request.head.sha), or add the rule type=ref,event=pr',
    )
  const notes = dropped.map(
    ({ name }) => `${name} is not written: the checkout is GitHub's trial merge of the pull request, not its head`,
  )
  return { ...tagging, tags, notes: [...tagging.notes, ...notes] }
}
