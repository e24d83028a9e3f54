import { type Deployment, type DeploymentState, type DeploymentStatus, STATES, succeeded } from './deployment-state.ts'
import { bodyOf, type Call, invalid, notFound, type Reply, refused, wrongTypes } from './exchange.ts'
import { pageOf } from './paging.ts'
import { nodeId, simpleUser } from './people.ts'

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

const newDeployment = (body: string, id: number, at: string, rules: DeploymentRules): Deployment | Reply => {
  const docs = `${DOCS}#create-a-deployment`
  const read = bodyOf(body, docs)
  if ('reply' in read) return read.reply
  const { fields } = read
  const wrong = wrongTypes(
    fields,
    {
      ref: 'string',
      task: 'string',
      auto_merge: 'boolean',
      required_contexts: 'strings',
      payload: 'payload',
      environment: 'string',
      description: 'string',
      transient_environment: 'boolean',
      production_environment: 'boolean',
    },
    { required: ['ref'], docs },
  )
  if (wrong !== undefined) return wrong
  const ref = String(fields.ref)
  const sha = rules.commitOf(ref)
  if (sha === undefined) return refused(422, `No ref found for: ${ref}`, docs)
  const merged = fields.auto_merge === false ? 'up-to-date' : rules.merge(ref)
  if (merged === 'merged')
    return { status: 202, body: { message: `Auto-merged ${rules.defaultBranch} into ${ref} on deployment.` } }
  if (merged === 'conflict') return refused(409, `Conflict merging ${rules.defaultBranch} into ${ref}.`, docs)
  const unmet = unmetContexts(fields.required_contexts as readonly string[] | undefined, rules.contextsOf(sha))
  if (unmet.length > 0)
    return refused(409, `Conflict: Commit status checks failed for ${ref}.`, docs, {
      errors: [{ resource: 'Deployment', field: 'required_contexts', code: 'invalid', contexts: unmet }],
    })
  const environment = textOf(fields.environment) || 'production'
  return {
    id,
    ref,
    sha,
    task: textOf(fields.task) || 'deploy',
    environment,
    originalEnvironment: environment,
    description: fields.description == null ? null : String(fields.description),
    payload: fields.payload ?? {},
    transient: fields.transient_environment === true,
    production:
      typeof fields.production_environment === 'boolean' ? fields.production_environment : environment === 'production',
    createdAt: at,
    statuses: [],
  }
}

/** Required contexts that are not `success`; without a list, every context that the commit has is required. */
const unmetContexts = (
  required: readonly string[] | undefined,
  present: Readonly<Record<string, string>>,
): readonly { readonly context: string; readonly state: string }[] =>
  (required ?? Object.keys(present))
    .map((context) => ({ context, state: present[context] ?? 'pending' }))
    .filter(({ state }) => state !== 'success')

const newStatus = (
  body: string,
  deployment: Deployment,
  { id, at }: { readonly id: number; readonly at: string },
): { readonly added: DeploymentStatus; readonly autoInactive: boolean } | { readonly reply: Reply } => {
  const docs = `${STATUS_DOCS}#create-a-deployment-status`
  const read = bodyOf(body, docs)
  if ('reply' in read) return read
  const { fields } = read
  const texts = ['state', 'target_url', 'log_url', 'description', 'environment', 'environment_url'] as const
  const wrong = wrongTypes(
    fields,
    { ...Object.fromEntries(texts.map((name) => [name, 'string' as const])), auto_inactive: 'boolean' },
    { required: ['state'], docs },
  )
  if (wrong !== undefined) return { reply: wrong }
  const problems = statusProblems(fields)
  if (problems.length > 0) {
    const errors = problems.map(({ field, message }) => {
      return { resource: 'DeploymentStatus', code: 'custom', field, message } as const
    })
    return { reply: invalid(errors, docs) }
  }
  const logUrl = textOf(fields.log_url) || textOf(fields.target_url)
  return {
    autoInactive: fields.auto_inactive !== false,
    added: {
      id,
      state: fields.state as DeploymentState,
      description: textOf(fields.description),
      environment: textOf(fields.environment) || deployment.environment,
      logUrl,
      environmentUrl: textOf(fields.environment_url),
      createdAt: at,
    },
  }
}

/** Limits of a status that GitHub answers with 422. */
const statusProblems = (fields: Readonly<Record<string, unknown>>) => [
  ...(STATES.some((state) => state === fields.state)
    ? []
    : [{ field: 'state', message: 'state is not included in the list' }]),
  ...(textOf(fields.description).length > 140
    ? [{ field: 'description', message: 'description is too long (maximum is 140 characters)' }]
    : []),
  ...['target_url', 'log_url', 'environment_url']
    .filter((name) => textOf(fields[name]) !== '' && !/^https?:\/\//i.test(textOf(fields[name])))
    .map((field) => ({ field, message: `${field} must use http(s) scheme` })),
]

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** One deployment as GitHub answers it. */
export const renderDeployment = (one: Deployment, { base, repository, creator }: DeploymentRules) => {
  const home = `${base()}/repos/${repository}`
  return {
    url: `${home}/deployments/${one.id}`,
    id: one.id,
    node_id: nodeId('Deployment', one.id),
    sha: one.sha,
    ref: one.ref,
    task: one.task,
    payload: one.payload as string | { [name: string]: unknown },
    original_environment: one.originalEnvironment,
    environment: one.environment,
    description: one.description,
    creator: simpleUser(creator, 41898282),
    created_at: one.createdAt,
    updated_at: one.statuses.at(-1)?.createdAt ?? one.createdAt,
    statuses_url: `${home}/deployments/${one.id}/statuses`,
    repository_url: home,
    transient_environment: one.transient,
    production_environment: one.production,
  }
}

/** One status as GitHub answers it. */
export const renderStatus = (
  status: DeploymentStatus,
  one: Deployment,
  { base, repository, creator }: DeploymentRules,
) => {
  const home = `${base()}/repos/${repository}`
  return {
    url: `${home}/deployments/${one.id}/statuses/${status.id}`,
    id: status.id,
    node_id: nodeId('DeploymentStatus', status.id),
    state: status.state,
    creator: simpleUser(creator, 41898282),
    description: status.description,
    environment: status.environment,
    target_url: status.logUrl,
    created_at: status.createdAt,
    updated_at: status.createdAt,
    deployment_url: `${home}/deployments/${one.id}`,
    repository_url: home,
    environment_url: status.environmentUrl,
    log_url: status.logUrl,
  }
}
