import { type DeploymentRules, type Deployments, deploymentStore } from './deployments.ts'
import { type EnvironmentSetting, environmentReply } from './environments.ts'
import { type Call, notAccessible, notFound, type Reply, refused } from './exchange.ts'

/** What a token may do, in the words of a workflow's `permissions`; what is left out is `none`. */
export type TokenPermissions = {
  readonly deployments?: 'read' | 'write' | 'none'
  readonly actions?: 'read' | 'write' | 'none'
}

/** The repository that the API knows; there is no other. */
export type GitHubApiOptions = {
  /** `owner/name`; compared without regard to case. */
  readonly repository: string
  /** In a public repository, what may be read needs no permission and no token. Default private. */
  readonly visibility?: 'public' | 'private'
  /** What each token may do; a token that gives undefined is not known. */
  readonly permissionsOf: (token: string) => TokenPermissions | undefined
  readonly environments?: Readonly<Record<string, EnvironmentSetting>>
  /** The commit behind a branch, tag or SHA. Default: every full SHA is a commit of the repository, and nothing else is a ref. */
  readonly commitOf?: (ref: string) => string | undefined
  /** Status contexts of a commit, by name. Default none. */
  readonly contextsOf?: (sha: string) => Readonly<Record<string, string>>
  /** What merging the default branch into a ref comes to, for `auto_merge`. Default `up-to-date`. */
  readonly merge?: (ref: string) => 'up-to-date' | 'merged' | 'conflict'
  readonly defaultBranch?: string
  /** ms UTC. */
  readonly now?: () => number
}

/** A part of GitHub's REST API over a repository that lives in memory. */
export type GitHubApi = {
  readonly deployments: Deployments
  /** Answers one call; nothing is thrown. */
  readonly answer: (call: Call) => Reply
}

const VERSIONS = ['2022-11-28', '2026-03-10']

/**
 * The part of GitHub's REST API that a local run needs: deployments, their statuses, and environments; tokens with permissions; paging; GitHub's
 * error bodies. What it does not speak it answers with 501, which GitHub never does.
 * Source: docs.github.com/en/rest, the pages named at each part
 * @param base the address it is reached at, without a slash at the end
 */
export const gitHubApi = (options: GitHubApiOptions, base: () => string): GitHubApi => {
  const { repository } = options
  const rules: DeploymentRules = {
    commitOf: options.commitOf ?? ((ref) => (/^[0-9a-f]{40}$/.test(ref) ? ref : undefined)),
    contextsOf: options.contextsOf ?? (() => ({})),
    merge: options.merge ?? (() => 'up-to-date'),
    defaultBranch: options.defaultBranch ?? 'main',
    now: options.now ?? Date.now,
    base,
    repository,
    creator: 'github-actions[bot]',
  }
  const deployments = deploymentStore(rules)
  return {
    deployments,
    answer: (call) => {
      const problem = headerProblem(call)
      if (problem !== undefined) return problem
      const route = routeOf(call, repository)
      if (route === undefined) return notFound('')
      const refusal = permissionProblem(call, route.needs, options)
      return refusal ?? perform(route, call, { options, deployments, base })
    },
  }
}

type Need = { readonly name: keyof TokenPermissions; readonly level: 'read' | 'write' }
type Route = {
  readonly needs: Need | undefined
  readonly to:
    | { readonly kind: 'deployments' | 'unsupported' }
    | { readonly kind: 'deployment' | 'statuses'; readonly id: number }
    | { readonly kind: 'environments'; readonly name: string | undefined }
}

const headerProblem = ({ headers }: Call): Reply | undefined => {
  // docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#user-agent-required
  if (!headers['user-agent'])
    return refused(
      403,
      'Request forbidden by administrative rules. Please make sure your request has a User-Agent header',
      '',
    )
  const version = headers['x-github-api-version']
  return version === undefined || VERSIONS.includes(version)
    ? undefined
    : refused(400, `The API version ${version} is not supported`, '/about-the-rest-api/api-versions')
}

/** The route of a call; undefined for another repository, which GitHub does not tell from one that is hidden. */
const routeOf = ({ method, path }: Call, repository: string): Route | undefined => {
  const [first, owner = '', name = '', ...rest] = path.split('/').slice(1).map(decode)
  if (first !== 'repos' || `${owner}/${name}`.toLowerCase() !== repository.toLowerCase()) return undefined
  const [top, id, part, ...more] = rest
  const level = method === 'GET' ? 'read' : 'write'
  const unsupported: Route = { needs: undefined, to: { kind: 'unsupported' } }
  if (top === 'deployments') {
    const needs: Need = { name: 'deployments', level }
    if (method !== 'GET' && method !== 'POST') return unsupported
    if (id === undefined) return { needs, to: { kind: 'deployments' } }
    if (!/^\d+$/.test(id)) return undefined
    if (part === undefined && method === 'GET') return { needs, to: { kind: 'deployment', id: Number(id) } }
    if (part === 'statuses' && more.length === 0) return { needs, to: { kind: 'statuses', id: Number(id) } }
    return unsupported
  }
  if (top === 'environments' && method === 'GET' && part === undefined)
    return { needs: { name: 'actions', level: 'read' }, to: { kind: 'environments', name: id } }
  return unsupported
}

const decode = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/**
 * GitHub's refusal of a call for its token: 401 for one that it does not know, 404 for a private repository without one, 403 for one without the
 * permission. Source: docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
 */
const permissionProblem = (
  { headers }: Call,
  needs: Need | undefined,
  { permissionsOf, visibility = 'private' }: GitHubApiOptions,
): Reply | undefined => {
  const token = /^(?:bearer|token)\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  const open = visibility === 'public' && needs?.level !== 'write'
  if (token === undefined) {
    if (headers.authorization !== undefined) return refused(401, 'Bad credentials', '')
    if (open) return undefined
    return visibility === 'public' ? refused(401, 'Requires authentication', '') : notFound('')
  }
  const permissions = permissionsOf(token)
  if (permissions === undefined) return refused(401, 'Bad credentials', '')
  if (needs === undefined || open) return undefined
  const level = permissions[needs.name] ?? 'none'
  const enough = level === 'write' || (level === 'read' && needs.level === 'read')
  return enough ? undefined : notAccessible(`${needs.name}=${needs.level}`, DOCS[needs.name])
}

const DOCS: Readonly<Record<keyof TokenPermissions, string>> = {
  deployments: '/deployments/deployments',
  actions: '/deployments/environments',
}

type Store = {
  readonly options: GitHubApiOptions
  readonly deployments: Deployments
  readonly base: () => string
}

const perform = ({ to }: Route, call: Call, { options, deployments, base }: Store): Reply => {
  const get = call.method === 'GET'
  switch (to.kind) {
    case 'deployments':
      return get ? deployments.list(call) : deployments.create(call)
    case 'deployment':
      return deployments.get(to.id)
    case 'statuses':
      return get ? deployments.listStatuses(to.id, call) : deployments.createStatus(to.id, call)
    case 'environments':
      return environmentReply(options.environments ?? {}, to.name, {
        call,
        base: base(),
        repository: options.repository,
      })
    case 'unsupported':
      return refused(501, `The local GitHub API does not speak ${call.method} ${call.path}`, '')
  }
}
