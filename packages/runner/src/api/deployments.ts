import { renderDeployment, renderStatus } from './deployment-answers.ts'
import { type Deployment, type DeploymentStatus, succeeded } from './deployment-state.ts'
import { type Call, notFound, type Reply } from './exchange.ts'
import { newDeployment, newStatus } from './new-deployment.ts'
import { pageOf } from './paging.ts'

/** What deployments are made of and checked against. */
export type DeploymentRules = {
  /** The commit behind a branch, tag or SHA; undefined: the repository has no such ref. */
  readonly commitOf: (ref: string) => string | undefined
  /** The commit's status contexts and their states. */
  readonly contextsOf: (sha: string) => Readonly<Record<string, string>>
  /** What merging the default branch into a ref comes to. */
  readonly merge: (ref: string) => 'up-to-date' | 'merged' | 'conflict'
  readonly defaultBranch: string
  readonly now: () => number
  /** The API's own address, without a slash at the end, and `owner/name`. */
  readonly base: () => string
  readonly repository: string
  readonly creator: string
}

/** The repository's deployments, oldest first, and the calls about them. */
export type Deployments = {
  readonly all: () => readonly Deployment[]
  readonly list: (call: Call) => Reply
  readonly create: (call: Call) => Reply
  readonly get: (id: number) => Reply
  readonly listStatuses: (id: number, call: Call) => Reply
  readonly createStatus: (id: number, call: Call) => Reply
  /** Forgets all statuses of a deployment, as GitHub does with those of more than 90 days. */
  readonly forgetStatuses: (id: number) => void
}

const DOCS = '/deployments/deployments'
const STATUS_DOCS = '/deployments/statuses'

/**
 * Deployments and their statuses as GitHub keeps them.
 * Source: docs.github.com/en/rest/deployments/deployments and docs.github.com/en/rest/deployments/statuses
 */
export const deploymentStore = (rules: DeploymentRules): Deployments => {
  let kept: readonly Deployment[] = []
  let statuses = 0
  const find = (id: number): Deployment | undefined => kept.find((one) => one.id === id)
  const replace = (changed: readonly Deployment[]): void => {
    kept = kept.map((one) => changed.find(({ id }) => id === one.id) ?? one)
  }
  const at = (): string => new Date(rules.now()).toISOString().replace(/\.\d+Z$/, 'Z')
  return {
    all: () => kept,
    list: (call) => {
      const newestFirst = [...kept].reverse().filter((one) => matches(one, call.query))
      const { items, headers } = pageOf(newestFirst, call, rules.base())
      return { status: 200, headers, body: items.map((one) => renderDeployment(one, rules)) }
    },
    create: ({ body }) => {
      const made = newDeployment(body, kept.length + 1, at(), rules)
      if ('status' in made) return made
      kept = [...kept, made]
      return { status: 201, body: renderDeployment(made, rules) }
    },
    get: (id) => {
      const found = find(id)
      return found === undefined
        ? notFound(`${DOCS}#get-a-deployment`)
        : { status: 200, body: renderDeployment(found, rules) }
    },
    listStatuses: (id, call) => {
      const found = find(id)
      if (found === undefined) return notFound(`${STATUS_DOCS}#list-deployment-statuses`)
      const { items, headers } = pageOf([...found.statuses].reverse(), call, rules.base())
      return { status: 200, headers, body: items.map((one) => renderStatus(one, found, rules)) }
    },
    createStatus: (id, { body }) => {
      const found = find(id)
      if (found === undefined) return notFound(`${STATUS_DOCS}#create-a-deployment-status`)
      const made = newStatus(body, found, { id: statuses + 1, at: at() })
      if ('reply' in made) return made.reply
      const changed = { ...found, environment: made.added.environment, statuses: [...found.statuses, made.added] }
      const replaced = made.added.state === 'success' && made.autoInactive ? succeeded(kept, changed) : []
      const inactive = replaced.map((one, index): Deployment => {
        const status: DeploymentStatus = {
          ...made.added,
          id: made.added.id + index + 1,
          state: 'inactive',
          environment: one.environment,
          description: '',
          logUrl: '',
          environmentUrl: '',
        }
        return { ...one, statuses: [...one.statuses, status] }
      })
      statuses += 1 + inactive.length
      replace([changed, ...inactive])
      const reply = renderStatus(made.added, changed, rules)
      return { status: 201, headers: { location: reply.url }, body: reply }
    },
    forgetStatuses: (id) => {
      const found = find(id)
      if (found !== undefined) replace([{ ...found, statuses: [] }])
    },
  }
}

const matches = (one: Deployment, query: URLSearchParams): boolean =>
  (['sha', 'ref', 'task', 'environment'] as const).every((name) => {
    const wanted = query.get(name)
    // The documented default of each filter is the word "none".
    return wanted === null || wanted === '' || wanted === 'none' || one[name] === wanted
  })
