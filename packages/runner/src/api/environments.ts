import { type Call, notFound, type Reply } from './exchange.ts'
import { pageOf } from './paging.ts'
import { nodeId, simpleUser, team } from './people.ts'

/** The rules of one environment: who must approve, how long a job waits, and from which branches it may come. */
export type EnvironmentSetting = {
  /** Logins of people, or `org/team` for a team. */
  readonly reviewers?: readonly string[]
  readonly waitMinutes?: number
  /** Name patterns; `protected`: branches with a protection rule; absent: any. */
  readonly branches?: readonly string[] | 'protected'
}

const DOCS = '/deployments/environments'

/**
 * `GET …/environments` and `GET …/environments/{name}`. Names are compared without regard to case.
 * Source: docs.github.com/en/rest/deployments/environments#list-environments and #get-an-environment
 * @param name undefined for the list
 */
export const environmentReply = (
  settings: Readonly<Record<string, EnvironmentSetting>>,
  name: string | undefined,
  { call, base, repository }: { readonly call: Call; readonly base: string; readonly repository: string },
): Reply => {
  const all = Object.entries(settings).map(([title, setting], index) =>
    renderEnvironment(title, setting, {
      id: (index + 1) * 100,
      url: `${base}/repos/${repository}/environments`,
      repository,
    }),
  )
  if (name === undefined) {
    const { items, headers } = pageOf(all, call, base)
    return { status: 200, headers, body: { total_count: all.length, environments: items } }
  }
  const found = all.find((one) => one.name.toLowerCase() === name.toLowerCase())
  return found === undefined ? notFound(`${DOCS}#get-an-environment`) : { status: 200, body: found }
}

/** One environment as GitHub answers it. */
export const renderEnvironment = (
  name: string,
  { reviewers = [], waitMinutes = 0, branches }: EnvironmentSetting,
  { id, url, repository }: { readonly id: number; readonly url: string; readonly repository: string },
) => ({
  id,
  node_id: nodeId('Environment', id),
  name,
  url: `${url}/${encodeURIComponent(name)}`,
  html_url: `https://github.com/${repository}/deployments/activity_log?environments_filter=${encodeURIComponent(name)}`,
  created_at: CREATED,
  updated_at: CREATED,
  protection_rules: [
    ...(waitMinutes > 0
      ? [{ id: id + 1, node_id: nodeId('Gate', id + 1), type: 'wait_timer', wait_timer: waitMinutes }]
      : []),
    ...(reviewers.length > 0
      ? [
          {
            id: id + 2,
            node_id: nodeId('Gate', id + 2),
            prevent_self_review: false,
            type: 'required_reviewers',
            reviewers: reviewers.map(reviewer),
          },
        ]
      : []),
    ...(branches === undefined ? [] : [{ id: id + 3, node_id: nodeId('Gate', id + 3), type: 'branch_policy' }]),
  ],
  deployment_branch_policy:
    branches === undefined
      ? null
      : { protected_branches: branches === 'protected', custom_branch_policies: branches !== 'protected' },
})

const reviewer = (login: string, index: number) => {
  const [first = '', name] = login.split('/')
  return name === undefined
    ? { type: 'User' as const, reviewer: simpleUser(first, index + 1) }
    : { type: 'Team' as const, reviewer: team(first, name, index + 1) }
}

const CREATED = '2026-01-01T00:00:00Z'
