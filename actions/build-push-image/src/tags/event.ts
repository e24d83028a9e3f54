import { Fault } from '@sluice/kit/faults'

/** What a run is of. */
export type GitEvent = {
  /** As in GITHUB_EVENT_NAME. */
  readonly name: string
  /** `refs/heads/main`, `refs/tags/v1.2.3` or `refs/pull/7/merge`. */
  readonly ref: string
  /** 40 (or, of a SHA-256 repository, 64) hex digits; on a pull request its head's, not that of the trial merge. */
  readonly sha: string
  /** The branch that a pull request goes into, or that a tag was pushed from where the payload says so; else empty. */
  readonly baseRef: string
  /** The branch of a pull request; else empty. */
  readonly headRef: string
  /** Empty when unknown. */
  readonly defaultBranch: string
  readonly repository: {
    readonly name: string
    readonly fullName: string
    readonly url: string
    readonly description: string
    /** SPDX, or empty. */
    readonly license: string
  }
  /** When the commit was made, in ms UTC, where the payload says so. */
  readonly committedAt: number | undefined
  /** ms UTC */
  readonly now: number
}

type Variables = Readonly<Record<string, string | undefined>>

/**
 * What the run is of, from the runner's variables and the event's payload.
 * A pull request is named by its head: GITHUB_SHA is there a merge that nobody keeps. One that was merged is the commit on its base branch, as
 * the runner says. `pull_request_target` comes with the base branch as its ref, and is read as the pull request that it is about.
 * @throws Fault('input') when there is no commit to name
 */
export const readEvent = (env: Variables, payload: unknown, now: number): GitEvent => {
  const name = env.GITHUB_EVENT_NAME ?? ''
  const pull = fieldsOf(at(payload, 'pull_request'))
  const isOpen = name.startsWith('pull_request') && pull.merged !== true
  const sha = commitOf(isOpen ? text(at(pull.head, 'sha')) : text(env.GITHUB_SHA), isOpen)
  const ref = env.GITHUB_REF ?? ''
  const pushedFrom = ref.startsWith('refs/tags/') ? text(at(payload, 'base_ref')).replace(/^refs\/heads\//, '') : ''
  const base = text(env.GITHUB_BASE_REF) || text(at(pull.base, 'ref'))
  return {
    name,
    ref: isOpen && typeof pull.number === 'number' ? `refs/pull/${pull.number}/merge` : ref,
    sha,
    baseRef: isOpen ? base : pushedFrom,
    headRef: isOpen ? text(env.GITHUB_HEAD_REF) || text(at(pull.head, 'ref')) : '',
    defaultBranch: text(at(at(payload, 'repository'), 'default_branch')),
    repository: repositoryOf(env, fieldsOf(at(payload, 'repository'))),
    committedAt: timeOf(payload, sha),
    now,
  }
}

const commitOf = (given: string, isOpen: boolean): string => {
  const sha = given.toLowerCase()
  if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(sha)) return sha
  const where = isOpen ? "the payload's pull_request.head.sha" : 'GITHUB_SHA'
  throw new Fault(
    'input',
    `There is no commit to name: ${where} is "${given.slice(0, 80)}"`,
    'Run this in a workflow of GitHub Actions',
  )
}

const repositoryOf = (env: Variables, given: Fields): GitEvent['repository'] => {
  const fullName = text(given.full_name) || text(env.GITHUB_REPOSITORY)
  const server = text(env.GITHUB_SERVER_URL) || 'https://github.com'
  const license = text(at(given.license, 'spdx_id'))
  return {
    name: text(given.name) || (fullName.split('/').at(-1) ?? ''),
    fullName,
    url: text(given.html_url) || (fullName === '' ? '' : `${server}/${fullName}`),
    description: text(given.description),
    // GitHub's word for a licence that it cannot tell.
    license: license === 'NOASSERTION' ? '' : license,
  }
}

/** Only of this very commit: the newest of a push is not the one that a re-run builds. */
const timeOf = (payload: unknown, sha: string): number | undefined => {
  const commits = at(payload, 'commits')
  const all: readonly unknown[] = [at(payload, 'head_commit'), ...(Array.isArray(commits) ? commits : [])]
  const time = Date.parse(
    text(
      at(
        all.find((one) => at(one, 'id') === sha),
        'timestamp',
      ),
    ),
  )
  return Number.isNaN(time) ? undefined : time
}

type Fields = Readonly<Record<string, unknown>>

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
const at = (value: unknown, key: string): unknown =>
  Object.hasOwn(fieldsOf(value), key) ? fieldsOf(value)[key] : undefined
const text = (value: unknown): string => (typeof value === 'string' ? value : '')
