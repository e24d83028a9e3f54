import { deploymentsIn, idIn, statusesIn } from './answers.ts'
import type { GitHub } from './connect.ts'
import { refusal, refusalBehind, strangeAnswer } from './refusal.ts'

/** The states of a deployment. Source: docs.github.com/en/rest/deployments/statuses#create-a-deployment-status */
export type DeploymentState = 'error' | 'failure' | 'inactive' | 'in_progress' | 'queued' | 'pending' | 'success'

/** One deployment as it is listed. `payload` is what its maker gave, `createdAt` ms UTC. The list does not tell its state: see `statusesOf`. */
export type Deployment = { readonly id: number; readonly payload: unknown; readonly createdAt: number }

/** What a new deployment is made of. */
export type NewDeployment = {
  readonly commit: string
  readonly environment: string
  readonly production: boolean
  readonly description: string
  readonly payload: Readonly<Record<string, string | number>>
}

/** One status; the URLs are empty when there is none. */
export type Status = {
  readonly state: DeploymentState
  readonly description: string
  readonly logUrl: string
  readonly environmentUrl: string
}

const TASK = 'deploy'
const PERMISSION = 'deployments: write'
const PAGE = 100
/** The same commit was hardly ever deployed to one environment more often than this: 300 times. */
const PAGES = 3
const TRIES = 3
const LONGEST_DESCRIPTION = 140

/**
 * The deployment of this commit and environment whose payload is the one wanted, or a new one with it: asked twice, by two jobs or after a lost
 * answer, it is one deployment. GitHub has no such key of its own, so a creation that may have been done is looked for before it is tried again.
 * It is made whatever the commit's status contexts say, and merges nothing.
 * Source: docs.github.com/en/rest/deployments/deployments#create-a-deployment
 * @param same whether a payload is the wanted one
 * @throws Fault with the refusal behind it
 */
export const findOrCreate = async (
  github: GitHub,
  wanted: NewDeployment,
  same: (payload: unknown) => boolean,
): Promise<{ readonly id: number; readonly found: boolean }> => {
  for (let tries = 1; ; tries++) {
    const found = await find(github, wanted, same)
    if (found !== undefined) return { id: found.id, found: true }
    try {
      return { id: await create(github, wanted), found: false }
    } catch (thrown) {
      if (tries >= TRIES || refusalBehind(thrown)?.mayBeDone !== true) throw thrown
      await github.pause(tries * 1000)
    }
  }
}

/** The oldest that fits: every caller then takes the same one, should there be two. */
const find = async (
  github: GitHub,
  { commit, environment }: NewDeployment,
  same: (payload: unknown) => boolean,
): Promise<Deployment | undefined> => {
  let found: Deployment | undefined
  for (let page = 1; page <= PAGES; page++) {
    const listed = await list(github, { sha: commit, environment, page })
    found = [...listed].reverse().find(({ payload }) => same(payload)) ?? found
    if (listed.length < PAGE) break
  }
  return found
}

/** The newest 100 deployments to an environment, newest first. @throws Fault with the refusal behind it */
export const deploymentsTo = (github: GitHub, environment: string): Promise<readonly Deployment[]> =>
  list(github, { environment, page: 1 })

const list = async (
  { request, owner, repo }: GitHub,
  filter: { readonly environment: string; readonly page: number; readonly sha?: string },
): Promise<readonly Deployment[]> => {
  const what = `list the deployments of ${owner}/${repo} to ${filter.environment}`
  try {
    const { data } = await request('GET /repos/{owner}/{repo}/deployments', {
      owner,
      repo,
      task: TASK,
      per_page: PAGE,
      ...filter,
    })
    return deploymentsIn(data) ?? strangeAnswer(data, what)
  } catch (thrown) {
    throw refusal(thrown, what, PERMISSION)
  }
}

const create = async (
  { request, owner, repo }: GitHub,
  { commit, environment, production, description, payload }: NewDeployment,
): Promise<number> => {
  const what = `record a deployment of ${commit.slice(0, 12)} to ${environment} in ${owner}/${repo}`
  try {
    const { data } = await request('POST /repos/{owner}/{repo}/deployments', {
      owner,
      repo,
      ref: commit,
      task: TASK,
      auto_merge: false,
      required_contexts: [],
      environment,
      production_environment: production,
      description: cut(description),
      payload,
    })
    // 202 says that GitHub merged instead, which auto_merge: false excludes.
    return idIn(data) ?? strangeAnswer(data, what)
  } catch (thrown) {
    throw refusal(thrown, what, PERMISSION)
  }
}

/**
 * The statuses of a deployment, newest first, at most 100. GitHub forgets those of more than 90 days, so an old deployment may have none although it
 * has a state. Source: docs.github.com/en/rest/deployments/statuses#list-deployment-statuses
 * @throws Fault with the refusal behind it
 */
export const statusesOf = async ({ request, owner, repo }: GitHub, id: number): Promise<readonly Status[]> => {
  const what = `list the statuses of deployment ${id}`
  try {
    const { data } = await request('GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses', {
      owner,
      repo,
      deployment_id: id,
      per_page: PAGE,
    })
    return statusesIn(data) ?? strangeAnswer(data, what)
  } catch (thrown) {
    throw refusal(thrown, what, PERMISSION)
  }
}

/**
 * Adds a status; its description is cut to the 140 characters that GitHub takes. Other deployments stay as they are: `auto_inactive` would end those of other
 * things deployed to the same environment, and none in a production one (docs/decisions/0010-github-api.md).
 * Source: docs.github.com/en/rest/deployments/statuses#create-a-deployment-status
 * @throws Fault with the refusal behind it
 */
export const addStatus = async ({ request, owner, repo }: GitHub, id: number, status: Status): Promise<void> => {
  const what = `set deployment ${id} to ${status.state}`
  try {
    const { data } = await request('POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses', {
      owner,
      repo,
      deployment_id: id,
      state: status.state,
      description: cut(status.description),
      auto_inactive: false,
      ...(status.logUrl === '' ? {} : { log_url: status.logUrl }),
      ...(status.environmentUrl === '' ? {} : { environment_url: status.environmentUrl }),
    })
    if (idIn(data) === undefined) strangeAnswer(data, what)
  } catch (thrown) {
    throw refusal(thrown, what, PERMISSION)
  }
}

/** One line of at most 140 UTF-16 units; what is cut is said, and no character is cut in two. */
const cut = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim()
  if (line.length <= LONGEST_DESCRIPTION) return line
  return `${line.slice(0, LONGEST_DESCRIPTION - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
}
