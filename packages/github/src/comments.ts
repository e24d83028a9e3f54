import type { GitHub } from './connect.ts'
import { refusal, refusalBehind, strangeAnswer } from './refusal.ts'

/** A comment that is kept up to date. `issue`: the number of the issue or pull request; `marker`: hidden text that is part of `body` and of no other comment of ours. */
export type KeptComment = { readonly issue: number; readonly marker: string; readonly body: string }

const PAGE = 100
/** A thread of more than 3,000 comments gets a second one. */
const PAGES = 30
const TRIES = 3
const PERMISSION = 'pull-requests: write'

/**
 * Brings the one comment with this marker up to date, or makes it. Only a comment of the token's own account counts: the marker is no secret, and whoever
 * else wrote it could change what is said. A creation that may have been done is looked for before it is tried again.
 * Source: docs.github.com/en/rest/issues/comments
 * @param make whether there shall be one where there is none
 * @throws Fault with the refusal behind it
 */
export const keepComment = async (
  github: GitHub,
  comment: KeptComment,
  make: boolean,
): Promise<'made' | 'changed' | 'same' | 'none'> => {
  const author = await authorOf(github)
  for (let tries = 1; ; tries++) {
    const found = await find(github, comment, author)
    if (found?.body === comment.body) return 'same'
    if (found !== undefined) {
      await change(github, found.id, comment.body)
      return 'changed'
    }
    if (!make) return 'none'
    try {
      await create(github, comment)
      return 'made'
    } catch (thrown) {
      if (tries >= TRIES || refusalBehind(thrown)?.mayBeDone !== true) throw thrown
      await github.pause(tries * 1000)
    }
  }
}

/** The login of a person's token; `undefined` for a job's own or another app's, which may not ask and write as bots. */
const authorOf = async ({ request }: GitHub): Promise<string | undefined> => {
  try {
    const { data } = await request('GET /user')
    const { login } = fields(data)
    return typeof login === 'string' ? login : undefined
  } catch (thrown) {
    const fault = refusal(thrown, 'say whose the token is', PERMISSION)
    const code = refusalBehind(fault)?.code
    if (code === 'forbidden' || code === 'not-found') return undefined
    throw fault
  }
}

type Comment = { readonly id: number; readonly body: string }

/** The oldest that fits: every job then takes the same one, should there be two. */
const find = async (
  { request, owner, repo }: GitHub,
  { issue, marker }: KeptComment,
  author: string | undefined,
): Promise<Comment | undefined> => {
  const what = `list the comments of ${owner}/${repo}#${issue}`
  for (let page = 1; page <= PAGES; page++) {
    const listed = await request('GET /repos/{owner}/{repo}/issues/{issue_number}/comments', {
      owner,
      repo,
      issue_number: issue,
      per_page: PAGE,
      page,
    }).catch((thrown: unknown) => {
      throw refusal(thrown, what, PERMISSION)
    })
    const all: unknown = listed.data
    if (!Array.isArray(all)) return strangeAnswer(all, what)
    const found = all.flatMap((one) => commentIn(one, author) ?? []).find(({ body }) => body.includes(marker))
    if (found !== undefined) return found
    if (all.length < PAGE) return undefined
  }
  return undefined
}

/** A comment of the account's own; `undefined` for one of others. */
const commentIn = (data: unknown, author: string | undefined): Comment | undefined => {
  const { id, body, user } = fields(data)
  const { login, type } = fields(user)
  const own = author === undefined ? type === 'Bot' : login === author
  return own && typeof id === 'number' && typeof body === 'string' ? { id, body } : undefined
}

const change = async ({ request, owner, repo }: GitHub, id: number, body: string): Promise<void> => {
  const what = `change comment ${id} of ${owner}/${repo}`
  try {
    await request('PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}', { owner, repo, comment_id: id, body })
  } catch (thrown) {
    throw refusal(thrown, what, PERMISSION)
  }
}

const create = async ({ request, owner, repo }: GitHub, { issue, body }: KeptComment): Promise<void> => {
  const what = `comment on ${owner}/${repo}#${issue}`
  try {
    await request('POST /repos/{owner}/{repo}/issues/{issue_number}/comments', {
      owner,
      repo,
      issue_number: issue,
      body,
    })
  } catch (thrown) {
    throw refusal(thrown, what, PERMISSION)
  }
}

const fields = (data: unknown): Readonly<Record<string, unknown>> =>
  typeof data === 'object' && data !== null ? (data as Readonly<Record<string, unknown>>) : {}
